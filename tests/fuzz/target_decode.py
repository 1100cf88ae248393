"""Any payload behind the fence: the kernels against the plain decoder, with memory around the payload that nobody may touch.

An input's first byte says the signal (its last two bits), which rules apply, and at which end of the payload the forbidden memory is.
"""

from __future__ import annotations

import ctypes
import mmap
from dataclasses import replace
from typing import Final

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from otelpond.storage.decode import kernels, reference
from otelpond.storage.decode.inspection import inspect
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.decode.warming import warm
from otelpond.storage.signals import Signal, UndecodableError

from ..storage.decode.otlp_messages import payloads_of
from ..storage.decode.test_kernels import differences, hash_of_day

_ROOM_BYTES: Final = 1 << 20
_ROWS: Final = {Signal.TRACES: "spans", Signal.METRICS: "metric_points", Signal.LOGS: "logs"}
_KEYS: Final = frozenset({"http.method", "url.path", "service.name", "client.address", "event.name"})
_SIGNALS: Final = (Signal.TRACES, Signal.METRICS, Signal.LOGS, Signal.TRACES)

warm()


class _Guarded:
    """Memory between two pages; who reads or writes these is ended by the kernel, and the fuzzer says with which input."""

    def __init__(self, size: int) -> None:
        page = mmap.PAGESIZE
        self._memory = mmap.mmap(-1, size + 2 * page)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        for forbidden in (address, address + page + size):
            if protect(ctypes.c_void_p(forbidden), ctypes.c_size_t(page), 0):
                raise OSError(ctypes.get_errno(), "mprotect")
        self._room = np.frombuffer(self._memory, np.uint8, size, page)

    def holding(self, payload: bytes, *, at_end: bool) -> NDArray[np.uint8]:
        """The payload directly before the page behind, or directly behind the page before."""
        start = len(self._room) - len(payload) if at_end else 0
        place = self._room[start : start + len(payload)]
        place[:] = np.frombuffer(payload, np.uint8)
        return place


_MEMORY: Final = _Guarded(_ROOM_BYTES)


def check(data: bytes) -> None:
    """Both decoders give equal values, as many rows as inspection says; what the runtime refuses is an error of the kernels at most."""
    if not data or len(data) > _ROOM_BYTES:
        return
    signal, payload = _SIGNALS[data[0] & 3], data[1:]
    rules = Rules(
        hash_of_day,
        keep_dates=bool(data[0] & 4),
        drop_attributes=_KEYS if data[0] & 8 else frozenset(),
        redact_attributes=_KEYS if data[0] & 16 else frozenset(),
    )
    batch = payloads_of([payload, payload])
    guarded = _guarded(batch, payload, at_end=not data[0] & 32)
    try:
        inspection = inspect(signal, payload)
    except UndecodableError as error:
        assert str(error)
        _decode_refused(signal, guarded, rules)
        return
    expected = reference.decode(signal, guarded, rules)
    assert [] == differences(expected, kernels.decode(signal, guarded, rules))
    assert inspection.rejected == len(expected["refused"])
    assert inspection.items == len(expected["refused"]) + len(expected[_ROWS[signal]])
    if data[0] & 64:
        assert [] == differences(reference.decode(signal, batch, rules), kernels.decode(signal, batch, rules))


def _guarded(batch: Payloads, payload: bytes, *, at_end: bool) -> Payloads:
    """The batch's first payload alone, in memory with forbidden neighbours."""
    start = np.zeros(1, np.int64)
    return replace(
        batch,
        wire=_MEMORY.holding(payload, at_end=at_end),
        starts=start,
        ends=start + len(payload),
        accepted_unix_nano=batch.accepted_unix_nano[:1],
        tenants=batch.tenants[:1],
        digests=batch.digests[:1],
    )


def _decode_refused(signal: Signal, payloads: Payloads, rules: Rules) -> None:
    try:
        kernels.decode(signal, payloads, rules)
    except (ValueError, DecodeError):
        return
