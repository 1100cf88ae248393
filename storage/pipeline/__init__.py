"""Inbox to decode to derive to lake: batches, plans, and what is done with a payload that breaks them."""
