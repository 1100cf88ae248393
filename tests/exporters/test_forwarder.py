"""The forwarder against a client in memory: every accepted payload is answered for good, in spite of refusals, kills and dead endpoints."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from otelpond.exporters import forwarder as module
from otelpond.exporters.destination import Answer, Delivered, Destination, Refused, TryLater
from otelpond.exporters.forwarder import Forwarder, backoff_s
from otelpond.exporters.reader import Reader
from otelpond.storage.inbox.segments import BEGINNING, end_position, segments
from otelpond.storage.signals import Signal


@dataclass
class MemoryClient:
    """Keeps what it is sent, and answers what `answer` says of it."""

    answer: Callable[[bytes], Answer] = lambda _: Delivered()
    sent: list[tuple[Signal, bytes]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, signal: Signal, payload: bytes) -> Answer:
        """Note a payload and answer."""
        with self.lock:
            self.sent.append((signal, payload))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self.answer(payload)
        finally:
            with self.lock:
                self.at_once -= 1

    def payloads(self) -> list[bytes]:
        """What was sent, sorted."""
        return sorted(payload for _, payload in self.sent)

    def close(self) -> None:
        """Nothing to let go of."""


def until(condition: Callable[[], Any]) -> None:
    """Wait for it."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it does not become true"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_S", 0.01)


@pytest.fixture
def new_forwarder() -> Iterator[Callable[..., Forwarder]]:
    """Makes running forwarders to the destination `backend`, and ends them."""
    made: list[Forwarder] = []

    def make(pond: Any, client: MemoryClient, **options: Any) -> Forwarder:
        destination = Destination("backend", "http://127.0.0.1:1", **options)
        made.append(Forwarder(destination, client, pond.kept, backoff_s=0.01))
        made[-1].start()
        return made[-1]

    yield make
    for forwarder in made:
        forwarder._stopping.set()
        forwarder._thread.join()


def test_accepted_payloads_are_passed_on_as_they_came(new_pond: Any, new_forwarder: Any) -> None:
    """Bytes and signal; what was accepted before the forwarder started, and after."""
    pond, client = new_pond("backend"), MemoryClient()
    pond.accept(b"a", b"b", items=3)
    forwarder = new_forwarder(pond, client)
    pond.accept(b"c", signal=Signal.LOGS)
    until(lambda: len(client.sent) == 3)
    assert Counter([(Signal.TRACES, b"a"), (Signal.TRACES, b"b"), (Signal.LOGS, b"c")]) == Counter(client.sent)
    until(lambda: {Signal.TRACES: 6, Signal.LOGS: 1} == forwarder.counts.sent)


def test_only_the_wanted_signals_go(new_pond: Any, new_forwarder: Any) -> None:
    """The cursor passes the others."""
    pond, client = new_pond("backend"), MemoryClient()
    pond.accept(b"a")
    pond.accept(b"b", signal=Signal.METRICS)
    pond.accept(b"c")
    forwarder = new_forwarder(pond, client, signals=frozenset({Signal.METRICS}))
    forwarder.drain(10)
    assert [(Signal.METRICS, b"b")] == client.sent
    assert end_position(pond.folder, BEGINNING) == forwarder.passed("receiver")


def test_a_retry_is_passed_on_once(new_pond: Any, new_forwarder: Any) -> None:
    """As it is stored once; what carries no time is no evidence of a retry."""
    pond, client = new_pond("backend"), MemoryClient()
    pond.accept(b"a", b"b", b"a")
    pond.accept(b"c", b"c", timeless=True)
    new_forwarder(pond, client).drain(10)
    assert [b"a", b"b", b"c", b"c"] == client.payloads()


def test_a_payload_is_sent_until_it_is_taken(new_pond: Any, new_forwarder: Any) -> None:
    """Try-later is no answer; the cursor waits."""
    pond = new_pond("backend")
    takes = threading.Event()
    client = MemoryClient(lambda _: Delivered() if takes.is_set() else TryLater("not now"))
    pond.accept(b"a", b"b")
    forwarder = new_forwarder(pond, client)
    until(lambda: client.payloads().count(b"a") > 3)
    forwarder.commit()
    assert BEGINNING == forwarder.passed("receiver") or forwarder.passed("receiver").offset == 0
    takes.set()
    until(lambda: {Signal.TRACES: 2} == forwarder.counts.sent)
    assert forwarder.counts.put_off >= 6
    forwarder.commit()
    assert end_position(pond.folder, BEGINNING) == forwarder.passed("receiver")


def test_a_delay_that_the_other_side_asks_for_is_kept_by_all(new_pond: Any, new_forwarder: Any) -> None:
    """Retry-After holds all requests back, not only the one that was answered with it."""
    pond, first = new_pond("backend"), threading.Event()
    times: list[float] = []

    def answer(_: bytes) -> Answer:
        times.append(time.monotonic())
        if first.is_set():
            return Delivered()
        first.set()
        return TryLater("slower", 0.5)

    client = MemoryClient(answer)
    pond.accept(b"a")
    new_forwarder(pond, client)
    assert first.wait(10)
    pond.accept(b"b", b"c")
    until(lambda: len(times) == 4)
    assert min(times[1:]) - times[0] >= 0.45


def test_a_refusal_is_final_and_counted(new_pond: Any, new_forwarder: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is sent once, said once, and the cursor passes it."""
    pond, client = new_pond("backend"), MemoryClient(lambda payload: Refused("HTTP 400: bad") if payload != b"c" else Delivered())
    pond.accept(b"a", b"b", b"c", items=5)
    forwarder = new_forwarder(pond, client)
    forwarder.drain(10)
    assert [b"a", b"b", b"c"] == client.payloads()
    assert ({Signal.TRACES: 10}, {Signal.TRACES: 5}) == (forwarder.counts.refused, forwarder.counts.sent)
    assert 1 == caplog.text.count("HTTP 400: bad")
    assert end_position(pond.folder, BEGINNING) == forwarder.passed("receiver")


def test_partial_success_is_counted(new_pond: Any, new_forwarder: Any) -> None:
    """What the other side rejects of a request is not sent again."""
    pond, client = new_pond("backend"), MemoryClient(lambda _: Delivered(2, "no ids"))
    pond.accept(b"a", items=5)
    forwarder = new_forwarder(pond, client)
    forwarder.drain(10)
    assert ({Signal.TRACES: 5}, {Signal.TRACES: 2}, 1) == (forwarder.counts.sent, forwarder.counts.rejected, len(client.sent))


def test_a_client_that_fails_here_loses_nothing(new_pond: Any, new_forwarder: Any) -> None:
    """An error of our own is tried again."""
    pond, failures = new_pond("backend"), [ValueError("oops")]

    def answer(_: bytes) -> Answer:
        if failures:
            raise failures.pop()
        return Delivered()

    pond.accept(b"a")
    forwarder = new_forwarder(pond, MemoryClient(answer))
    until(lambda: {Signal.TRACES: 1} == forwarder.counts.sent)


def test_so_many_at_once_and_no_more(new_pond: Any, new_forwarder: Any) -> None:
    """`max_in_flight`; a slow one does not hold the others up."""
    pond, slow = new_pond("backend"), threading.Event()
    client = MemoryClient(lambda payload: TryLater("too slow") if payload == b"0" and not slow.wait(20) else Delivered())
    pond.accept(*(b"%d" % number for number in range(50)))
    forwarder = new_forwarder(pond, client, max_in_flight=3)
    until(lambda: {Signal.TRACES: 49} == forwarder.counts.sent)
    forwarder.commit()
    assert 0 == forwarder.passed("receiver").offset
    slow.set()
    until(lambda: {Signal.TRACES: 50} == forwarder.counts.sent)
    assert client.most_at_once <= 3


def test_what_was_not_answered_is_sent_again_after_a_restart(new_pond: Any, new_forwarder: Any) -> None:
    """From the cursor on disk, which is not past it; what was answered before it is not."""
    pond = new_pond("backend")
    first = MemoryClient(lambda payload: Delivered() if payload < b"c" else TryLater("not now"))
    pond.accept(b"a", b"b", b"c", b"d")
    new_forwarder(pond, first).drain(10)
    second = MemoryClient()
    new_forwarder(pond, second).drain(10)
    assert [b"c", b"d"] == second.payloads()
    third = MemoryClient()
    new_forwarder(pond, third).drain(10)
    assert [] == third.sent


def test_a_fault_of_ours_ends_no_forwarder(
    new_pond: Any, new_forwarder: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong in reading is said once and tried again; everything is passed on in the end."""
    pond = new_pond("backend")
    pond.accept(b"a", b"b")
    read, faults = Reader.next, iter([KeyError("secret"), KeyError("secret"), KeyError("secret")])

    def failing(self: Reader) -> Any:
        if (fault := next(faults, None)) is not None:
            raise fault
        return read(self)

    monkeypatch.setattr(Reader, "next", failing)
    client = MemoryClient()
    forwarder = new_forwarder(pond, client)
    while sum(forwarder.counts.sent.values()) < 2:
        time.sleep(0.01)
    forwarder.drain(10)
    assert [b"a", b"b"] == client.payloads()
    assert 1 == caplog.text.count("KeyError at")
    assert "secret" not in caplog.text


def test_what_is_put_off_for_ever_is_given_up_while_others_are_taken(
    new_pond: Any, new_forwarder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hold the cursor back for ever."""
    monkeypatch.setattr(module, "_GIVE_UP_S", 0.2)
    monkeypatch.setattr(module, "_LONGEST_BACKOFF_S", 0.01)
    pond = new_pond("backend")
    client = MemoryClient(lambda payload: TryLater("not this") if payload == b"a" else Delivered())
    pond.accept(b"a")
    forwarder = new_forwarder(pond, client)
    until(lambda: len(client.sent) > 40)
    assert {} == forwarder.counts.refused
    pond.accept(b"b")
    until(lambda: {Signal.TRACES: 1} == forwarder.counts.refused)


def test_an_inbox_that_was_replaced_is_read_from_its_beginning(new_pond: Any, new_forwarder: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Its numbers begin anew, below the cursor."""
    pond, client = new_pond("backend", segment_bytes=1), MemoryClient()
    pond.accept(b"a", b"b", b"c")
    new_forwarder(pond, client).drain(10)
    pond.inbox.close()
    for segment in segments(pond.folder):
        segment.path.unlink()
    pond.inbox = type(pond.inbox)(pond.folder)
    pond.accept(b"d")
    new_forwarder(pond, client).drain(10)
    assert [b"a", b"b", b"c", b"d"] == client.payloads()
    assert "it was replaced" in caplog.text


def test_pauses_double_up_to_half_a_minute() -> None:
    """Give or take half, so that many forwarders do not march in step."""
    for attempts, expected in ((0, 1), (1, 2), (4, 16), (5, 30), (10_000, 30)):
        assert all(expected * 0.5 <= backoff_s(attempts) <= expected * 1.5 for _ in range(100))
    assert 1 < len({backoff_s(3) for _ in range(10)})
