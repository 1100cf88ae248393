"""OpenTelemetry's own instrumentation packages: every one that is installed is activated, found by its entry point.

One whose library is not installed is passed over; one that refuses its library's version or fails is skipped with one line in the log.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from .guard import say_once, skipped
from .parts import Parts
from .settings import Settings

GROUP = "opentelemetry_instrumentor"


def activate(settings: Settings, parts: Parts) -> None:
    """Activate what is installed, but for what the settings or a part take out."""
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    for entry_point in _wanted(settings):
        activate_one(entry_point, settings, parts)


def activate_one(entry_point: EntryPoint, settings: Settings, parts: Parts) -> None:
    """Activate one instrumentor, with what the parts want it to be given."""
    if entry_point.name in parts.taken() or {entry_point.name, "*"} & {*settings.disabled_instrumentors}:
        return
    with skipped(f"the instrumentation of {entry_point.name}"):
        if _fits(entry_point):
            kind = _loaded(entry_point)
            if kind is not None:
                kind().instrument(skip_dep_check=True, **parts.options(entry_point.name))


def _wanted(settings: Settings) -> Iterator[EntryPoint]:
    return iter(() if "*" in settings.disabled_instrumentors else entry_points(group=GROUP))


def _fits(entry_point: EntryPoint) -> bool:
    """Whether the library is installed, in a version that the package takes."""
    from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts  # noqa: PLC0415 - needed where one is installed

    conflict = get_dist_dependency_conflicts(entry_point.dist) if entry_point.dist is not None else None
    if conflict is None:
        return True
    if conflict.found or conflict.found_any:
        say_once(f"the instrumentation of {entry_point.name} is skipped: {conflict}")
    return False


def _loaded(entry_point: EntryPoint) -> Any:
    try:
        return entry_point.load()
    except ModuleNotFoundError:  # a library of it is not installed
        return None


def instrument_app(app: object) -> bool:
    """Instrument an application object by the package of its framework; False where none knows it."""
    if getattr(app, "_is_instrumented_by_opentelemetry", False):
        return True
    installed = {entry_point.name: entry_point for entry_point in entry_points(group=GROUP)}
    for kind in type(app).__mro__:
        entry_point = installed.get(kind.__module__.partition(".")[0])
        if entry_point is not None:
            instrumentor = entry_point.load()
            if hasattr(instrumentor, "instrument_app"):
                instrumentor.instrument_app(app)
                return True
    return False
