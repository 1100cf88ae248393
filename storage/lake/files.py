"""The open Parquet files of one plan: the pipeline appends batches to them, and publishes what they hold once they are durable."""

from __future__ import annotations

import itertools
import resource
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

MOST_OPEN: Final = 512
FEW_RUNS: Final = 64
"""Rows of several days are sliced where they change day at most this often; beyond that (midnight) they are filtered."""


@dataclass(slots=True)
class WrittenFiles:
    """The durable, not yet published files of one plan, by table."""

    files: dict[str, list[DataFile]] = field(default_factory=dict)


class OpenFiles:
    """The open files of one plan: one per table and day, a row group per batch, so that memory does not grow with the interval.

    Rows of very many days, as one payload may hold, would need more descriptors than the system gives: then those files are ended which
    were not appended to for longest, and a day may have several.
    """

    def __init__(self, folder: Path, tables: Mapping[str, TableSchema], prefix: str) -> None:
        self._folder = folder
        self._tables = tables
        self._prefix = prefix
        self._names = itertools.count()
        self._writers: dict[tuple[str, str], FileWriter] = {}
        self._ended: list[tuple[str, FileWriter, DataFile]] = []
        self._most_open = min(MOST_OPEN, max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4))

    @property
    def bytes(self) -> int:
        """Bytes written so far, all tables."""
        return sum(writer.size_bytes for writer in self._writers.values()) + sum(file.size_bytes for _, _, file in self._ended)

    def append(self, table: str, rows: pa.Table) -> None:
        """Write the table's documented rows; they need not be of one day."""
        for day, part in split_by_day(rows):
            self._writer(table, day).append(part)

    def close(self) -> WrittenFiles:
        """End and fsync every file and its folder. They are the caller's then: a commit, even one that fails, may have named them."""
        while self._writers:
            self._end_oldest()
        written = WrittenFiles()
        for table, _, file in self._ended:
            written.files.setdefault(table, []).append(file)
        for folder in {writer.location.parent for _, writer, _ in self._ended}:
            fsync_folder(folder)
        self._ended = []
        return written

    def abandon(self) -> None:
        """Remove what was written, unless it was closed."""
        for writer in [*self._writers.values(), *(writer for _, writer, _ in self._ended)]:
            writer.abandon()

    def _writer(self, table: str, day: str) -> FileWriter:
        writer = self._writers.pop((table, day), None)
        if writer is None:
            while len(self._writers) >= self._most_open:
                self._end_oldest()
            path = f"{PARTITION}={day}/{self._prefix}-{next(self._names)}.parquet"
            writer = FileWriter(self._folder / table, path, self._tables[table])
        self._writers[table, day] = writer  # behind all others
        return writer

    def _end_oldest(self) -> None:
        """End and fsync the file that was not appended to for longest."""
        (table, day), writer = next(iter(self._writers.items()))
        file = writer.close()
        del self._writers[table, day]
        self._ended.append((table, writer, file))


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
