"""THE HALL: the only room that knows all others."""
