"""The conformance table in the README of receivers: every row names tests that exist, and every test of a rule stands in a row."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
README = HERE.parents[2] / "receivers" / "README.md"


def test_every_row_of_the_table_names_its_test_and_every_test_its_row() -> None:
    """The table's last column holds the names, as they stand in this folder (and in tests/receivers for the memory limit)."""
    section = README.read_text(encoding="utf-8").partition("## Conformance")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| Rule")]
    assert len(rows) > 40
    named = [set(re.findall(r"`(test_\w+)`", row.rstrip("| ").rpartition("|")[2])) for row in rows]
    assert [] == [row for row, tests in zip(rows, named, strict=True) if not tests]
    defined = {
        path: set(re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)) for path in HERE.parent.rglob("test_*.py")
    }
    rules = set().union(*(tests for path, tests in defined.items() if path.parent == HERE and path != Path(__file__)))
    assert set() == set().union(*named) - set().union(*defined.values())
    assert set() == rules - set().union(*named)
