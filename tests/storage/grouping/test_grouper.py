"""Rows of the error tables get a fingerprint, by what they say; what cannot be grouped is stored all the same."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from otelpond.storage.grouping.grouper import Grouper, GroupingSettings
from otelpond.storage.grouping.report import Report, digest
from otelpond.storage.grouping.rules import GroupingRule
from otelpond.storage.pipeline.replay import Replayer
from otelpond.storage.rejected import Rejected
from otelpond.storage.schema import load_tables

TABLES = load_tables()


def rows(table: str, *given: dict[str, Any]) -> pa.Table:
    """Rows of a table: these columns, the others NULL."""
    return pa.Table.from_pylist([{name: row.get(name) for name in TABLES[table].arrow.names} for row in given], TABLES[table].arrow)


def errors(*messages: str, **others: Any) -> pa.Table:
    """Rows of error_logs with these messages."""
    return rows("error_logs", *({"error_message": message, "exception_type": "ValueError", **others} for message in messages))


def test_messages_that_differ_in_ids_mails_and_times_are_one_group() -> None:
    """Of 500 such errors there is one fingerprint, and the parts say what is left."""
    texts = (f"order {n} of user{n}@example.com failed at 2026-11-20T10:{n % 60:02}:00Z after {n / 7:.2f} s" for n in range(500))
    found = Grouper().annotate("error_logs", errors(*texts))
    assert 1 == len(found["fingerprint"].unique())
    assert {"by": "message", "parts": ["ValueError", "order <value> of <email> failed at <date> after <value>"]} == json.loads(
        found["grouping"][0].as_py()
    )
    assert [1] == found["grouping_version"].unique().to_pylist()
    assert 500 == found["previous_fingerprint"].null_count


def test_other_words_and_other_types_are_other_groups() -> None:
    """Only what varies is replaced."""
    grouper = Grouper()
    given = [("ValueError", "order 1 failed"), ("ValueError", "order 1 refused"), ("KeyError", "order 1 failed"), ("", "order 1 failed")]
    assert 4 == len({grouper.explain(Report(type=kind, message=message)).fingerprint for kind, message in given})


def test_a_type_counts_without_its_module() -> None:
    """A span names the module of a type, a log record of the same error does not."""
    grouper = Grouper()
    named = ("shop.errors.OutOfStock", "OutOfStock", "Shop\\Errors\\OutOfStock", "shop::OutOfStock")
    assert 1 == len({grouper.explain(Report(type=name, message="none left")).fingerprint for name in named})


def test_a_failed_request_without_stack_is_grouped_by_method_endpoint_and_status() -> None:
    """Whether a row of api_error_logs or the bare status of its span tells it."""
    request = {"http_method": "GET", "endpoint_path": "/orders/{id}", "status_code": 503, "error_message": "upstream 17 gone"}
    hint = json.dumps({"operation": ["GET", "/orders/{id}", "503"]})
    grouper = Grouper()
    api = grouper.annotate("api_error_logs", rows("api_error_logs", request, request | {"status_code": 404}))
    status = grouper.annotate("error_logs", rows("error_logs", {"error_message": "upstream 18 gone", "grouping": hint}))
    assert api["fingerprint"][0] == status["fingerprint"][0] != api["fingerprint"][1]
    assert {"by": "request", "parts": ["GET", "/orders/{id}", "503"]} == json.loads(status["grouping"][0].as_py())
    assert "GET /orders/{id}" == api["culprit"][0].as_py()


def test_a_failed_operation_without_stack_is_grouped_by_kind_statement_and_message() -> None:
    """The statement by its hash, else operation and table."""
    row = {"error_type": "timeout", "db_system": "postgresql", "query_hash": "a1", "query_type": "SELECT", "table_name": "orders"}
    given = [row | {"error_message": f"cancelled after {n} ms"} for n in (5, 60)]
    found = Grouper().annotate("database_error_logs", rows("database_error_logs", *given, row | {"query_hash": None}))
    assert found["fingerprint"][0] == found["fingerprint"][1] != found["fingerprint"][2]
    assert ["timeout", "postgresql", "SELECT orders"] == json.loads(found["grouping"][2].as_py())["parts"]
    assert "SELECT orders" == found["culprit"][0].as_py()


def test_what_says_nothing_is_grouped_by_its_kind() -> None:
    """A crash without exception by its type; an error without anything still has a fingerprint."""
    grouper = Grouper()
    crash = grouper.annotate(
        "crash_reports", rows("crash_reports", {"crash_type": "segmentation_fault", "crash_stack": "", "crash_message": ""})
    )
    assert {"by": "type", "parts": ["segmentation_fault"]} == json.loads(crash["grouping"][0].as_py())
    assert 32 == len(grouper.explain(Report()).fingerprint)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("mine", ["mine"]), (["mine", "{{ default }}"], ["mine", "ValueError", "no"]), (["{{default}}"], ["ValueError", "no"])],
)
def test_the_attribute_decides_and_may_hold_the_default(given: object, expected: list[str]) -> None:
    """exception.fingerprint is a text or an array of texts."""
    found = Grouper().annotate("error_logs", errors("no", grouping=json.dumps({"fingerprint": given})))
    assert {"by": "attribute", "parts": expected} == json.loads(found["grouping"][0].as_py())
    assert digest(expected) == found["fingerprint"][0].as_py()


@pytest.mark.parametrize("given", [5, None, {"a": 1}, [], [1, None], ["", " "], ""])
def test_an_attribute_of_another_form_changes_nothing(given: object) -> None:
    """It costs no row, and no group."""
    found = Grouper().annotate("error_logs", errors("no", grouping=json.dumps({"fingerprint": given})))
    assert "message" == json.loads(found["grouping"][0].as_py())["by"]


def test_the_first_rule_that_fits_decides_before_the_attribute() -> None:
    """All globs of a rule must fit."""
    rules = (
        GroupingRule("other service", ("a",), service="cart*", type="*Error"),
        GroupingRule("timeouts", ("timeout", "{{ default }}"), message="*timed out*"),
        GroupingRule("late", ("b",), type="*"),
    )
    grouper = Grouper(GroupingSettings(rules=rules))
    found = grouper.explain(Report(type="shop.errors.ValueError", message="call 5 timed out", service="shop", asked=("mine",)))
    assert ("rule", "timeouts", ("timeout", "ValueError", "call <value> timed out")) == (found.by, found.rule, found.parts)
    assert ("a",) == grouper.explain(Report(type="x.KeyError", service="cart-api")).parts
    assert "late" == grouper.explain(Report(message="no")).rule


def test_hints_that_are_no_document_cost_nothing() -> None:
    """What a replayed row of another release holds in `grouping` is no hint."""
    for hint in ("{", "[1]", '"a"', "5", '{"language": 5, "operation": "x"}'):
        assert "message" == json.loads(Grouper().annotate("error_logs", errors("no", grouping=hint))["grouping"][0].as_py())["by"]


def test_an_error_that_cannot_be_grouped_costs_no_other(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It is stored without fingerprint, and what the SELECT has put into its columns is not stored."""
    grouper = Grouper()
    decided = grouper._present._decided
    monkeypatch.setattr(grouper._present, "_decided", lambda report, stack: decided(report, stack) if report.message == "yes" else 1 / 0)
    with caplog.at_level(logging.ERROR):
        found = grouper.annotate("error_logs", errors("no", "yes", "never", grouping='{"language":"python"}'))
    assert [None, 32, None] == [fingerprint and len(fingerprint) for fingerprint in found["fingerprint"].to_pylist()]
    assert 2 == found["grouping"].null_count == found["grouping_version"].null_count
    assert "2 errors could not be grouped (ZeroDivisionError" in caplog.text


def test_rows_are_stored_whatever_fails(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A fault of the grouper itself costs the batch's rows of that table their fingerprints."""
    monkeypatch.setattr("otelpond.storage.grouping.grouper.Reports", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR):
        found = Grouper().annotate("error_logs", errors("no", grouping='{"language":"python"}'))
    assert (1, 1, 1) == (found.num_rows, found["fingerprint"].null_count, found["grouping"].null_count)
    assert "1 rows of error_logs could not be grouped" in caplog.text


def test_rows_of_other_tables_are_left_alone() -> None:
    """Only the four tables are grouped."""
    given = rows("logs", {"body": "no"})
    assert given is Grouper().annotate("logs", given)


def test_string_views_and_chunks_are_read_too() -> None:
    """As derive hands them over."""
    given = pa.concat_tables([errors("a 1"), errors("a 2")])
    views = pa.schema([field.with_type(pa.string_view()) if field.type == pa.string() else field for field in given.schema])
    assert 1 == len(Grouper().annotate("error_logs", given.cast(views))["fingerprint"].combine_chunks().cast(pa.string()).unique())


def test_a_refused_row_of_an_error_that_is_replayed_is_grouped(tmp_path: Path) -> None:
    """What its SELECT had put into `grouping` is in the rejected record, and is read again."""
    schema = TABLES["error_logs"]
    values = {"error_message": "no 5", "exception_type": "ValueError", "grouping": {"fingerprint": ["mine", "{{ default }}"]}}
    refusable = {column.name: "" for column in schema.stored if not column.nullable and column.sql_type == "VARCHAR"}
    times = {"error_timestamp": "2026-11-20T10:00:00Z", "ingested_at": "2026-11-20T10:00:00Z", "dt": "2026-11-20"}
    content = refusable | times | {"error_time_unix_nano": 5, "report_index": 0, "time_suspect": False} | values
    lake, deriver = SimpleNamespace(schemas=TABLES), SimpleNamespace(grouped=Grouper().annotate)
    replayer = Replayer(SimpleNamespace(data=tmp_path, lake=lake, deriver=deriver))  # type: ignore[arg-type]
    record = Rejected("1", "error_logs", "why", content, "", 0, "default", datetime(2026, 11, 20, tzinfo=UTC))
    reasons, found = replayer._judged("error_logs", [record])
    assert [None] == reasons
    assert {"by": "attribute", "parts": ["mine", "ValueError", "no <value>"]} == json.loads(found["grouping"][0].as_py())
