"""Takes secrets out of the texts of errors, whichever SDK sent them, and leaves the rest; derive hands it every decoded relation."""
