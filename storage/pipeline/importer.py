"""Records of a file to documented rows: `otelpond import` hands them over; the file itself is the durable log.

A file is an inbox by its digest: chunk n of its records is plan n of the stream `import-<digest>`, and the tables' application
transactions keep each from being stored twice. `DATA/imports/<digest>.json` notes, before a chunk is published, how many records it
has, and afterwards where to go on. An import may be ended at any moment and started again, and may run beside a collector.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..access.tenants import DEFAULT_TENANT
from ..decode.columns import REFUSED
from ..decode.payloads import Payloads, Rules
from ..durable import make_folder, write_file
from ..inbox import frames
from ..lake.lake import Lake
from ..signals import Signal
from .pipeline import Decode, Decoded, Deriver, merge

_CHUNK_BYTES = 24_000_000
_MAX_DATES = 64
"""New partitions a plan: a chunk with more dates is cut in two."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file.

    Attributes:
        number: its line or message, counted from 1.
        signal: what it carries; None where it is no Export request.
        payload: the request's protobuf bytes, or what stands there instead.
        reason: why it is none; empty where it is one.
        place: where reading goes on behind it: offset and number.
    """

    number: int
    signal: Signal | None
    payload: bytes
    reason: str
    place: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Import:
    """How far the import of a file has come.

    Attributes:
        started_unix_nano: when it was begun; what its rows give as `ingested_at`.
        chunk: the last chunk that is published.
        place: where reading goes on.
        trying: how many records the next chunk has, if it was begun: it may be in some tables already, so it must be cut the same.
        records, bad: how many are published, and how many of them were none.
    """

    started_unix_nano: int
    chunk: int = 0
    place: tuple[int, int] = (0, 0)
    trying: int = 0
    records: int = 0
    bad: int = 0
    complete: bool = False


@dataclass(slots=True)
class Importer:
    """Imports files into one pond."""

    data: Path
    lake: Lake
    deriver: Deriver
    kernels: Decode
    plain: Decode
    rules: Rules
    tenant: str = DEFAULT_TENANT

    def state(self, digest: str) -> Import:
        """How far the import of the file with that digest has come."""
        path = self._path(digest)
        if not path.exists():
            return Import(started_unix_nano=time.time_ns())
        fields = json.loads(path.read_bytes())
        return Import(**{**fields, "place": tuple(fields["place"])})

    def run(self, digest: str, records: Iterable[Record], progress: Callable[[Import], None] = lambda _: None) -> Import:
        """Store the records of a file from its state's place on.

        Args:
            digest: of the whole file, as hex.
            records: what follows the place of `state(digest)`.
            progress: is told after each publish.
        """
        make_folder(self.data / "imports")
        state = self.state(digest)
        for chunk in _chunks(records, first=state.trying):
            state = self._store(digest, state, chunk, begun=state.trying > 0)
            progress(state)
        state = dataclasses.replace(state, complete=True)
        self._note(digest, state)
        return state

    def _store(self, digest: str, state: Import, chunk: list[Record], *, begun: bool = False) -> Import:
        """Publish a chunk as one plan, or as several where it has too many dates; one that was begun before is decoded plainly."""
        self._note(digest, dataclasses.replace(state, trying=len(chunk)))
        decoded = self._decode(chunk, state.started_unix_nano, plainly=begun)
        if len(chunk) > 1 and not begun and _dates(decoded) > _MAX_DATES:
            half = len(chunk) // 2
            return self._store(digest, self._store(digest, state, chunk[:half]), chunk[half:])
        number = state.chunk + 1
        self._publish(f"import-{digest}", number, decoded)
        after = dataclasses.replace(
            state,
            chunk=number,
            place=chunk[-1].place,
            trying=0,
            records=state.records + sum(not record.reason for record in chunk),
            bad=state.bad + sum(bool(record.reason) for record in chunk),
        )
        self._note(digest, after)
        return after

    def _decode(self, chunk: list[Record], accepted_unix_nano: int, *, plainly: bool) -> Decoded:
        parts: list[Decoded] = []
        for signal in Signal:
            payloads = [record.payload for record in chunk if record.signal is signal]
            if payloads:
                parts += self._isolating(signal, payloads, accepted_unix_nano, plainly=plainly)
        bad = [record for record in chunk if record.reason]
        if bad:
            parts.append({"refused": self._refused([(f"record {r.number}: {r.reason}", r.payload) for r in bad], accepted_unix_nano)})
        return merge(parts)

    def _isolating(self, signal: Signal, payloads: list[bytes], accepted_unix_nano: int, *, plainly: bool) -> Iterator[Decoded]:
        """Decoded payloads; one that makes a decoder raise is found by halving, decoded plainly, or refused."""
        decode = self.plain if plainly else self.kernels
        try:
            yield decode(signal, self._together(signal, payloads, accepted_unix_nano), self.rules)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it must cost one record only
            if len(payloads) > 1:
                half = len(payloads) // 2
                yield from self._isolating(signal, payloads[:half], accepted_unix_nano, plainly=plainly)
                yield from self._isolating(signal, payloads[half:], accepted_unix_nano, plainly=plainly)
            elif not plainly:
                yield from self._isolating(signal, payloads, accepted_unix_nano, plainly=True)
            else:
                yield {"refused": self._refused([(f"neither decoder takes it: {failure}", payloads[0])], accepted_unix_nano)}

    def _together(self, signal: Signal, payloads: list[bytes], accepted_unix_nano: int) -> Payloads:
        ends = np.cumsum([len(payload) for payload in payloads], dtype=np.int64)
        return Payloads(
            wire=np.frombuffer(bytearray(b"".join(payloads)), dtype=np.uint8),
            starts=np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1]]),
            ends=ends,
            accepted_unix_nano=np.full(len(payloads), accepted_unix_nano, dtype=np.int64),
            tenants=[self.tenant] * len(payloads),
            digests=[frames.digest(self.tenant, signal, payload) for payload in payloads],
        )

    def _refused(self, records: list[tuple[str, bytes]], accepted_unix_nano: int) -> pa.Table:
        """Rows of `rejected_records` for what is no record."""
        rows = [
            {
                "tenant_id": self.tenant,
                "ingested_at": accepted_unix_nano // 1000,
                "payload_digest": "",
                "item_index": index,
                "signal": "unknown",
                "reason": reason,
                "content": json.dumps({"record": content.decode(errors="replace")}),
            }
            for index, (reason, content) in enumerate(records)
        ]
        return pa.Table.from_pylist(rows, schema=REFUSED)

    def _publish(self, stream: str, number: int, decoded: Decoded) -> None:
        self.lake.publish_rows(self.deriver.derive(decoded).items(), stream, number)
        self.lake.refresh()

    def _note(self, digest: str, state: Import) -> None:
        write_file(self._path(digest), json.dumps(dataclasses.asdict(state)).encode())

    def _path(self, digest: str) -> Path:
        return self.data / "imports" / f"{digest}.json"


def _chunks(records: Iterable[Record], *, first: int) -> Iterator[list[Record]]:
    """Records in stretches worth a plan; the first has `first` records, where that is not 0."""
    remaining = iter(records)
    if first:
        yield list(itertools.islice(remaining, first))
    chunk: list[Record] = []
    size = 0
    for record in remaining:
        chunk.append(record)
        size += len(record.payload)
        if size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _dates(decoded: Mapping[str, pa.Table]) -> int:
    return max((len(rows.column("dt").unique()) for name, rows in decoded.items() if name != "refused"), default=0)
