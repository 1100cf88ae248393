"""Statements that hold SQL of rules: each ends in time, and a rule whose SQL fails costs only itself."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import duckdb

from .rules import Rule

LONGEST_S: Final = 30.0
"""Of one statement."""
ROUND_S: Final = 60.0
"""Of the rules of one evaluation; what is not asked by then is asked in the next."""
_PASSING: Final = (duckdb.IOException, duckdb.FatalException)
"""Failures of files and databases, whatever was asked."""

Trouble = Callable[[str, Exception], None]
"""Told a rule's name, and why it cannot be asked."""


class Judge:
    """Asks which rules about issues mean an event.

    Args:
        trouble: is told of rules that are left out.
        longest_s: of one statement.
    """

    def __init__(self, rules: Sequence[Rule], trouble: Trouble, *, longest_s: float = LONGEST_S) -> None:
        self.rules = rules
        self._trouble = trouble
        self._longest_s = longest_s

    def ask(self, con: duckdb.DuckDBPyConnection, statement: Callable[[str], str], values: Sequence[Any]) -> list[dict[str, Any]]:
        """The rows of a statement; a rule that fails on them, or takes too long, means none of them.

        Args:
            con: what is asked.
            statement: makes it, of columns `, ... as rule_<number>` over issue_events.
            values: its parameters.

        Raises:
            duckdb.Error: it cannot be asked now, whatever the rules say.
        """
        everyone = frozenset(range(len(self.rules)))
        try:
            return self._rows(con, statement, values, everyone, self._longest_s)
        except _PASSING:
            raise
        except duckdb.Error:
            began = time.monotonic()
            found = rows(con, statement(self._columns(frozenset())), values)
        able = self._able(con, statement, values, self._longest_s + time.monotonic() - began)
        return self._rows(con, statement, values, able, self._longest_s + ROUND_S) if able else found

    def _able(
        self, con: duckdb.DuckDBPyConnection, statement: Callable[[str], str], values: Sequence[Any], longest_s: float
    ) -> frozenset[int]:
        """The numbers of those that can be asked, each alone."""
        able = set()
        ends = time.monotonic() + longest_s + ROUND_S
        for number, rule in enumerate(self.rules):
            try:
                self._rows(con, statement, values, frozenset({number}), max(0.1, min(longest_s, ends - time.monotonic())))
            except _PASSING:
                raise
            except duckdb.Error as failure:
                self._trouble(rule.name, failure)
            else:
                able.add(number)
        return frozenset(able)

    def _rows(
        self,
        con: duckdb.DuckDBPyConnection,
        statement: Callable[[str], str],
        values: Sequence[Any],
        asked: frozenset[int],
        longest_s: float,
    ) -> list[dict[str, Any]]:
        with ended_in_time(con, longest_s):
            return rows(con, statement(self._columns(asked)), values)

    def _columns(self, asked: frozenset[int]) -> str:
        meant = (rule.condition if number in asked else "false" for number, rule in enumerate(self.rules))
        return "".join(f", ({condition}) as rule_{number}" for number, condition in enumerate(meant))


def rows(con: duckdb.DuckDBPyConnection, statement: str, values: object = None) -> list[dict[str, Any]]:
    """What a statement gives, by names in lower case."""
    found = con.execute(statement, values)
    names = [name.lower() for name, *_ in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@contextlib.contextmanager
def ended_in_time(con: duckdb.DuckDBPyConnection, longest_s: float = LONGEST_S) -> Iterator[None]:
    """Have a statement fail that takes longer."""
    timer = threading.Timer(longest_s, con.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
