"""The user's drop and redact rules, compiled and checked at start; derive hands it the decoded relations of a batch.

`[[drop]]` names a signal and an SQL predicate over the columns of its decoded relation. `[redact]` names attributes, which the
decoder replaces or leaves out, and patterns, which are replaced in the text columns named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from .decode.columns import RELATIONS

REDACTED = "[redacted]"
_JSON_COLUMNS = frozenset(
    {
        *("attributes", "resource_attributes", "scope_attributes", "resource_entity_refs"),
        *("links", "user_roles", "metadata", "quantiles", "exemplars", "content"),
    }
)
_RELATION_OF_SIGNAL = {"traces": "spans", "spans": "spans", "logs": "logs", "metrics": "metric_points", "metric_points": "metric_points"}


class RuleError(ValueError):
    """A rule cannot be used; the text names its key and the reason."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Records to leave out.

    Attributes:
        signal: traces, logs or metrics.
        where: an SQL predicate over the columns of the decoded relation, such as `http_route = '/health'`.
    """

    signal: str
    where: str


@dataclass(frozen=True, slots=True)
class Redact:
    """Text to replace by `[redacted]`.

    Attributes:
        attributes: exact names; their value is replaced, in resources, scopes, records, events and links. The decoder does it.
        drop_attributes: exact names; the attribute is left out. The decoder does it.
        patterns: regular expressions (RE2); what they match is replaced in the columns named.
        columns: names of text columns of any decoded relation.
    """

    attributes: Sequence[str] = ()
    drop_attributes: Sequence[str] = ()
    patterns: Sequence[str] = ()
    columns: Sequence[str] = ("attributes", "body", "exception_message", "exception_stacktrace", "status_message")


@dataclass(slots=True)
class RecordRules:
    """The rules that work on decoded records, checked.

    Attributes:
        dropped: how many records were dropped so far.
    """

    drops: Sequence[Drop] = ()
    redact: Redact = field(default_factory=Redact)
    dropped: int = 0

    def __post_init__(self) -> None:
        with duckdb.connect(":memory:") as con:
            for name, schema in RELATIONS.items():
                con.register(f"decoded_{name}", schema.empty_table())
            for index, drop in enumerate(self.drops):
                _check_drop(con, index, drop)
            _check_redact(con, self.redact)

    def apply(self, con: duckdb.DuckDBPyConnection, relations: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """The relations without the dropped records (and their span events), patterns replaced. A predicate that fails drops nothing."""
        kept = dict(relations)
        for name in ("spans", "logs", "metric_points"):
            predicates = [f"try({drop.where})" for drop in self.drops if _RELATION_OF_SIGNAL[drop.signal] == name]
            if predicates and name in kept:
                kept[name] = _selected(con, kept[name], f"select * from record where ({' or '.join(predicates)}) is not true")  # noqa: S608
                self.dropped += relations[name].num_rows - kept[name].num_rows
        if "span_events" in kept and "spans" in kept and kept["spans"].num_rows < relations["spans"].num_rows:
            kept["span_events"] = _events_of(con, kept["spans"], kept["span_events"])
        if self.redact.patterns:
            kept = {name: self._redacted(con, table) for name, table in kept.items()}
        return kept

    def _redacted(self, con: duckdb.DuckDBPyConnection, table: pa.Table) -> pa.Table:
        columns = [name for name in self.redact.columns if name in table.schema.names]
        if not columns or not table.num_rows:
            return table
        replaced = ", ".join(f"{_replacing(name, self.redact.patterns)} as {name}" for name in columns)
        return _selected(con, table, f"select * replace ({replaced}) from record")  # noqa: S608


def _check_drop(con: duckdb.DuckDBPyConnection, index: int, drop: Drop) -> None:
    relation = _RELATION_OF_SIGNAL.get(drop.signal)
    if relation is None:
        raise RuleError(f"drop[{index}].signal: expected traces, logs or metrics, not {drop.signal!r}")
    try:
        statements = duckdb.extract_statements(f"select * from decoded_{relation} where try({drop.where})")  # noqa: S608
        if len(statements) != 1:
            raise RuleError(f"drop[{index}].where: expected one SQL predicate, not {drop.where!r}")
        con.execute(statements[0])
    except duckdb.Error as error:
        raise RuleError(f"drop[{index}].where: {_first_line(error)} (columns are those of decoded_{relation})") from error


def _check_redact(con: duckdb.DuckDBPyConnection, redact: Redact) -> None:
    for index, pattern in enumerate(redact.patterns):
        try:
            con.execute("select regexp_replace('', ?, '', 'g')", [pattern])
        except duckdb.Error as error:
            raise RuleError(f"redact.patterns[{index}]: {_first_line(error)}") from error
    for index, column in enumerate(redact.columns):
        if not re.fullmatch(r"\w+", column) or not any(_is_text(schema, column) for schema in RELATIONS.values()):
            raise RuleError(f"redact.columns[{index}]: {column!r} is no text column of a decoded relation")


def _is_text(schema: pa.Schema, column: str) -> bool:
    return column in schema.names and schema.field(column).type == pa.string()


def _first_line(error: duckdb.Error) -> str:
    return str(error).split("\n", maxsplit=1)[0]


def _replacing(column: str, patterns: Sequence[str]) -> str:
    expression = column
    for pattern in patterns:
        quoted = pattern.replace("'", "''")
        expression = f"regexp_replace({expression}, '{quoted}', '{REDACTED}', 'g')"
    if column not in _JSON_COLUMNS:
        return expression
    # a pattern may take a quote or a brace with it: what is no JSON any more is redacted as a whole
    return f"case when {column} is null then null when json_valid({expression}) then {expression} else '{{\"{REDACTED}\":null}}' end"


def _selected(con: duckdb.DuckDBPyConnection, table: pa.Table, query: str) -> pa.Table:
    con.register("record", table)
    try:
        return con.sql(query).to_arrow_table()
    finally:
        con.unregister("record")


def _events_of(con: duckdb.DuckDBPyConnection, spans: pa.Table, events: pa.Table) -> pa.Table:
    con.register("kept_spans", spans.select(["row_id"]))
    try:
        return _selected(con, events, "select * from record where span_row_id in (select row_id from kept_spans)")
    finally:
        con.unregister("kept_spans")
