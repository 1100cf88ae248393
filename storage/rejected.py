"""What a pond has rejected: rows of `rejected_records`, and the bytes in `DATA/quarantine/` that some of them stand for; read only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from .query import connect
from .signals import Signal

QUARANTINE: Final = "quarantine"
_ROW_KEYS: Final = {"tenant_id", "ingested_at", "dt"}
_COLUMNS: Final = "id::text, table_name, reason, content::text, payload_digest, item_index, tenant_id, ingested_at"


class Kind(StrEnum):
    """What a rejected record is; only `PAYLOAD` and `ROW` hold all that a replay needs."""

    PAYLOAD = "payload"
    ROW = "row"
    ITEM = "item"
    DAMAGE = "damage"
    SELECT = "select"
    FILE = "file record"


WHY_NOT: Final = {
    Kind.ITEM: "it breaks a rule of OTLP, and its resource is not kept: mend its sender, which sends it again",
    Kind.DAMAGE: "its bytes were damaged on disk: restore the inbox from a backup, or have the sender send it again",
    Kind.SELECT: "the SELECT failed before there were rows; what it reads is in the tables of signals",
    Kind.FILE: "it is no OTLP record: mend the file it came from and import that",
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row of `rejected_records`.

    Attributes:
        id: made from what was refused, by which table and why.
        content: the item, the row, or what stands for bytes in quarantine.
    """

    id: str
    table: str
    reason: str
    content: dict[str, Any]
    digest: str
    item_index: int | None
    tenant: str
    ingested_at: datetime

    @property
    def file(self) -> str | None:
        """The name of its file in quarantine."""
        name = self.content.get(QUARANTINE)
        return name if isinstance(name, str) and "/" not in name else None

    @property
    def kind(self) -> Kind:
        """What it is."""
        if self.file is not None:
            return Kind.PAYLOAD if self.file.endswith(".pb") else Kind.DAMAGE
        if self.content.keys() >= _ROW_KEYS:
            return Kind.ROW
        if "source_rows" in self.content:
            return Kind.SELECT
        return Kind.FILE if self.table == "unknown" else Kind.ITEM

    @property
    def signal(self) -> Signal:
        """Of a payload: what it carries."""
        return Signal[(self.file or "").split(".")[1].upper()]


def read(data: Path, ids: Sequence[str] | None = None) -> list[Rejected]:
    """Rejected records, oldest first.

    Args:
        data: the pond's directory.
        ids: of records, or digests of payloads; None reads all.

    Raises:
        PondNotFoundError: there is no pond.
    """
    wanted = "" if ids is None else " where list_contains($ids, id::text) or list_contains($ids, payload_digest)"
    with connect(data) as con:
        query = f"select {_COLUMNS} from rejected_records{wanted} order by ingested_at, id"  # noqa: S608 - nothing is built from input
        rows = con.execute(query, {} if ids is None else {"ids": list(ids)}).fetchall()
    return [Rejected(row[0], row[1], row[2], _object(row[3]), row[4] or "", *row[5:]) for row in rows]


def quarantined(data: Path) -> dict[str, int]:
    """The files in quarantine and their sizes."""
    folder = data / QUARANTINE
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if not path.name.startswith(".")} if folder.is_dir() else {}


def _object(text: str) -> dict[str, Any]:
    content = json.loads(text)
    return content if isinstance(content, dict) else {"value": content}
