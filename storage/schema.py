"""Reads the tables' `.sql` files: what a table holds, its columns, and the SELECT that fills it; handed to derive, lake and docs.

A file holds, in this order: an opening comment that says what the table is, one CREATE TABLE, a COMMENT ON COLUMN for every
column, and one SELECT over `decoded_*` relations (a table that the collector fills itself has none). Where the SELECT reads documented
tables instead, the table is a view and has no files. DuckDB parses it all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from .checked_tables import keep, kept, place_of
from .table import Column, TableError, TableSchema, decoded_schemas
from .table_files import read_table

__all__ = [
    "MACROS_FOLDER",
    "TABLES_FOLDER",
    "VIEWS_FOLDER",
    "Column",
    "TableError",
    "TableSchema",
    "create_macros",
    "decoded_schemas",
    "load_tables",
]

TABLES_FOLDER = Path(__file__).parent / "tables"
MACROS_FOLDER = Path(__file__).parent / "macros"
VIEWS_FOLDER = Path(__file__).parent / "views"


def load_tables(folders: Sequence[Path] = (TABLES_FOLDER,)) -> dict[str, TableSchema]:
    """Read every `.sql` file of the folders, in the order of folders and names.

    Raises:
        TableError: a file breaks a rule, or two files make the same table.
    """
    files = _files(folders)
    place = place_of(files, [*sorted(MACROS_FOLDER.glob("*.sql")), *sorted(VIEWS_FOLDER.glob("*.sql"))])
    tables = kept(place)
    if tables is None:
        tables = _read(files)
        _check_views(tables)
        keep(place, tables)
    return tables


def _read(files: Iterable[Path]) -> dict[str, TableSchema]:
    tables: dict[str, TableSchema] = {}
    with duckdb.connect(":memory:") as ddl, duckdb.connect(":memory:") as relations:
        create_macros(relations)
        for name, schema in decoded_schemas().items():
            relations.register(f"decoded_{name}", schema.empty_table())
        for path in files:
            table = read_table(path, ddl, relations)
            if table.name in tables:
                raise TableError(path, 1, f"table {table.name} is already made by {tables[table.name].path}")
            tables[table.name] = table
    return tables


def _check_views(tables: Mapping[str, TableSchema]) -> None:
    """Bind the views without files against empty tables, and see that each gives its columns.

    Raises:
        TableError: one of them does not.
    """
    views = [table for table in tables.values() if table.view_sql is not None]
    with duckdb.connect(":memory:") as con:
        create_macros(con)
        for table in tables.values() if views else ():
            columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in table.columns)
            con.execute(f'create table "{table.name}" ({columns})')
            if (VIEWS_FOLDER / f"{table.name}.sql").is_file():
                con.execute(f'create view "{table.name}_files" as from "{table.name}"')
        paths = [path for path in sorted(VIEWS_FOLDER.glob("*.sql")) if views and path.stem not in tables]
        for path in paths * 2:  # a view may read one that comes behind it
            text = path.read_text(encoding="utf-8")
            with contextlib.suppress(duckdb.Error):  # a view over tables that are not loaded
                con.execute(f'create view "{path.stem}" as {text}')
        for view in views:
            try:
                con.sql(view.shown(f"(\n{view.view_sql})"))
            except duckdb.Error as error:
                raise TableError(view.path, 1, str(error).split("\n", maxsplit=1)[0]) from error


def create_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Make the macros of `macros/*.sql`, which several tables share, known to a connection."""
    for path in sorted(MACROS_FOLDER.glob("*.sql")):
        con.execute(path.read_text(encoding="utf-8"))


def _files(folders: Iterable[Path]) -> list[Path]:
    missing = [folder for folder in folders if not folder.is_dir()]
    if missing:
        raise TableError(missing[0], 1, "expected a folder of .sql files")
    return [path for folder in folders for path in sorted(folder.glob("*.sql"))]
