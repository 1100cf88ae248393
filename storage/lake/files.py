"""The open Parquet files of one plan: the pipeline appends batches to them, and publishes what they hold once they are durable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from ..durable import fsync_folder
from ..schema import TableSchema
from .parquet import PARTITION, DataFile, FileWriter

FEW_RUNS: Final = 64
"""Rows of several days are sliced where they change day at most this often; beyond that (midnight) they are filtered."""


@dataclass(slots=True)
class WrittenFiles:
    """The durable, not yet published files of one plan, by table."""

    files: dict[str, list[DataFile]] = field(default_factory=dict)


class OpenFiles:
    """The open files of one plan: one per table and day, a row group per batch, so that memory does not grow with the interval."""

    def __init__(self, folder: Path, tables: Mapping[str, TableSchema], prefix: str) -> None:
        self._folder = folder
        self._tables = tables
        self._prefix = prefix
        self._writers: dict[tuple[str, str], FileWriter] = {}

    @property
    def bytes(self) -> int:
        """Bytes written so far, all tables."""
        return sum(writer.size_bytes for writer in self._writers.values())

    def append(self, table: str, rows: pa.Table) -> None:
        """Write the table's documented rows; they need not be of one day."""
        for day, part in split_by_day(rows):
            self._writer(table, day).append(part)

    def close(self) -> WrittenFiles:
        """End and fsync every file and its folder. They are the caller's then: a commit, even one that fails, may have named them."""
        written = WrittenFiles()
        for (table, _), writer in self._writers.items():
            written.files.setdefault(table, []).append(writer.close())
        for folder in {writer.location.parent for writer in self._writers.values()}:
            fsync_folder(folder)
        self._writers = {}
        return written

    def abandon(self) -> None:
        """Remove what was written, unless it was closed."""
        for writer in self._writers.values():
            writer.abandon()

    def _writer(self, table: str, day: str) -> FileWriter:
        if (table, day) not in self._writers:
            name = f"{self._prefix}-{len(self._writers)}.parquet"
            self._writers[table, day] = FileWriter(self._folder / table, f"{PARTITION}={day}/{name}", self._tables[table])
        return self._writers[table, day]


def split_by_day(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each day, as (`YYYY-MM-DD`, rows), without copying them where they come in few runs."""
    if not len(rows):
        return
    days = rows.column(PARTITION).cast(pa.int32()).to_numpy()
    if days[0] == days[-1] and (days == days[0]).all():
        yield _text(days[0]), rows
        return
    starts = np.concatenate(([0], np.flatnonzero(np.diff(days)) + 1, [len(days)]))
    if len(starts) <= FEW_RUNS:
        for day in np.unique(days):
            runs = [rows.slice(a, b - a) for a, b in pairwise(starts) if days[a] == day]
            yield _text(day), pa.concat_tables(runs)
        return
    plain = rows.cast(pa.schema([pa.field(f.name, pa.string() if f.type == pa.string_view() else f.type) for f in rows.schema]))
    for day in np.unique(days):
        yield _text(day), plain.filter(pa.array(days == day))


def _text(day: np.int32) -> str:
    return str(np.datetime64(int(day), "D"))
