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

from ..arrays import all_null, nulls
from ..durable import fsync_file, fsync_folder, make_folder
from ..schema import TableSchema

PARTITION: Final = "dt"
ROW_GROUP_ROWS: Final = 8192
"""Smaller appends are gathered: the footer of a row group of 80 columns takes some 8 kB, whatever it holds."""
WAITING_ROW_BYTES: Final = 50
"""About what a row that waits will take in its file; the bytes of string views say nothing, for many share one buffer."""
IDENTIFIERS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
SELDOM_REPEATED: Final = frozenset({"url_path", "url_full", "http_target"})
"""A dictionary of these is larger than the values."""
GROUPING: Final = frozenset({"tenant_id", "organization_id", "service_name"})
"""The texts whose least and greatest values let a reader leave out row groups; those of all texts cost 0.1 us a span to find."""


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
    """Writes one Parquet file whose name was never used before; small appends wait in memory until they fill a row group.

    Raises:
        FileExistsError: the name was used before.
    """

    def __init__(self, folder: Path, path: str, schema: TableSchema) -> None:
        self._folder = folder
        self._path = path
        # Every column may be null in a file: the rows were judged before, and one row shall not cost a batch.
        self._documented = pa.schema([pa.field(column.name, column.type) for column in schema.arrow if column.name != PARTITION])
        self._footers: list[pq.FileMetaData] = []
        self._writer: pq.ParquetWriter | None = None
        self._file_schema: pa.Schema | None = None
        self._waiting: list[pa.Table] = []
        make_folder(self.location.parent)
        os.close(os.open(self.location, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        self._sink = pa.OSFile(str(self.location), "wb")

    @property
    def location(self) -> Path:
        """Where the file lies."""
        return self._folder / self._path

    @property
    def size_bytes(self) -> int:
        """Bytes written so far, and about what those will take that wait in memory for their row group."""
        written = int(self._sink.tell()) if not self._sink.closed else self.location.stat().st_size
        return written + sum(map(len, self._waiting)) * WAITING_ROW_BYTES

    def append(self, rows: pa.Table) -> None:
        """Write rows, the table's stored columns; `dt` is left out, a column that is not there is null."""
        if self._file_schema is None:
            self._file_schema = _file_schema(self._documented, rows)
        if len(rows) + sum(map(len, self._waiting)) >= ROW_GROUP_ROWS:
            self._waiting.append(rows)
            self._write_row_group(self._file_schema)
        else:
            self._waiting.append(_conformed(rows, self._documented))  # its texts copied: the batch's payloads must not wait with it

    def _write_row_group(self, schema: pa.Schema) -> None:
        parts = [_conformed(rows, schema) for rows in self._waiting]
        rows = pa.concat_tables(parts, promote_options="none") if parts else schema.empty_table()
        self._waiting = []
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._sink, schema, metadata_collector=self._footers, **_options(schema, len(rows)))
        self._writer.write_table(rows, row_group_size=max(len(rows), 1))

    def close(self) -> DataFile:
        """End the file and fsync it; its folder is the caller's to fsync, once for all files in it."""
        if self._waiting or self._writer is None:
            self._write_row_group(self._file_schema or self._documented)
        assert self._writer is not None  # noqa: S101 - a file has at least one row group
        self._writer.close()
        self._sink.close()
        fsync_file(self.location)
        return DataFile(
            path=self._path,
            dt=day_of(self._path),
            size_bytes=self.location.stat().st_size,
            rows=self._footers[0].num_rows,
            modified_ms=time.time_ns() // 1_000_000,
            stats=_stats(self._footers[0], self._documented),
        )

    def abandon(self) -> None:
        """Give the file up and remove it; where the disk does not even allow that, the next start removes it."""
        with contextlib.suppress(OSError, pa.ArrowException):
            if self._writer is not None:
                self._writer.close()
        with contextlib.suppress(OSError, pa.ArrowException):
            self._sink.close()
        with contextlib.suppress(OSError):
            self.location.unlink()


def day_of(path: str) -> str:
    """The day in a file's relative path."""
    return path.split("/", 1)[0].removeprefix(f"{PARTITION}=")


def _file_schema(documented: pa.Schema, first: pa.Table) -> pa.Schema:
    """How a file takes its rows: string views as they are where those that come first fill a row group, else as strings.

    Both give the same file. Few rows wait for others, as copies of their texts, which are strings already.
    """
    views = {field.name for field in first.schema if field.type == pa.string_view()} if len(first) >= ROW_GROUP_ROWS else set()
    return pa.schema([field.with_type(pa.string_view()) if field.name in views and _is_text(field.type) else field for field in documented])


def _conformed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    given = {name: column for name, column in zip(rows.column_names, rows.columns, strict=True) if not all_null(column)}
    columns = [given.get(field.name, nulls(len(rows), field.type)) for field in schema]
    same = [column if column.type == field.type else column.cast(field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(same, schema=schema)


def _options(schema: pa.Schema, rows: int) -> dict[str, Any]:
    """How columns are written, by what was measured on 1 M spans: 46.8 B a span with pyarrow's own settings, 39.1 B with these."""
    identifiers = [f.name for f in schema if f.name in IDENTIFIERS]
    numbers = [f.name for f in schema if _is_time(schema, f.name) or f.name.endswith(("_unix_nano", "_ns"))]
    without_dictionary = {*identifiers, *numbers, *SELDOM_REPEATED}
    return {
        "compression": "zstd",
        "compression_level": 1,  # level 3 is slower and no smaller
        "store_schema": False,  # engines read the Parquet types; Arrow's own schema would bring back string views
        "use_dictionary": [f.name for f in schema if f.name not in without_dictionary],
        "column_encoding": {
            **dict.fromkeys(identifiers, "DELTA_LENGTH_BYTE_ARRAY"),  # lengths apart: hex digits become half a byte each
            **dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
        }
        or None,
        "write_statistics": [f.name for f in schema if f.name in GROUPING or not _is_text(f.type)],
        # Of 60,000 attributes 10,600 differ, in 1.5 MB: with pyarrow's 1 MB, 9 % larger files and 2 % more CPU.
        "dictionary_pagesize_limit": 4 << 20,
        "write_batch_size": 8192,  # 2 % less CPU than by 1,024
        "data_page_size": 4 << 20,
        "max_rows_per_page": 1 << 20,
        # One trace by id among 1 M spans: 11 ms with it, 50-100 ms without. Sized for traces of three spans.
        "bloom_filter_options": {"trace_id": {"ndv": rows // 3, "fpp": 0.02}} if "trace_id" in identifiers and rows >= 1000 else None,
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


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or kind == pa.string_view())


def _is_time(schema: pa.Schema, name: str) -> bool:
    index = schema.get_field_index(name)
    return bool(index >= 0 and pa.types.is_timestamp(schema.field(index).type))


def fsync_files(paths: Sequence[Path]) -> None:
    """Make files durable, then the folders they lie in; one that is gone is passed over."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            fsync_file(path)
    for folder in {path.parent for path in paths}:
        fsync_folder(folder)
