"""One made-up pond for all tests of issues: binding its views takes longer than any of them."""

from __future__ import annotations

import pytest

from .made_up import MadeUpPond


@pytest.fixture(scope="session")
def made_up() -> MadeUpPond:
    """The pond itself."""
    return MadeUpPond()


@pytest.fixture
def pond(made_up: MadeUpPond) -> MadeUpPond:
    """The pond, empty."""
    made_up.empty()
    return made_up
