"""Reads the text of database statements: literals removed, pattern hash, operation and table; derive hands it the decoded spans.

A statement is looked at once per distinct text. First its literals are removed (literals.py): that alone decides what is stored and
hashed. Then sqlglot reads operation and table from what is left, within a bounded cache, 4 kB a
statement and 50 ms a batch; beyond these the first keyword is the operation and the table stays empty. Nothing here raises.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from numpy.typing import NDArray
from sqlglot import exp

from .arrays import one, told
from .gather import equal, taken_texts
from .literals import KEY_VALUE_SYSTEMS, without_literals

STATEMENT_COLUMNS: tuple[pa.Field, ...] = (
    pa.field("db_query_hash", pa.string()),  # 16 hex digits of the statement without literals; NULL where there is no statement
    pa.field("db_query_operation", pa.string()),  # SELECT, INSERT, ... in upper case; '' where it has no words
    pa.field("db_query_table", pa.string()),  # the first table it names, as written, without quotes; '' where none was found
)
"""What `StatementReader.annotate` adds to decoded spans."""

MAX_PARSED_BYTES = 4096
BATCH_BUDGET_S = 0.050
_CACHED_STATEMENTS = 4096
_MARKED_VALUES = 1 << 22

_DIALECTS = {
    "mysql": "mysql",
    "mariadb": "mysql",
    "tidb": "mysql",
    "microsoft.sql_server": "tsql",
    "mssql": "tsql",
    "oracle.db": "oracle",
    "oracle": "oracle",
    "bigquery": "bigquery",
    "gcp.bigquery": "bigquery",
    "snowflake": "snowflake",
    "databricks": "databricks",
    "spark": "spark",
    "hive": "hive",
    "clickhouse": "clickhouse",
    "sqlite": "sqlite",
}

_FIRST_WORD = re.compile(r"[A-Za-z_]\w*")
_STATEMENT_IN_JSON = re.compile(r'("db\.(?:statement|query\.text)":)("(?:[^"\\]|\\.)*+")')

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Statement:
    """What is known of one statement: its text without literals, the hash of that, operation and table."""

    text: str
    hash: str
    operation: str
    table: str


def pattern_hash(text: str) -> str:
    """16 hex digits that stand for a statement without literals; SQL gets the same by `left(md5(text), 16)`."""
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:16]


class _Recent(Generic[_Key, _Value]):
    """The values used last, at most `size` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[_Key, _Value] = OrderedDict()

    def get(self, key: _Key) -> _Value | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: _Key, value: _Value) -> None:
        self._values[key] = value
        if len(self._values) > self._size:
            self._values.popitem(last=False)


class StatementReader:
    """Reads statements, and remembers the ones read last."""

    def __init__(self, budget_s: float = BATCH_BUDGET_S) -> None:
        logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it warns of every statement it does not know
        self._budget_s = budget_s
        self._statements: _Recent[tuple[str, str], Statement] = _Recent(_CACHED_STATEMENTS)
        self._parsed: _Recent[tuple[str, str], tuple[str, str]] = _Recent(_CACHED_STATEMENTS)

    def read(self, statements: Iterable[tuple[str, str]]) -> list[Statement]:
        """Read (database system, text) pairs of one batch, in order."""
        left_s = self._budget_s
        results = []
        for system, text in statements:
            known = self._statements.get((system, text))
            if known is None:
                started = time.perf_counter()
                known = self._read(system, text, parse=left_s > 0)
                left_s -= time.perf_counter() - started
            results.append(known)
        return results

    def _read(self, system: str, text: str, *, parse: bool) -> Statement:
        bare = without_literals(text, system)
        operation, table = _first_keyword(bare), ""
        parse = parse and len(bare) <= MAX_PARSED_BYTES and system not in KEY_VALUE_SYSTEMS
        if parse:
            dialect = _DIALECTS.get(system, "")
            parsed = self._parsed.get((dialect, bare))
            if parsed is None:
                parsed = _operation_and_table(bare, dialect)
                self._parsed.put((dialect, bare), parsed)
            operation, table = parsed[0] or operation, parsed[1]
        statement = Statement(bare, pattern_hash(bare), operation, table)
        if parse and len(text) <= MAX_PARSED_BYTES:
            self._statements.put((system, text), statement)
        return statement

    def annotate(self, spans: pa.Table) -> pa.Table:
        """Decoded spans with `db_query_text` sanitised, also where it stays in `attributes`, and STATEMENT_COLUMNS added."""
        codes, pairs = _distinct(spans)
        read = self.read(pairs)
        for name, values in (
            ("db_query_hash", [statement.hash for statement in read]),
            ("db_query_operation", [statement.operation for statement in read]),
            ("db_query_table", [statement.table for statement in read]),
        ):
            spans = spans.append_column(name, taken_texts([*values, None], codes))
        if not pairs:
            return spans
        spans = _replaced(spans, "db_query_text", taken_texts([*(statement.text for statement in read), None], codes))
        return self._sanitised_rows(spans, equal(spans["semconv"], b"mixed"), spans["db_system_name"])

    def sanitise_attributes(self, records: pa.Table) -> pa.Table:
        """Records that have no column for a statement (logs, span events), with the statements in their `attributes` sanitised."""
        named = told(records["attributes"], lambda texts: pc.match_substring(texts, '"db.'))
        return self._sanitised_rows(records, named, None)

    def _sanitised_rows(self, records: pa.Table, chosen: NDArray[np.bool_], systems: pa.ChunkedArray | None) -> pa.Table:
        """The records, with statements replaced in the JSON of the chosen rows.

        Of spans these are the rows that mix generations of names: only there a statement stays beside its column.
        """
        rows = np.flatnonzero(chosen).tolist()
        if not rows:
            return records
        attributes = records["attributes"].to_pylist()
        names = [""] * records.num_rows if systems is None else systems.to_pylist()
        for row in rows:
            if attributes[row]:
                attributes[row] = self._sanitise_json(attributes[row], names[row] or "")
        return _replaced(records, "attributes", pa.array(attributes, pa.string()))

    def _sanitise_json(self, attributes: str, system: str) -> str:
        def replace(found: re.Match[str]) -> str:
            statement = self._statements.get((system, text := json.loads(found[2])))
            return found[1] + json.dumps(statement.text if statement else without_literals(text, system), ensure_ascii=False)

        return _STATEMENT_IN_JSON.sub(replace, attributes)


def _distinct(spans: pa.Table) -> tuple[NDArray[np.int64], list[tuple[str, str]]]:
    """For each span the number of its distinct (system, text), that behind the last where it has no text; and these pairs."""
    texts, systems = (one(spans[name]).dictionary_encode() for name in ("db_query_text", "db_system_name"))
    absent = texts.indices.is_null().to_numpy(zero_copy_only=False)
    names = ["", *systems.dictionary.to_pylist()]
    words = texts.dictionary.to_pylist()
    pairs = texts.indices.fill_null(0).to_numpy().astype(np.int64) * len(names) + systems.indices.fill_null(-1).to_numpy() + 1
    distinct, codes = _numbered(pairs, ~absent, max(1, len(words)) * len(names))
    found = [(names[pair % len(names)], words[pair // len(names)]) for pair in distinct.tolist()]
    return np.where(absent, len(found), codes), found


def _numbered(values: NDArray[np.int64], present: NDArray[np.bool_], bound: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct values among the present ones, and for each present value its position among them; values are below `bound`."""
    if bound > _MARKED_VALUES:
        distinct = np.unique(values[present])
        return distinct, np.searchsorted(distinct, values).astype(np.int64)
    seen = np.zeros(bound, np.bool_)  # to mark them takes 0.2 ms of 50,000 rows, to sort them 3
    seen[values[present]] = True
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[values]


def _replaced(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    index = table.schema.get_field_index(name)
    field = table.schema.field(index)
    return table.set_column(index, field, values.cast(field.type))


def _first_keyword(bare: str) -> str:
    found = _FIRST_WORD.search(bare)
    return found[0].upper() if found else ""


def _operation_and_table(bare: str, dialect: str) -> tuple[str, str]:
    """What sqlglot reads: the statement's operation in upper case and its first table; ('', '') where it cannot."""
    try:
        tree = sqlglot.parse_one(bare.replace("?", "'?'"), dialect=dialect)  # a string parses in more places than a parameter
    except (sqlglot.errors.SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return "", ""
    if not isinstance(tree, exp.Query | exp.Insert | exp.Update | exp.Delete | exp.Merge):
        return "", _first_table(tree)
    return "SELECT" if isinstance(tree, exp.Query) else tree.key.upper(), _first_table(tree)


def _first_table(tree: exp.Expr) -> str:
    """The first table, breadth first, that is no name of a common table expression: the target of a change, the FROM of a query."""
    expressions = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name and not (table.name in expressions and not table.db):
            return ".".join(part for part in (table.catalog, table.db, table.name) if part)
    return ""
