"""The ledger maps features to the tests that show them; every test it names exists."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEDGER = tomllib.loads((ROOT / "tests" / "ledger.toml").read_text(encoding="utf-8"))


def test_entries_are_in_order_and_say_what_they_are() -> None:
    """Numbers or ranges, ascending, each with its feature and a test at least."""
    starts = [int(number.partition("-")[0]) for number in LEDGER]
    assert sorted(starts) == starts
    assert [] == [number for number in LEDGER if not re.fullmatch(r"\d+(-\d+)?", number)]
    assert [] == [number for number, entry in LEDGER.items() if not entry["feature"] or not entry["tests"]]
    assert {"feature", "tests", "missing"} >= {key for entry in LEDGER.values() for key in entry}


@pytest.mark.parametrize("number", LEDGER)
def test_named_tests_exist(number: str) -> None:
    """File and function are there, and the case where one is named; that they pass is seen in a run of all tests."""
    assert [] == [test for test in LEDGER[number]["tests"] if not _exists(test)]


def _exists(test: str) -> bool:
    file, _, function = test.partition("::")
    name, _, parameters = function.partition("[")
    path = ROOT / file
    if not path.is_file():
        return False
    defined = {node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)}
    case = parameters.removesuffix("]").rpartition("-")[0]
    return name in defined and (name != "test_case_gives_the_expected_rows" or (ROOT / "tests" / "cases" / case).is_dir())
