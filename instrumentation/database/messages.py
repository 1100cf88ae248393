"""What a database says of an error, without the values that it repeats.

Drivers give a message in the server's language, so values are known by where they stand: what PostgreSQL says of details and context is
in fields of its own, rows stand in parentheses, and other values in quotes, as names do. A quoted string stays where the driver or the
statement knows it as a name, or where the error's number says that only names are quoted.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .. import privacy

_APPENDED = re.compile(r"\n(?:\[SQL|\[parameters: |\(Background on this error at: )")
"""Where SQLAlchemy goes on behind what the driver says."""
_BACKGROUND = re.compile(r"\n(\(Background on this error at: https://[\w./]+\))\Z")
_ARGUMENT = re.compile(r"(query argument \$\d+: )(?:.*( \()|.*)", re.DOTALL)
"""As asyncpg says it, which cuts the value."""
_ROW = re.compile(r"(?<=\s)\(.*\)(?=\s*[.\u3002]|.*\((?:2627|2601)\))", re.DOTALL)
_KEY = re.compile(r"[^()\n]*\(.*?\)\W?=\(")
_OPENING = re.compile(r"""(?<!\w)[bEN]?(?:(?P<double>")|(?P<single>')|(?P<other>[»«„“”\u2039\u203a\u2018]))""")
_MARKS = {"double": '"', "single": "'", "other": "»«„“”\u2039\u203a\u2018\u2019"}
_WORD = re.compile(r"[^\W\d][\w$]*")
_NAME = re.compile(r"\w[\w$.-]*(?: [\w$.-]+)*")
_LAST_QUOTED = re.compile(r"'([^']+)'[^']*\Z")
_NATIVE_NUMBER = re.compile(r"\((\d+)\) \(SQL")

_DUPLICATES = frozenset({1062, 1586})
"""MySQL's errors whose last quoted string is the name of the key."""
_QUOTE_NAMES_ONLY = frozenset({1048, 1054, 1146, 1264, 1265, 1364, 1406, 1451, 1452, 3819, 4025, 207, 208, 515, 547, 2601, 2627})
"""Errors of MySQL and, from 207 on, of SQL Server."""
_FIELDS_OF_NAMES = ("schema_name", "table_name", "column_name", "constraint_name", "datatype_name", "data_type_name")


class _Said(NamedTuple):
    """What PostgreSQL says, by its fields."""

    message: str
    detail: str
    constraint: str
    names: frozenset[str]

    @classmethod
    def of(cls, error: BaseException) -> _Said | None:
        """From psycopg and psycopg2, asyncpg, pg8000; None where a driver knows no fields."""
        first = error.args[0] if error.args else None
        if isinstance(first, dict):
            names = frozenset(str(first[key]) for key in "stcnd" if first.get(key))
            return cls(str(first.get("M") or ""), str(first.get("D") or ""), str(first.get("n") or ""), names)
        for source, message, detail in (
            (getattr(error, "diag", None), "message_primary", "message_detail"),
            (error, "message", "detail"),
            (error.__cause__, "message", "detail"),
        ):
            said = getattr(source, message, None)
            if isinstance(said, str) and said and hasattr(source, "constraint_name"):
                names = frozenset(str(name) for field in _FIELDS_OF_NAMES if (name := getattr(source, field, None)))
                constraint: Any = getattr(source, "constraint_name", None)
                return cls(said, str(getattr(source, detail, None) or ""), str(constraint or ""), names)
        return None


def message_of(error: BaseException, sanitised: str | None) -> str:
    """The text of an error that belongs to a statement or a transaction, without bound values and literals.

    Its first line stays, with `?` for rows and for all from the first quoted string that is no name to the last one; of PostgreSQL's
    details the columns of a key stay. What is left may hold a value that the database neither quotes nor puts in parentheses, and what
    stands in a value between names in quotes of their own.

    Args:
        error: what SQLAlchemy makes of it, or what the driver raised.
        sanitised: the statement without literals, where there is one.
    """
    text = str(error)
    driver = getattr(error, "orig", None) or error
    lines = [_said(driver, sanitised or "")]
    if driver is not error:
        lines[0] = f"({type(driver).__module__}.{type(driver).__name__}) {lines[0]}"
    if "\n[SQL: " in text:
        lines.append(f"[SQL: {'?' if sanitised is None else sanitised}]")
    if "\n[parameters: " in text:
        lines.append("[parameters: ?]")
    if background := _BACKGROUND.search(text):
        lines.append(background[1])
    return privacy.text("\n".join(lines))


def _said(driver: BaseException, sanitised: str) -> str:
    """What the driver says, without values."""
    cause = type(driver.__cause__)  # SQLAlchemy's wrapper of asyncpg begins with it
    names = frozenset((*_WORD.findall(sanitised), f"{cause.__module__}.{cause.__qualname__}"))
    known = _Said.of(driver)
    if known is not None:
        message = _without_values(known.message, names | known.names)
        key = _KEY.match(known.detail) if known.constraint else None
        return f"{message}\nDETAIL:  {key[0]}?)" if key else message
    if len(driver.args) > 1 and str(driver) == str(driver.args):  # by number or SQLSTATE: MySQL's drivers, pyodbc, pymssql
        number, *texts = driver.args
        return str((number, *(_without_values(_text(each), names, number) for each in texts)))
    text = str(driver)
    appended = _APPENDED.search(text)
    return _without_values(text[: appended.start()] if appended else text, names)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _without_values(text: str, names: frozenset[str], number: object = None) -> str:
    """The first line of a message, without rows and quoted values."""
    text = _ROW.sub("(?)", _ARGUMENT.sub(r"\1?\2", text))
    if native := _NATIVE_NUMBER.search(text):
        number = int(native[1])
    if number in _DUPLICATES and (key := _LAST_QUOTED.search(text)):
        names |= {key[1]}
    if number not in _QUOTE_NAMES_ONLY:
        text = _without_quoted(text, names)
    return text.partition("\n")[0].rstrip()


def _without_quoted(text: str, names: frozenset[str]) -> str:
    """`?` for all from the first quoted string that is no name to the last one in such quotes: databases escape no quotes in values."""
    position = 0
    while found := _OPENING.search(text, position):
        marks = _MARKS[str(found.lastgroup)]
        position, end = found.end(), len(text)
        following = _find(text, marks, position)
        if following >= 0 and _is_name(text[position:following], names):
            position = following + 1
            continue
        while (closing := _find_last(text, marks, position, end)) >= 0:
            opening = _find_last(text, marks, position, closing)
            if opening < 0 or not _is_name(text[opening + 1 : closing], names):
                break
            end = opening
        kept = text[closing + 1 :] if closing >= 0 else ""
        text, position = f"{text[: found.start()]}?{kept}", found.start() + 1
    return text


def _find(text: str, marks: str, start: int) -> int:
    return min((at for mark in marks if (at := text.find(mark, start)) >= 0), default=-1)


def _find_last(text: str, marks: str, start: int, end: int) -> int:
    return max(text.rfind(mark, start, end) for mark in marks)


def _is_name(quoted: str, names: frozenset[str]) -> bool:
    """Whether a quoted string is a name, or is made of names, as `schema.table` is."""
    quoted = quoted.strip("\u00a0")
    return quoted in names or (_NAME.fullmatch(quoted) is not None and names.issuperset(re.findall(r"[\w$]+", quoted)))
