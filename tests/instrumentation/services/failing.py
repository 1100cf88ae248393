"""A FastAPI service whose requests fail in several ways, for users who are known."""

from __future__ import annotations

import ctypes
import logging
import os

from fastapi import FastAPI
from otelpond.instrumentation import set_session, set_user

app = FastAPI()
logger = logging.getLogger("failing")


@app.get("/")
async def ready() -> dict[str, int]:
    """Which process answers."""
    return {"pid": os.getpid()}


@app.get("/raise/{number}")
async def fail(number: int) -> None:
    """Nobody catches it."""
    set_user(f"user {number}", role="buyer")
    set_session(number)
    logger.warning("about to fail for %d", number)
    raise ValueError(f"order {number}")


@app.get("/log/{number}")
async def log(number: int) -> None:
    """Logged twice on its way up, and then raised."""
    set_user(f"user {number}")
    try:
        try:
            raise KeyError(number)  # noqa: TRY301 - where it is raised does not matter
        except KeyError:
            logger.exception("lost")
            raise
    except KeyError as error:
        logger.error("still lost", exc_info=error)  # noqa: TRY400 - in another way
        raise


@app.get("/die/{number}")
async def die(number: int) -> None:
    """The whole worker."""
    set_user(f"user {number}", role="buyer")
    set_session(number)
    logger.warning("about to die for %d", number)
    ctypes.string_at(0)
