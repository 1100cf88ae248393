"""The outbox is bounded, keeps order, and keeps a failed batch for another try."""

from __future__ import annotations

from collections.abc import Sequence

from otelpond.instrumentation.sending.outbox import TRIES, Outbox


def _outbox(wake: list[None], *, max_items: int = 10, max_batch: int = 4, threshold: int = 4) -> Outbox[int]:
    return Outbox("numbers", delay_s=1, max_items=max_items, max_batch=max_batch, threshold=threshold, wake=lambda: wake.append(None))


def test_the_oldest_go_when_it_is_full() -> None:
    """And are counted."""
    outbox = _outbox([])
    for number in range(13):
        outbox.put(number)
    sent: list[int] = []
    assert outbox.send(lambda batch: sent.extend(batch) is None)
    assert ([*range(3, 13)], 3, 0) == (sent, outbox.dropped, len(outbox))


def test_the_sender_is_woken_when_enough_wait() -> None:
    """Not before."""
    woken: list[None] = []
    outbox = _outbox(woken)
    for number in range(3):
        outbox.put(number)
    assert (0, False) == (len(woken), outbox.is_due())
    outbox.put(3)
    assert (1, True) == (len(woken), outbox.is_due())


def test_a_failed_batch_goes_first_and_unchanged() -> None:
    """And what came meanwhile follows it; while it fails, the clock decides when to try."""
    outbox = _outbox([])
    for number in range(6):
        outbox.put(number)
    batches: list[Sequence[int]] = []

    def refuse(batch: Sequence[int]) -> bool:
        batches.append(batch)
        return False

    assert not outbox.send(refuse)
    for number in range(6, 10):
        outbox.put(number)
    assert not outbox.is_due()
    assert outbox.send(lambda batch: batches.append(batch) is None)
    assert [[0, 1, 2, 3], [0, 1, 2, 3], [4, 5, 6, 7], [8, 9]] == [list(batch) for batch in batches]
    assert 0 == outbox.dropped


def test_a_batch_that_nobody_takes_is_given_up() -> None:
    """After so many tries, or at the last time."""
    outbox = _outbox([])
    for number in range(8):
        outbox.put(number)
    for _ in range(TRIES):
        assert not outbox.send(lambda _batch: False)
    assert (4, 4) == (outbox.dropped, len(outbox))
    assert not outbox.send(lambda _batch: False, last=True)
    assert (8, 0) == (outbox.dropped, len(outbox))
