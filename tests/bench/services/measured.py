"""A FastAPI and SQLAlchemy service that knows nothing of telemetry, to be measured with and without it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.pool import StaticPool

QUERIES = 10
"""A request of /queries makes so many."""

app = FastAPI()
_engines: list[Engine] = []


@contextmanager
def connected() -> Iterator[Connection]:
    """A connection to a database in memory, made when it is first asked for: the service is instrumented then."""
    if not _engines:
        options: dict[str, Any] = {"connect_args": {"check_same_thread": False}, "poolclass": StaticPool}
        _engines.append(create_engine("sqlite://", **options))
        with _engines[0].begin() as connection:
            connection.execute(text("create table orders (id integer primary key, customer text, amount integer)"))
            connection.execute(text("insert into orders values (1, 'ada', 20), (2, 'bob', 30), (3, 'eve', 40)"))
    with _engines[0].connect() as connection:
        yield connection


@app.get("/orders/{number}")
async def order(number: int) -> dict[str, int]:
    """Without a query."""
    return {"number": number, "pid": os.getpid()}


@app.get("/queries/{number}")
async def queries(number: int) -> list[dict[str, Any]]:
    """With ten, of three statements."""
    found: list[dict[str, Any]] = []
    with connected() as connection:
        for place in range(QUERIES):
            if place % 3 == 0:
                rows = connection.execute(text("select id, customer, amount from orders where id = :id"), {"id": number % 3 + 1})
            elif place % 3 == 1:
                rows = connection.execute(text("select customer, amount from orders where amount > :least order by id"), {"least": number})
            else:
                rows = connection.execute(text("select count(*) as orders from orders"))
            found += [dict(row) for row in rows.mappings()]
    return found
