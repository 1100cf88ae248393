"""What a fuzzer once found, or may find, in what reads bytes from outside: seeds, and changes of them, quickly and always the same ones.

`make fuzz` looks further, guided by coverage; see README.md.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .mutations import changed_bytes
from .targets import TARGETS, Target

_SETTINGS = settings(max_examples=80, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
_MOST_CHANGES = 6
pytestmark = pytest.mark.timeout(600)  # the first may have to compile the kernels


@st.composite
def _changed(draw: st.DrawFn, target: Target) -> bytes:
    """A seed with some changes."""
    data = draw(st.sampled_from(target.seed_paths())).read_bytes()
    chance = draw(st.randoms(use_true_random=False))
    for _ in range(draw(st.integers(1, _MOST_CHANGES))):
        data = target.changed(data, changed_bytes(chance), chance)
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_is_read(name: str) -> None:
    """The committed inputs, what was found once among them."""
    check = TARGETS[name].load()
    for path in TARGETS[name].seed_paths():
        check(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
@_SETTINGS
@given(data=st.data())
def test_changed_seeds_break_nothing(name: str, data: Any) -> None:
    """A few changes within the messages and texts that seeds hold."""
    TARGETS[name].load()(data.draw(_changed(TARGETS[name])))


@pytest.mark.parametrize("name", TARGETS)
@_SETTINGS
@given(data=st.binary(max_size=300))
def test_any_bytes_break_nothing(name: str, data: bytes) -> None:
    """Bytes that mean nothing."""
    TARGETS[name].load()(data)
