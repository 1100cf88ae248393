"""Ends in the way that it is given, as somebody, after it has logged something."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable

from otelpond.instrumentation import set_session, set_user


class OrderError(Exception):
    """Something of the service's own."""


def fail() -> None:
    """An error with a cause and a note."""
    try:
        raise KeyError("stock")  # noqa: TRY301 - a cause
    except KeyError as error:
        failure = OrderError("order 7 failed")
        failure.add_note("it was the third try")
        raise failure from error


def in_thread() -> None:
    """The process goes on."""
    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()


def in_task() -> None:
    """Nobody awaits it."""

    async def main() -> None:
        async def work() -> None:
            fail()

        task = asyncio.create_task(work(), name="work")
        await asyncio.sleep(0.01)
        del task

    asyncio.run(main())


def in_callback() -> None:
    """Of a loop, with a handler of the service's own that says nothing."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _context: None)
        loop.call_soon(fail)
        await asyncio.sleep(0.01)

    asyncio.run(main())


def in_group() -> None:
    """Two at once."""

    async def work() -> None:
        fail()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
            group.create_task(work())

    asyncio.run(main())


def in_finalizer() -> None:
    """Where nothing can be raised."""

    class Resource:
        def __del__(self) -> None:
            fail()

    del Resource().__dict__


def recurse() -> None:
    """Without end."""
    recurse()


def exhaust() -> None:
    """More memory than the process may have."""
    resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
    kept = []
    while True:
        kept.append(bytearray(2**24))


def stop_late() -> None:
    """Is asked to stop, takes its time, and is killed."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)


def log_and_raise() -> None:
    """Told by the service before it ends."""
    try:
        fail()
    except OrderError:
        logging.getLogger("shop").exception("giving up")
        raise


def call_hook() -> None:
    """The process goes on."""
    try:
        fail()
    except OrderError:
        sys.excepthook(*sys.exc_info())


def own_hook() -> None:
    """The service has put a hook of its own in place of ours."""
    sys.excepthook = lambda *_: None
    fail()


WAYS: dict[str, Callable[[], object]] = {
    "main thread": fail,
    "thread": in_thread,
    "asyncio task": in_task,
    "loop callback": in_callback,
    "finalizer": in_finalizer,
    "os.abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
    "os._exit": lambda: os._exit(3),
    "os._exit(0)": lambda: os._exit(0),
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "SIGBUS": lambda: signal.raise_signal(signal.SIGBUS),
    "SIGFPE": lambda: signal.raise_signal(signal.SIGFPE),
    "SIGTERM": lambda: signal.raise_signal(signal.SIGTERM),
    "stopped late": stop_late,
    "SystemExit": lambda: sys.exit(3),
    "KeyboardInterrupt": lambda: signal.raise_signal(signal.SIGINT),
    "exception group": in_group,
    "recursion error": recurse,
    "out of memory": exhaust,
    "logged and raised": log_and_raise,
    "hook of its own": own_hook,
    "calling the hook": call_hook,
    "nothing": lambda: None,
}

if __name__ == "__main__":
    way = sys.argv[1]
    if way != "nothing":
        set_user("ada", role="admin")
        set_session("s1")
        logging.getLogger("shop").warning("about to end by %s", way)
    WAYS[way]()
