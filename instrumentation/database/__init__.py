"""Database performance: every statement that SQLAlchemy (1.4, 2.0, 2.1, sync and async) sends is a CLIENT span, whole and sanitised.

Ours instead of OpenTelemetry's package for SQLAlchemy: that one takes no 2.1, knows no rows, pools or codes, and costs more.
"""

from __future__ import annotations

from typing import Any

from ..guard import say_once
from ..imports import when_imported
from ..sending.providers import Providers
from ..settings import Settings
from .engines import Engines

INSTRUMENTORS = ("sqlalchemy",)
OLDEST = (1, 4)

_running: list[Engines] = []


def start(settings: Settings, providers: Providers) -> None:
    """Listen to SQLAlchemy's engines as soon as the service imports it."""
    engines = Engines(
        providers.tracer_provider.get_tracer("otelpond.database"),
        providers.meter_provider.get_meter("otelpond.database"),
        settings.slow_query_threshold_ms,
    )
    _running.append(engines)

    def begin(sqlalchemy: Any) -> None:
        version = sqlalchemy.__version__
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
            say_once(f"the statements of SQLAlchemy {version} are not reported: 1.4 is the oldest that is known")
        elif engines in _running:
            engines.listen(sqlalchemy)

    when_imported("sqlalchemy", begin)


def stop() -> None:
    """Leave the engines as they were."""
    while _running:
        _running.pop().leave()
