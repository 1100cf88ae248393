"""A FastAPI and SQLAlchemy service that knows nothing of otelpond: half of it in threads, half of it on the loop, one SQLite file below."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

import fastapi
from sqlalchemy import Integer, String, create_engine, select, update
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker
from starlette.responses import Response, StreamingResponse

DATABASE = os.environ.get("STORE_DATABASE", "store.db")
logger = logging.getLogger("store")
sync_engine = create_engine(f"sqlite:///{DATABASE}", connect_args={"timeout": 60})
async_engine = create_async_engine(f"sqlite+aiosqlite:///{DATABASE}", connect_args={"timeout": 60})
in_threads = sessionmaker(sync_engine)
on_the_loop = async_sessionmaker(async_engine)
app = fastapi.FastAPI()


class Base(DeclarativeBase):
    """The service's tables."""


class Item(Base):
    """What is sold."""

    __tablename__ = "items"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String, unique=True)


@app.middleware("http")
async def authenticate(request: fastapi.Request, call_next: Callable[[fastapi.Request], Awaitable[Response]]) -> Response:
    """Who has a header is somebody."""
    user = request.headers.get("x-user")
    if user:
        request.state.user = {"id": user, "role": "customer"}
        request.state.session_id = f"session of {user}"
    return await call_next(request)


@app.get("/pid")
def pid() -> int:
    """Which worker answers."""
    return os.getpid()


@app.get("/items/{number}")
def item(number: int) -> dict[str, str]:
    """One statement, in a thread."""
    with in_threads() as session:
        found = session.get(Item, number)
        if found is None:
            raise fastapi.HTTPException(404, f"there is no item {number}")
        return {"name": found.name}


@app.get("/items")
async def items() -> list[str]:
    """One statement, on the loop."""
    async with on_the_loop() as session:
        return list(await session.scalars(select(Item.name).order_by(Item.id).limit(3)))


@app.post("/items", status_code=201)
def add(name: Annotated[str, fastapi.Body(embed=True)]) -> dict[str, str]:
    """One statement; a second item of a name fails."""
    with in_threads.begin() as session:
        session.add(Item(name=name))
    return {"name": name}


@app.put("/items/{number}")
async def rename(number: int, name: Annotated[str, fastapi.Body(embed=True)]) -> dict[str, str]:
    """Two statements, on the loop."""
    async with on_the_loop.begin() as session:
        await session.execute(update(Item).where(Item.id == number).values(name=name))
        return {"name": str(await session.scalar(select(Item.name).where(Item.id == number)))}


@app.get("/stream")
async def stream() -> StreamingResponse:
    """No statement, and no length that is known before."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.sleep(0)
            yield b"0123456789"

    return StreamingResponse(pieces())


@app.get("/fails")
def fails() -> None:
    """Nobody handles it."""
    raise LookupError("the price is missing")


@app.get("/refuses")
async def refuses() -> None:
    """Answered for by the framework."""
    raise fastapi.HTTPException(503, "the warehouse is closed")


@app.get("/recovers")
async def recovers() -> str:
    """Handled and logged."""
    try:
        raise ConnectionError("the printer is gone")  # noqa: TRY301 - it is what is tried
    except ConnectionError:
        logger.exception("no receipt was printed")
    return "ok"
