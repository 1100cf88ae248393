"""What a pond shows at one moment, read from its pond.duckdb: files and views; and which files were published since another moment.

Nothing here needs the libraries of the lake: pond.duckdb names the live files, and of what was added since, and not by a compaction, the
entries of the Delta log speak.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import duckdb

from ..query import POND
from ..quoting import quoted

_LIST: Final = re.compile(r"list_value\(('(?:[^']|'')*'(?:, '(?:[^']|'')*')*)\)")
_TEXT: Final = re.compile(r"'((?:[^']|'')*)'")
_LOG: Final = "_delta_log"
_MEMORY: Final = "512MB"


@dataclass(frozen=True, slots=True)
class Files:
    """The live files of a table.

    Attributes:
        version: of the snapshot; -1 where the files are no snapshot of one table.
        paths: absolute; the first one has no rows and every column.
        view: the statement that makes the view over them.
        times: when files were written, by path, of those that were asked for: they are written once.
    """

    version: int
    paths: tuple[str, ...]
    view: str
    times: dict[str, float] = field(default_factory=dict, compare=False)

    @property
    def folder(self) -> Path:
        """The table's."""
        return Path(self.paths[0]).parent.parent

    def view_over(self, paths: Sequence[str]) -> str:
        """The statement that makes the view over some of them; the first one is always among them."""
        listed = ", ".join(quoted(path) for path in dict.fromkeys([self.paths[0], *paths]))
        return _LIST.sub(lambda _: f"list_value({listed})", self.view, count=1).replace("CREATE VIEW", "create or replace view", 1)

    def modified_since(self, unix_s: float) -> list[str]:
        """Those that were written since; one that is gone meanwhile is left out."""
        return [path for path in self.paths[1:] if self._time(path) >= unix_s]

    def _time(self, path: str) -> float:
        known = self.times.get(path)
        if known is None and (known := modified(path)):
            self.times[path] = known
        return known or 0.0


@dataclass(frozen=True, slots=True)
class Pond:
    """What a pond shows.

    Attributes:
        files: by table.
        macros: the statements that make the macros which the views name.
        views: the statements that make the documented views, by name.
        digest: of all views; views of another digest are other views.
    """

    files: Mapping[str, Files]
    macros: tuple[str, ...]
    views: Mapping[str, str]
    digest: str


class PondReader:
    """Reads what a pond shows, again and again; of views that did not change only the lists of files, in 25 ms and not 70.

    Args:
        data: the pond's folder.
    """

    def __init__(self, data: Path) -> None:
        self._file = data / POND
        self._con = quiet_connection()
        self._pond = Pond({}, (), {}, "")
        self._times: dict[str, float] = {}

    def read(self) -> Pond:
        """What the pond shows now.

        Raises:
            duckdb.Error: there is none, or it is just being replaced.
        """
        self._con.execute(f"attach {quoted(str(self._file))} as pond (read_only)")
        try:
            rows = self._con.execute(
                "select view_name, sql, comment from duckdb_views() where database_name = 'pond' and schema_name = 'files'"
            ).fetchall()
            notes = {name: json.loads(comment) for name, _, comment in rows}
            digest = ",".join(sorted({note["digest"] for note in notes.values()}))
            files = {name: _files(sql, notes[name]["version"], self._times) for name, sql, _ in rows}
            for path in self._times.keys() - {path for each in files.values() for path in each.paths}:
                del self._times[path]
            self._pond = replace(self._pond, files=files) if digest == self._pond.digest else Pond(files, *self._views(), digest)
        finally:
            self._con.execute("detach pond")
        return self._pond

    def _views(self) -> tuple[tuple[str, ...], dict[str, str]]:
        macros = self._con.execute(
            "select function_name, list_aggregate(parameters, 'string_agg', ', '), macro_definition from duckdb_functions()"
            " where database_name = 'pond' and function_type = 'macro'"
        ).fetchall()
        views = self._con.execute(
            "select view_name, sql from duckdb_views() where database_name = 'pond' and schema_name = 'main'"
        ).fetchall()
        return tuple(f"create macro {name}({parameters}) as {definition}" for name, parameters, definition in macros), dict(views)


def attached(data: Path) -> duckdb.DuckDBPyConnection:
    """A connection that knows the pond's views by their names, takes one core and little memory, and is in UTC.

    Raises:
        duckdb.Error: there is no pond, or it is just being replaced.
    """
    con = quiet_connection()
    con.execute(f"attach {quoted(str(data / POND))} as pond (read_only)")
    con.execute("set search_path = 'memory.main,pond.main'")
    return con


def quiet_connection() -> duckdb.DuckDBPyConnection:
    """A database in memory that takes one core and little memory, in UTC."""
    con = duckdb.connect(config={"threads": 1, "memory_limit": _MEMORY})
    con.execute("set timezone = 'UTC'")
    return con


def added(files: Files, position: int | None, since_unix_s: float) -> list[str]:
    """The files that were published after a version of a table, up to that which is shown.

    Args:
        files: the table's, as they are shown.
        position: the version; None where none was seen.
        since_unix_s: where the log does not reach back to it, files that were written since: some may have been seen before.
    """
    if position is not None and position >= files.version:
        return []
    entries = (
        [] if position is None else [files.folder / _LOG / f"{version:020d}.json" for version in range(position + 1, files.version + 1)]
    )
    try:
        texts = [entry.read_text(encoding="utf-8") for entry in entries]
    except FileNotFoundError:
        texts = []
    if not texts:
        return files.modified_since(since_unix_s)
    lines = (json.loads(line) for text in texts for line in text.splitlines() if line.startswith('{"add"'))
    paths = [files.folder / unquote(line["add"]["path"]) for line in lines if line["add"]["dataChange"]]
    if not all(path.exists() for path in paths):  # compacted away: what is live has their rows
        return files.modified_since(since_unix_s)
    return [str(path) for path in paths]


def _files(sql: str, version: int, times: dict[str, float]) -> Files:
    listed = _LIST.search(sql)
    return Files(version, tuple(found.replace("''", "'") for found in _TEXT.findall(listed[1])) if listed else (), sql, times)


def modified(path: str) -> float:
    """When a file was written, in Unix seconds; 0 where it is gone."""
    try:
        return Path(path).stat().st_mtime
    except FileNotFoundError:
        return 0.0
