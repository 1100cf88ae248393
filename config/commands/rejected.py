"""`otelpond rejected`: what was received and is in no other table, why, and storing it again once the reason is mended."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...storage.decode.messages import SHAPES
from ...storage.locks import locked
from ...storage.pipeline.replay import Outcome, Replayer, ReplayLog
from ...storage.query import PondNotFoundError
from ...storage.rejected import QUARANTINE, WHY_NOT, Kind, Rejected, quarantined, read
from ..errors import CommandError
from ..pond import open_importer
from ..sources import load
from .freshness import publish
from .tenant import pond_of

_SHOWN_BYTES = 256


def list_all(config: Path | None, options: Mapping[str, Any], tenant: str, form: str) -> None:
    """Print what is rejected and was not replayed: counts by table and reason, and what lies in quarantine.

    Args:
        config: the configuration file.
        options: settings given on the command line.
        tenant: whose pond it is.
        form: table or json.

    Raises:
        CommandError: there is no pond.
    """
    root = load(config, options).data
    data = pond_of(root, tenant)
    records = _waiting(root, tenant)
    groups = _grouped(records)
    files = quarantined(data)
    if form == "json":
        print(json.dumps({"rejected": groups, QUARANTINE: [{"file": name, "bytes": size} for name, size in files.items()]}, indent=2))
        return
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 200)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("table", "kind", "rows", "replay", "oldest", "newest", "reason", "one of them"):
        table.add_column(header, justify="right" if header == "rows" else "left", overflow="fold", no_wrap=header == "one of them")
    for group in groups:
        cells = [group[key] for key in ("table", "kind", "rows", "replayable", "oldest", "newest", "reason", "id")]
        table.add_row(*(Text({True: "yes", False: "no"}[cell] if isinstance(cell, bool) else str(cell)) for cell in cells))
    console.print(table if groups else "nothing is rejected")
    if files:
        console.print(f"{len(files)} files in quarantine, {sum(files.values()):,} bytes: {data / QUARANTINE}")


def show(record_id: str, config: Path | None, options: Mapping[str, Any], tenant: str, form: str) -> None:
    """Print one rejected record, with its content.

    Raises:
        CommandError: there is no pond, or no such record.
    """
    root = load(config, options).data
    data = pond_of(root, tenant)
    record = _find(root, tenant, [record_id])[0]
    replayed = record.id in ReplayLog(data).ids()
    described = {**_described(record), "replayed": replayed, "content": record.content, **_bytes(data, record)}
    if form == "json":
        print(json.dumps(described, indent=2))
        return
    for key, value in described.items():
        print(f"{key}: {json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict) else value}")


def replay(ids: Sequence[str], config: Path | None, options: Mapping[str, Any], tenant: str, *, everything: bool) -> None:
    """Store rejected records again: those of these ids, or all that hold what it takes.

    Raises:
        CommandError: there is no pond, no such record, or one of those that were named stays rejected.
    """
    if everything == bool(ids):
        raise CommandError("name the records to replay, or say --all; `otelpond rejected list` shows them", exit_code=2)
    settings = load(config, options)
    data = pond_of(settings.data, tenant)
    if everything:
        records = [record for record in _waiting(settings.data, tenant) if record.kind not in WHY_NOT]
    else:
        records = _find(settings.data, tenant, ids)
    size = sum((data / QUARANTINE / str(record.file)).stat().st_size for record in records if _is_there(data, record))
    replayer = Replayer(open_importer(settings, tenant, size))
    with locked(data / "replays" / "lock", wait=False) as held:
        if not held:
            raise CommandError(f"{data}: another process replays here")
        outcome = replayer.run(records)
    _tell(outcome)
    if outcome.left and not everything:
        raise CommandError("\n".join(f"{record}: {why}" for record, why in outcome.left.items()))


def _waiting(root: Path, tenant: str) -> list[Rejected]:
    """Every record that was not replayed; a running collector is asked to publish first."""
    publish(root, tenant)
    data = pond_of(root, tenant)
    try:
        records = read(data)
    except PondNotFoundError as error:
        raise CommandError(str(error)) from None
    replayed = ReplayLog(data).ids()
    return [record for record in records if record.id not in replayed]


def _find(root: Path, tenant: str, ids: Sequence[str]) -> list[Rejected]:
    publish(root, tenant)
    try:
        records = read(pond_of(root, tenant), ids)
    except PondNotFoundError as error:
        raise CommandError(str(error)) from None
    known = {record.id for record in records} | {record.digest for record in records}
    if unknown := [name for name in ids if name not in known]:
        raise CommandError(
            f"{', '.join(unknown)}: no such rejected record; expected an id or a payload's digest, as `otelpond rejected list` shows them",
            exit_code=2,
        )
    return records


def _is_there(data: Path, record: Rejected) -> bool:
    return record.file is not None and (data / QUARANTINE / record.file).is_file()


def _grouped(records: Iterable[Rejected]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, Kind, str], list[Rejected]] = {}
    for record in records:
        groups.setdefault((record.table, record.kind, record.reason), []).append(record)
    return [
        {
            "table": table,
            "kind": kind.value,
            "reason": reason,
            "rows": len(group),
            "replayable": kind not in WHY_NOT,
            "oldest": _time(group[0]),
            "newest": _time(group[-1]),
            "id": group[0].id,
        }
        for (table, kind, reason), group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _described(record: Rejected) -> dict[str, Any]:
    described = {
        "id": record.id,
        "table": record.table,
        "kind": record.kind.value,
        "reason": record.reason,
        "tenant": record.tenant,
        "ingested_at": _time(record),
        "payload_digest": record.digest,
        "item_index": record.item_index,
    }
    return {**described, "why it cannot be replayed": WHY_NOT[record.kind]} if record.kind in WHY_NOT else described


def _bytes(data: Path, record: Rejected) -> dict[str, Any]:
    """What its file in quarantine holds: as OTLP/JSON where the protobuf runtime reads it, else its first bytes."""
    if not _is_there(data, record):
        return {}
    content = (data / QUARANTINE / str(record.file)).read_bytes()
    if record.kind is Kind.PAYLOAD:
        try:
            return {"payload": json_format.MessageToDict(SHAPES[record.signal].request.FromString(content))}
        except (DecodeError, RecursionError, json_format.SerializeToJsonError):
            pass
    return {f"first of {len(content)} bytes": content[:_SHOWN_BYTES].hex(" ")}


def _time(record: Rejected) -> str:
    return record.ingested_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _tell(outcome: Outcome) -> None:
    print(f"{len(outcome.stored)} replayed, {len(outcome.known)} had been replayed before, {len(outcome.left)} stay rejected")
