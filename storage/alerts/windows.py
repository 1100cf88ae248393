"""Rules over windows, and SQL: asked again when new rows came and a sixtieth of the window is over, and told when they begin to exceed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb

from .alert import Fired, of_window
from .asking import ended_in_time, rows
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
_LONGEST_TEXT: Final = 1_000
_LONGEST_SCOPE, _SHOWN_OF_LONG = 200, 160

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
        self.looked_at = float("-inf")
        self._versions: tuple[int, ...] = ()
        self._owes = False
        self._again_at: float | None = float("-inf")

    def next_look(self) -> float | None:
        """When to look although nothing comes, in Unix seconds: of SQL; where a look is owed; of what may be over, or rests."""
        if self.rule.kind == "sql" or self._owes:
            return self.looked_at + self._pause_s
        return self._again_at

    def due(self, pond: Pond, now: datetime) -> bool:
        """Whether a look is worth its cost."""
        if now.timestamp() < self.looked_at:  # a clock that was put back
            return True
        self._owes |= self._versions != self._seen(pond)
        look = self.next_look()
        return look is not None and look <= now.timestamp()

    def look(self, recent: Recent, pond: Pond, end: datetime) -> list[Fired]:
        """Alerts of what exceeds the threshold and did not before.

        Args:
            recent: where the window's rows are shown.
            pond: what there is to show.
            end: of the window.
        """
        self.looked_at, self._owes = end.timestamp(), True
        fired = self._settle(self._found(recent, pond, end), end)
        self._versions, self._owes = self._seen(pond), False
        return fired

    def _found(self, recent: Recent, pond: Pond, end: datetime) -> list[dict[str, Any]]:
        if self.rule.kind == "sql":
            with self._connect() as con, ended_in_time(con):
                return [_of_sql(row) for row in rows(con, self.rule.statement) if _is_number(row["value"])]
        begin = end - timedelta(minutes=self.rule.minutes)
        recent.show(pond, begin.timestamp() - MARGIN_S, [MEASURES[self.rule.kind].relation])
        with ended_in_time(recent.con):
            return [row for row in rows(recent.con, self.rule.statement, {"begin": begin, "end": end}) if _is_number(row["value"])]

    def _settle(self, found: list[dict[str, Any]], now: datetime) -> list[Fired]:
        stored = self._memory.windows(self.rule.name)
        before = {scope: each._replace(fired=min(each.fired, now.timestamp())) for scope, each in stored.items()}  # a clock was ahead
        rests_until = now.timestamp() - self.rule.every * 60
        windows = {scope: Window(holds=False, fired=window.fired) for scope, window in before.items() if window.fired > rests_until}
        fired = []
        for row in found:
            scope = _scope(row.get("scope"))
            if (scope in windows and windows[scope].holds) or not self._exceeds(float(row["value"])):
                continue
            window = before.get(scope, Window(holds=False, fired=float("-inf")))
            told = window.holds and window.told
            is_news = not told and window.fired <= rests_until
            windows[scope] = Window(holds=True, fired=now.timestamp() if is_news else window.fired, told=told or is_news)
            fired += [of_window(self.rule, scope, {**row, "value": float(row["value"])}, now)] if is_news else []
        if windows != stored:
            self._memory.set_windows(self.rule.name, windows)
        self._again_at = self._again(windows.values(), now)
        return fired

    def _again(self, windows: Iterable[Window], now: datetime) -> float | None:
        """When what exceeds may be over, or a rest ends behind which there is something to tell."""
        over = now.timestamp() + self.rule.minutes * 60 / _PARTS_OF_HOLDING
        looks = (over if window.told else min(over, window.fired + self.rule.every * 60) for window in windows if window.holds)
        return min(looks, default=None)

    def _exceeds(self, value: float) -> bool:
        threshold = self.rule.threshold or 0.0
        measure = MEASURES.get(self.rule.kind)
        return measure.exceeds(value, threshold) if measure is not None else value >= threshold

    def _seen(self, pond: Pond) -> tuple[int, ...]:
        measure = MEASURES.get(self.rule.kind)
        return tuple(pond.files[table].version for table in measure.tables) if measure is not None else ()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _of_sql(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of SQL, whose columns may be of any type, as texts beside the scope and the value."""
    texts = {name: None if value is None else str(value)[:_LONGEST_TEXT] for name, value in row.items() if name not in {"scope", "value"}}
    return {"scope": row.get("scope"), "value": row["value"], **texts}


def _scope(value: object) -> str:
    """What is judged by itself, as one text: values with slashes between, which are escaped within them; a long one by its hash."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    several = len(values) > 1
    text = "/".join("NULL" if each is None else _escaped(str(each)) if several else str(each) for each in values)
    if len(text) <= _LONGEST_SCOPE:
        return text
    return f"{text[:_SHOWN_OF_LONG]}~{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("/", "\\/")
