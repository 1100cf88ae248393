"""Executes prepared statements into Arrow tables; whoever keeps some prepared for every batch runs them with it."""

from __future__ import annotations

import duckdb
import pyarrow as pa


def executed(con: duckdb.DuckDBPyConnection, name: str) -> pa.Table:
    """What the prepared statement of that name gives now.

    `con.sql` keeps the rows of what is no SELECT and reads them back by a second statement: 1 to 2 ms that the step beneath it does not
    take. That step is private; a DuckDB that has another one is asked the public way.

    Raises:
        duckdb.Error: the statement failed.
    """
    statement = f"execute {name}"
    try:
        return con._submit(statement, None, "arrow").arrow_table()  # noqa: SLF001
    except (AttributeError, TypeError):
        return con.sql(statement).to_arrow_table()
