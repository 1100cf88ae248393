"""One of the event reader's statements, prepared once and run for every batch in the order of its rows; and columns by distinct value."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np
import pyarrow as pa

from ..executed import executed
from ..gather import taken
from ..selects import Relation


class Prepared:
    """A statement over one relation that gives a row for each of its rows.

    Args:
        con: where it is prepared.
        name: of the relation.
        relation: whose rows are exchanged; its first column is row_id, which ascends.
        sql: the statement; it selects row_id too.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, name: str, relation: Relation, sql: str) -> None:
        self._con = con
        self._relation_name = name
        self._name = f"{name}_rows"
        self._relation = relation
        con.register(name, relation)
        con.execute(f"prepare {self._name} as {sql}")

    def close(self) -> None:
        """Forget the statement."""
        self._con.execute(f"deallocate {self._name}")
        self._con.unregister(self._relation_name)

    def run(self, rows: pa.Table) -> dict[str, pa.Array]:
        """The statement's columns, in the order of the rows given.

        Raises:
            duckdb.Error: the statement failed.
        """
        self._relation.exchange(rows)
        try:
            result = executed(self._con, self._name)
        finally:
            self._relation.clear()
        ids = result["row_id"].to_numpy()
        if np.any(ids[1:] < ids[:-1]):
            result = taken(result, np.argsort(ids))
        return {name: one(result[name]) for name in result.column_names}


def one(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks() if column.num_chunks else pa.array([], column.type)


def all_null(column: pa.Array) -> bool:
    """Whether there is nothing in it."""
    return bool(column.null_count == len(column))


def text(column: pa.Array) -> pa.Array:
    """As `string`, which Arrow computes with; it cannot with string views."""
    return column if column.type == pa.string() else column.cast(pa.string())


def by_distinct(column: pa.Array, values: Callable[[list[str]], pa.Array]) -> pa.Array:
    """For each text what `values` gives for it, asked for the distinct texts only; NULL where there is none."""
    encoded = text(column).dictionary_encode()
    return values(encoded.dictionary.to_pylist()).take(encoded.indices)
