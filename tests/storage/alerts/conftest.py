"""Ponds with errors, for the rules of alerts."""

from __future__ import annotations

from pathlib import Path

import pytest

from .small_pond import SmallPond, documented


@pytest.fixture
def small_pond(tmp_path: Path) -> SmallPond:
    """A pond without rows."""
    return SmallPond(tmp_path / "pond", documented())
