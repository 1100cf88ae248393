"""The load generator: sends the benchmark's payload to an address of this machine and prints one JSON object of what came of it.

    python tests/bench/load.py --target 127.0.0.1:4317 --seconds 20                  as fast as the answers come (closed loop)
    python tests/bench/load.py --target 127.0.0.1:4318 --seconds 20 --transport http       over OTLP/HTTP instead of gRPC
    python tests/bench/load.py --target 127.0.0.1:4317 --seconds 20 --rate 50000     at that many items a second (open loop)
    python tests/bench/load.py --target 127.0.0.1:4317 --seconds 20 --payload events       user events as OTLP log records
    python tests/bench/load.py --target 127.0.0.1:4318 --seconds 20 --payload json_events --transport http     the same to /v1/events

Ends by itself after `--seconds` or `--max-items`, whichever is first. In the open loop a request's latency counts from the moment
it was due, so that a stalled collector cannot hide behind requests that were never sent. What is refused is counted and not sent
again. Needs about 0.5 us of CPU an item, half of it the kernel copying, which it measures and states.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import threading
import time
from dataclasses import dataclass, field
from itertools import count

import calls
import numpy as np
import posts
from calls import OK, Answer
from event_payloads import events, json_events
from payloads import SERVICE_PATHS, Template, templates

MAX_SECONDS, MAX_ITEMS, MAX_CONNECTIONS = 900, 100_000_000, 128
_UNAVAILABLE = 14
Connection = calls.Connection | posts.Connection
TRANSPORTS = {"grpc": calls.Connection, "http": posts.Connection}
HEADS = {calls.Connection: calls.header_block, posts.Connection: posts.header_block}
_EMPTY_ANSWER = 5  # a message's prefix
PAYLOADS = {
    "shop": templates,
    "events": lambda items, rounds, first_seed: [events(seed, items) for seed in range(first_seed, first_seed + rounds * 10)],
    "json_events": lambda items, rounds, first_seed: [json_events(seed, items) for seed in range(first_seed, first_seed + rounds * 10)],
}


@dataclass(slots=True)
class Tally:
    """What one sender saw.

    Attributes:
        rows: rows by table that its acknowledged items become.
        latencies_s: from when a request was due to its acknowledgement.
        refused: answers to try later. failures: other answers, by status and text.
        partial: answers of success that are not empty, which tell of rejected items.
    """

    requests: int = 0
    items: int = 0
    size: int = 0
    refused: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    partial: int = 0

    def acknowledge(self, template: Template, latency_s: float, size: int) -> None:
        """Count one answer of success, of `size` bytes: an empty message is 5."""
        self.requests += 1
        self.items += template.items
        self.size += template.size
        self.partial += size > _EMPTY_ANSWER
        self.latencies_s.append(latency_s)
        for table, rows in template.rows.items():
            self.rows[table] = self.rows.get(table, 0) + rows

    def add(self, other: Tally) -> None:
        """Take in another sender's counts."""
        for name in ("requests", "items", "size", "refused", "partial"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.latencies_s += other.latencies_s
        for mine, theirs in ((self.rows, other.rows), (self.failures, other.failures)):
            for key, number in theirs.items():
                mine[key] = mine.get(key, 0) + number


class Schedule:
    """Gives every request its turn: until when, how many, and (open loop) when each is due."""

    def __init__(self, seconds: float, max_items: int, items: int, rate: float) -> None:
        self._turns = count()
        self._lock = threading.Lock()
        self._most = -(-min(max_items, MAX_ITEMS) // items)
        self._gap_s = items / rate if rate else 0.0
        self.start = time.perf_counter()
        self.end = self.start + min(seconds, MAX_SECONDS)

    def turn(self) -> tuple[int, float] | None:
        """The number of the next request and when it is due (perf_counter seconds), after waiting for it; None at the end."""
        with self._lock:
            number = next(self._turns)
        due = self.start + number * self._gap_s if self._gap_s else time.perf_counter()
        if number >= self._most or due >= self.end:
            return None
        if (wait := due - time.perf_counter()) > 0:
            time.sleep(wait)
        return number, due


def send(connection: Connection, made: list[Template], schedule: Schedule, tally: Tally, depth: int) -> None:
    """One sender: keeps at most `depth` requests in flight on its connection until the schedule ends."""
    header_block = HEADS[type(connection)]
    blocks = {signal: header_block(path, f"{connection.host}:{connection.port}") for signal, path in SERVICE_PATHS.items()}
    waiting: dict[int, tuple[Template, float]] = {}
    while (turn := schedule.turn()) is not None:
        number, due = turn
        template = made[number % len(made)]
        waiting[connection.start(blocks[template.signal], template.request.refresh(time.time_ns()))] = template, due
        if connection.in_flight >= depth:
            settle(connection.answers(), waiting, tally)
    while waiting:
        settle(connection.answers(), waiting, tally)


def settle(answers: list[Answer], waiting: dict[int, tuple[Template, float]], tally: Tally) -> None:
    """Count what has ended; after a refusal to try later, hold back a little."""
    now = time.perf_counter()
    for answer in answers:
        template, due = waiting.pop(answer.stream)
        if answer.status == OK:
            tally.acknowledge(template, now - due, answer.size)
        elif answer.status == _UNAVAILABLE:
            tally.refused += 1
            time.sleep(0.2)
        else:
            reason = f"status {answer.status}: {answer.message}"
            tally.failures[reason] = tally.failures.get(reason, 0) + 1


def run(
    target: str, *, transport: str, payload: str, seconds: float, max_items: int, items: int, rate: float, connections: int, depth: int
) -> dict[str, object]:
    """Send the load and say what came of it."""
    senders = min(connections, MAX_CONNECTIONS)
    host, _, port = target.rpartition(":")
    made = [PAYLOADS[payload](items, max(1, 16 // senders), sender * 160) for sender in range(senders)]  # each writes in its own
    links = [TRANSPORTS[transport](host, int(port)) for _ in range(senders)]
    tallies = [Tally() for _ in range(senders)]
    gc.freeze()  # a full collection would be a pause of the generator's own
    used = resource.getrusage(resource.RUSAGE_SELF)
    began_unix_s = time.time()
    schedule = Schedule(seconds, max_items, items, rate)
    threads = [
        threading.Thread(target=send, args=(link, mine, schedule, tally, depth))
        for link, mine, tally in zip(links, made, tallies, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed_s = time.perf_counter() - schedule.start
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    for link in links:
        link.close()
    total = Tally()
    for tally in tallies:
        total.add(tally)
    cpu_s = cpu.ru_utime + cpu.ru_stime - used.ru_utime - used.ru_stime
    how = {"began_unix_s": began_unix_s, "connections": senders, "depth": depth, "rate": rate, "items_a_request": items}
    return summary(total, elapsed_s, cpu_s) | how


def summary(total: Tally, elapsed_s: float, cpu_s: float) -> dict[str, object]:
    """The figures of a run, ready for JSON."""
    ordered = np.array(total.latencies_s or [0.0]) * 1000
    return {
        "items": total.items,
        "requests": total.requests,
        "bytes": total.size,
        "rows": total.rows,
        "seconds": elapsed_s,
        "generator_cpu_s": cpu_s,
        "generator_cpu_us_per_item": cpu_s / max(total.items, 1) * 1e6,
        "refused": total.refused,
        "partial": total.partial,
        "failures": total.failures,
        "latency_ms": dict(zip(("p50", "p90", "p99", "max"), map(float, np.quantile(ordered, (0.5, 0.9, 0.99, 1.0))), strict=True)),
    }


def main() -> None:
    """Read the command line, send, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="127.0.0.1:4317")
    parser.add_argument("--transport", choices=tuple(TRANSPORTS), default="grpc")
    parser.add_argument("--payload", choices=tuple(PAYLOADS), default="shop")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--max-items", type=int, default=MAX_ITEMS)
    parser.add_argument("--items", type=int, default=512, help="items a request")
    parser.add_argument("--rate", type=float, default=0, help="items a second; 0: as fast as the answers come")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--depth", type=int, default=1, help="requests in flight on one connection at most")
    options = parser.parse_args()
    if options.target.rsplit(":", 1)[0] not in {"127.0.0.1", "localhost", "[::1]"}:
        parser.error("--target: the load stays on this machine, give 127.0.0.1:PORT")
    result = run(
        options.target,
        transport=options.transport,
        payload=options.payload,
        seconds=options.seconds,
        max_items=options.max_items,
        items=options.items,
        rate=options.rate,
        connections=options.connections,
        depth=options.depth,
    )
    print(json.dumps(result))  # noqa: T201 - the result


if __name__ == "__main__":
    main()
