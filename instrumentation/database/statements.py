"""What a statement does, and to which tables, read from its text without literals, which may hold any words.

Done once per distinct statement, never by a database's grammar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .. import privacy

MAX_READ = 8192
"""Characters of a sanitised statement that operation and tables are looked for in: lists of values make long ones."""
MAX_TEXT = 4096
"""Characters of a statement that are sent; the collector parses no longer ones either."""
MAX_SUMMARY = 255
"""Characters, as the semantic conventions say."""

_IDENTIFIER = r'(?:[^\W\d][\w$]*|"(?:[^"]|"")+"|`[^`]+`|\[[^\]\'"]+\])'
_TOKEN = re.compile(
    r"/\*.*?(?:\*/|$)|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|$)"
    rf"|(?P<name>{_IDENTIFIER}(?:\s*\.\s*{_IDENTIFIER})*)|(?P<mark>[(),])",
    re.DOTALL,
)
_QUOTES = str.maketrans("", "", '"`[]')

WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"})
"""Operations that affect rows."""
TRANSACTIONS = frozenset({"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"})
"""Operations that begin and end transactions, and are no queries."""
_OPERATIONS = WRITES | {"SELECT", "VALUES"}
_BEFORE_A_TABLE = frozenset({"FROM", "JOIN", "INTO", "TABLE", "VIEW"})
_BETWEEN = frozenset({"IF", "NOT", "EXISTS", "ONLY", "LATERAL", "IGNORE", "LOW_PRIORITY", "OR", "ROLLBACK", "FAIL", "TABLE"})
_ENDS_A_LIST = frozenset({"WHERE", "GROUP", "ORDER", "HAVING", "SET", "ON", "USING", "LIMIT", "UNION", "VALUES", "SELECT", "RETURNING"})
_FROM_INSIDE = frozenset({"EXTRACT", "SUBSTRING", "TRIM", "OVERLAY"})
"""Functions whose arguments are separated by FROM."""
_FIRST = frozenset({"UPDATE", "TRUNCATE", "LOCK", "ANALYZE", "VACUUM", "REINDEX", "DESCRIBE"})
"""Operations that are followed by their table, after words of `_BETWEEN`."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What is known of one statement.

    Attributes:
        operation: its first word in upper case, behind `WITH ...` the one that follows; empty where there is none.
        table: the one that it is about, as it is written and without quotes; empty where there is none.
        summary: operations and tables in their order, as `INSERT archive SELECT orders`.
        text: the statement without literals.
    """

    operation: str
    table: str
    summary: str
    text: str


def read(sql: str, system: str = "") -> Statement:
    """Read a statement of a database system, as `db.system.name` has it."""
    text = privacy.statement(sql, system)
    reader = _Reader(text[:MAX_READ])
    return Statement(reader.operation, reader.table(), reader.summary(), text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 4]} ...")


class _Reader:
    """One look over the tokens of a statement."""

    def __init__(self, sql: str) -> None:
        self.operation = ""
        self._found: list[tuple[int, str]] = []  # depth of parentheses, name
        self._said: list[str] = []
        self._expressions: set[str] = set()
        self._depth = 0
        self._functions: list[str] = []
        self._expects = False
        self._listing: int | None = None  # the depth at which a list of tables may go on after a comma
        tokens = [token for found in _TOKEN.finditer(sql) if (token := found["name"] or found["mark"])]
        for previous, token, following in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
            if token in {"(", ")", ","}:
                self._mark(token, previous.upper())
            else:
                self._name(token, token.upper(), previous.upper(), following)

    def _mark(self, token: str, previous: str) -> None:
        self._expects = False
        if token == "(":  # noqa: S105 - a parenthesis
            self._depth += 1
            self._functions.append(previous)
            self._expects = self.operation == "PRAGMA"
        elif token == ")":  # noqa: S105
            self._depth -= 1
            if self._functions:
                self._functions.pop()
        else:
            self._expects = self._listing == self._depth

    def _name(self, token: str, upper: str, previous: str, following: str) -> None:
        if self._expects and upper in _BETWEEN:
            return
        if self._expects and upper not in {"SELECT", "SET", "VALUES"}:
            self._expects = False
            if following != "(" or self.operation in {"INSERT", "REPLACE", "CREATE"}:
                self._add(token)
            return
        self._expects = False
        if not self.operation or self.operation == "WITH":
            self._begin(upper, following, token, previous)
        elif upper == "SELECT" or (upper in WRITES and previous == "("):
            self._say(upper)
        if upper in _BEFORE_A_TABLE or (upper == "ON" and self._is_index()):
            self._before_a_table(upper, previous)
        elif upper in _ENDS_A_LIST and self._listing == self._depth:
            self._listing = None

    def _begin(self, upper: str, following: str, token: str, previous: str) -> None:
        """The operation, behind common table expressions the one that uses them."""
        if not self.operation or (self._depth == 0 and upper in _OPERATIONS):
            self.operation = upper
        elif self._depth == 0 and (previous in {"WITH", "RECURSIVE", ","}) and upper != "RECURSIVE":
            self._expressions.add(_unquoted(token))
        if upper in _OPERATIONS or (self.operation == upper and upper != "WITH"):
            self._say(upper)
        self._expects = upper in _FIRST and following.upper() != "TABLE"

    def _is_index(self) -> bool:
        return self.operation == "CREATE" and not self._found

    def _before_a_table(self, upper: str, previous: str) -> None:
        inside = self._functions[-1] if self._functions else ""
        if upper == "FROM" and (previous == "DISTINCT" or inside in _FROM_INSIDE):
            return
        self._expects = True
        self._listing = self._depth if upper == "FROM" else self._listing

    def _add(self, token: str) -> None:
        name = _unquoted(token)
        if name not in self._expressions:
            self._found.append((self._depth, name))
            self._say(name)

    def _say(self, word: str) -> None:
        self._said.append(word)

    def table(self) -> str:
        """The first one of those that stand in the fewest parentheses."""
        return min(self._found, key=lambda found: found[0])[1] if self._found else ""

    def summary(self) -> str:
        """Whole words only."""
        said = " ".join(self._said)
        return said if len(said) <= MAX_SUMMARY else said[: MAX_SUMMARY + 1].rpartition(" ")[0]


def _unquoted(name: str) -> str:
    return "".join(part.strip() for part in re.split(r"\s*(\.)\s*", name.translate(_QUOTES)))
