"""Delta tables on disk: publish once, show, keep small."""
