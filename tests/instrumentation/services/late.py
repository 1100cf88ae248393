"""A FastAPI application that is made first and instrumented then, and asked once; the user is set in another thread."""

from __future__ import annotations

import anyio
import httpx
from fastapi import FastAPI
from otelpond.instrumentation import instrument, set_user

app = FastAPI()


@app.get("/late/{number}")
def late(number: int) -> int:
    """FastAPI runs plain functions in a thread."""
    set_user("ada")
    return number


instrument(app)
instrument(app)


async def _ask() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://late.example") as client:
        await client.get("/late/7")


anyio.run(_ask)
