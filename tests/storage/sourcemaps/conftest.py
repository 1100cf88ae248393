"""The shop as several bundlers have built it (tests/fixtures/bundles), its maps made ready once in a pond."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from otelpond.storage.sourcemaps.artifacts import find
from otelpond.storage.sourcemaps.mapping import SourceMaps
from otelpond.storage.sourcemaps.store import SourceMapStore
from otelpond.storage.sourcemaps.uploading import upload

BUNDLES: Final = Path(__file__).parents[2] / "fixtures" / "bundles" / "built"
NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def stacks() -> dict[str, dict[str, str]]:
    """By bundle and failure."""
    found: dict[str, dict[str, str]] = json.loads((BUNDLES / "stacks.json").read_text())
    return found


@pytest.fixture(scope="session")
def pond(stacks: dict[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whose releases are named as the bundles."""
    made = tmp_path_factory.mktemp("pond")
    for bundle in stacks:
        done = upload(SourceMapStore(made), find([BUNDLES / bundle], "~/"), bundle, "", now=NOW)
        assert ([], []) == (done.failed, done.problems)
    return made


@pytest.fixture
def maps(pond: Path) -> SourceMaps:
    """Of that pond, looked at."""
    made = SourceMaps(pond)
    made.state()
    return made
