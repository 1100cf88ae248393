"""The part `database` with providers in memory, and engines of every kind that can be had here.

Nothing but SQLAlchemy, pytest and the light install is needed: `run.sh` runs this folder in environments that have no more.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otelpond.instrumentation import database
from otelpond.instrumentation.settings import Settings

from .postgresql import Server, running

KINDS = (
    "sqlite",
    "sqlite+aiosqlite",
    "postgresql+psycopg2",
    "postgresql+psycopg",
    "postgresql+psycopg_async",
    "postgresql+asyncpg",
    "postgresql+pg8000",
)
ASYNCHRONOUS = ("aiosqlite", "asyncpg", "psycopg_async")


class Observed:
    """The part, started, and what came of it."""

    def __init__(self, **settings: Any) -> None:
        self._spans, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)
        providers: Any = self
        database.start(Settings(**settings), providers)

    def spans(self) -> Sequence[ReadableSpan]:
        """Those that ended since the last call."""
        ended = self._spans.get_finished_spans()
        self._spans.clear()
        return ended

    def rows(self) -> list[dict[str, Any]]:
        """Their attributes."""
        return [dict(span.attributes or {}) for span in self.spans()]

    def metrics(self) -> dict[tuple[str, ...], float]:
        """The values of a collection made now, by metric (and state)."""
        data = self._reader.get_metrics_data()
        found = [metric for group in data.resource_metrics for scope in group.scope_metrics for metric in scope.metrics] if data else []
        values: dict[tuple[str, ...], float] = {}
        for metric in found:
            for point in metric.data.data_points:
                state = (point.attributes or {}).get("db.client.connection.state")
                values[metric.name, *([str(state)] if state else [])] = getattr(point, "value", 0)
        return values


@pytest.fixture
def observed() -> Iterator[Callable[..., Observed]]:
    """Starts the part, `observed(**settings)`; stops it at the end."""
    yield Observed
    database.stop()


class Database:
    """An engine of one kind; `run` gives a connection to a plain function, in a greenlet where the engine is asynchronous."""

    def __init__(self, url: str, **options: Any) -> None:
        self.url = sqlalchemy.engine.make_url(url)
        self.is_async = self.url.drivername.endswith(ASYNCHRONOUS)
        self.system = self.url.get_backend_name()
        self._runner = asyncio.Runner() if self.is_async else None
        if self.is_async:
            from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - needs greenlet

            self._async_engine = create_async_engine(url, **options)
            self.engine = self._async_engine.sync_engine
        else:
            self.engine = sqlalchemy.create_engine(url, **options)

    def run(self, work: Callable[[Any], Any]) -> Any:
        """What the function gives, committed."""
        if self._runner is not None:
            return self._runner.run(self._in_loop(work), context=contextvars.copy_context())
        with self.engine.connect() as connection, connection.begin():
            return work(connection)

    async def _in_loop(self, work: Callable[[Any], Any]) -> Any:
        async with self._async_engine.connect() as connection, connection.begin():
            return await connection.run_sync(work)

    def run_async(self, work: Callable[[Any], Any]) -> Any:
        """What a coroutine function gives that is called with an AsyncConnection."""

        async def in_loop() -> Any:
            async with self._async_engine.connect() as connection:
                return await work(connection)

        assert self._runner is not None
        return self._runner.run(in_loop())

    def dispose(self) -> None:
        """Close every connection; the next one is new."""
        if self._runner is not None:
            self._runner.run(self._async_engine.dispose())
        else:
            self.engine.dispose()

    def close(self) -> None:
        """Close every connection for good."""
        self.dispose()
        if self._runner is not None:
            self._runner.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL of our own."""
    with running() as started:
        yield started


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Database]]:
    """Makes engines of the kind that is given: `new_database(kind, **options)`."""
    made: list[Database] = []

    def make(kind: str, **options: Any) -> Database:
        driver = kind.partition("+")[2]
        module = driver.removesuffix("_async") or "sqlite3"
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: see tests/databases/README.md")
        if sqlalchemy.__version__.startswith("1.") and module == "psycopg":
            pytest.skip("SQLAlchemy 1.4 knows no psycopg 3")
        if driver in ASYNCHRONOUS and importlib.util.find_spec("greenlet") is None:
            pytest.skip("asynchronous engines need greenlet")
        is_file = kind.startswith("sqlite")
        made.append(Database(f"{kind}:///{tmp_path / 'shop.db'}" if is_file else request.getfixturevalue("server").url(kind), **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(params=KINDS)
def shop(request: pytest.FixtureRequest, new_database: Callable[..., Database]) -> Database:
    """An engine of each kind, with an empty table `orders` (id, name: unique)."""
    made = new_database(request.param)
    made.run(create_orders)
    return made


def create_orders(connection: Any) -> None:
    """An empty table."""
    text = sqlalchemy.text
    connection.execute(text("DROP TABLE IF EXISTS orders"))
    connection.execute(text("CREATE TABLE orders (id INTEGER PRIMARY KEY, name VARCHAR(50) UNIQUE)"))
