"""Counts the rows that a service fetches, where the driver does not know after execution how many there are (SQLite, streams)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import time_ns
from typing import Any


class Pending:
    """A statement that has been executed and whose rows are being fetched; `report` is called once, with this."""

    __slots__ = ("_abandoned", "_report", "fetch_ns", "rows", "what")

    def __init__(self, report: Callable[[Pending], None], abandoned: deque[Pending], what: Any) -> None:
        """Await the rows.

        Args:
            report: called as soon as no more rows come.
            abandoned: where it is put when the service forgets the result instead: that is found out while memory is freed, in whatever
                code that happens, so that nothing else may be done then.
            what: whatever `report` needs to know.
        """
        self._report: Callable[[Pending], None] | None = report
        self._abandoned = abandoned
        self.what = what
        self.rows = 0
        self.fetch_ns = 0

    def end(self) -> None:
        """No more rows come."""
        report, self._report = self._report, None
        if report is not None:
            report(self)

    def give_up(self) -> bool:
        """The fetch failed, which somebody else reports; False where it had ended before."""
        report, self._report = self._report, None
        return report is not None

    def __del__(self) -> None:
        if self._report is not None:
            self._abandoned.append(self)


class Counting:
    """What fetches a result's rows for SQLAlchemy (its `cursor_strategy`), and counts them on the way."""

    __slots__ = ("_closed", "_fetching", "_inner", "_pending")

    def __init__(self, inner: Any, pending: Pending) -> None:
        self._inner = inner
        self._pending = pending
        self._fetching = self._closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def fetchone(self, result: Any, dbapi_cursor: Any, hard_close: bool = False) -> Any:
        """A row; the time it takes is not counted, for that would take as long."""
        self._fetching = True
        row = self._inner.fetchone(result, dbapi_cursor, hard_close)
        self._fetching = False
        if row is not None:
            self._pending.rows += 1
        if self._closed:
            self._pending.end()
        return row

    def fetchmany(self, result: Any, dbapi_cursor: Any, size: int | None = None) -> Any:
        """Some rows."""
        return self._counted(self._inner.fetchmany, result, dbapi_cursor, size)

    def fetchall(self, result: Any, dbapi_cursor: Any) -> Any:
        """All rows that are left."""
        return self._counted(self._inner.fetchall, result, dbapi_cursor)

    def _counted(self, fetch: Callable[..., Any], *arguments: Any) -> Any:
        self._fetching = True
        started = time_ns()
        rows = fetch(*arguments)
        self._fetching = False
        self._pending.fetch_ns += time_ns() - started
        self._pending.rows += len(rows)
        if self._closed:
            self._pending.end()
        return rows

    def yield_per(self, result: Any, dbapi_cursor: Any, num: int) -> None:
        """As the inner one does, which may put another in its place: count that one's rows."""
        self._inner.yield_per(result, dbapi_cursor, num)
        if result.cursor_strategy is not self:
            self._inner, result.cursor_strategy = result.cursor_strategy, self

    def soft_close(self, result: Any, dbapi_cursor: Any) -> None:
        """No more rows come, but for those that a fetch has in its hands."""
        self._inner.soft_close(result, dbapi_cursor)
        self._close()

    def hard_close(self, result: Any, dbapi_cursor: Any) -> None:
        """The same."""
        self._inner.hard_close(result, dbapi_cursor)
        self._close()

    def _close(self) -> None:
        self._closed = True
        if not self._fetching:
            self._pending.end()
