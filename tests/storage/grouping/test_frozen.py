"""A version of the grouping that was released gives every error the fingerprint that it has always given.

`python -m tests.storage.grouping.test_frozen` writes the record anew: for cases that are added, never for a version that is in use, which
gets a successor instead.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .test_pairs import CASES, groupings

RECORD = Path(__file__).with_name("v1.json")


def fingerprints() -> dict[str, list[str]]:
    """Of each case's reports, their first 12 digits, by version 1."""
    return {name: [found[:12] for found, _ in groupings(CASES[name], told=True)] for name in sorted(CASES)}


@pytest.mark.parametrize("name", sorted(CASES))
def test_version_1_groups_as_it_always_has(name: str) -> None:
    """Also where what reads stacks has learnt something: issues would lose their errors."""
    assert json.loads(RECORD.read_text(encoding="utf-8"))[name] == [found[:12] for found, _ in groupings(CASES[name], told=True)]


if __name__ == "__main__":
    RECORD.write_text(json.dumps(fingerprints(), indent=1) + "\n", encoding="utf-8")
