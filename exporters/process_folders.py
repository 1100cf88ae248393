"""The folders `DATA/processes/<n>/` of processes that write a pond themselves: whose each is, and what in it waits for the tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from ..storage.durable import make_folder
from ..storage.inbox.segments import BEGINNING, Position, segments, unread_bytes
from ..storage.locks import locked
from ..storage.pipeline.plans import PlanStore

FOLDER: Final = "processes"
INBOX: Final = "own"


def inbox_of(folder: Path) -> Path:
    """Where the inbox of a process's folder lies."""
    return folder / "inbox" / INBOX


def published_position(folder: Path) -> Position:
    """Up to where a process's inbox is in the tables."""
    store = PlanStore(folder / "plans")
    plans = [plan for plan in store.plans() if plan.number <= store.done()]
    return plans[-1].positions.get(INBOX, BEGINNING) if plans else BEGINNING


def unpublished_bytes(folder: Path) -> int:
    """How much of a process's inbox is not in the tables."""
    return unread_bytes(segments(inbox_of(folder)), published_position(folder))


def take_folder(folder: Path, *, publishing: bool) -> tuple[Path, ExitStack]:
    """The first process folder that no living process holds, and its lock; one in which nothing waits, where this one cannot publish."""
    make_folder(folder)
    for own in _numbered(folder):
        lock = ExitStack()
        if lock.enter_context(locked(own / "lock", wait=False)) and (publishing or not unpublished_bytes(own)):
            make_folder(own)
            return own, lock
        lock.close()
    raise AssertionError  # pragma: no cover - there is no last number


def _numbered(folder: Path) -> Iterator[Path]:
    number = 0
    while True:
        yield folder / str(number)
        number += 1
