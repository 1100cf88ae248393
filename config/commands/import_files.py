"""`otelpond import`: OTLP files into the pond, with a progress bar, from where an earlier run ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import xxhash
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ...receivers.otlp_file import BadRecord, Position, read
from ...storage.locks import locked
from ...storage.pipeline.importer import Importer, Record
from ..errors import CommandError
from ..pond import open_importer
from ..sources import load
from .tenant import pond_of

_SHOWN_BAD_RECORDS = 5
_SHOWN_REASON = 200


def run(files: Sequence[Path], config: Path | None, options: Mapping[str, Any], tenant: str) -> None:
    """Import the files one after another, into a tenant's pond.

    Raises:
        CommandError: a file cannot be read, or is no OTLP file at all.
    """
    settings = load(config, options)
    for file in files:
        if not file.is_file():
            raise CommandError(f"{file}: no such file", exit_code=2)
    pond_of(settings.data, tenant)
    importer = open_importer(settings, tenant, sum(file.stat().st_size for file in files))
    console = Console(stderr=True, highlight=False)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), DownloadColumn(), TimeRemainingColumn(), console=console
    ) as bars:
        for file in files:
            bar = bars.add_task(str(file), total=file.stat().st_size)
            try:
                _import(importer, file, bars.console, lambda done, total, bar=bar: bars.update(bar, completed=done, total=total))  # type: ignore[misc]
            except OSError as error:
                raise CommandError(f"{file}: {error.strerror or error}") from None


def _import(importer: Importer, file: Path, console: Console, progress: Callable[[int, int], None]) -> None:
    digest = _digest(file)
    with locked(importer.data / "imports" / f"{digest}.lock", wait=False) as held:
        if not held:
            raise CommandError(f"{file}: is being imported by another process")
        _import_locked(importer, file, digest, console, progress)


def _import_locked(importer: Importer, file: Path, digest: str, console: Console, progress: Callable[[int, int], None]) -> None:
    before = importer.state(digest)
    if before.complete:
        console.print(f"{file}: is in the pond already ({before.records:,} records)", soft_wrap=True)
        progress(1, 1)
        return
    reported = _Reported(file, console)
    after = importer.run(digest, reported.records(read(file, start=Position(*before.place), progress=progress)))
    refused = f", {after.bad:,} bad ones are in rejected_records" if after.bad else ""
    console.print(f"{file}: {after.records:,} records{refused}", soft_wrap=True)
    if after.bad and not after.records:
        raise CommandError(f"{file}: holds no OTLP record; expected JSON lines or length-prefixed protobuf, plain, .gz or .zst")


class _Reported:
    """A file's records in the importer's form; the first bad ones are shown."""

    def __init__(self, file: Path, console: Console) -> None:
        self._file, self._console = file, console
        self._bad = 0

    def records(self, records: Iterator[Any]) -> Iterator[Record]:
        """The records, good and bad."""
        for record in records:
            place = (record.after.offset, record.after.number)
            if isinstance(record, BadRecord):
                self._report(record)
                yield Record(record.number, None, record.content, record.reason, place)
            else:
                yield Record(record.number, record.signal, record.payload, "", place)

    def _report(self, record: BadRecord) -> None:
        self._bad += 1
        if self._bad <= _SHOWN_BAD_RECORDS:
            self._console.print(f"{self._file}:{record.number}: {record.reason[:_SHOWN_REASON]}", markup=False, soft_wrap=True)
        elif self._bad == _SHOWN_BAD_RECORDS + 1:
            self._console.print(f"{self._file}: more bad records follow; all are in rejected_records", soft_wrap=True)


def _digest(file: Path) -> str:
    """What the file is known by, whatever its name: xxh3-128 of its bytes, as hex."""
    hasher = xxhash.xxh3_128()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()
