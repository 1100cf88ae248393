"""What went wrong with a statement or a connection: its class, its code, its text and where it was raised.

The class is made from SQLSTATE, SQLite's and MySQL's codes and the DB-API's exception classes, which say it in any language; the
messages do not.
"""

from __future__ import annotations

import itertools
import re
import sys
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Literal

from .. import privacy
from .messages import message_of

Kind = Literal["connection", "constraint", "timeout", "query"]

MAX_FRAMES = 64
"""Frames of a stack trace, the innermost ones."""
_SQLSTATE = re.compile(r"[0-9A-Z]{5}")
_LOCKED = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_INTERRUPT"})
_UNREADABLE = frozenset({"SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_IOERR", "SQLITE_AUTH", "SQLITE_PERM"})
_MYSQL_SYSTEMS = frozenset({"mysql", "mariadb"})
_MYSQL_CONSTRAINTS = frozenset({1022, 1048, 1062, 1169, 1216, 1217, 1364, 1451, 1452, 1557, 1586, 1761, 1762, 3819, 4025})
_MYSQL_TIMEOUTS = frozenset({1205, 1317, 1969, 3024, 3572})
_MYSQL_CONNECTIONS = frozenset({
    1040, 1042, 1043, 1044, 1045, 1049, 1053, 1080, 1081, 1129, 1130, 1152, 1153, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1184,
    1203, 1226, 1698, 1927, *range(2000, 2008), 2012, 2013, 2026, 2027, 2048, 2055, 4031,
})  # fmt: skip


class Failure:
    """One failed statement or connection, as it is reported.

    What is shown is the exception that the service sees, SQLAlchemy's: a request that dies of it reports the same error, which is then
    known for one and the same.
    """

    def __init__(
        self,
        error: BaseException,
        shown: BaseException,
        system: str,
        *,
        disconnected: bool,
        sanitised: str | None = None,
    ) -> None:
        """Look at it.

        Args:
            error: what the driver or the pool raised.
            shown: what SQLAlchemy makes of it.
            system: `db.system.name`.
            disconnected: whether the connection is lost, or was not made.
            sanitised: the statement without literals; None where the connection or the end of a transaction has failed.
        """
        self._error = error
        self.shown = shown
        self.code = code_of(error)
        self.kind = kind_of(error, self.code, system, disconnected=disconnected)
        self.message = (
            privacy.text(str(shown)) if disconnected and sanitised is None else message_of(shown, sanitised)  # no value was sent
        )

    def attributes(self) -> dict[str, str]:
        """What the span gets; `otelpond.db.error.kind` is read by the tables."""
        attributes = {"error.type": name_of(self._error), "otelpond.db.error.kind": self.kind}
        if self.code:
            attributes["db.response.status_code"] = self.code
        return attributes

    def event(self) -> dict[str, str]:
        """What its event `exception` gets."""
        name = name_of(self.shown)
        return {
            "exception.type": name,
            "exception.message": self.message,
            "exception.stacktrace": stack_of(self._error, f"{name}: {self.message}\n" if self.message else f"{name}\n"),
        }


def code_of(error: BaseException) -> str | None:
    """What the database says in a word: SQLSTATE, SQLite's name of the code, MySQL's number, Oracle's `ORA-...`; None where it does not."""
    for source in (error, error.__cause__):
        for attribute in ("sqlstate", "pgcode", "sqlite_errorname"):
            code = getattr(source, attribute, None)
            if code and isinstance(code, str):
                return code
    first = error.args[0] if error.args else None
    if isinstance(first, dict):  # pg8000
        first = first.get("C")
    first = getattr(first, "full_code", first)  # oracledb
    if isinstance(first, int) and not isinstance(first, bool):
        return str(first)
    if isinstance(first, str) and (_SQLSTATE.fullmatch(first) or first.startswith(("ORA-", "DPY-"))):  # pyodbc, oracledb
        return first
    return None


def kind_of(error: BaseException, code: str | None, system: str, *, disconnected: bool) -> Kind:
    """The class of an error that a driver or a pool raised.

    Args:
        error: the driver's own, not SQLAlchemy's around it.
        code: what `code_of` says of it.
        system: `db.system.name`.
        disconnected: whether the connection is lost, or was not made.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    by_code = _kind_of_code(code, system) if code else None
    if by_code is not None:
        return by_code
    if not isinstance(error, Exception) or ("TimeoutError" in names and not disconnected):  # a cancelled task is the former
        return "timeout"
    if disconnected or names & {"InterfaceError", "ConnectionError", "gaierror"}:
        return "connection"
    return "constraint" if "IntegrityError" in names else "query"


def _kind_of_code(code: str, system: str) -> Kind | None:
    if system in _MYSQL_SYSTEMS:
        return _kind_of_mysql(int(code)) if code.isdecimal() else None
    if code.startswith("SQLITE_"):
        return _kind_of_sqlite(code)
    if code.startswith("23"):
        return "constraint"
    if code in {"57014", "55P03", "25P03", "25P04", "HYT00", "ORA-01013", "DPY-4024"}:
        return "timeout"
    if code.startswith(("08", "28", "57P", "3D")) or code in {"53300", "HYT01"}:
        return "connection"
    return None


def _kind_of_mysql(code: int) -> Kind | None:
    if code in _MYSQL_CONSTRAINTS:
        return "constraint"
    if code in _MYSQL_TIMEOUTS:
        return "timeout"
    return "connection" if code in _MYSQL_CONNECTIONS else None


def _kind_of_sqlite(code: str) -> Kind | None:
    if code.startswith("SQLITE_CONSTRAINT"):
        return "constraint"
    primary = "_".join(code.split("_")[:2])
    if primary in _LOCKED:
        return "timeout"
    return "connection" if primary in _UNREADABLE else None


def name_of(error: BaseException) -> str:
    """Its class as `psycopg.errors.UniqueViolation`."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def stack_of(error: BaseException, said: str) -> str:
    """A traceback down to where the driver raised, from where the service asked; `said` is its last line."""
    stack = traceback.StackSummary.extract(((frame, line) for frame, line in reversed(list(_frames(error)))), lookup_lines=True)
    return "".join(["Traceback (most recent call last):\n", *stack.format(), said])


def _frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    """Frames and their lines, the innermost first."""
    inner = list(traceback.walk_tb(error.__traceback__))[-MAX_FRAMES:]
    yield from reversed(inner)
    outer = inner[0][0].f_back if inner else sys._getframe(1)  # noqa: SLF001 - where it begins is not here
    for frame in itertools.islice(_callers(outer), MAX_FRAMES - len(inner)):
        yield frame, frame.f_lineno


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and those that called it; from a greenlet, in which SQLAlchemy runs async drivers, on to the task that waits for it."""
    greenlet = sys.modules.get("greenlet")
    current = greenlet.getcurrent() if greenlet is not None else None
    while frame is not None:
        yield frame
        frame = frame.f_back
        if frame is None and current is not None:
            current = current.parent
            frame = current.gr_frame if current is not None else None
