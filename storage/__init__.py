"""AT REST: a durable batch becomes documented rows; the only room that writes data."""
