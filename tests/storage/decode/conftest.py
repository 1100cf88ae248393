"""For the decoders' tests: the kernels are compiled before the first of them, which may take minutes."""

from __future__ import annotations

from pathlib import Path

import pytest
from otelpond.storage.decode.warming import warm

_LONGEST_S = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the first of these tests, whichever it is, the time."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(_LONGEST_S))


@pytest.fixture(scope="package", autouse=True)
def _warm() -> None:
    warm()
