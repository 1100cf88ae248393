"""The child process in which a collector's pipeline runs: `python -m otelpond.config.pipeline_process`, started by the collector.

A process of its own, so that decoding never delays an answer, a payload that ends the process ends only this one, and the receivers
load neither DuckDB nor Numba. With `--crashed` it is told that the one before it ended by its own fault. The settings come as the
first line of standard input, requests as the lines after it; what there is to say goes to standard output, one JSON object a line:

    <- {"publish": 7}       -> {"published": 7}
                            -> {"progress": {"positions": {"receiver": [3, 1024]}, "items": 512, ...}}
    end of input: publish what is waiting, and end
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NoReturn

import psutil

from ..storage.locks import locked
from ..storage.pipeline.control import Progress
from .pond import open_pipeline
from .settings import Settings

logger = logging.getLogger(__name__)

CRASHED = "--crashed"
_LOCK_POLL_S = 0.5


class StreamControl:
    """Requests from one stream, answers to another; see `storage.pipeline.control.Control`."""

    def __init__(self, requests: IO[str], answers: IO[str]) -> None:
        self._requests, self._answers = requests, answers
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._publish: list[int] = []
        self._stopping = False
        threading.Thread(target=self._listen, name="requests", daemon=True).start()

    def wait(self, timeout_s: float) -> None:
        """Sleep, or wake earlier because something was asked."""
        self._wake.wait(timeout_s)
        self._wake.clear()

    def stopping(self) -> bool:
        """Whether the collector is gone or wants the pipeline to end."""
        return self._stopping

    def publish_asked(self) -> bool:
        """Whether somebody waits for a publish."""
        return bool(self._publish)

    def asked(self) -> list[int]:
        """Take the requests made so far."""
        with self._lock:
            taken, self._publish = self._publish, []
        return taken

    def published(self, asked: object) -> None:
        """Answer those requests."""
        assert isinstance(asked, list)  # noqa: S101 - what `asked` gave
        for number in asked:
            self._say({"published": number})

    def progressed(self, progress: Progress) -> None:
        """Tell how far the pipeline has come."""
        self._say({"progress": dataclasses.asdict(progress)})

    def _listen(self) -> None:
        for line in self._requests:
            with self._lock:
                self._publish.append(json.loads(line)["publish"])
            self._wake.set()
        self._stopping = True
        self._wake.set()

    def _say(self, message: dict[str, object]) -> None:
        try:
            print(json.dumps(message), file=self._answers, flush=True)
        except BrokenPipeError:  # nobody listens any more: the end of input tells the same
            self._stopping = True


def main() -> None:
    """Run one pond's pipeline until the input ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s pipeline: %(message)s", stream=sys.stderr)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints must not be taken for an answer
    settings = Settings.model_validate_json(sys.stdin.readline())
    control = StreamControl(sys.stdin, answers)
    with ExitStack() as stack:
        while not stack.enter_context(locked(Path(settings.data) / "pipeline.lock", wait=False)):
            logger.info("the pipeline of a collector that was killed still publishes; waiting for it")
            control.wait(_LOCK_POLL_S)
            if control.stopping():
                return
        open_pipeline(settings, crashed=CRASHED in sys.argv).run(control)


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
