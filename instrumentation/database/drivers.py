"""Keeps OpenTelemetry's packages for drivers (psycopg, asyncpg, sqlite3, ...) quiet while SQLAlchemy uses one: a statement is one row.

What a service does with the driver itself they report as ever.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - what their spans ask for
    attach,
    detach,
    set_value,
)

from .. import imports

PACKAGES = ("opentelemetry.instrumentation.dbapi", "opentelemetry.instrumentation.asyncpg")
"""What their packages have in common; where none has been imported, nothing costs anything."""
CALLS = (
    "connect", "initialize", "do_ping", "do_begin", "do_commit", "do_rollback", "do_execute", "do_executemany", "do_execute_no_params",
)  # fmt: skip
"""The methods of a dialect that call the driver."""


class Drivers:
    """The dialects of this process, quiet from the moment on that one of PACKAGES is there."""

    def __init__(self) -> None:
        self._dialects: weakref.WeakSet[Any] = weakref.WeakSet()
        self._active = any(package in sys.modules for package in PACKAGES)
        for package in () if self._active else PACKAGES:
            imports.when_imported(package, self._begin)

    def add(self, dialect: Any) -> None:
        """Another engine's."""
        self._dialects.add(dialect)
        if self._active:
            _quieten(dialect)

    def _begin(self, _module: object) -> None:
        self._active = True
        for dialect in list(self._dialects):
            _quieten(dialect)

    def forget(self) -> None:
        """Leave them as they were."""
        for dialect in list(self._dialects):
            for name in CALLS:
                if hasattr(dialect.__dict__.get(name), "_otelpond"):
                    delattr(dialect, name)
        self._dialects.clear()


def _quieten(dialect: Any) -> None:
    if dialect.driver == "aiosqlite" and not hasattr(dialect.connect, "_otelpond"):
        dialect.connect = _in_quiet_threads(dialect.connect)
    for name in CALLS:
        call = getattr(dialect, name, None)
        if call is not None and not hasattr(call, "_otelpond"):
            setattr(dialect, name, _quiet(call))


def _quiet(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def quiet(*args: Any, **kwargs: Any) -> Any:
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            return call(*args, **kwargs)
        finally:
            detach(token)

    quiet._otelpond = True  # type: ignore[attr-defined]  # noqa: SLF001 - ours
    return quiet


def _in_quiet_threads(connect: Callable[..., Any]) -> Callable[..., Any]:
    """For aiosqlite, whose connections have a thread each, which knows no caller's context: it is quiet from its first call on."""

    @functools.wraps(connect)
    def connect_in_quiet_thread(*args: Any, **kwargs: Any) -> Any:
        if "async_creator_fn" not in kwargs:  # which takes what the service has agreed with it
            kwargs["factory"] = functools.partial(_begin_quietly, kwargs.get("factory") or sys.modules["sqlite3"].Connection)
        return connect(*args, **kwargs)

    return connect_in_quiet_thread


def _begin_quietly(factory: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
    if "factory" in kwargs:  # sqlite3 tells it of itself
        kwargs["factory"] = factory
    return factory(*args, **kwargs)
