"""The parts of this room: modules that each add one kind of observation, started and stopped together, none able to harm another.

A part is a module (or package) of this room, named in PARTS. It has `start(settings, providers)` and `stop()`, and may have

- `SETTINGS`: its own settings dataclass, for the reference;
- `INSTRUMENTORS`: names of OpenTelemetry instrumentors (entry points) that it activates itself, in its `start`;
- `OPTIONS`: keyword arguments for instrumentors that it leaves to the core: `{"flask": {"request_hook": hook}}`;
- `instrument_app(app) -> bool`: instrument an application object that exists already; True where it knew it;
- `began()`: called once everything is in place, and what is emitted is sent;
- `after_fork()`: called in a forked child, when the providers are the child's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from .guard import skipped
from .sending.providers import Providers
from .settings import Settings

PARTS = ("privacy", "context", "errors", "metrics", "server", "requests", "database")
"""In the order they start; they stop in the opposite one. A part sees spans and log records before those behind it."""
GROUPS = {"errors": "crashes", "server": "apm", "requests": "apm", "database": "apm"}
"""Which setting turns a part off."""
NEEDED = "privacy"
"""The part without which nothing is sent, unless it is turned off."""


class Part(Protocol):
    """What every part has."""

    def start(self, settings: Settings, providers: Providers) -> None:
        """Begin to observe this process."""

    def stop(self) -> None:
        """Leave the service as it was."""


class Parts:
    """The parts that run in this process."""

    def __init__(self) -> None:
        self._running: dict[str, Part] = {}

    def start(self, settings: Settings, providers: Providers) -> bool:
        """Start every part that is not turned off; one that fails is skipped. False where that is `NEEDED`: no other is started then."""
        for name in PARTS:
            if name in settings.disabled_parts or not getattr(settings, GROUPS.get(name, ""), True):
                continue
            with skipped(f"the part {name}"):
                part = _load(name)
                if part is not None:
                    part.start(settings, providers)
                    self._running[name] = part
            if name == NEEDED and name not in self._running:
                return False
        return True

    def stop(self) -> None:
        """Stop them, the last one first."""
        for name in reversed(list(self._running)):
            with skipped(f"stopping the part {name}"):
                self._running.pop(name).stop()

    def began(self) -> None:
        """Tell them that everything is in place."""
        for name, part in self._running.items():
            with skipped(f"the part {name}"):
                getattr(part, "began", lambda: None)()

    def after_fork(self) -> None:
        """Tell them that this is a forked child."""
        for name, part in self._running.items():
            with skipped(f"the part {name} in a forked process"):
                getattr(part, "after_fork", lambda: None)()

    def taken(self) -> set[str]:
        """Instrumentors that parts activate themselves."""
        return {name for part in self._running.values() for name in getattr(part, "INSTRUMENTORS", ())}

    def options(self, instrumentor: str) -> dict[str, Any]:
        """What the parts want an instrumentor to be given."""
        given: dict[str, Any] = {}
        for part in self._running.values():
            options: Mapping[str, Mapping[str, Any]] = getattr(part, "OPTIONS", {})
            given |= options.get(instrumentor, {})
        return given

    def instrument_app(self, app: object) -> bool:
        """Have the first part that knows it instrument an application object."""
        return any(self._asked(app))

    def _asked(self, app: object) -> Iterator[bool]:
        for name, part in self._running.items():
            with skipped(f"the application in the part {name}"):
                yield bool(getattr(part, "instrument_app", lambda _app: False)(app))


def settings() -> Iterator[type]:
    """The parts' own settings dataclasses."""
    for name in PARTS:
        own = getattr(_load(name), "SETTINGS", None)
        if own is not None:
            yield own


def _load(name: str) -> Part | None:
    module = f"{__package__}.{name}"
    try:
        return cast("Part", import_module(module))
    except ModuleNotFoundError as error:
        if error.name == module:
            return None
        raise
