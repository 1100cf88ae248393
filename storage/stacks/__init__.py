"""Texts of stack traces as errors and frames: a reader a language, pure and linear in time."""
