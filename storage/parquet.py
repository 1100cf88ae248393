"""One Parquet file of the lake: how it is written, made durable and described; batches and the compaction write with it.

A file holds one UTC day of one table; the day stands in its path only (`dt=2026-11-20/`), as Hive and Delta have it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from .durable import fsync_folder, make_folder
from .schema import TableSchema

PARTITION: Final = "dt"


class LakeError(Exception):
    """The lake cannot do what was asked. The text names the file or table and what to do."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One finished Parquet file.

    Attributes:
        path: relative to the table's folder, `dt=YYYY-MM-DD/<name>.parquet`.
        dt: its day, `YYYY-MM-DD`.
        modified_ms: when it was finished, unix milliseconds.
        stats: Delta's statistics, as JSON: number of rows, least and greatest times.
    """

    path: str
    dt: str
    size_bytes: int
    rows: int
    modified_ms: int
    stats: str


class FileWriter:
    """Writes one Parquet file whose name was never used before, a row group at a time.

    Raises:
        FileExistsError: the name was used before.
    """

    def __init__(self, folder: Path, path: str, schema: TableSchema) -> None:
        self._folder = folder
        self._path = path
        self._schema = schema
        self._footers: list[pq.FileMetaData] = []
        self._writer: pq.ParquetWriter | None = None
        self._file_schema: pa.Schema | None = None
        make_folder(self.location.parent)
        os.close(os.open(self.location, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        self._sink = pa.OSFile(str(self.location), "wb")

    @property
    def location(self) -> Path:
        """Where the file lies."""
        return self._folder / self._path

    @property
    def size_bytes(self) -> int:
        """Bytes written so far."""
        return int(self._sink.tell()) if not self._sink.closed else self.location.stat().st_size

    def append(self, rows: pa.Table) -> None:
        """Write rows (the table's stored columns; `dt` is left out) as one row group."""
        if self._file_schema is None or self._writer is None:
            self._file_schema = _file_schema(self._schema.arrow, rows.schema)
            self._writer = pq.ParquetWriter(self._sink, self._file_schema, **_options(self._schema, self._footers))
        columns = [rows.column(f.name) if f.name in rows.column_names else pa.nulls(len(rows), f.type) for f in self._file_schema]
        same = [c if c.type == f.type else c.cast(f.type) for c, f in zip(columns, self._file_schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(same, schema=self._file_schema), row_group_size=max(len(rows), 1))

    def close(self) -> DataFile:
        """End the file and fsync it; its folder is the caller's to fsync, once for all files in it."""
        if self._writer is None:
            self.append(self._schema.arrow.empty_table())
        assert self._writer is not None  # noqa: S101 - append made it
        self._writer.close()
        self._sink.close()
        descriptor = os.open(self.location, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return DataFile(
            path=self._path,
            dt=day_of(self._path),
            size_bytes=self.location.stat().st_size,
            rows=self._footers[0].num_rows,
            modified_ms=time.time_ns() // 1_000_000,
            stats=_stats(self._footers[0], self._schema.arrow),
        )

    def abandon(self) -> None:
        """Give the file up and remove it."""
        if self._writer is not None:
            with contextlib.suppress(OSError, pa.ArrowException):
                self._writer.close()
        self._sink.close()
        self.location.unlink(missing_ok=True)


def day_of(path: str) -> str:
    """The day in a file's relative path."""
    return path.split("/", 1)[0].removeprefix(f"{PARTITION}=")


def _file_schema(documented: pa.Schema, given: pa.Schema) -> pa.Schema:
    """Every column may be null in a file: the rows were judged before, and one row shall not cost a batch.

    String views are written as they are: their file is the same as that of strings.
    """
    fields = []
    for column in documented:
        if column.name == PARTITION:
            continue
        index = given.get_field_index(column.name)
        view = column.type == pa.string() and index >= 0 and given.field(index).type == pa.string_view()
        fields.append(pa.field(column.name, pa.string_view() if view else column.type))
    return pa.schema(fields)


def _options(schema: TableSchema, footers: list[pq.FileMetaData]) -> dict[str, Any]:
    names = [f.name for f in schema.arrow if f.name != PARTITION]
    return {
        "compression": "zstd",
        "compression_level": 1,  # level 3 is slower and no smaller
        "store_schema": False,  # engines read the Parquet types; Arrow's own schema would bring back string views
        "metadata_collector": footers,
        "use_dictionary": [name for name in names if name not in ("trace_id", "span_id")],
    }


def _stats(footer: pq.FileMetaData, schema: pa.Schema) -> str:
    """Delta's statistics: rows, and the range of each time column, by which Spark and Trino leave out files."""
    stats: dict[str, Any] = {"numRecords": footer.num_rows}
    low, high = {}, {}
    for index in range(footer.num_columns):
        name = footer.schema.column(index).path
        if not footer.num_rows or not _is_time(schema, name):
            continue
        ranges = [footer.row_group(group).column(index).statistics for group in range(footer.num_row_groups)]
        if all(r is not None and r.has_min_max for r in ranges):
            low[name] = min(r.min for r in ranges).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            high[name] = max(r.max for r in ranges).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return json.dumps({**stats, "minValues": low, "maxValues": high})


def _is_time(schema: pa.Schema, name: str) -> bool:
    index = schema.get_field_index(name)
    return bool(index >= 0 and pa.types.is_timestamp(schema.field(index).type))


def fsync_files(paths: Sequence[Path]) -> None:
    """Make files durable, then the folders they lie in; one that is gone is passed over."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    for folder in {path.parent for path in paths}:
        fsync_folder(folder)
