"""One life of a small pond, to be recorded: clients send, the pipeline publishes, maintenance runs, and it ends as by SIGKILL.

    python -m tests.chaos.life DATA ACKS FIRST COUNT SECONDS NOW_NS

sends the payloads from FIRST on, writes the number of each acknowledged one to ACKS, and ends after COUNT or SECONDS, in the middle of
everything. COUNT 0: it only recovers, and ends in good order. OTELPOND_CHAOS_WITHOUT_FSYNC=1: a pond that promises what it does not keep.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import threading
import time
from pathlib import Path

from otelpond.storage.derive import Deriver
from otelpond.storage.inbox.log import Inbox

from . import small_pond

CLIENTS = 3
SENT_TWICE = 0.15
PAUSE_S = 0.02


def main(data: Path, acks: Path, *, first: int, count: int, seconds: float, now_ns: int) -> None:
    """Live."""
    if os.environ.get("OTELPOND_CHAOS_WITHOUT_FSYNC"):
        os.fsync = os.fdatasync = lambda _descriptor: None
    tables = small_pond.documented_tables()
    deriver = Deriver(tables)
    if not count:
        small_pond.recover(data, tables, deriver)
        os._exit(0)
    acked = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    inbox = Inbox(data / "inbox" / "receiver", small_pond.LIMITS)
    numbers = itertools.count(first)
    done = threading.Semaphore(0)

    def client() -> None:
        for number in numbers:
            small_pond.send(inbox, number, now_ns)
            os.write(acked, b"%d\n" % number)
            if random.random() < SENT_TWICE:  # the answer was lost on its way
                small_pond.send(inbox, number, now_ns)
            done.release()
            time.sleep(random.expovariate(1 / PAUSE_S))

    def end() -> None:
        deadline = time.monotonic() + seconds
        for _ in range(count):
            done.acquire(timeout=max(0.0, deadline - time.monotonic()))
        os._exit(0)

    for _ in range(CLIENTS):
        threading.Thread(target=client, daemon=True).start()
    threading.Thread(target=end, daemon=True).start()
    running = small_pond.pipeline(data, tables, deriver)
    threading.Thread(target=small_pond.maintain_often, args=(data, tables, threading.Event()), daemon=True).start()
    running.run(small_pond.Until(threading.Event()))


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        first=int(sys.argv[3]),
        count=int(sys.argv[4]),
        seconds=float(sys.argv[5]),
        now_ns=int(sys.argv[6]),
    )
