"""What a destination has not passed is kept when the tables have it, up to a bound; and none of it is in the way of the inbox."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from otelpond.exporters import forwarder as forwarder_module
from otelpond.exporters import forwarding as module
from otelpond.exporters.destination import Answer, Delivered, Destination, TryLater
from otelpond.exporters.forwarding import PondForwarding
from otelpond.storage.inbox import kept as kept_module
from otelpond.storage.inbox.kept import Kept
from otelpond.storage.inbox.log import Inbox
from otelpond.storage.inbox.reading import read_chunk
from otelpond.storage.inbox.segments import BEGINNING, end_position, segments
from otelpond.storage.signals import Signal


class Backend:
    """A destination in memory, alive or dead."""

    def __init__(self) -> None:
        self.alive = threading.Event()
        self.taken: list[bytes] = []

    def send(self, _: Signal, payload: bytes) -> Answer:
        """Take a payload, while alive."""
        if not self.alive.is_set():
            return TryLater("dead")
        self.taken.append(payload)
        return Delivered()

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch) -> dict[str, Backend]:
    """The destinations `a` and `b`; both dead."""
    made = {"a": Backend(), "b": Backend()}
    monkeypatch.setattr(module, "client", lambda destination: made[destination.name])
    monkeypatch.setattr(forwarder_module, "_POLL_S", 0.01)
    monkeypatch.setattr(forwarder_module, "_FIRST_BACKOFF_S", 0.01)
    return made


@pytest.fixture
def forwarding() -> Iterator[Callable[..., PondForwarding]]:
    """Makes a pond's forwarders, not started, and ends them."""
    made: list[PondForwarding] = []

    def make(pond: Any, **options: Any) -> PondForwarding:
        destinations = [Destination(name, "http://127.0.0.1:1", **options) for name in pond.kept.destinations]
        made.append(PondForwarding(pond.kept, destinations, retry_window_s=900))
        return made[-1]

    yield make
    for running in made:
        for forwarder in running.forwarders:
            forwarder._stopping.set()


def numbers(*payloads: int) -> list[bytes]:
    """Payloads of 100 bytes each."""
    return [b"%0100d" % payload for payload in payloads]


def publish(pond: Any) -> None:
    """What the pipeline does when all tables have everything."""
    pond.inbox.close()
    pond.kept.forget(pond.folder, end_position(pond.folder, BEGINNING))
    pond.inbox = Inbox(pond.folder, pond.inbox._limits)


def kept_numbers(pond: Any) -> list[int]:
    """The kept segments."""
    return [segment.number for segment in pond.kept.segments()]


def test_what_all_have_passed_is_not_kept(new_pond: Any, forwarding: Any, backends: dict[str, Backend]) -> None:
    """Nothing is copied or linked where destinations keep up."""
    pond = new_pond("a", "b", segment_bytes=1)
    pond.accept(*numbers(1, 2, 3))
    for backend in backends.values():
        backend.alive.set()
    running = forwarding(pond)
    running.start()
    running.drain(10)
    publish(pond)
    assert [] == kept_numbers(pond)
    assert [0] == [segment.path.stat().st_size for segment in segments(pond.folder)]
    assert [numbers(1, 2, 3)] * 2 == [sorted(backend.taken) for backend in backends.values()]


def test_an_unreadable_certificate_keeps_its_own_destination_waiting(
    new_pond: Any, backends: dict[str, Backend], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other destinations get theirs; it gets its own when the file is there again."""
    unreadable = True

    def opened(destination: Destination) -> Backend:
        if destination.name == "a" and unreadable:
            raise FileNotFoundError("no such certificate")
        return backends[destination.name]

    monkeypatch.setattr(module, "client", opened)
    for backend in backends.values():
        backend.alive.set()
    pond = new_pond("a", "b")
    pond.accept(*numbers(1, 2))
    running = PondForwarding(pond.kept, [Destination(name, "http://127.0.0.1:1") for name in "ab"], retry_window_s=900)
    running.start()
    running.drain(10)
    assert [[], numbers(1, 2)] == [sorted(backend.taken) for backend in backends.values()]
    unreadable = False
    again = PondForwarding(pond.kept, [Destination(name, "http://127.0.0.1:1") for name in "ab"], retry_window_s=900)
    again.start()
    again.drain(10)
    assert [numbers(1, 2)] * 2 == [sorted(backend.taken) for backend in backends.values()]


def test_what_one_has_not_passed_is_kept_and_the_inbox_is_empty(new_pond: Any, forwarding: Any, backends: dict[str, Backend]) -> None:
    """A dead destination holds up neither the other one nor the inbox; alive again, it gets everything in the end."""
    pond = new_pond("a", "b", segment_bytes=1)
    pond.accept(*numbers(1, 2, 3))
    backends["a"].alive.set()
    first = forwarding(pond)
    first.start()
    first.drain(10)
    publish(pond)
    assert [1, 2, 3] == kept_numbers(pond)
    assert [0] == [segment.path.stat().st_size for segment in segments(pond.folder)]
    pond.accept(*numbers(4, 5))
    publish(pond)
    backends["b"].alive.set()
    second = forwarding(pond)
    second.start()
    second.drain(10)
    assert [numbers(1, 2, 3, 4, 5)] * 2 == [sorted(backend.taken) for backend in backends.values()]
    assert [] == kept_numbers(pond)


def test_beyond_the_bound_the_oldest_is_lost_and_counted(
    new_pond: Any, forwarding: Any, backends: dict[str, Backend], caplog: pytest.LogCaptureFixture
) -> None:
    """The tables have it; the destination gets the youngest."""
    pond = new_pond("a", segment_bytes=1, max_bytes=500)
    pond.accept(*numbers(*range(10)), items=7)
    running = forwarding(pond, max_in_flight=2)
    running.start()
    publish(pond)
    running.tend()
    assert sum(segment.size for segment in pond.kept.segments()) <= 500
    assert [8, 9, 10] == kept_numbers(pond)
    backends["a"].alive.set()
    running.drain(10)
    (forwarder,) = running.forwarders
    lost = forwarder.counts.lost[Signal.TRACES]
    assert numbers(7, 8, 9) == sorted(backends["a"].taken)[-3:]
    assert 70 == lost + 7 * len(backends["a"].taken)
    assert lost >= 35, "at most two were under way"
    assert "the oldest items are not passed on" in caplog.text


def test_nothing_is_kept_for_a_destination_that_is_taken_out_of_the_settings(new_pond: Any) -> None:
    """What was kept for it goes at the next publish."""
    pond = new_pond("a", segment_bytes=1)
    pond.accept(*numbers(1, 2))
    publish(pond)
    assert [1, 2] == kept_numbers(pond)
    pond.kept = Kept(pond.kept.pond, (), 1 << 30)
    publish(pond)
    assert [] == kept_numbers(pond)


def test_without_a_forwarder_there_is_a_bound_too(new_pond: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A forwarder that cannot run does not fill the disk."""
    monkeypatch.setattr(kept_module, "_SLACK_BYTES", 500)
    pond = new_pond("a", segment_bytes=1, max_bytes=500)
    pond.accept(*numbers(*range(50)))
    publish(pond)
    assert 1000 <= sum(segment.size for segment in pond.kept.segments()) <= 1200
    assert "the forwarder does not run" in caplog.text


def test_what_cannot_be_kept_stops_nothing(new_pond: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A full disk costs the destination, not the tables."""
    pond = new_pond("a", segment_bytes=1)
    pond.accept(*numbers(1, 2))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_module.os, "link", full)
    publish(pond)
    assert [0] == [segment.path.stat().st_size for segment in segments(pond.folder)]
    assert "No space left" in caplog.text


def test_reading_never_steps_over_a_segment_that_is_kept_meanwhile(new_pond: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Emptied between listing and reading: the next call finds it where it is kept."""
    pond = new_pond("a")
    pond.accept(*numbers(1))
    pond.inbox.close()
    pond.inbox = Inbox(pond.folder)
    pond.accept(*numbers(2))
    folder, kept = pond.folder, pond.kept.folder("receiver")
    listed = kept_module.segments_with_kept(folder, kept)
    pond.kept._keep("receiver", BEGINNING, listed[0])
    empty = folder / ".empty"
    empty.touch()
    empty.replace(listed[0].path)
    monkeypatch.setattr("otelpond.storage.inbox.reading.segments_with_kept", lambda *_: listed)
    assert read_chunk(folder, BEGINNING, max_items=10, max_bytes=1000, kept=kept) is None
    monkeypatch.undo()
    chunk = read_chunk(folder, BEGINNING, max_items=10, max_bytes=1000, kept=kept)
    assert chunk is not None
    assert (1, numbers(1)) == (chunk.segment, [chunk.wire[frame.payload_start : frame.end].tobytes() for frame in chunk.frames])


def test_a_cursor_that_cannot_be_written_is_written_later(
    new_pond: Any, forwarding: Any, backends: dict[str, Backend], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Passing on goes on; what would be sent again after a kill is more."""
    pond = new_pond("a")
    pond.accept(*numbers(1))
    backends["a"].alive.set()
    running = forwarding(pond)
    running.start()
    with monkeypatch.context() as broken:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        broken.setattr(kept_module, "write_file", full)
        while not backends["a"].taken or "No space left" not in caplog.text:
            running.tend()
    running.drain(10)
    assert end_position(pond.folder, BEGINNING) == running.forwarders[0].passed("receiver")


def test_progress_is_plain_values(new_pond: Any, forwarding: Any, backends: dict[str, Backend]) -> None:
    """By destination and signal, with what waits."""
    pond = new_pond("a")
    pond.accept(*numbers(1), items=3)
    backends["a"].alive.set()
    running = forwarding(pond)
    waiting = running.progress()["a"]
    assert (0, True) == (waiting["put_off"], waiting["unread_bytes"] > 100)
    running.start()
    running.drain(10)
    expected = {"sent": {"traces": 3}, "rejected": {}, "refused": {}, "lost": {}, "put_off": 0, "unread_bytes": 0}
    assert {"a": expected} == running.progress()


def test_the_cursor_lies_with_the_destination(new_pond: Any, forwarding: Any, backends: dict[str, Backend]) -> None:
    """`POND/forward/<name>/cursor`, and the kept segments beside."""
    pond = new_pond("a")
    pond.accept(*numbers(1))
    backends["a"].alive.set()
    running = forwarding(pond)
    running.start()
    running.drain(10)
    assert [Path("forward/a/cursor")] == [
        path.relative_to(pond.kept.pond) for path in (pond.kept.pond / "forward").rglob("*") if path.is_file()
    ]
