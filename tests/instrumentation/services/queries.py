"""Statements through a plain and an asynchronous engine, below requests, one of which fails; says how many statements were sent."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from opentelemetry import trace
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

tracer = trace.get_tracer("queries")
NAME = "secret"
sent = 0


def count(_conn: Any, _cursor: Any, *_: Any) -> None:
    """Those that SQLAlchemy sends."""
    global sent  # noqa: PLW0603 - a script
    sent += 1


def work(connection: Any) -> None:
    """What a request does."""
    connection.execute(text("INSERT INTO orders (id, name) VALUES (:id, 'ada')"), [{"id": 1}, {"id": 2}])
    assert len(connection.execute(text("SELECT * FROM orders WHERE name = 'ada'")).fetchall()) == 2
    connection.execute(text("UPDATE orders SET name = 'bob' WHERE id = 2"))
    connection.execute(text("DELETE FROM orders"))


def fail(connection: Any) -> None:
    """What another one does."""
    insert = text("INSERT INTO orders (id, name) VALUES (:id, :name)")
    connection.execute(insert, {"id": 7, "name": NAME})
    connection.execute(insert, {"id": 7, "name": NAME})


async def main(url: str) -> None:
    """The asynchronous half."""
    engine = create_async_engine(url)
    event.listen(engine.sync_engine, "before_cursor_execute", count)
    with tracer.start_as_current_span("asynchronous", kind=trace.SpanKind.SERVER):
        async with engine.begin() as connection:
            await connection.run_sync(work)
    with suppress(IntegrityError), tracer.start_as_current_span("asynchronous, failing", kind=trace.SpanKind.SERVER):
        async with engine.begin() as connection:
            await connection.run_sync(fail)
    await engine.dispose()


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "shop.db"
    plain = create_engine(f"sqlite:///{path}")
    event.listen(plain, "before_cursor_execute", count)
    with plain.begin() as made:
        made.execute(text("CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT)"))
    with tracer.start_as_current_span("plain", kind=trace.SpanKind.SERVER), plain.begin() as begun:
        work(begun)
    with suppress(IntegrityError), tracer.start_as_current_span("plain, failing", kind=trace.SpanKind.SERVER), plain.begin() as begun:
        fail(begun)
    asyncio.run(main(f"sqlite+aiosqlite:///{path}"))
sys.stdout.write(str(sent))
