"""Where bytes go that no decoder takes: kept as files in `DATA/quarantine/`, shown as rows of `rejected_records`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..decode.columns import REFUSED
from ..durable import make_folder, write_file
from ..inbox.frames import Frame
from ..inbox.reading import Chunk
from ..inbox.segments import segment_path
from .backlog import Batch
from .plans import FramePlace

_REASON = "neither decoder takes this payload; its bytes are in the quarantine folder"


class Quarantine:
    """The folder `DATA/quarantine/` of a tenant's pond."""

    def __init__(self, folder: Path, tenant: str) -> None:
        self._folder = folder
        self._tenant = tenant

    def put(self, batch: Batch, guilty: list[Frame], known: Mapping[FramePlace, str]) -> dict[str, pa.Table]:
        """Keep payloads, and give the refused rows that stand for them."""
        rows = []
        for frame in guilty:
            payload = batch.chunk.wire[frame.payload_start : frame.end].tobytes()
            name = f"{frame.digest.hex()}.{frame.signal.name.lower()}.pb"
            self._keep(name, payload)
            rows.append(
                {
                    "tenant_id": frame.tenant,
                    "ingested_at": frame.accepted_unix_nano // 1000,
                    "payload_digest": frame.digest.hex(),
                    "item_index": 0,
                    "signal": frame.signal.name.lower(),
                    "reason": known.get(batch.place(frame)) or _REASON,
                    "content": json.dumps({"quarantine": name, "bytes": len(payload), "items": frame.items}),
                }
            )
        return {"refused": _refused(rows)}

    def damaged(self, chunk: Chunk, inboxes: Path) -> dict[str, pa.Table]:
        """Keep what is damaged in a segment; a row stands for it unless it is a torn tail, which nobody was promised."""
        rows = []
        changed = _changed_ns(inboxes / chunk.inbox, chunk.segment)
        for damage in chunk.damages:
            start, end = damage.start - chunk.base, damage.end - chunk.base
            name = f"{chunk.inbox}-{chunk.segment}-{damage.start}.damaged"
            self._keep(name, np.ascontiguousarray(chunk.wire[start:end]).tobytes())
            if not damage.torn:
                rows.append(
                    {
                        "tenant_id": self._tenant,
                        "ingested_at": changed // 1000,
                        "payload_digest": "",
                        "item_index": 0,
                        "signal": "unknown",
                        "reason": f"damaged on disk: bytes {damage.start}-{damage.end} of segment {chunk.segment}, inbox {chunk.inbox}",
                        "content": json.dumps({"quarantine": name, "bytes": end - start}),
                    }
                )
        return {"refused": _refused(rows)} if rows else {}

    def _keep(self, name: str, content: bytes) -> None:
        make_folder(self._folder)
        if not (self._folder / name).exists():
            write_file(self._folder / name, content, mode=0o600)


def _changed_ns(folder: Path, number: int) -> int:
    """When a segment was last written to; it may be renamed this moment."""
    try:
        return segment_path(folder, number, sealed=False).stat().st_mtime_ns
    except FileNotFoundError:
        return segment_path(folder, number, sealed=True).stat().st_mtime_ns


def _refused(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=REFUSED)
