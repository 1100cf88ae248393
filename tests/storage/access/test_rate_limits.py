"""A token sends what was agreed in the long run, a burst at once, and one request of any size."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otelpond.storage.access.rate_limits import BURST_S, Meters, Rate

ITEMS = Rate(items_per_s=8)  # an eighth of a second is exact in binary


def let_in(meters: Meters, number: int, rate: Rate, items: int, size: int = 0) -> bool:
    """As a receiver does: whether nothing is owed, and then count."""
    if meters.wait_s(number):
        return False
    meters.charge(number, rate, items, size)
    return True


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock of its own."""
    return Clock()


@pytest.fixture
def meters(tmp_path: Path, clock: Clock) -> Meters:
    """Meters in a fresh file."""
    return Meters(tmp_path / "limits", clock=clock)


def test_a_burst_is_let_in_and_then_the_rate(meters: Meters, clock: Clock) -> None:
    """At 8 a second, 5 seconds' worth passes at once; then one more for each eighth of a second."""
    burst = sum(let_in(meters, 0, ITEMS, 1) for _ in range(200))
    assert 8 * BURST_S + 1 == burst
    assert 0.125 == meters.wait_s(0)
    clock.now += 0.125
    assert [True, False] == [let_in(meters, 0, ITEMS, 1) for _ in range(2)]


def test_a_request_above_the_burst_is_let_in_whole_and_paid_for_later(meters: Meters, clock: Clock) -> None:
    """Nothing is refused for ever: 480 items at 8 a second pass, and the next one waits a minute less the burst."""
    assert let_in(meters, 0, ITEMS, 480)
    assert pytest.approx(60 - BURST_S) == meters.wait_s(0)
    clock.now += 60 - BURST_S
    assert let_in(meters, 0, ITEMS, 1)


def test_bytes_and_items_are_measured_apart(meters: Meters) -> None:
    """Whichever is used up stops the token, and no other token."""
    both = Rate(items_per_s=1000, bytes_per_s=100)
    assert let_in(meters, 3, both, 1, 1000)
    assert pytest.approx(10 - BURST_S) == meters.wait_s(3)
    assert let_in(meters, 2, both, 1, 1)


def test_processes_share_the_meters(tmp_path: Path, clock: Clock) -> None:
    """Two receivers on one file let in together what one would."""
    receivers = [Meters(tmp_path / "limits", clock=clock) for _ in range(2)]
    assert 8 * BURST_S + 1 == sum(let_in(receivers[number % 2], 0, ITEMS, 1) for number in range(200))


def test_threads_share_the_meters(meters: Meters) -> None:
    """Charges at the same moment are each counted: 200 items at 8 a second are 25 seconds."""

    def charge() -> None:
        for _ in range(50):
            meters.charge(0, ITEMS, 1, 0)

    threads = [threading.Thread(target=charge) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 25 - BURST_S == meters.wait_s(0)


def test_a_disk_that_fails_costs_no_acknowledgement(
    meters: Meters, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is counted is stored already: the log says that it was not counted, and the sender hears of success."""

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("otelpond.storage.access.rate_limits.os.pwrite", full)
    meters.charge(0, ITEMS, 1, 0)
    assert "a rate could not be counted: [Errno 28] No space left on device" in caplog.text


def test_a_restart_keeps_what_is_owed_and_a_boot_forgets_it(tmp_path: Path, clock: Clock) -> None:
    """The clock of a machine that booted begins anew, and its instants mean nothing any more."""
    path = tmp_path / "limits"
    Meters(path, clock=clock).charge(0, ITEMS, 480, 0)
    assert Meters(path, clock=clock).wait_s(0) > 0
    clock.now = 5.0
    assert 0 == Meters(path, clock=clock).wait_s(0)


@given(costs=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 40)), max_size=60))
def test_no_order_of_requests_beats_the_rate(tmp_path_factory: pytest.TempPathFactory, costs: list[tuple[float, int]]) -> None:
    """Whatever is sent when: what is let in is the rate's, the burst's and one request's at most."""
    clock = Clock()
    meters = Meters(tmp_path_factory.mktemp("meters") / "limits", clock=clock)
    start, sent, largest = clock.now, 0, 0
    for pause, items in costs:
        clock.now += pause
        largest = max(largest, items)
        if let_in(meters, 0, ITEMS, items):
            sent += items
        assert sent <= 8 * (clock.now - start + BURST_S) + largest + 1e-6
    meters.close()
