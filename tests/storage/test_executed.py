"""Prepared statements into Arrow tables."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pytest
from otelpond.storage.executed import executed


class PublicOnly:
    """A connection of a DuckDB that has no step beneath `sql`."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.sql = con.sql


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    """With a statement prepared."""
    connection = duckdb.connect(":memory:")
    connection.execute("prepare told as select range as number, 'told' as word from range(3)")
    return connection


@pytest.mark.parametrize("shown", [lambda con: con, PublicOnly])
def test_a_prepared_statement_gives_the_same_either_way(con: duckdb.DuckDBPyConnection, shown: Any) -> None:
    """Also where DuckDB has no step beneath `sql`."""
    assert pa.table({"number": [0, 1, 2], "word": ["told"] * 3}) == executed(shown(con), "told")


@pytest.mark.parametrize("shown", [lambda con: con, PublicOnly])
def test_a_failing_statement_raises_what_duckdb_raises(con: duckdb.DuckDBPyConnection, shown: Any) -> None:
    """It is not taken for a step that is not there."""
    con.execute("prepare failing as select error('no')")
    with pytest.raises(duckdb.InvalidInputException, match="no"):
        executed(shown(con), "failing")
