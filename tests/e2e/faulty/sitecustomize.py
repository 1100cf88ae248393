"""Faults in a pipeline process, for `test_faults`: with this folder on PYTHONPATH, Python imports this file before anything else.

FAULTS lists `kernel:TEXT` (the decoder of the hot path raises on a payload that holds TEXT), `raise:TEXT` (every decoder does) and
`exit:TEXT` (every decoder ends the process). The product knows nothing of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

FAULTS = [fault.partition(":")[::2] for fault in os.environ.get("FAULTS", "").split(",")]

if "otelpond.config.pipeline_process" in sys.orig_argv:
    from otelpond.storage.decode import reference, warming

    def _meet(faults: set[str], payloads: Any) -> None:
        wire = b"".join(payloads.payload(index) for index in range(len(payloads)))
        for kind, text in FAULTS:
            if kind in faults and text.encode() in wire:
                if kind == "exit":
                    os._exit(9)
                raise RuntimeError(f"injected: {text}")

    def _faulty(decode: Callable[..., Any], faults: set[str]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            _meet(faults, arguments[-2])
            return decode(*arguments)

        return wrapped

    warming.WarmingDecoder.__call__ = _faulty(warming.WarmingDecoder.__call__, {"kernel", "raise", "exit"})
    reference.decode = _faulty(reference.decode, {"raise", "exit"})
