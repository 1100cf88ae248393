"""ELSEWHERE: runs inside the user's service; shares no code with the collector, only the wire.

`from otelpond.instrumentation import instrument, shutdown, set_user, set_session, track, identify, track_metric`. Names are imported when
they are asked for, so that importing the room costs a service nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .context import set_session, set_user
    from .events import identify, track
    from .metrics import track_metric
    from .process.lifecycle import instrument, shutdown

__all__ = ["identify", "instrument", "set_session", "set_user", "shutdown", "track", "track_metric"]

_HOMES = {
    "identify": "events",
    "instrument": "process.lifecycle",
    "set_session": "context",
    "set_user": "context",
    "shutdown": "process.lifecycle",
    "track": "events",
    "track_metric": "metrics",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
