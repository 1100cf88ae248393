"""The sample shop: a small FastAPI and SQLAlchemy service with a few things wrong, run by the demo as a process of its own.

`python -m otelpond.config.demo.shop --port PORT --database FILE`. It is instrumented by OpenTelemetry's public packages only.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from opentelemetry import trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from sqlalchemy import Engine, create_engine, event, text

from . import telemetry

logger = logging.getLogger("shop")

SCHEMA = (
    "create table products (id integer primary key, name text not null unique, price_cents integer not null, stock integer not null)",
    "create table orders (id integer primary key, product_id integer not null references products (id), quantity integer not null)",
)
PRODUCTS = ("anchor", "buoy", "canoe", "dinghy", "float", "gaff", "hammock", "jetty", "kayak", "lantern", "net", "oar")

PRODUCTS_SQL = "select id, name, price_cents from products order by name limit :limit"
PRODUCT_SQL = "select id, name, price_cents, stock from products where id = :id"
SEARCH_SQL = "select id, name, sleep(:pause_s) from products where name like :pattern limit 1"
ORDER_SQL = "insert into orders (product_id, quantity) values (:product_id, :quantity)"
STOCK_SQL = "update products set stock = stock - :quantity where id = :product_id"
DUPLICATE_SQL = "insert into products (name, price_cents, stock) values ('anchor', 1, 1)"
SALES_SQL = (
    "with recursive days (n) as (select 1 union all select n + 1 from days where n < 30)"
    " select count(*) as sold, sleep(:pause_s) as waited from orders cross join days"
)


class PaymentDeclinedError(Exception):
    """The bank said no."""


def open_database(file: Path) -> Engine:
    """The shop's database, filled; `sleep(seconds)` makes a statement as slow as the demo wants it."""
    engine = create_engine(f"sqlite:///{file}", connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.create_function("sleep", 1, time.sleep)
        connection.execute("pragma journal_mode = wal")  # a slow report does not hold up orders

    with engine.begin() as connection:
        for statement in SCHEMA:
            connection.execute(text(statement))
        for number, name in enumerate(PRODUCTS):
            row = {"name": name, "price_cents": 500 + 250 * number}
            connection.execute(text("insert into products (name, price_cents, stock) values (:name, :price_cents, 100000)"), row)
    return engine


def note_customer(
    user_id: Annotated[str | None, Header(alias="x-user")] = None, session_id: Annotated[str | None, Header(alias="x-session")] = None
) -> None:
    """Say on the request's span who asks, as the semantic conventions name it."""
    span = trace.get_current_span()
    if user_id:
        span.set_attributes({"user.id": user_id, "user.roles": ["customer"], "session.id": session_id or ""})


def query(engine: Engine, statement: str, **values: object) -> list[dict[str, Any]]:
    """Run one statement in a transaction of its own; its rows, where it gives some."""
    with engine.begin() as connection:
        result = connection.execute(text(statement), values)
        return [dict(row) for row in result.mappings()] if result.returns_rows else []


def build(engine: Engine, close: Callable[[], None]) -> FastAPI:  # noqa: C901 - a route is a function in it
    """The shop's application over a database; `close` is called when it shuts down."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        logger.info("the shop is open")
        yield
        close()

    app = FastAPI(title="shop", dependencies=[Depends(note_customer)], lifespan=lifespan)

    @app.get("/products")
    def products(limit: int = 10) -> list[dict[str, Any]]:
        return query(engine, PRODUCTS_SQL, limit=limit)

    @app.get("/products/{product_id}")
    def product(product_id: int) -> dict[str, Any]:
        found = query(engine, PRODUCT_SQL, id=product_id)
        if not found:
            raise HTTPException(404, f"no product {product_id}")
        return found[0]

    @app.get("/search")
    def search(q: str) -> list[dict[str, Any]]:
        """Slow: it scans."""
        return query(engine, SEARCH_SQL, pattern=f"%{q}%", pause_s=0.6)

    @app.post("/orders", status_code=201)
    def order(product_id: int, quantity: int = 1, card: str = "good") -> dict[str, str]:
        """A declined card is an error the shop handles: it logs the exception and answers 402."""
        query(engine, STOCK_SQL, product_id=product_id, quantity=quantity)
        query(engine, ORDER_SQL, product_id=product_id, quantity=quantity)
        try:
            _pay(card)
        except PaymentDeclinedError:
            logger.exception("payment failed")
            raise HTTPException(402, "payment declined") from None
        logger.info("order placed")
        return {"status": "placed"}

    @app.get("/reports/sales")
    def sales() -> dict[str, Any]:
        """Very slow: one statement takes more than a second."""
        return query(engine, SALES_SQL, pause_s=1.05)[0]

    @app.get("/baskets/{customer}/average")
    def average(customer: str, baskets: int = 0) -> float:
        """A fault: the average of no baskets."""
        return len(customer) / baskets

    @app.post("/products")
    def duplicate() -> None:
        """A fault in the database: the name is taken."""
        query(engine, DUPLICATE_SQL)

    return app


def _pay(card: str) -> None:
    if card != "good":
        raise PaymentDeclinedError(f"card ending in {card[-4:]} was declined")


def main() -> None:
    """Serve the shop until SIGTERM."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--database", type=Path, required=True)
    given = arguments.parse_args()
    stop = telemetry.start("shop")
    engine = open_database(given.database)
    SQLAlchemyInstrumentor().instrument(engine=engine)
    app = build(engine, stop)
    FastAPIInstrumentor.instrument_app(app)
    uvicorn.run(app, host="127.0.0.1", port=given.port, access_log=False)


if __name__ == "__main__":
    main()
