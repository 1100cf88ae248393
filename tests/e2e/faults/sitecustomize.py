"""Python imports this at start where its folder is on PYTHONPATH: it injects faults into the decoders of a pipeline process.

`INJECTED_FAULTS` is a list of `kernel:TEXT` (the kernels raise on a payload that contains TEXT), `raise:TEXT` (every decoder does)
and `exit:TEXT` (the process ends at once).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
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


def _inject(text: str) -> None:
    from otelpond.storage.decode import kernels, reference  # noqa: PLC0415 - only in the process that is meant

    faults = [(kind, needle.encode()) for kind, _, needle in (fault.partition(":") for fault in text.split(","))]
    kernels.decode = _faulty(kernels.decode, faults)
    reference.decode = _faulty(reference.decode, [fault for fault in faults if fault[0] != "kernel"])


if "otelpond.config.pipeline_process" in sys.orig_argv and os.environ.get("INJECTED_FAULTS"):
    _inject(os.environ["INJECTED_FAULTS"])
