"""Payload bytes to Arrow columns: kernels for the hot path, a plain decoder as oracle and fallback."""
