"""Rules over windows, and SQL: asked again when new rows came and a sixtieth of the window is over, and told when they begin to exceed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb

from .alert import Fired, of_window
from .measures import MEASURES
from .memory import Memory, Window
from .pond import Pond
from .recent import Recent
from .rules import Rule

MARGIN_S: Final = 120.0
"""Files are looked at that were written so long before a window: of one error, reports arrive apart."""
_PARTS: Final = 60
_PARTS_OF_HOLDING: Final = 10
"""What exceeds is looked at so often in a window though nothing is new: it may be over."""
_LEAST_PAUSE_S: Final = 5.0
_LONGEST_S: Final = 30.0
"""Of one statement."""

Connect = Callable[[], duckdb.DuckDBPyConnection]


class WindowRule:
    """One rule over a window, or SQL.

    Args:
        connect: gives a connection to the whole pond, for SQL.
    """

    def __init__(self, rule: Rule, memory: Memory, connect: Connect) -> None:
        self.rule = rule
        self._memory = memory
        self._connect = connect
        self._pause_s = rule.minutes * 60 if rule.kind == "sql" else max(_LEAST_PAUSE_S, rule.minutes * 60 / _PARTS)
        self._looked_at = float("-inf")
        self._versions: tuple[int, ...] = ()
        self._holds = True

    def next_look(self) -> float | None:
        """When to look although nothing came: of SQL, and of what may be over, in Unix seconds."""
        if self.rule.kind == "sql":
            return self._looked_at + self._pause_s
        return self._looked_at + self.rule.minutes * 60 / _PARTS_OF_HOLDING if self._holds else None

    def due(self, pond: Pond, now: datetime) -> bool:
        """Whether a look is worth its cost."""
        if now.timestamp() < self._looked_at:  # a clock that was put back
            return True
        look = self.next_look()
        asked = look is not None and look <= now.timestamp()
        return asked or (now.timestamp() >= self._looked_at + self._pause_s and self._versions != self._seen(pond))

    def look(self, recent: Recent, pond: Pond, end: datetime) -> list[Fired]:
        """Alerts of what exceeds the threshold and did not before.

        Args:
            recent: where the window's rows are shown.
            pond: what there is to show.
            end: of the window.
        """
        self._looked_at, self._versions = end.timestamp(), self._seen(pond)
        return self._settle(self._found(recent, pond, end), end)

    def _found(self, recent: Recent, pond: Pond, end: datetime) -> list[dict[str, Any]]:
        if self.rule.kind == "sql":
            with self._connect() as con:
                return [row for row in _rows(con, self.rule.statement) if row["value"] is not None]
        begin = end - timedelta(minutes=self.rule.minutes)
        recent.show(pond, begin.timestamp() - MARGIN_S, [MEASURES[self.rule.kind].relation])
        return [row for row in _rows(recent.con, self.rule.statement, {"begin": begin, "end": end}) if row["value"] is not None]

    def _settle(self, found: list[dict[str, Any]], now: datetime) -> list[Fired]:
        before = self._memory.windows(self.rule.name)
        rests_until = now.timestamp() - self.rule.every * 60
        windows = {scope: Window(holds=False, fired=window.fired) for scope, window in before.items() if window.fired > rests_until}
        fired = []
        for row in found:
            scope = _scope(row.get("scope"))
            if (scope in windows and windows[scope].holds) or not self._exceeds(float(row["value"])):
                continue
            window = before.get(scope, Window(holds=False, fired=float("-inf")))
            is_news = not window.holds and window.fired <= rests_until
            windows[scope] = Window(holds=True, fired=now.timestamp() if is_news else window.fired)
            fired += [of_window(self.rule, scope, {**row, "value": float(row["value"])}, now)] if is_news else []
        if windows != before:
            self._memory.set_windows(self.rule.name, windows)
        self._holds = any(window.holds for window in windows.values())
        return fired

    def _exceeds(self, value: float) -> bool:
        threshold = self.rule.threshold or 0.0
        measure = MEASURES.get(self.rule.kind)
        return measure.exceeds(value, threshold) if measure is not None else value >= threshold

    def _seen(self, pond: Pond) -> tuple[int, ...]:
        measure = MEASURES.get(self.rule.kind)
        return tuple(pond.files[table].version for table in measure.tables) if measure is not None else ()


def _rows(con: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    with _ended_in_time(con):
        found = con.execute(statement, values)
        names = [name for name, *_ in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@contextlib.contextmanager
def _ended_in_time(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    timer = threading.Timer(_LONGEST_S, con.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _scope(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
