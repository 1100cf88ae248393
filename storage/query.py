"""pond.duckdb, the file of views that everybody queries, and `connect`; the lake has it rewritten after each publish.

The file holds one view per documented table, over the exact Parquet files of the last snapshot. It is never changed, only
replaced, so that a connection keeps the snapshot that it opened. In its schema `files` stand the views with the lists of files,
the only ones that change: rewriting all 12 tables with 200 files each takes 50 ms, with all views and comments 200 ms.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import shutil
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from .durable import fsync_file, fsync_folder
from .quoting import quoted

if TYPE_CHECKING:
    from .schema import Column, TableSchema

logger = logging.getLogger(__name__)
POND: Final = "pond.duckdb"
VIEWS_FOLDER: Final = Path(__file__).parent / "views"
MACROS_FOLDER: Final = Path(__file__).parent / "macros"
TABLES_FOLDER: Final = Path(__file__).parent / "tables"
EVENTS: Final = "events"
SESSIONS: Final = "user_sessions"
FOLLOWING: Final = {"issue_links": "issue_activity", "issue_states": "issue_activity"}
"""Views that have no rows while a table has none; they are then shown as empty ones, which costs whoever joins them nothing."""
ISSUES: Final = "issues"
STATES: Final = "issue_states"
"""Its SELECT stands in that of issues too, and not its name: both read the same rows, which takes longer than all else of them."""
LATE_STACKS: Final = "mapped_stacks"
MAPPED: Final = tuple(f"{name}_mapped" for name in ("error_logs", "crash_reports", "api_error_logs", "database_error_logs"))
"""Views that show files as they are while there are no late stacks: what a row's stack is since then takes reading all stacks."""
OPEN_EVENTS: Final = "events_open"
"""The events of the days whose sessions are not stored."""
_STORAGE_VERSION: Final = "v1.5.0"  # DuckDB 1.5 and 2.x open it
_WORD: Final = re.compile(r"\w+")
_CALL: Final = re.compile(r"(\w+)\(")
_STRING_OR_COMMENT: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*")
_MADE: Final[dict[str, bytes]] = {}
"""By kind, files that this process made (300 kB each), of views over no files: other ponds, and later changes of one, are spared 0.5 s."""
_MOST_MADE: Final = 8
_IDLE: Final[deque[duckdb.DuckDBPyConnection]] = deque(maxlen=1)
"""The database that wrote a pond's file last, for the next, of whatever pond: each has 4 MB and 8 threads.

It stays open: one that is closed has glibc give back all free memory of the process, and a pipeline's next batches would touch half a
gigabyte of fresh pages."""


class PondNotFoundError(Exception):
    """There is no pond in that directory. The text says how to get one."""


@dataclass(frozen=True, slots=True)
class _Contents:
    """What a pond file holds beside the lists of files.

    Attributes:
        tables: those that are shown, by name.
        definitions: every view and its SELECT.
        macros: the statements that make those macros which the views name.
        kind: digest of views, macros and comments: files of one kind differ in their lists of files alone.
        digest: of all that a file of the same digest need not be written anew for.
    """

    tables: Mapping[str, TableSchema]
    definitions: Mapping[str, str]
    macros: tuple[str, ...]
    kind: str
    digest: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The live files of a table.

    Attributes:
        version: of the snapshot; a view is rewritten when this changes.
        paths: absolute, one at least, and the first one has every column.
        mixed: some files lack columns that others have.
    """

    version: int
    paths: tuple[str, ...]
    mixed: bool


def connect(data: str | Path = "pond") -> duckdb.DuckDBPyConnection:
    """A DuckDB connection that knows the pond's tables by their names, in UTC, and keeps the snapshot of this moment.

    The pond is attached read-only; tables that one creates live in the connection's own memory.

    Args:
        data: the pond's directory.

    Raises:
        PondNotFoundError: there is no pond.
    """
    pond = Path(data).resolve() / POND
    if not pond.is_file():
        raise PondNotFoundError(f"no pond in {pond.parent}: start one with `otelpond serve --data {data}`, or name the directory of one")
    con = duckdb.connect()
    con.execute("set timezone='UTC'")
    con.execute(f"attach {quoted(str(pond))} as pond (read_only)")
    con.execute("set search_path='memory.main,pond.main'")
    return con


class PondFile:
    """Writes pond.duckdb; remembers what it wrote last, which saves opening it (30 ms).

    Args:
        data: the pond's directory.
        tables: the documented tables by name.
    """

    def __init__(self, data: Path, tables: Mapping[str, TableSchema]) -> None:
        self._pond = data / POND
        self._tables = tables
        self._awaited = {table.waits_for for table in tables.values() if table.waits_for is not None}
        self._awaited |= {table for view, table in FOLLOWING.items() if view in tables} | ({LATE_STACKS} & tables.keys())
        self._contents: dict[frozenset[str], _Contents] = {}
        self._written: tuple[int, str, dict[str, int]] = (-1, "", {})

    def write(self, listings: Mapping[str, Listing]) -> None:
        """Replace the file by one that shows these snapshots, one for each table, in one durable step; the caller holds its lock."""
        try:
            self._write(listings)
        except duckdb.Error:
            damaged = _damaged(listings)
            if not damaged:
                raise
            for path in sorted(damaged):
                logger.error("%s is damaged and its rows are not shown: restore this file from a backup", path)  # noqa: TRY400
            self._write({n: replace(listing, paths=tuple(p for p in listing.paths if p not in damaged)) for n, listing in listings.items()})

    def _write(self, listings: Mapping[str, Listing]) -> None:
        contents = self._contents_with(frozenset(name for name in self._awaited if len(listings[name].paths) > 1))
        shown = self._shown(contents.digest)
        changed = {name: listing for name, listing in listings.items() if shown.get(name) != listing.version}
        if shown and not changed:
            return
        temporary = self._pond.with_name(f".{POND}.tmp")
        temporary.unlink(missing_ok=True)
        _remove_wal(temporary)
        if shown:
            shutil.copyfile(self._pond, temporary)
        elif contents.kind in _MADE:
            temporary.write_bytes(_MADE[contents.kind])
        else:
            self._make(temporary, contents)
        with _attached(temporary) as con:
            for name, listing in changed.items():
                _write_listing(con, name, listing, contents.digest)
        _replace(temporary, self._pond)
        self._written = (_identity(self._pond), contents.digest, {name: listing.version for name, listing in listings.items()})

    def _make(self, file: Path, contents: _Contents) -> None:
        """Write a file of views over no files, and remember it."""
        stored = {name: table for name, table in self._tables.items() if table.view_sql is None}
        stored |= {OPEN_EVENTS: stored[EVENTS]} if stored.keys() >= {EVENTS, SESSIONS} else {}
        with _attached(file) as con:
            con.execute("create schema pond.files")
            for name, table in stored.items():
                con.execute(f"create view pond.files.{name} as {table.empty}")
            _write_views(con, contents)
        if len(_MADE) < _MOST_MADE:
            _MADE[contents.kind] = file.read_bytes()

    def _contents_with(self, rows_of: frozenset[str]) -> _Contents:
        """What is shown while these of the awaited tables have rows; a table without has its seed file alone."""
        if rows_of not in self._contents:
            tables = {name: table for name, table in self._tables.items() if table.waits_for is None or table.waits_for in rows_of}
            definitions = dict(views_of(tables, self._awaited - rows_of))
            macros = _macros(definitions.values())
            # Views hold absolute paths: in a directory that was moved or copied, all of them are written anew.
            comments = [(table.comment, [(column.name, column.comment) for column in table.columns]) for table in tables.values()]
            kind = _digest([*definitions.items(), macros, comments])
            self._contents[rows_of] = _Contents(tables, definitions, macros, kind, _digest([str(self._pond.resolve()), kind]))
        return self._contents[rows_of]

    def _shown(self, digest: str) -> dict[str, int]:
        """The versions that the present file shows, by table; empty where all of it must be written anew."""
        if not self._pond.is_file():
            return {}
        _remove_wal(self._pond)
        identity, written, versions = self._written
        known = identity == _identity(self._pond) and written == digest
        return versions if known else _read_versions(self._pond, digest)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _identity(file: Path) -> int:
    """Another number for each replaced or changed file."""
    status = file.stat()
    return hash((status.st_ino, status.st_mtime_ns, status.st_size))


def _read_versions(pond: Path, digest: str) -> dict[str, int]:
    try:
        with duckdb.connect() as con:
            con.execute(f"attach {quoted(str(pond))} as pond (read_only)")
            rows = con.execute(
                "select view_name, comment from duckdb_views() where database_name = 'pond' and schema_name = 'files'"
            ).fetchall()
            notes = {name: json.loads(comment) for name, comment in rows}
    except (duckdb.Error, ValueError, TypeError):
        return {}
    return {name: note["version"] for name, note in notes.items()} if all(n["digest"] == digest for n in notes.values()) else {}


def _write_listing(con: duckdb.DuckDBPyConnection, name: str, listing: Listing, digest: str) -> None:
    lost = {path for path in listing.paths if not Path(path).is_file()}  # DuckDB would refuse the view, and with it all others
    for path in sorted(lost):
        logger.error("%s is gone and its rows with it: restore this file from a backup", path)
    # DuckDB takes the first file for one of average length: the empty one that has every column goes last where all of them have
    ordered = listing.paths if listing.mixed else (*listing.paths[1:], *listing.paths[:1])
    paths = ", ".join(quoted(path) for path in ordered if path not in lost)
    union = ", union_by_name = true" if listing.mixed else ""
    con.execute(
        f"create or replace view pond.files.{name} as select * from "  # noqa: S608 - names are of documented tables
        f"read_parquet([{paths}], hive_partitioning = true, hive_types = {{'dt': date}}{union})"
    )
    con.execute(f"comment on view pond.files.{name} is {quoted(json.dumps({'version': listing.version, 'digest': digest}))}")


def _damaged(listings: Mapping[str, Listing]) -> set[str]:
    """Those of the files that have no whole footer: where a view has to look into one of them, DuckDB refuses it."""
    damaged = set()
    with duckdb.connect() as con:
        for path in (path for listing in listings.values() for path in listing.paths if Path(path).is_file()):
            try:
                con.execute(f"select 1 from parquet_file_metadata({quoted(path)})").fetchall()  # noqa: S608 - a file of ours
            except duckdb.Error:
                damaged.add(path)
    return damaged


def views_of(tables: Mapping[str, TableSchema], without_rows: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Every view and its SELECT, each after those that it reads; a view over tables that this pond lacks is left out."""
    closes = tables.keys() >= {EVENTS, SESSIONS}
    if closes:
        yield OPEN_EVENTS, tables[EVENTS].shown(f"files.{OPEN_EVENTS}")
    own = {path.stem: path.read_text(encoding="utf-8").rstrip().removesuffix(";") for path in sorted(VIEWS_FOLDER.glob("*.sql"))}
    own |= {name: table.shown(f"(\n{table.view_sql})") for name, table in tables.items() if table.view_sql is not None}
    own |= {name: tables[name].empty for name in own.keys() & tables.keys() if FOLLOWING.get(name) in without_rows}
    if own.keys() >= {ISSUES, STATES}:
        own[ISSUES] = _with_states(own[ISSUES], own[STATES])
    if LATE_STACKS in without_rows or LATE_STACKS not in tables:
        own |= {view: f"select * from {view.removesuffix('_mapped')}_files" for view in MAPPED}  # noqa: S608
    names = {f"{name}_files" if name in own else name: name for name, table in tables.items() if table.view_sql is None}
    for shown, name in names.items():
        yield shown, tables[name].shown(f"files.{name}")
    documented = {path.stem for path in TABLES_FOLDER.glob("*.sql")} | own.keys()
    lacking = (documented | {f"{name}_files" for name in documented} | (set() if closes else {OPEN_EVENTS})) - names.keys()
    reads = {name: lacking & (_names_in(select) - {name}) for name, select in own.items()}
    while ready := [name for name, missing in reads.items() if not missing]:
        for name in ready:
            del reads[name]
            yield name, own[name]
        reads = {name: missing - set(ready) for name, missing in reads.items()}


def _with_states(issues: str, states: str) -> str:
    """The SELECT of issues with that of their states in it, over the rows that it has read already: `event` for issue_rows."""
    return issues.replace(f"from {STATES}", f"from (\n{states.replace('from issue_rows event', 'from event')}\n)")


def _names_in(sql: str) -> set[str]:
    """All words of a statement, but for those of its texts and comments."""
    return set(_WORD.findall(_STRING_OR_COMMENT.sub(" ", sql)))


def _macros(selects: Iterable[str]) -> tuple[str, ...]:
    """What makes the macros that views call, in the pond's own schema, where whoever reads it has them too."""
    called = {name for select in selects for name in _CALL.findall(_STRING_OR_COMMENT.sub(" ", select))}
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(MACROS_FOLDER.glob("*.sql"))}
    return tuple(text.replace("create macro ", "create macro pond.main.", 1) for name, text in texts.items() if name in called)


def _write_views(con: duckdb.DuckDBPyConnection, contents: _Contents) -> None:
    for macro in contents.macros:
        con.execute(macro)
    for name, select in contents.definitions.items():
        con.execute(f"create view pond.main.{name} as\n{select}")
        if comment := _opening_comment(select):
            con.execute(f"comment on view pond.main.{name} is {quoted(comment)}")
    for name, table in ((name, table) for name, table in contents.tables.items() if name in contents.definitions):
        con.execute(f"comment on view pond.main.{name} is {quoted(table.comment)}")
        shown = table.columns if table.view_sql is not None else _shown_columns(con, table)
        for column in (column for column in shown if column.comment):
            con.execute(f'comment on column pond.main.{name}."{column.name}" is {quoted(column.comment)}')


def _opening_comment(select: str) -> str:
    lines = takewhile(lambda line: line.startswith("--"), select.splitlines())
    return "\n".join(line.removeprefix("--").strip() for line in lines)


def _shown_columns(con: duckdb.DuckDBPyConnection, table: TableSchema) -> list[Column]:
    """Those that the view over a table's files has kept."""
    kept = {row[0] for row in con.execute(f"describe pond.main.{table.name}").fetchall()}
    return [column for column in table.columns if column.name in kept]


@contextlib.contextmanager
def _attached(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file as `pond`, in one transaction; after a failure the next one has another database."""
    try:
        con = _IDLE.pop()
    except IndexError:
        con = duckdb.connect(config={"threads": 1})
    try:
        con.execute(f"attach {quoted(str(file))} as pond (storage_version {quoted(_STORAGE_VERSION)})")
        con.execute("begin")
        yield con
        con.execute("commit")
        con.execute("detach pond")
    except BaseException:
        con.close()
        raise
    _IDLE.append(con)


def _replace(temporary: Path, pond: Path) -> None:
    temporary.chmod(0o444)
    fsync_file(temporary)
    _remove_wal(pond)
    temporary.replace(pond)
    fsync_folder(pond.parent)


def _remove_wal(pond: Path) -> None:
    """A write-ahead log that somebody's read-write session left would be replayed into the next file, and break every reader."""
    pond.with_name(f"{pond.name}.wal").unlink(missing_ok=True)
