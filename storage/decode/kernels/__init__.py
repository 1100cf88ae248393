"""The quick decoder: payload bytes to Arrow columns by Numba kernels, with exactly the values of the plain decoder in `reference`.

Strings are views into the payloads' own bytes: whoever holds a table holds the batch's buffer. Two passes over each slice of items: the
first checks, counts and gathers what Python must make (text of doubles, hashes of addresses), the second writes. Only payloads that the
protobuf runtime has parsed reach this place. Some legal forms are not worth a kernel's code (a singular message in parts, groups, span
attributes behind events): a first pass flags such payloads, the runtime re-serialises them, and the batch begins again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...signals import Signal
from .. import reference
from ..messages import SHAPES
from ..payloads import Payloads, Rules
from .arrow import SCHEMAS
from .batches import Batch
from .log_tables import decode as decode_logs
from .metric_tables import decode as decode_metrics
from .span_tables import decode as decode_spans

__all__ = ["decode", "load"]

_LONGEST: Final = 2**31 - 1
"""An offset of a string view is an int32."""
_DECODERS: Final = {
    Signal.TRACES: (decode_spans, ("spans", "span_events")),
    Signal.METRICS: (decode_metrics, ("metric_points",)),
    Signal.LOGS: (decode_logs, ("logs",)),
}


def decode(signal: Signal, payloads: Payloads, rules: Rules) -> dict[str, pa.Table]:
    """Decode payloads of one signal to its relations, with the schemas of columns.py (strings as views).

    `rules.hash_address` is asked once for equal addresses accepted on the same UTC day, as `addresses.AddressHasher` has it.

    Raises:
        ValueError: over 2 GiB of payloads, or a payload that no message of that signal has the form of.
    """
    if len(payloads.wire) > _LONGEST:
        raise ValueError(f"{len(payloads.wire)} bytes of payloads at once, at most {_LONGEST} are decoded")
    batch = Batch.of(_frozen(payloads), rules)
    found = _tables(signal, batch)
    if batch.unusual.any():
        batch = Batch.of(_reserialised(signal, payloads, batch.unusual), rules)
        found = _tables(signal, batch)
    if batch.unusual.any():
        raise ValueError(f"payload {int(batch.unusual.argmax())} of the batch is no message of {signal.name}")
    return found | {"refused": reference.decode_refused(signal, payloads, np.flatnonzero(batch.refused).tolist(), rules)}


def load() -> None:
    """Run every kernel once: a compiler's process compiles it, any other loads its machine code.

    Raises:
        LookupError: one is not compiled.
    """
    for signal, shape in SHAPES.items():
        request = shape.request()
        getattr(getattr(getattr(request, shape.resources).add(), shape.scopes).add(), shape.items).add()
        wire = np.frombuffer(request.SerializeToString(), np.uint8)
        at = np.zeros(1, np.int64)
        decode(signal, Payloads(wire, at, at + len(wire), at, [""], [bytes(16)]), Rules(hash_address=lambda address, _: address))


def _tables(signal: Signal, batch: Batch) -> dict[str, pa.Table]:
    decode_items, relations = _DECODERS[signal]
    found: dict[str, list[pa.Table]] = {relation: [] for relation in relations}
    for relation, rows in decode_items(batch):
        found[relation].append(rows)
    return {relation: pa.concat_tables(tables or [SCHEMAS[relation].empty_table()]) for relation, tables in found.items()}


def _frozen(payloads: Payloads) -> Payloads:
    """The same with a read-only buffer: kernels are compiled for one type of array."""
    wire = np.ascontiguousarray(payloads.wire).view()
    wire.flags.writeable = False
    return replace(
        payloads,
        wire=wire,
        starts=_int64(payloads.starts),
        ends=_int64(payloads.ends),
        accepted_unix_nano=_int64(payloads.accepted_unix_nano),
    )


def _int64(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _reserialised(signal: Signal, payloads: Payloads, which: NDArray[np.uint8]) -> Payloads:
    """The payloads with some of them behind the others in the form that the protobuf runtime writes, unknown fields left out."""
    parts = [payloads.wire]
    starts, ends = _int64(payloads.starts), _int64(payloads.ends)
    at = len(payloads.wire)
    for index in np.flatnonzero(which).tolist():
        message = SHAPES[signal].request.FromString(payloads.payload(index))
        message.DiscardUnknownFields()
        parts.append(np.frombuffer(message.SerializeToString(), np.uint8))
        starts[index], ends[index] = at, at + len(parts[-1])
        at = int(ends[index])
    return _frozen(replace(payloads, wire=np.concatenate(parts), starts=starts, ends=ends))
