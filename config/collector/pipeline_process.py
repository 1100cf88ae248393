"""The child process in which a collector's pipelines run: `python -m otelpond.config.collector.pipeline_process`, started by the collector.

A process of its own, so that decoding never delays an answer, a payload that ends the process ends only this one, and the receivers
load neither DuckDB nor Numba. It drains the ponds of all tenants. One JSON object a line (see `child`), as in

    <- {"settings": {...}, "crashed": false}
    <- {"ask": 7, "publish": "default"}      -> {"answer": 7}, or {"answer": 7, "failed": "why"}
                                             -> {"tenant": "default", "progress": {"positions": {"receiver": [3, 1024]}, ...}}
                                             -> {"tenant": "acme", "trouble": "why its pond stands still"}
    end of input: publish what is waiting, and end
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from functools import partial
from pathlib import Path
from typing import NoReturn

import psutil

from ...storage import log_lines
from ...storage.access.tenants import tenants
from ...storage.pipeline.ponds import Ponds
from ..pond import Pipelines
from ..settings import Settings
from . import parent
from .pipeline_control import Requests, pond_turns


def main() -> None:
    """Run the pipelines of all ponds until the input ends."""
    log_lines.configure("pipeline")
    answers = parent.answers()
    greeting = parent.greeting(sys.stdin.readline())
    if greeting is None:
        return
    settings = Settings.model_validate(greeting["settings"])
    data = Path(settings.data).absolute()
    requests = Requests(sys.stdin, answers)
    pipelines = Pipelines(settings, crashed=greeting["crashed"])
    ponds = Ponds(
        partial(tenants, data), lambda tenant: pond_turns(data, tenant, pipelines.open, requests.of(tenant, partial(ponds.alone, tenant)))
    )
    ponds.run(requests)


def end() -> NoReturn:
    """End at once, now that everything is durable: threads and children that still compile kernels are not waited for."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            child.kill()
            child.wait()
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
    end()
