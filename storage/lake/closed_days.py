"""Which days' sessions the files of `user_sessions` tell, and which are made of the events themselves; the lake and the closing ask.

It follows from two snapshots alone, so that pond.duckdb, which is written from both in one step, shows each session once whatever was
committed between them. A stored file says in its name how many rows the day's events had; a day stands until it has more. Days whose
events were dropped have fewer, and their sessions stay: who erases some events of a day, or restores a backup of `events` alone, takes
its file out of `user_sessions` too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from .delta_table import LiveFile

_NAME = re.compile(r"/closed-(\d+)-")


def file_name(day: str, event_rows: int, unix_nano: int, process: int) -> str:
    """The path of a stored day, relative to its table's folder; no other file ever has it."""
    return f"dt={day}/closed-{event_rows}-{unix_nano}-{process}.parquet"


def event_rows(files: Sequence[LiveFile]) -> Counter[str]:
    """How many rows each day has, of the live files of `events`; a merge changes none of it."""
    rows: Counter[str] = Counter()
    for file in files:
        if not file.seed:
            rows[file.dt] += file.rows
    return rows


def stored_rows(files: Sequence[LiveFile]) -> dict[str, int]:
    """How many rows of `events` each stored day was made of, of the live files of `user_sessions`."""
    found = ((file.dt, _NAME.search(file.path)) for file in files if not file.seed)
    return {day: int(match[1]) for day, match in found if match}


def standing(events: Sequence[LiveFile], sessions: Sequence[LiveFile]) -> set[str]:
    """The days that have had no event since they were stored, by the live files of `events` and `user_sessions`."""
    present = event_rows(events)
    return {day for day, rows in stored_rows(sessions).items() if present[day] <= rows}


def shown(events: Sequence[LiveFile], sessions: Sequence[LiveFile]) -> tuple[list[LiveFile], list[LiveFile]]:
    """The files of `events` on days that do not stand, and those of `user_sessions` on days that do; empty seed files among both."""
    days = standing(events, sessions)
    return (
        [file for file in events if file.seed or file.dt not in days],
        [file for file in sessions if file.seed or file.dt in days],
    )
