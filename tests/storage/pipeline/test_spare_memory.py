"""Memory that large batches left is given back when the pipeline waits, and not while one follows the other."""

from __future__ import annotations

import pytest
from otelpond.storage.pipeline import spare_memory
from otelpond.storage.pipeline.spare_memory import EVERY_S, LARGE_BYTES, SpareMemory


@pytest.mark.parametrize(("payload_bytes", "given"), [(LARGE_BYTES, 1), (LARGE_BYTES - 1, 0)])
def test_what_large_batches_left_is_given_back_once(monkeypatch: pytest.MonkeyPatch, payload_bytes: int, given: int) -> None:
    """At the first wait so long after the start, whether small ones come then."""
    now, calls = [100.0], []
    monkeypatch.setattr(spare_memory.time, "monotonic", lambda: now[0])
    memory = SpareMemory(lambda: calls.append(now[0]))
    memory.used(payload_bytes)
    for seconds in (EVERY_S / 2, EVERY_S, EVERY_S):
        now[0] += seconds
        memory.used(100)
        memory.waits()
    assert [100.0 + EVERY_S * 1.5] * given == calls


def test_the_allocator_is_asked() -> None:
    """Whatever C library there is."""
    spare_memory.give_back()
