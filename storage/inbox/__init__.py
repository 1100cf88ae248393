"""The fsynced log of accepted payloads: its frames, its files, and the one who writes it."""
