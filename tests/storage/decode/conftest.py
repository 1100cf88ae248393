"""For the decoders' tests: the kernels are loaded, as nobody loads them by the way."""

from __future__ import annotations

import pytest
from otelpond.storage.decode.warming import warm


@pytest.fixture(scope="package", autouse=True)
def _warm() -> None:
    warm()
