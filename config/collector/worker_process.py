"""One of several receiver processes: `python -m otelpond.config.collector.worker_process`, started where `workers` is above 1.

One JSON object a line (see `child`), as in

    <- {"settings": {...}, "worker": 1, "grpc": "127.0.0.1:4317", "http": "127.0.0.1:4318", "http_socket": null, "read": {...}}
                               -> {"ready": true}, or {"failed": "why it cannot start"}
    <- {"read": {"default": [3, 1024]}}      how far the pipeline has read this process's inboxes, by tenant
    <- {"ask": 7, "report": true}            -> {"answer": 7, "report": {...}}
    <- {"ask": 8, "reload": true}            -> {"answer": 8}
    <- {"ask": 9, "alive": true}             -> {"answer": 9}
    end of input, or SIGTERM: answer what is under way, and end
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from typing import IO, Any

import uvloop

from ...storage import log_lines
from ...storage.inbox.segments import Position
from ..errors import CommandError
from ..settings import Settings
from . import parent
from .inboxes import inbox_name
from .receivers import answering_s, reload_soon, settle
from .receiving import Receiving
from .security import Security


class Worker:
    """The process's side of the pipes.

    Args:
        greeting: the first line.
        answers: where to write.
    """

    def __init__(self, greeting: dict[str, Any], answers: IO[str]) -> None:
        self._answers = answers
        self._settings = Settings.model_validate(greeting["settings"])
        self._name = inbox_name(greeting["worker"])
        inherited = greeting["http_socket"]
        self._receiving = Receiving(
            self._settings,
            Security(self._settings),
            worker=greeting["worker"],
            grpc=greeting["grpc"],
            http=greeting["http"],
            http_socket=None if inherited is None else socket.socket(fileno=inherited),
            shared=True,
        )
        self._read = greeting["read"]

    async def run(self, requests: asyncio.StreamReader) -> None:
        """Receive until told to end."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, ended.set)
        loop.add_signal_handler(signal.SIGHUP, reload_soon, self._receiving)
        await self._receiving.start()
        self._note_read(self._read)
        settle()
        self._say({"ready": True})
        listening = asyncio.create_task(self._listen(requests, ended))
        await ended.wait()
        listening.cancel()
        await self._receiving.stop(timeout_s=answering_s(self._settings))

    async def _listen(self, requests: asyncio.StreamReader, ended: asyncio.Event) -> None:
        try:
            async for line in requests:
                await self._take(json.loads(line))
        finally:
            ended.set()

    async def _take(self, message: dict[str, Any]) -> None:
        if "read" in message:
            self._note_read(message["read"])
        elif "reload" in message:
            await self._receiving.reload()
            self._say({"answer": message["ask"]})
        elif "alive" in message:
            self._say({"answer": message["ask"]})
        elif "report" in message:
            self._say({"answer": message["ask"], "report": (await self._receiving.report()).to_json()})

    def _note_read(self, positions: dict[str, list[int]]) -> None:
        for tenant, position in positions.items():
            self._receiving.note_read(tenant, {self._name: Position(*position)})

    def _say(self, message: dict[str, Any]) -> None:
        parent.say(self._answers, message)


async def _run(answers: IO[str]) -> int:
    requests = asyncio.StreamReader(limit=parent.LONGEST_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
    greeting = parent.greeting(await requests.readline())
    if greeting is None:
        return 0
    log_lines.configure(inbox_name(greeting["worker"]))
    try:
        await Worker(greeting, answers).run(requests)
    except CommandError as error:
        parent.say(answers, {"failed": str(error)})
        return 1
    return 0


def main() -> int:
    """Receive until the input ends."""
    answers = parent.answers()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(answers))


if __name__ == "__main__":
    raise SystemExit(main())
