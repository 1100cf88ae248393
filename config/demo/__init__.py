"""The sample shop and the demo around it."""
