"""One pond's rules, evaluated: what they find is durable, with what they have seen, before anybody is told.

Cost follows from what is new and from the windows: new rows of the error tables are read once, from the files that were published since
the last evaluation; a window's rows from the files that were written in it; the whole pond is asked only of issues that may have come back.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb

from ..log_lines import fault
from ..query import POND
from .alert import Fired
from .asking import ROUND_S, Judge
from .dispatches import Dispatches
from .measures import ERROR_TABLES, EVENTS, MEASURES
from .memory import Memory
from .new_issues import LATE, SETTLE_S, NewIssues
from .pond import Pond, PondReader, added, attached, modified
from .recent import Recent
from .returned_issues import ACTIVITY, ReturnedIssues
from .rules import Rule
from .seen import known_before, seen
from .state_file import StateFile
from .windows import MARGIN_S, WindowRule

logger = logging.getLogger(__name__)
EVALUATED: Final = "evaluated"
_ISSUES: Final = "of issues"
_RETRY_S: Final = 5.0
_OF_ISSUES: Final = (EVENTS, ACTIVITY, "issue_links")
MOST_FIRED: Final = 1_000
"""Alerts of one evaluation that are told, of each rule its share; of those beyond, which are rows of the table, only the number is."""


class Evaluator:
    """The rules of one pond.

    Args:
        data: the pond's folder.
        rules: of that pond.
        started: when the collector was: at the first evaluation of a pond, what it accepted before is known without a word.

    Attributes:
        beyond: how many alerts of the last evaluation are told by number only, by channel and rule.
    """

    def __init__(self, data: Path, rules: Sequence[Rule], file: StateFile, dispatches: Dispatches, *, started: datetime) -> None:
        self._data = data
        self._rules = list(rules)
        self._file = file
        self._dispatches = dispatches
        self._memory = Memory(file)
        self._started = self._memory.started(started)
        self._troubles: dict[str, str] = {}
        self.beyond: Mapping[tuple[str, str], int] = {}
        self._begin()

    def _begin(self) -> None:
        """Look at everything anew."""
        self._memory.discard()
        self._windows = [WindowRule(rule, self._memory, self._connect) for rule in self._rules if not rule.of_change]
        self._begin_issues()
        self._shown: tuple[int, ...] | None = None
        self._retry_at: float | None = None

    def _begin_issues(self) -> None:
        """Look at issues, and at the pond, anew."""
        of_new = [rule for rule in self._rules if rule.kind == "new_issue"]
        of_returned = [rule for rule in self._rules if rule.of_change and rule.kind != "new_issue"]
        self._new = NewIssues(self._memory, Judge(of_new, self._trouble))
        self._returned = ReturnedIssues(self._memory, Judge(of_returned, self._trouble), self._connect)
        self._begin_reading()

    def _begin_reading(self) -> None:
        asked = {MEASURES[rule.kind].relation for rule in self._rules if rule.kind in MEASURES}
        self._recent = Recent({*_OF_ISSUES, *asked})
        self._reader = PondReader(self._data)
        self._pond: Pond | None = None

    def due(self, now: datetime) -> bool:
        """Whether the pond was published since the last evaluation, or a time has come."""
        looks = [self._retry_at, self._returned.next_look(), self._settling(now), *(window.next_look() for window in self._windows)]
        return self._identity() not in {None, self._shown} or any(look is not None and look <= now.timestamp() for look in looks)

    def evaluate(self, now: datetime) -> list[Fired]:
        """Note what the rules find; those of the alerts that are to be told.

        Raises:
            duckdb.Error: the pond cannot be read now; nothing is noted, and the next evaluation finds it.
            sqlite3.Error: the state cannot be written now; the same.
        """
        shown, self.beyond = self._identity(), {}
        if shown is None:
            return []
        try:
            if self._pond is None or shown != self._shown:
                self._pond = self._reader.read()
            fired = self._evaluate(self._pond, now)
        except BaseException:
            self._begin()
            raise
        self._shown = shown
        return fired

    def _evaluate(self, pond: Pond, now: datetime) -> list[Fired]:
        fired = [*self._of_windows(pond, now), *self._of_issues_or_later(pond, now)]
        told, others = _shared_out(fired)
        beyond = Counter((channel, each.rule.name) for each in others for channel in each.rule.notify)
        with self._file.transaction():
            self._memory.keep()
            for each in told:
                self._dispatches.fire(each.alert, each.rule.notify)
            for each in others:
                self._dispatches.fire(
                    each.alert, each.rule.notify, suppressed=f"more than {MOST_FIRED} alerts at once: told by number only"
                )
            for (channel, rule), number in beyond.items():
                self._dispatches.count_beyond(channel, {rule: number})
        self.beyond = beyond
        return told

    def _of_issues_or_later(self, pond: Pond, now: datetime) -> list[Fired]:
        """What there is to tell of issues; where the pond cannot be asked of them now, nothing is noted, and it is found later."""
        kept = self._memory.waiting_changes
        try:
            fired = self._of_issues(pond, now)
        except duckdb.Error as failure:
            self._trouble(_ISSUES, failure)
            self._memory.discard(kept)
            self._begin_issues()
            self._retry_at = now.timestamp() + _RETRY_S
            return []
        self._memory.note(EVALUATED, now.isoformat())
        self._troubles.pop(_ISSUES, None)
        self._retry_at = None
        return fired

    def _of_issues(self, pond: Pond, now: datetime) -> list[Fired]:
        """What the new rows of the error tables, and what people did, say of issues."""
        evaluated = self._memory.noted(EVALUATED)
        since = datetime.fromisoformat(evaluated) if evaluated else self._started
        tables = {table: pond.files[table] for table in ERROR_TABLES}
        positions = self._memory.positions() if evaluated else {}
        files = {table: added(of, positions.get(table), since.timestamp() - MARGIN_S) for table, of in tables.items()}
        self._memory.move({table: of.version for table, of in tables.items()})
        if evaluated is None:
            self._memory.begin_with(known_before(self._recent.con, {name: of.paths for name, of in tables.items()}, self._started), now)
        elif since < now - LATE:  # the rules paused: what came meanwhile, but for the last day, is no news
            paths = {name: of.paths for name, of in tables.items()}
            self._memory.begin_with(known_before(self._recent.con, paths, now - LATE), now)
        elif not any(files.values()) and not self._memory.waiting() and not self._returned.due(pond, now):
            return []
        # The first file has no rows and every column: those of an older release may lack some.
        found = seen(self._recent.con, {table: [tables[table].paths[0], *paths] for table, paths in files.items() if paths})
        if unknown := self._new.unknown(found, now):
            self._memory.forget_beyond()
        written = [modified(path) for paths in files.values() for path in paths]
        self._recent.show(pond, min([now.timestamp(), *written, *unknown.values()]) - MARGIN_S, _OF_ISSUES)
        told_since = self._started if evaluated is None else now - LATE
        returned = self._returned.find(self._recent.con, pond, found, now, since=told_since)
        return [*returned, *self._new.find(self._recent.con, unknown, now)]

    def _of_windows(self, pond: Pond, now: datetime) -> list[Fired]:
        """What the rules find that are due, as many as there is time for, beginning with those that were asked least lately."""
        ends = time.monotonic() + ROUND_S
        due = sorted((window for window in self._windows if window.due(pond, now)), key=lambda window: window.looked_at)
        return [each for window in due if time.monotonic() < ends for each in self._of_window(window, pond, now)]

    def _of_window(self, window: WindowRule, pond: Pond, now: datetime) -> list[Fired]:
        """What a rule finds; one that cannot be asked costs only itself."""
        name = window.rule.name
        try:
            fired = window.look(self._recent, pond, now)
        except sqlite3.Error:
            raise
        except Exception as failure:  # noqa: BLE001 - values of any type come from SQL of anybody
            self._trouble(name, failure)
            if isinstance(failure, duckdb.FatalException | duckdb.InternalException):  # which leave a database that answers nothing
                self._begin_reading()
            return []
        self._troubles.pop(name, None)
        return fired

    def _trouble(self, name: str, failure: Exception) -> None:
        if self._troubles.get(name) != (text := fault(failure)):
            logger.warning("alert rule %s cannot be asked: %s", name, text)
        self._troubles[name] = text

    def _settling(self, now: datetime) -> float | None:
        """When the first of the issues that wait for a report has waited long enough, in Unix seconds; now, where the clock was ahead."""
        since = self._memory.waiting().values()
        return min((each + SETTLE_S if each <= now.timestamp() else now.timestamp() for each in since), default=None)

    def _identity(self) -> tuple[int, ...] | None:
        try:
            status = (self._data / POND).stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _connect(self) -> duckdb.DuckDBPyConnection:
        return attached(self._data)


def _shared_out(fired: Sequence[Fired]) -> tuple[list[Fired], list[Fired]]:
    """What is told, in its order, and what is not: the first of each rule before the second of any."""
    before: Counter[str] = Counter()
    turns = []
    for place, each in enumerate(fired):
        turns.append((before[each.rule.name], place))
        before[each.rule.name] += 1
    told = {place for _, place in sorted(turns)[:MOST_FIRED]}
    return [fired[place] for place in sorted(told)], [each for place, each in enumerate(fired) if place not in told]
