"""AT REST: a durable batch becomes documented rows; the only room that writes data.

`connect` is loaded when it is asked for: a receiver imports this room's types and must not load DuckDB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .query import connect as connect

__all__ = ["connect"]


def __getattr__(name: str) -> Any:
    if name != "connect":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .query import connect  # noqa: PLC0415 - see above

    return connect
