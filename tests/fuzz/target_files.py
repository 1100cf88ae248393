"""Any file to `otelpond import`: the reader of OTLP files, and the importer with everything but tables and lake."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from otelpond.receivers.otlp_file import BadRecord, FileRecord, Position, read
from otelpond.storage.decode import reference
from otelpond.storage.decode.inspection import inspect
from otelpond.storage.decode.payloads import Rules
from otelpond.storage.pipeline.importer import Importer, Record

from .folders import new_folder

_FOLDER: Final = new_folder()
_POND: Final = _FOLDER / "pond"
_MAX_RECORD_BYTES: Final = 65_536
_RELATIONS: Final = ("spans", "metric_points", "logs", "refused")
_RULES: Final = Rules(hash_address=lambda address, _: address, keep_dates=True)


class _Lake:
    """Counts the rows that an importer publishes, and is its own deriver."""

    def __init__(self) -> None:
        self.rows = 0

    def derive(self, decoded: Mapping[str, pa.Table]) -> Mapping[str, pa.Table]:
        return decoded

    def publish_rows(self, tables: Iterable[tuple[str, pa.Table]], *_plan: object) -> None:
        for table, rows in tables:
            rows.validate(full=True)
            self.rows += rows.num_rows if table in _RELATIONS else 0

    def refresh(self) -> None: ...


def check(data: bytes) -> None:
    """Every record is read or reported, from wherever reading begins again; each item is imported once."""
    path = _FOLDER / "file"
    path.write_bytes(data)
    records = list(read(path, max_record_bytes=_MAX_RECORD_BYTES))
    _judge_resuming(path, records)
    shutil.rmtree(_POND, ignore_errors=True)
    lake: Any = _Lake()
    importer = Importer(_POND, lake, lake, kernels=reference.decode, plain=reference.decode, rules=_RULES)
    done = importer.run("f" * 32, _records(records))
    bad = sum(isinstance(record, BadRecord) for record in records)
    items = sum(inspect(record.signal, record.payload).items for record in records if isinstance(record, FileRecord))
    assert (len(records) - bad, bad, True) == (done.records, done.bad, done.complete)
    assert items + bad == lake.rows, f"{items} items and {bad} bad records, {lake.rows} rows"


def _judge_resuming(path: Path, records: list[FileRecord | BadRecord]) -> None:
    places = [record.after for record in records]
    assert places == sorted(places, key=lambda place: (place.offset, place.number))
    for index, place in itertools.islice(enumerate(places), 3):
        assert records[index + 1 :] == list(read(path, start=place, max_record_bytes=_MAX_RECORD_BYTES))
    if places:
        assert list(read(path, start=Position(), max_record_bytes=_MAX_RECORD_BYTES)) == records


def _records(records: Iterable[FileRecord | BadRecord]) -> Iterator[Record]:
    for record in records:
        place = (record.after.offset, record.after.number)
        if isinstance(record, BadRecord):
            yield Record(record.number, None, record.content, record.reason, place)
        else:
            yield Record(record.number, record.signal, record.payload, "", place)
