"""One of the event reader's statements, prepared once and run for every batch in the order of its rows; and columns by distinct value."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np
import pyarrow as pa

from ..arrays import as_string, one
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


def by_distinct(column: pa.Array, values: Callable[[list[str]], pa.Array]) -> pa.Array:
    """For each text what `values` gives for it, asked for the distinct texts only; NULL where there is none."""
    encoded = as_string(column).dictionary_encode()
    return values(encoded.dictionary.to_pylist()).take(encoded.indices)
