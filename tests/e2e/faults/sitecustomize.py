"""Python imports this at start where its folder is on PYTHONPATH: it injects faults into the processes of a collector.

`INJECTED_FAULTS` is a list of `kernel:TEXT` (the kernels raise on a payload that contains TEXT), `raise:TEXT` (every decoder does),
`exit:TEXT` (the process ends at once), `derive-raise:TEXT` and `derive-exit:TEXT` (the same while rows of that service are derived).
`INJECTED_KILLS` is a folder of orders, see `kill_points`. `DISK_FULL_WHILE` names a file: as long as it exists nothing can be written to
an inbox.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Decode = Callable[..., Any]


def _faulty(decode: Decode, faults: list[tuple[str, bytes]]) -> Decode:
    def decode_or_fail(signal: Any, payloads: Any, rules: Any) -> Any:
        texts = [payloads.payload(index) for index in range(len(payloads))]
        for kind, needle in faults:
            if any(needle in text for text in texts):
                if kind == "exit":
                    os._exit(1)
                raise ValueError(f"an injected fault at {needle!r}")
        return decode(signal, payloads, rules)

    return decode_or_fail


def _faulty_derive(derive: Decode, faults: list[tuple[str, bytes]]) -> Decode:
    def derive_or_fail(deriver: Any, decoded: Any) -> Any:
        services = set(decoded["spans"]["service_name"].to_pylist()) if "spans" in decoded else set()
        for kind, needle in faults:
            if needle.decode() in services:
                if kind == "derive-exit":
                    os._exit(1)
                raise ValueError(f"an injected fault at {needle!r}")
        return derive(deriver, decoded)

    return derive_or_fail


def _inject(text: str) -> None:
    from otelpond.storage.decode import kernels, reference  # noqa: PLC0415 - only in the process that is meant
    from otelpond.storage.derive import Deriver  # noqa: PLC0415

    faults = [(kind, needle.encode()) for kind, _, needle in (fault.partition(":") for fault in text.split(","))]
    decoding = [fault for fault in faults if not fault[0].startswith("derive")]
    kernels.decode = _faulty(kernels.decode, decoding)
    reference.decode = _faulty(reference.decode, [fault for fault in decoding if fault[0] != "kernel"])
    Deriver.derive = _faulty_derive(Deriver.derive, [fault for fault in faults if fault[0].startswith("derive")])


def _fill_disk(while_there: str) -> None:
    """Writing several buffers at once, as the inbox does, fails while that file is there."""
    pwritev = os.pwritev

    def pwritev_with_room(descriptor: int, buffers: Any, offset: int) -> int:
        if os.path.exists(while_there):  # noqa: PTH110 - twice as quick, once a group
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwritev(descriptor, buffers, offset)

    os.pwritev = pwritev_with_room


if os.environ.get("DISK_FULL_WHILE"):
    _fill_disk(os.environ["DISK_FULL_WHILE"])
if "otelpond.config.collector.pipeline_process" in sys.orig_argv and os.environ.get("INJECTED_FAULTS"):
    _inject(os.environ["INJECTED_FAULTS"])
if os.environ.get("INJECTED_KILLS"):
    import kill_points

    kill_points.inject(Path(os.environ["INJECTED_KILLS"]), sys.orig_argv)
