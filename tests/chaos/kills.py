"""Kills: a collector under load from several clients is killed at random and at chosen moments; every row must be found once."""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import grpc
import httpx
import psutil

from ..e2e.conftest import PROTOBUF, Collector, until
from . import load

FAULTS = Path(__file__).parents[1] / "e2e" / "faults"
CLIENTS = 4
SENT_TWICE = 0.1
ORDER_S = 20.0
SETTLE_S = 180.0


@dataclass
class Client:
    """Sends requests, each until it is acknowledged, as SDKs do; now and then once more, as when an answer is lost on its way.

    Attributes:
        first: the number of its first request; no other client comes near it.
        pace: how many requests all clients together may have sent by now.
    """

    collector: Collector
    first: int
    over_grpc: bool
    pace: Pace
    acknowledged: list[int] = field(default_factory=list)
    retries: int = 0

    def run(self) -> None:
        """Send until told to stop; what is under way is finished."""
        with httpx.Client(timeout=30) as http, grpc.insecure_channel(self.collector.grpc) as channel:
            for number in itertools.count(self.first):
                if not self.pace.turn():
                    return
                request = load.body(number)
                for _ in range(2 if random.random() < SENT_TWICE else 1):
                    while not (self._call(channel, number, request) if self.over_grpc else self._post(http, number, request)):
                        self.retries += 1
                        time.sleep(0.05)
                self.acknowledged.append(number)

    def _post(self, http: httpx.Client, number: int, request: bytes) -> bool:
        try:
            answer = http.post(f"http://{self.collector.http}{load.PATHS[load.kind_of(number)]}", content=request, headers=PROTOBUF)
        except httpx.TransportError:
            return False
        if answer.status_code == httpx.codes.OK and answer.content:
            raise AssertionError(f"request {number} was taken in part: {answer.content!r}")
        return bool(answer.status_code == httpx.codes.OK)

    def _call(self, channel: grpc.Channel, number: int, request: bytes) -> bool:
        export = channel.unary_unary(load.METHODS[load.kind_of(number)])
        try:
            answer = export(request, timeout=30)
        except grpc.RpcError:
            return False
        if answer:
            raise AssertionError(f"request {number} was taken in part: {answer!r}")
        return True


class Pace:
    """Spreads a number of requests over a number of kills."""

    def __init__(self, requests: int, kills: int) -> None:
        self._each = max(1, requests // max(1, kills))
        self._condition = threading.Condition()
        self._allowed = self._each
        self._sent = 0
        self._stopped = False

    def turn(self) -> bool:
        """Wait for the next request's turn; False when there is none any more."""
        with self._condition:
            self._condition.wait_for(lambda: self._stopped or self._sent < self._allowed)
            self._sent += 1
            return not self._stopped

    def allow(self, share: float = 1.0) -> None:
        """Let the requests of one more kill go."""
        with self._condition:
            self._allowed += int(self._each * share)
            self._condition.notify_all()

    def stop(self) -> None:
        """Let every client finish what it has under way."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()


@dataclass(slots=True)
class Figures:
    """What the kills did, all tables together; rows sent are spans, points and log records."""

    kills: dict[str, int] = field(default_factory=dict)
    retries: int = 0
    rows_sent: int = 0
    acknowledged: int = 0
    found: int = 0
    lost: int = 0
    doubled: int = 0
    rejected: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    complaints: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All kills."""
        return sum(self.kills.values())


class Killer:
    """Kills a collector's processes in all the ways there are."""

    def __init__(self, collector: Collector, orders: Path, figures: Figures) -> None:
        sys.path.insert(0, str(FAULTS))
        import kill_points  # noqa: PLC0415 - it lies where collectors find it

        self._collector = collector
        self._orders = orders
        self._figures = figures
        chosen = [
            *(f"inbox.answer+{point}" if point == "inbox.open" else point for point in kill_points.COLLECTOR),  # at a start it opens one
            *kill_points.PIPELINE,
            *(f"pipeline.tables+{point}" for point in kill_points.RECOVERY),
            *kill_points.MAINTENANCE,
        ]
        self._deck = [*chosen, *["random collector"] * 4, *["random pipeline"] * 6, *["random everything"] * 5, *["random maintenance"] * 2]

    def ways(self, chance: random.Random) -> Iterator[str]:
        """Every way once, in a random order, and again."""
        while True:
            deck = list(self._deck)
            chance.shuffle(deck)
            yield from deck

    def kill(self, way: str, chance: random.Random) -> None:
        """Kill in that way, and see that the collector runs again; not counted where the moment did not come in time."""
        if way.startswith("random"):
            time.sleep(chance.random())
            killed = self._at_random(way.split()[1])
            self._count(way, killed)
            self._go_on()
        for point in way.split("+") if not way.startswith("random") else ():
            self._count(point, self._at(point))
            self._go_on()

    def _go_on(self) -> None:
        assert self._collector.process is not None
        if self._collector.process.poll() is not None:
            self._collector.start()

    def _count(self, way: str, killed: bool) -> None:
        if killed:
            self._figures.kills[way] = self._figures.kills.get(way, 0) + 1

    def _at_random(self, what: str) -> bool:
        if what in {"collector", "everything"}:
            self._collector.kill(children=what == "everything")
            return True
        name = "otelpond.config.collector.pipeline_process" if what == "pipeline" else "otelpond.storage.lake.maintenance"
        end = time.monotonic() + ORDER_S / 2
        while time.monotonic() < end:
            for process in psutil.process_iter(["cmdline"]):
                if name in (process.info["cmdline"] or ()) and self._is_ours(process):
                    with suppress(psutil.Error):
                        os.kill(process.pid, signal.SIGKILL)
                        return True
            time.sleep(0.02)
        return False

    def _is_ours(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            return process.environ().get("INJECTED_KILLS") == str(self._orders)
        return False

    def _at(self, point: str) -> bool:
        order = self._orders / point
        order.touch()
        end = time.monotonic() + ORDER_S
        while time.monotonic() < end:
            if not order.exists():
                if point.startswith("inbox"):
                    assert self._collector.process is not None
                    self._collector.process.wait(10)
                return True
            time.sleep(0.01)
        try:
            order.unlink()
        except FileNotFoundError:
            return True
        return False


def run(folder: Path, *, kills: int, rows: int, environment: dict[str, str], seed: int, seconds: float) -> Figures:
    """Kill that many times while so many rows are sent, for at most so many seconds; then look for every row."""
    figures = Figures()
    chance = random.Random(seed)
    orders = folder / "orders"
    orders.mkdir()
    path = os.pathsep.join(filter(None, (str(FAULTS), os.environ.get("PYTHONPATH"))))
    often = {"OTELPOND_COMMIT_INTERVAL_S": "0.7", "OTELPOND_BATCH_INTERVAL_S": "0.2", "PYTHONPATH": path, "INJECTED_KILLS": str(orders)}
    collector = Collector(folder / "pond", environment | often).start()
    pace = Pace(rows // load.ITEMS, kills)
    clients = [Client(collector, (1 + number) * 1_000_000_000, number == 0, pace) for number in range(CLIENTS)]
    threads = [threading.Thread(target=client.run) for client in clients]
    killer = Killer(collector, orders, figures)
    started = time.monotonic()
    try:
        for thread in threads:
            thread.start()
        for way in killer.ways(chance):
            before = figures.total
            pace.allow(0.3)
            killer.kill(way, chance)
            pace.allow(0.7 * (figures.total - before))
            if figures.total >= kills or time.monotonic() - started > seconds:
                break
    finally:
        pace.stop()
        for thread in threads:
            thread.join()
    figures.retries = sum(client.retries for client in clients)
    _count(collector, [number for client in clients for number in client.acknowledged], figures)
    figures.seconds = time.monotonic() - started
    collector.stop()
    return figures


def _count(collector: Collector, numbers: list[int], figures: Figures) -> None:
    """Look for the rows of every acknowledged request in every table, in the files and not in views that hide doubles."""
    until(lambda: _published(collector), "everything is published", deadline_s=SETTLE_S)
    figures.rows_sent = len(numbers) * load.ITEMS
    with duckdb.connect() as con:
        con.execute(f"attach '{collector.data / 'pond.duckdb'}' as pond (read_only)")
        con.execute("create table sent (number bigint, kind text)")
        con.executemany("insert into sent values (?, ?)", [(number, load.kind_of(number)) for number in numbers])
        con.execute("create table items as select kind, item, number * 1000 + item as id from sent, range(200) r(item)")
        for table, (kind, condition, row_id, unique) in load.EXPECTED.items():
            expected = f"select id from items where kind = '{kind}' and ({condition})"
            rows = f"pond.files.{table}"
            acknowledged, lost = con.execute(
                f"select count(*), count(*) filter (id not in (select {row_id} from {rows} where {row_id} is not null)) from ({expected})"
            ).fetchall()[0]
            doubled = con.execute(f"select coalesce(sum(n - 1), 0) from (select count(*) as n from {rows} group by {unique})").fetchall()[
                0
            ][0]
            figures.acknowledged += acknowledged
            figures.found += acknowledged - lost
            figures.lost += lost
            figures.doubled += int(doubled)
            if lost or doubled:
                figures.complaints.append(f"{table}: {lost} of {acknowledged} lost, {doubled} doubled")
        figures.rejected = con.execute("select count(*) from pond.files.rejected_records").fetchall()[0][0]
    kept = collector.data / "quarantine"
    figures.quarantined = len(list(kept.iterdir())) if kept.is_dir() else 0


def _published(collector: Collector) -> bool:
    with suppress(httpx.TransportError):
        return bool(httpx.post(f"http://{collector.admin}/publish", timeout=60).is_success)
    return False
