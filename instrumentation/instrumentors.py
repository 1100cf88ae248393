"""OpenTelemetry's own instrumentation packages: every one that is installed is activated, found by its entry point.

One is activated when the service imports its library; one that refuses the library's version or fails is skipped with one line.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from . import imports
from .guard import skipped
from .parts import Parts
from .settings import Settings

GROUP = "opentelemetry_instrumentor"
OF_LOG_RECORDS = ("opentelemetry.attributes", "opentelemetry.instrumentation.logging.handler.internal")
"""Loggers that complain, once the package for logging is activated, of what a log record has and OTLP cannot carry: Django's `request`."""


def activate(settings: Settings, parts: Parts) -> None:
    """Have every installed one activated, but for those that the settings or a part take out."""
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    if "*" not in settings.disabled_instrumentors:
        for entry_point in entry_points(group=GROUP):
            activate_one(entry_point, settings, parts)


def activate_one(entry_point: EntryPoint, settings: Settings, parts: Parts) -> None:
    """Have one activated, at the import of the library that it is for; at once where it does not say for which."""
    name = entry_point.name
    if name in parts.taken() or {name, "*"} & {*settings.disabled_instrumentors}:
        return
    with skipped(f"the instrumentation of {name}"):
        modules = imports.libraries(entry_point.dist) if entry_point.dist is not None else None
        begin = _Activation(entry_point, parts)
        if modules is None:
            begin()
        for module in modules or ():
            act = functools.partial(_at_setup, begin) if module == "django" else begin
            imports.when_imported(module, act, f"the instrumentation of {name}")


class _Activation:
    """Activates one instrumentor, the first time that it is called."""

    def __init__(self, entry_point: EntryPoint, parts: Parts) -> None:
        self._entry_point = entry_point
        self._parts = parts
        self._done = False

    def __call__(self, _module: object = None) -> None:
        if self._done:
            return
        self._done = True
        entry_point = self._entry_point
        if entry_point.name == "logging":
            for name in OF_LOG_RECORDS:
                logging.getLogger(name).addFilter(lambda record: record.levelno > logging.WARNING)
        if entry_point.dist is None or imports.fits(entry_point.dist, entry_point.name):
            instrumentor = entry_point.load()()
            instrumentor.instrument(skip_dep_check=True, **self._parts.options(entry_point.name))
            handler = getattr(instrumentor, "_logging_handler", None)
            if handler is not None:
                handler.addFilter(functools.partial(_is_for_it_alone, handler))


def _is_for_it_alone(handler: logging.Handler, record: logging.LogRecord) -> bool:
    """A filter of a package's handler: what one of the same kind exports that the service has added is exported once."""
    logger: logging.Logger | logging.PlaceHolder | None = logging.root.manager.loggerDict.get(record.name, logging.root)
    while isinstance(logger, logging.Logger):
        for other in logger.handlers:
            if other is not handler and type(other).__name__ == type(handler).__name__ and record.levelno >= other.level:
                return False
        logger = logger.parent if logger.propagate else None
    return True


def _at_setup(begin: Callable[[], None], django: ModuleType) -> None:
    """Django's needs the settings, which are there when the service calls `django.setup`, and not when it imports Django."""
    setup: Callable[..., Any] = django.setup

    @functools.wraps(setup)
    def instrumented(*args: Any, **kwargs: Any) -> Any:
        setattr(django, "setup", setup)  # noqa: B010 - a module's attribute
        with skipped("the instrumentation of django"):
            begin()
        return setup(*args, **kwargs)

    setattr(django, "setup", instrumented)  # noqa: B010


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
