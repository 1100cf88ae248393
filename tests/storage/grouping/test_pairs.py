"""Every file of tests/cases/grouping: errors of real runtimes that must be one issue, or must not."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from otelpond.storage.grouping.columns import TABLES, WRITTEN
from otelpond.storage.grouping.grouper import Grouper, GroupingSettings
from otelpond.storage.grouping.rules import GroupingRule

FOLDER = Path(__file__).parents[2] / "cases" / "grouping"
CASES = {
    path.relative_to(FOLDER).with_suffix("").as_posix(): tomllib.loads(path.read_text(encoding="utf-8")) for path in FOLDER.rglob("*.toml")
}
COLUMNS = sorted({name for read in TABLES.values() for name in read.names} | set(WRITTEN.names) | {"service_name"})
OF_REPORT = {
    "type": "exception_type",
    "service": "service_name",
    "database_kind": "error_type",
    "method": "http_method",
    "status": "status_code",
    "system": "db_system",
    "operation": "query_type",
}
"""Columns that a report calls otherwise."""
SAID = {"release", "attributes", "language", "table", "message", "stack"}
"""What of a report is no column of its own name, or none at all."""


def row(report: Mapping[str, Any], language: str | None) -> tuple[str, dict[str, str | None]]:
    """The table that the report is for, and its row as the table's SELECT gives it to the grouper."""
    table = report.get("table", "error_logs")
    hints = {"language": language, "fingerprint": report.get("attributes", {}).get("exception.fingerprint")}
    own = {OF_REPORT.get(key, key): str(value) for key, value in report.items() if key not in SAID}
    texts = {TABLES[table].message: report.get("message"), TABLES[table].stack: report.get("stack")}
    return table, dict.fromkeys(COLUMNS) | own | texts | {"grouping": json.dumps({k: v for k, v in hints.items() if v is not None})}


def grouper(case: Mapping[str, Any]) -> Grouper:
    """One with the case's rules."""
    rules = [GroupingRule(rule["name"], tuple(rule["fingerprint"]), **rule["match"]) for rule in case.get("grouping", [])]
    return Grouper(GroupingSettings(rules=tuple(rules)))


def groupings(case: Mapping[str, Any], *, told: bool) -> list[tuple[str, str]]:
    """Fingerprint and explanation of each report; `told` the language or not."""
    grouping = grouper(case)
    return [
        _annotated(grouping, *row(report, case.get("language", report.get("language")) if told else None)) for report in case["reports"]
    ]


def _annotated(grouping: Grouper, table: str, values: Mapping[str, str | None]) -> tuple[str, str]:
    rows = pa.table(
        {name: pa.array([value], WRITTEN.field(name).type if name in WRITTEN.names else pa.string()) for name, value in values.items()}
    )
    (found,) = grouping.annotate(table, rows).to_pylist()
    return found["fingerprint"], found["grouping"]


def contradictions(case: Mapping[str, Any], *, told: bool) -> str:
    """What the reports are grouped by, where they are not related as the case says; '' where they are."""
    found = groupings(case, told=told)
    assert all(fingerprint for fingerprint, _ in found)
    different = len({fingerprint for fingerprint, _ in found})
    expected = 1 if case["same"] else len(found)
    return "" if different == expected else "\n".join([case["why"], *(explanation for _, explanation in found)])


@pytest.mark.parametrize("name", sorted(CASES))
def test_reports_are_one_issue_or_not(name: str) -> None:
    """As the case says, with the language told and recognised."""
    case = CASES[name]
    assert [("told", ""), ("recognised", "")] == [
        (how, contradictions(case, told=told)) for how, told in (("told", True), ("recognised", False))
    ]


def test_there_are_many_of_each_kind() -> None:
    """At least 350 cases; both relations; every language that stacks are read in."""
    kinds = [case["same"] for case in CASES.values()]
    assert (True, True, True) == (len(CASES) >= 350, sum(kinds) >= 240, kinds.count(False) >= 90)
    assert {"python", "javascript", "java", "go", "dotnet", "ruby", "php", "messages", "rows", "chosen"} == folders(CASES)


def folders(names: Iterable[str]) -> set[str]:
    """The kinds of cases."""
    return {name.split("/")[0] for name in names}


def test_a_case_says_only_what_is_read() -> None:
    """No key of a case or report is misspelt."""
    known = {"why", "same", "made", "language", "grouping", "reports"}
    columns = set(COLUMNS) | set(OF_REPORT) | SAID
    assert {} == {name: extra for name, case in CASES.items() if (extra := case.keys() - known)}
    assert {} == {name: extra for name, case in CASES.items() for report in case["reports"] if (extra := report.keys() - columns)}
