"""OUT: how data leaves a pond."""
