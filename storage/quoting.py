"""Text as an SQL literal; a module of its own, for the receiving process reads what else writes SQL and loads no DuckDB."""

from __future__ import annotations


def quoted(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
