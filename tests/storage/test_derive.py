"""Derive: refused rows are kept beside, a failing SELECT costs its own table only, and batches leave nothing behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from otelpond.storage.decode.columns import RELATIONS
from otelpond.storage.derive import Deriver, DeriveSettings
from otelpond.storage.rules import Drop, RecordRules
from otelpond.storage.schema import TABLES_FOLDER, TableSchema, load_tables

TABLES = load_tables()
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEFAULTS: Mapping[str, Any] = {
    "tenant_id": "default",
    "organization_id": "default",
    "service_name": "shop",
    "environment": "test",
    "dt": date(2026, 3, 1),
    "trace_id": "0" * 31 + "1",
}
PAGES = """-- Pages that were asked for.
create table pages (
    page text not null check (page <> '/secret'),
    span_id text not null,
    dt date not null,
    ingested_at timestamptz not null,
    tenant_id text not null
);
comment on column pages.page is 'its path';
comment on column pages.span_id is '16 hex digits';
comment on column pages.dt is 'partition';
comment on column pages.ingested_at is 'arrival';
comment on column pages.tenant_id is 'whose';
"""
ROW_WISE = "select url_path as page, span_id, dt, ingested_at, tenant_id from decoded_spans;"
JOINED = "select s.url_path as page, s.span_id, s.dt, s.ingested_at, s.tenant_id from decoded_spans s join decoded_spans t using (row_id);"


def relation(name: str, rows: list[dict[str, Any]], *, views: bool = False) -> pa.Table:
    """A decoded relation; what a row does not say is NULL, or a plain value where NULL is not allowed."""
    fields = [field.with_type(pa.string_view()) if views and field.type == pa.string() else field for field in RELATIONS[name]]
    columns = []
    for field in fields:
        empty = None if field.nullable else DEFAULTS.get(field.name, _empty(field.type))
        columns.append(pa.array([row.get(field.name, empty) for row in rows], field.type))
    return pa.table(columns, schema=pa.schema(fields))


def _empty(kind: pa.DataType) -> object:
    if pa.types.is_timestamp(kind):
        return NOW
    return False if pa.types.is_boolean(kind) else 0 if pa.types.is_integer(kind) else ""


def spans(*rows: dict[str, Any], views: bool = False) -> dict[str, pa.Table]:
    """A batch of spans, numbered."""
    numbered = [{"row_id": index, "span_id": f"{index:016x}", **row} for index, row in enumerate(rows)]
    return {"spans": relation("spans", numbered, views=views)}


def tables_with(folder: Path, select: str, name: str = "pages") -> dict[str, TableSchema]:
    """All tables, and one of the user's own."""
    (folder / f"{name}.sql").write_text(PAGES.replace("pages", name) + "\n" + select)
    return load_tables([TABLES_FOLDER, folder])


@pytest.mark.parametrize("select", [ROW_WISE, JOINED])
def test_rows_that_break_a_rule_are_kept_beside(tmp_path: Path, select: str) -> None:
    """NOT NULL and CHECK part the rows: good ones go to the table, others to rejected_records with table, reason and content."""
    derived = Deriver(tables_with(tmp_path, select)).derive(spans({"url_path": "/a"}, {}, {"url_path": "/secret"}, {"url_path": "/b"}))
    assert ["/a", "/b"] == sorted(derived["pages"]["page"].to_pylist())
    rejected = sorted(derived["rejected_records"].to_pylist(), key=lambda row: row["reason"])
    assert ["check (page != '/secret') failed", "page is NULL"] == [row["reason"] for row in rejected]
    assert {"pages"} == {row["table_name"] for row in rejected}
    assert "/secret" == json.loads(rejected[0]["content"])["page"]
    assert ("default", "default", date(2026, 3, 1), NOW, "0" * 15 + "1") == tuple(
        rejected[1][name] for name in ("tenant_id", "organization_id", "dt", "ingested_at", "span_id")
    )


def test_a_plain_list_of_columns_breaks_no_rule_unseen(tmp_path: Path) -> None:
    """A table that copies a relation's columns, of which one may be NULL where the table says NOT NULL, is looked at all the same."""
    plain = PAGES.replace("page text not null check (page <> '/secret')", "url_path text not null").replace("pages.page", "pages.url_path")
    (tmp_path / "pages.sql").write_text(plain + "select url_path, span_id, dt, ingested_at, tenant_id from decoded_spans;")
    derived = Deriver(load_tables([TABLES_FOLDER, tmp_path])).derive(spans({"url_path": "/a"}, {}))
    assert ["/a"] == derived["pages"]["url_path"].to_pylist()
    assert ["url_path is NULL"] == derived["rejected_records"]["reason"].to_pylist()


def test_a_failing_select_costs_its_own_table_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its rows of the batch are reported as rejected, all other tables get theirs, and the next batch is derived as usual."""
    select = ROW_WISE.replace("url_path as", "case when url_path = '/boom' then error('boom at ' || span_id) else url_path end as")
    deriver = Deriver(tables_with(tmp_path, select))
    derived = deriver.derive(spans({"url_path": "/boom", "kind": "SERVER", "http_request_method": "GET"}, {"url_path": "/a"}))
    assert (2, 1) == (derived["spans"].num_rows, derived["api_performance_metrics"].num_rows)
    assert "pages" not in derived
    (rejected,) = derived["rejected_records"].to_pylist()
    assert ("pages", "the SELECT in pages.sql failed", "default") == (rejected["table_name"], rejected["reason"], rejected["tenant_id"])
    assert 2 == json.loads(rejected["content"])["source_rows"]
    assert "boom at" in json.loads(rejected["content"])["error"]
    assert "pages" in caplog.text
    assert ["/a"] == deriver.derive(spans({"url_path": "/a"}))["pages"]["page"].to_pylist()


def test_columns_come_in_documented_order_and_type() -> None:
    """Every table's rows have exactly the stored columns, strings as string or string view."""
    rows = {"kind": "SERVER", "http_request_method": "GET", "db_system_name": "redis", "status_code": "ERROR"}
    derived = Deriver(TABLES).derive(spans(rows))
    assert {
        "spans",
        "api_performance_metrics",
        "database_performance_metrics",
        "error_logs",
        "api_error_logs",
        "database_error_logs",
    } == set(derived)
    for name, table in derived.items():
        assert TABLES[name].arrow.names == table.schema.names
        assert TABLES[name].arrow.types == [pa.string() if kind == pa.string_view() else kind for kind in table.schema.types]


def test_strings_and_string_views_give_the_same_rows() -> None:
    """The plain decoder's batch may follow the kernels', which give string views."""
    deriver = Deriver(TABLES)
    rows = [
        {"kind": "SERVER", "http_request_method": "GET", "http_route": f"/a/long/route/{index}", "url_full": None} for index in range(3)
    ]
    views, strings = deriver.derive(spans(*rows, views=True)), deriver.derive(spans(*rows))
    again = deriver.derive(spans(*rows, views=True))
    for name in views:
        assert views[name].to_pylist() == strings[name].to_pylist() == again[name].to_pylist()


def test_nothing_decoded_gives_nothing() -> None:
    """No relation, or only empty ones: no table."""
    deriver = Deriver(TABLES)
    assert {} == deriver.derive({})
    assert {} == deriver.derive(spans())


def test_a_batch_leaves_nothing_behind() -> None:
    """Rows of one batch are in no other, also where the next one has no such relation."""
    deriver = Deriver(TABLES)
    deriver.derive(spans({"status_code": "ERROR", "kind": "SERVER"}))
    derived = deriver.derive({"logs": relation("logs", [{"severity_number": 17, "body": "x"}])})
    assert {"logs", "error_logs"} == set(derived)
    assert ["log"] == derived["error_logs"]["report_source"].to_pylist()


def test_one_log_record_that_tells_of_an_error_or_a_crash_is_enough() -> None:
    """Which tables are asked is decided once a batch; no sort of record that one of them reads is passed over."""
    deriver = Deriver(TABLES)
    browser = "@opentelemetry/browser-instrumentation/errors"
    for record, tables in (
        ({"body": "x", "severity_number": 9}, set()),
        ({"severity_number": 17}, {"error_logs"}),
        ({"exception_type": "KeyError"}, {"error_logs"}),
        ({"exception_message": "x"}, {"error_logs"}),
        ({"exception_message": "x", "severity_number": 21}, {"error_logs", "crash_reports"}),
        ({"event_name": "error"}, {"error_logs"}),
        ({"event_name": "app.crash"}, {"crash_reports"}),
        ({"event_name": "device.crash"}, {"crash_reports"}),
        ({"event_name": "exception", "scope_name": browser}, {"crash_reports"}),
    ):
        derived = deriver.derive({"logs": relation("logs", [record])})
        assert tables == {"error_logs", "crash_reports"} & set(derived), record


def test_columns_are_copied_right_after_rows_were_dropped() -> None:
    """Rules leave gaps in the row ids; what a table copies still comes from its own row."""
    rules = RecordRules(drops=[Drop("traces", "http_route = '/health'")])
    deriver = Deriver(TABLES, rules=rules)
    rows = [
        {"kind": "SERVER", "http_request_method": "GET", "http_route": route, "user_id": route}
        for route in ("/health", "/a", "/health", "/b")
    ]
    derived = deriver.derive(spans(*rows))["api_performance_metrics"].to_pylist()
    assert [("/a", "/a", "0" * 15 + "1"), ("/b", "/b", "0" * 15 + "3")] == [
        (row["endpoint_path"], row["user_id"], row["span_id"]) for row in derived
    ]
    assert 2 == deriver.dropped


def test_thresholds_are_settings() -> None:
    """Slow is what took longer than the setting says."""
    rows = [
        {"kind": "SERVER", "http_request_method": "GET", "duration_ns": 20_000_000},
        {"kind": "CLIENT", "db_system_name": "redis", "duration_ns": 20_000_000},
    ]
    slow = Deriver(TABLES, DeriveSettings(slow_api_ms=10, slow_query_ms=10)).derive(spans(*rows))
    fast = Deriver(TABLES).derive(spans(*rows))
    assert ([True], [False]) == tuple(derived["api_performance_metrics"]["slow_api"].to_pylist() for derived in (slow, fast))
    assert ([True], [False]) == tuple(derived["database_performance_metrics"]["slow_query"].to_pylist() for derived in (slow, fast))


def test_hostile_numbers_cost_no_row() -> None:
    """The longest durations and largest sizes are stored, as far as the documented type goes."""
    largest = 2**63 - 1
    rows = {
        "kind": "SERVER",
        "http_request_method": "GET",
        "db_system_name": "x",
        "status_code": "ERROR",
        "http_response_status_code": largest,
    }
    derived = Deriver(TABLES).derive(
        spans({**rows, "duration_ns": largest, "http_request_body_size": largest}, {**rows, "duration_ns": -largest})
    )
    api = derived["api_performance_metrics"]
    assert [2**31 - 1, 0] == api["response_time_ms"].to_pylist()
    assert [None, None] == api["request_size_bytes"].to_pylist()
    assert [0, 0] == api["status_code"].to_pylist()
    assert 2 == derived["error_logs"].num_rows
    assert "rejected_records" not in derived


def test_refused_items_become_rejected_records() -> None:
    """What the protocol refuses is named by the table it would have gone to."""
    derived = Deriver(TABLES).derive(
        {"refused": relation("refused", [{"signal": "metrics", "reason": "no time", "content": "{}", "item_index": 3}])}
    )
    (row,) = derived["rejected_records"].to_pylist()
    assert ("metric_points", "no time", "{}", 3, False) == tuple(
        row[name] for name in ("table_name", "reason", "content", "item_index", "time_suspect")
    )
