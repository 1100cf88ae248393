"""User events: the catalogue of what they are called and hold, and what judges them by it."""
