"""Halving finds the guilty payload, in few steps, and holds nobody guilty for a kill from outside."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otelpond.storage.pipeline.suspicion import Stretch, Suspicion

FRAME = 10


def stretch(start: int, end: int, *, strikes: int = 0) -> Stretch:
    """Frames of ten bytes each, of one segment."""
    return Stretch("receiver", 1, start * FRAME, end * FRAME, frames=end - start, strikes=strikes)


def tried(suspicion: Suspicion, at: int, count: int) -> Stretch:
    """The next stretch that a pipeline would try from frame `at` on."""
    suspect = suspicion.next_stretch("receiver", 1, at * FRAME)
    if suspect is None:
        border = suspicion.first_suspect_after("receiver", 1, at * FRAME)
        return stretch(at, count if border is None else border // FRAME)
    return stretch(at, min(at + suspect.frames, suspect.end // FRAME), strikes=suspect.strikes)


@given(st.data())
def test_the_guilty_payload_alone_ends_in_quarantine(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whichever payload raises, each other one is done by the kernels, in a number of steps logarithmic in the batch."""
    count = data.draw(st.integers(min_value=1, max_value=300))
    guilty = data.draw(st.integers(min_value=0, max_value=count - 1))
    suspicion = Suspicion(tmp_path_factory.mktemp("plans") / "suspects")
    at, failures, quarantined = 0, 0, []
    while at < count:
        attempt = tried(suspicion, at, count)
        if attempt.treatment == "quarantine":
            quarantined.append(attempt)
        elif attempt.start <= guilty * FRAME < attempt.end:
            suspicion.blame(attempt)
            failures += 1
            continue
        suspicion.clear(attempt)
        at = attempt.end // FRAME

    assert [stretch(guilty, guilty + 1, strikes=6)] == quarantined
    assert failures <= count.bit_length() + 2


def test_a_process_that_dies_leaves_what_it_worked_on_under_suspicion(tmp_path: Path) -> None:
    """Nothing but what was written before the work started is needed to know what to suspect."""
    Suspicion(tmp_path / "suspects").start([stretch(0, 8), stretch(8, 16)])

    after = Suspicion(tmp_path / "suspects")

    assert [stretch(0, 4).frames, stretch(8, 12).frames] == [tried(after, at, 16).frames for at in (0, 8)]


def test_a_kill_from_outside_does_not_condemn_a_payload(tmp_path: Path) -> None:
    """A payload that was alone in work gets three tries by the kernels and three by the plain decoder."""
    treatments = []
    for _ in range(7):
        suspicion = Suspicion(tmp_path / "suspects")
        attempt = tried(suspicion, 0, 1)
        treatments.append(attempt.treatment)
        suspicion.start([attempt])

    assert ["kernels"] * 3 + ["plain"] * 3 + ["quarantine"] == treatments


def test_success_clears_and_publishing_forgets(tmp_path: Path) -> None:
    """What went well is not suspect, nor is what is published."""
    suspicion = Suspicion(tmp_path / "suspects")
    suspicion.blame(stretch(0, 4))
    suspicion.blame(stretch(8, 10))
    suspicion.clear(stretch(0, 2))
    assert [None, 2, 1] == [s and s.frames for s in (suspicion.next_stretch("receiver", 1, at * FRAME) for at in (1, 2, 8))]

    suspicion.forget("receiver", 1, 4 * FRAME)

    assert [None, 1] == [s and s.frames for s in (suspicion.next_stretch("receiver", 1, at * FRAME) for at in (2, 8))]
