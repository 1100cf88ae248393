"""How many connections the pools of engines hold: figures for the spans of statements, and metrics."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.metrics import CallbackOptions, Meter, Observation

STATE, NAME = "db.client.connection.state", "db.client.connection.pool.name"


class OpenConnections:
    """Counts the open connections of a pool that does not (NullPool, StaticPool, SingletonThreadPool)."""

    def __init__(self, pool: Any) -> None:
        from sqlalchemy import event  # noqa: PLC0415 - the service has imported it

        self.count = 0
        for name, listener in (("connect", self._opened), ("close", self._closed), ("detach", self._closed)):
            event.listen(pool, name, listener)

    def _opened(self, *_: object) -> None:
        self.count += 1

    def _closed(self, *_: object) -> None:
        self.count = max(self.count - 1, 0)


class Pool:
    """The pool of one engine, which is another one after `engine.dispose()`."""

    __slots__ = ("__weakref__", "_counted", "_engine", "name", "timeouts")

    def __init__(self, engine: Any) -> None:
        self._engine = weakref.ref(engine)
        self._counted = None if hasattr(engine.pool, "checkedout") else OpenConnections(engine.pool)
        url = engine.url
        port = f":{url.port}" if url.port else ""
        self.name = engine.pool.logging_name or f"{url.drivername}://{url.host or ''}{port}/{url.database or ''}"
        self.timeouts = 0

    def open_connections(self, pool: Any) -> int:
        """Those that are open now, used and idle; `pool` is the engine's of this moment."""
        if self._counted is not None:
            return self._counted.count
        size: int = pool.size()
        return size + int(pool.overflow()) if size else int(pool.checkedout()) + int(pool.checkedin())

    def figures(self) -> dict[str, int]:
        """What is known now, by metric (and state); empty where the engine is gone.

        A pool that lends nothing out has used connections only.
        """
        engine = self._engine()
        if engine is None:
            return {}
        if self._counted is not None:
            return {"used": self._counted.count, "idle": 0}
        pool = engine.pool
        size, overflow = pool.size(), pool.overflow()
        figures = {"used": max(pool.checkedout(), 0), "idle": pool.checkedin()}
        if size:
            figures |= {"idle.max": size, "overflow": max(overflow, 0)}
            most = pool._max_overflow  # noqa: SLF001 - nothing public says it
            if most >= 0:
                figures["max"] = size + most
        return figures


class Pools:
    """All pools of this process, as metrics."""

    def __init__(self, meter: Meter, before: Callable[[], None]) -> None:
        """Observe them.

        Args:
            meter: what the metrics are made with.
            before: called at every collection, before the figures are read.
        """
        self._pools: weakref.WeakSet[Pool] = weakref.WeakSet()
        self._before = before
        count = "db.client.connection.count"
        meter.create_observable_up_down_counter(count, [self._counts], "{connection}", "Connections of the pool, by state.")
        for name, figure, says in (
            ("db.client.connection.max", "max", "Connections that the pool may have open."),
            ("db.client.connection.idle.max", "idle.max", "Connections that the pool keeps open."),
            ("otelpond.db.client.connection.overflow", "overflow", "Connections that are open beyond those that the pool keeps."),
        ):
            meter.create_observable_up_down_counter(name, [self._observer(figure)], "{connection}", says)
        meter.create_observable_counter(
            "db.client.connection.timeouts", [self._timeouts], "{timeout}", "How often none became free within the pool's time."
        )

    def add(self, engine: Any) -> Pool:
        """Observe the pool of an engine, as long as the answer is kept."""
        pool = Pool(engine)
        self._pools.add(pool)
        return pool

    def forget(self) -> None:
        """Observe none any more."""
        self._pools.clear()

    def _sums(self) -> dict[str, dict[str, int]]:
        """By name, which several may have."""
        sums: dict[str, dict[str, int]] = {}
        for pool in list(self._pools):
            named = sums.setdefault(pool.name, {})
            for figure, value in pool.figures().items():
                named[figure] = named.get(figure, 0) + value
        return sums

    def _counts(self, _options: CallbackOptions) -> Iterable[Observation]:
        self._before()
        return [
            Observation(figures[state], {NAME: name, STATE: state})
            for name, figures in self._sums().items()
            for state in ("used", "idle")
            if state in figures
        ]

    def _observer(self, figure: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            return [Observation(figures[figure], {NAME: name}) for name, figures in self._sums().items() if figure in figures]

        return observe

    def _timeouts(self, _options: CallbackOptions) -> Iterable[Observation]:
        counts: dict[str, int] = {}
        for pool in list(self._pools):
            counts[pool.name] = counts.get(pool.name, 0) + pool.timeouts
        return [Observation(count, {NAME: name}) for name, count in counts.items()]
