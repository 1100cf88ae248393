"""Tables are read from `.sql` files; a file that breaks a rule is an error that names file and line."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from otelpond.storage.schema import TableError, load_tables

COMMON = {
    *("organization_id", "service_name", "service_version", "environment", "trace_id", "span_id"),
    *("dt", "time_suspect", "ingested_at", "tenant_id"),
}
SUMS = {
    *("issues", "issue_changes", "issue_states", "issue_links", "issue_resolution_times", "mapped_stacks", "releases"),
    *("crash_free", "release_adoption", "error_rates", "error_frequency"),
}
"""Views whose rows are made of many."""
DOCUMENTED = {
    "api_performance_metrics": {
        "id": "UUID",
        "endpoint_path": "VARCHAR",
        "http_method": "VARCHAR",
        "request_timestamp": "TIMESTAMP WITH TIME ZONE",
        "response_time_ms": "INTEGER",
        "status_code": "INTEGER",
        "request_size_bytes": "INTEGER",
        "response_size_bytes": "INTEGER",
        "user_id": "VARCHAR",
        "user_role": "VARCHAR",
        "ip_address": "VARCHAR",
        "user_agent": "VARCHAR",
        "created_at": "TIMESTAMP WITH TIME ZONE",
    },
    "database_performance_metrics": {
        "id": "UUID",
        "query_type": "VARCHAR",
        "table_name": "VARCHAR",
        "query_duration_ms": "INTEGER",
        "rows_affected": "INTEGER",
        "query_hash": "VARCHAR",
        "slow_query": "BOOLEAN",
        "connection_pool_size": "INTEGER",
        "timestamp": "TIMESTAMP WITH TIME ZONE",
        "created_at": "TIMESTAMP WITH TIME ZONE",
    },
    "frontend_performance_metrics": {
        "id": "UUID",
        "user_id": "VARCHAR",
        "user_role": "VARCHAR",
        "session_id": "VARCHAR",
        "page_slug": "VARCHAR",
        "page_load_time": "INTEGER",
        "time_to_first_byte": "INTEGER",
        "first_contentful_paint": "INTEGER",
        "largest_contentful_paint": "INTEGER",
        "cumulative_layout_shift": "DECIMAL(10,4)",
        "first_input_delay": "INTEGER",
        "time_to_interactive": "INTEGER",
        "dom_content_loaded": "INTEGER",
        "window_load": "INTEGER",
        "javascript_execution_time": "INTEGER",
        "resource_load_times": "JSON",
        "timestamp": "TIMESTAMP WITH TIME ZONE",
        "created_at": "TIMESTAMP WITH TIME ZONE",
    },
    "network_performance_metrics": {
        "request_url": "VARCHAR",
        "resource_type": "VARCHAR",
        "transfer_size": "BIGINT",
        "encoded_size": "BIGINT",
        "decoded_size": "BIGINT",
        "duration_ms": "DOUBLE",
        "dns_lookup_time": "DOUBLE",
        "tcp_connection_time": "DOUBLE",
        "tls_handshake_time": "DOUBLE",
        "time_to_first_byte": "DOUBLE",
        "content_download_time": "DOUBLE",
    },
    "server_performance_metrics": {
        "id": "UUID",
        "cpu_usage": "DECIMAL(5,2)",
        "memory_usage_mb": "INTEGER",
        "event_loop_lag_ms": "INTEGER",
        "active_handles": "INTEGER",
        "active_requests": "INTEGER",
        "uptime_seconds": "INTEGER",
        "request_rate": "DECIMAL(10,2)",
        "error_rate": "DECIMAL(10,2)",
        "timestamp": "TIMESTAMP WITH TIME ZONE",
        "created_at": "TIMESTAMP WITH TIME ZONE",
    },
    "user_page_views": {
        "id": "UUID",
        "user_id": "VARCHAR",
        "user_role": "VARCHAR",
        "session_id": "VARCHAR",
        "page_slug": "VARCHAR",
        "page_path": "VARCHAR",
        "referrer": "VARCHAR",
        "view_timestamp": "TIMESTAMP WITH TIME ZONE",
        "time_on_page": "INTEGER",
        "scroll_depth": "INTEGER",
        "interactions_count": "INTEGER",
        "device_info": "JSON",
        "created_at": "TIMESTAMP WITH TIME ZONE",
    },
    "user_actions": {
        "id": "UUID",
        "user_id": "VARCHAR",
        "user_role": "VARCHAR",
        "session_id": "VARCHAR",
        "page_slug": "VARCHAR",
        "action_type": "VARCHAR",
        "action_target": "VARCHAR",
        "action_context": "JSON",
        "action_timestamp": "TIMESTAMP WITH TIME ZONE",
        "device_info": "JSON",
        "created_at": "TIMESTAMP WITH TIME ZONE",
    },
    "events": {
        "event_id": "VARCHAR",
        "event_type": "VARCHAR",
        "event_name": "VARCHAR",
        "timestamp": "TIMESTAMP WITH TIME ZONE",
        "organization_id": "VARCHAR",
        "user_id": "VARCHAR",
        "session_id": "VARCHAR",
        "workflow_id": "VARCHAR",
        "execution_id": "VARCHAR",
        "properties": "JSON",
        "metadata": "JSON",
        "version": "VARCHAR",
        "source": "VARCHAR",
        "environment": "VARCHAR",
        "priority": "VARCHAR",
    },
    "error_logs": {
        "id": "UUID",
        "error_id": "UUID",
        "error_type": "VARCHAR",
        "error_message": "VARCHAR",
        "error_stack": "VARCHAR",
        "error_code": "VARCHAR",
        "error_timestamp": "TIMESTAMP WITH TIME ZONE",
        "user_id": "VARCHAR",
        "user_role": "VARCHAR",
        "session_id": "VARCHAR",
        "page_slug": "VARCHAR",
        "url": "VARCHAR",
        "user_agent": "VARCHAR",
        "device_info": "JSON",
        "breadcrumbs": "JSON",
        "context": "JSON",
        "resolved": "BOOLEAN",
        "resolved_at": "TIMESTAMP WITH TIME ZONE",
        "resolved_by": "VARCHAR",
        "created_at": "TIMESTAMP WITH TIME ZONE",
    },
    "crash_reports": {
        "id": "UUID",
        "crash_id": "UUID",
        "crash_type": "VARCHAR",
        "crash_message": "VARCHAR",
        "crash_stack": "VARCHAR",
        "crash_timestamp": "TIMESTAMP WITH TIME ZONE",
        "user_id": "VARCHAR",
        "user_role": "VARCHAR",
        "session_id": "VARCHAR",
        "page_slug": "VARCHAR",
        "url": "VARCHAR",
        "user_agent": "VARCHAR",
        "device_info": "JSON",
        "memory_info": "JSON",
        "performance_info": "JSON",
        "breadcrumbs": "JSON",
        "release_version": "VARCHAR",
        "environment": "VARCHAR",
        "resolved": "BOOLEAN",
        "resolved_at": "TIMESTAMP WITH TIME ZONE",
        "resolved_by": "VARCHAR",
        "created_at": "TIMESTAMP WITH TIME ZONE",
    },
    "api_error_logs": {
        "id": "UUID",
        "error_id": "UUID",
        "endpoint_path": "VARCHAR",
        "http_method": "VARCHAR",
        "status_code": "INTEGER",
        "error_message": "VARCHAR",
        "error_stack": "VARCHAR",
        "request_body": "JSON",
        "request_headers": "JSON",
        "response_body": "JSON",
        "error_timestamp": "TIMESTAMP WITH TIME ZONE",
        "user_id": "VARCHAR",
        "user_role": "VARCHAR",
        "ip_address": "VARCHAR",
        "resolved": "BOOLEAN",
        "resolved_at": "TIMESTAMP WITH TIME ZONE",
        "resolved_by": "VARCHAR",
        "created_at": "TIMESTAMP WITH TIME ZONE",
    },
    "database_error_logs": {
        "error_id": "UUID",
        "error_type": "VARCHAR",
        "error_message": "VARCHAR",
        "query": "VARCHAR",
        "table_name": "VARCHAR",
        "error_timestamp": "TIMESTAMP WITH TIME ZONE",
        "user_id": "VARCHAR",
        "user_role": "VARCHAR",
    },
}
"""The columns of the source documents, and what their PostgreSQL types are here; a user's and a session's id are TEXT everywhere."""

GOOD = """-- Requests to one page.
create table pages (
    id uuid generated always as (try_cast(md5(span_id) as uuid)),
    span_id text not null,
    page text not null default '',
    amount decimal(10, 2),
    tags text[],
    dt date not null,
    ingested_at timestamptz not null,
    tenant_id text not null,
    check (page <> '/secret')
);

comment on column pages.id is 'made from the span id';
comment on column pages.span_id is '16 hex digits';
comment on column pages.page is 'its path';
comment on column pages.amount is 'in EUR';
comment on column pages.tags is 'labels';
comment on column pages.dt is 'partition';
comment on column pages.ingested_at is 'arrival';
comment on column pages.tenant_id is 'whose';

select span_id, url_path as page, try_cast(url_query as decimal(10, 2)) as amount, ['a'] as tags, dt, ingested_at, tenant_id
from decoded_spans where url_path is not null;
"""


def write(folder: Path, text: str, name: str = "pages") -> Path:
    """A table's file in a folder."""
    path = folder / f"{name}.sql"
    path.write_text(text)
    return path


@pytest.mark.parametrize("table", sorted(DOCUMENTED))
def test_tables_hold_the_columns_of_the_source_documents(table: str) -> None:
    """Every documented column is there, under its own name and in its own type."""
    shown = {column.name: column.sql_type for column in load_tables()[table].columns}
    assert DOCUMENTED[table] == {name: shown.get(name) for name in DOCUMENTED[table]}


def test_every_table_holds_the_common_columns() -> None:
    """Whatever the table: whose, which service, which trace, when. What sums many rows up says whose it is."""
    for name, table in load_tables().items():
        common = {"tenant_id", "service_name"} if name in SUMS else COMMON
        assert set() == common - {column.name for column in table.columns}, name


@pytest.mark.parametrize(
    ("category", "names"),
    [
        ("user behaviour", {"user_page_views", "user_actions", "events"}),
        (
            "performance",
            {
                "api_performance_metrics",
                "database_performance_metrics",
                "frontend_performance_metrics",
                "network_performance_metrics",
                "server_performance_metrics",
            },
        ),
        ("errors and crashes", {"error_logs", "crash_reports", "api_error_logs", "database_error_logs"}),
        ("feature usage", {"user_actions", "event_log"}),
        ("sessions", {"user_sessions"}),
        ("roles", {"user_sessions", "user_page_views", "user_actions", "api_performance_metrics", "error_logs"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_category_of_collection_has_its_tables(category: str, names: set[str]) -> None:
    """The six of the plan; whatever is asked by role has the column."""
    tables = load_tables()
    assert names <= tables.keys()
    if category in {"roles", "user behaviour", "sessions"}:
        assert names == {name for name in names if "user_role" in {column.name for column in tables[name].columns}}


def test_signal_tables_are_passed_on_as_they_are() -> None:
    """The tables that copy a relation never pass through DuckDB."""
    plain = {name: table.plain_source for name, table in load_tables().items() if table.plain_source}
    assert {name: name for name in ("spans", "span_events", "logs", "metric_points")} == plain


def test_a_file_is_read_as_documented(tmp_path: Path) -> None:
    """Comment, columns, types in files, generated columns, checks and sources come out of the file."""
    write(tmp_path, GOOD)
    table = load_tables([tmp_path])["pages"]
    assert ("pages", "Requests to one page.") == (table.name, table.comment)
    assert frozenset({"spans"}) == table.sources
    assert ("(page != '/secret')",) == table.checks
    assert ["id"] == [column.name for column in table.columns if column.generated]
    assert [False, False, True, True] == [column.nullable for column in table.stored[:4]]
    assert "''" == table.stored[1].default
    fields = {"span_id": pa.string(), "page": pa.string(), "amount": pa.decimal128(10, 2), "tags": pa.list_(pa.string())}
    times = {"dt": pa.date32(), "ingested_at": pa.timestamp("us", "UTC"), "tenant_id": pa.string()}
    assert {**fields, **times} == {field.name: field.type for field in table.arrow}
    assert table.plain_source is None


def test_views_show_documented_types_and_order() -> None:
    """What `shown` selects has every column, generated ones computed, in documented order and type."""
    for table in load_tables().values():
        with duckdb.connect() as con:
            con.register("files", table.arrow.empty_table())
            shown = [(name, str(kind)) for name, kind, *_ in con.sql(table.shown("files")).description]
        assert [(column.name, column.sql_type) for column in table.columns] == shown


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("-- Requests to one page.\n", "", 1, "opening comment"),
        ("create table pages", "create table sites", 2, "expected CREATE TABLE pages"),
        ("comment on column pages.page is 'its path';\n", "", 5, "COMMENT ON COLUMN pages.page"),
        ("    amount decimal(10, 2),", "    amount ubigint,", 6, "type UBIGINT"),
        ("    amount decimal(10, 2),", "    amount timestamp_ns,", 6, "type TIMESTAMP_NS"),
        ("    amount decimal(10, 2),", "    amount interval,", 6, "type INTERVAL"),
        ("    amount decimal(10, 2),", "    amount interval[],", 6, "type INTERVAL[]"),
        ("    amount decimal(10, 2),", "    amount money,", 6, "money"),
        ("    dt date not null,", "    dt text not null,", 2, "stored column dt DATE"),
        ("try_cast(url_query as", "cast(url_query as", 23, "'cast(': a plain cast"),
        ("url_path as page", "url_path::text as page", 23, "'::': a plain cast"),
        ("['a'] as tags", "[try_cast(now() as text)] as tags", 23, "'now(': a row must follow from its payload"),
        ("url_path as page", "random_path as page", 23, "random_path"),
        ("['a'] as tags, ", "", 23, "lacks tags"),
        ("['a'] as tags", "['a'] as tags, 1 as more", 23, "gives more"),
        ("from decoded_spans where", "from decoded_pages where", 24, "decoded_pages"),
        ("select span_id,", "select 1; select span_id,", 23, "at most one SELECT"),
        ("comment on column pages.id is", "drop table pages; comment on column pages.id is", 14, "expected one CREATE TABLE"),
        ("    amount decimal(10, 2),", "    amount decimal(10, 2)", 7, "syntax error"),
    ],
)
def test_a_broken_rule_names_file_and_line(tmp_path: Path, old: str, new: str, line: int, problem: str) -> None:
    """Every rule of a table's file is checked at start, and the error says where and what."""
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(TableError) as caught:
        load_tables([tmp_path])
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert problem in str(caught.value)


def test_words_in_strings_and_comments_break_no_rule(tmp_path: Path) -> None:
    """`::`, cast( and now() in a string or comment are text."""
    write(tmp_path, GOOD.replace("['a'] as tags", "['::', 'cast(now())'] as tags -- cast( and now()\n"))
    assert ["pages"] == list(load_tables([tmp_path]))


def test_folders_add_tables(tmp_path: Path) -> None:
    """A folder of one's own adds tables; two files for one table, or a folder that is not there, are errors."""
    write(tmp_path, GOOD)
    assert {"pages", "spans"} <= set(load_tables([Path(load_tables()["spans"].path).parent, tmp_path]))
    (tmp_path / "more").mkdir()
    write(tmp_path / "more", GOOD)
    with pytest.raises(TableError, match="already made by"):
        load_tables([tmp_path, tmp_path / "more"])
    with pytest.raises(TableError, match="folder"):
        load_tables([tmp_path / "absent"])


VIEW = """-- Pages by size.
create table large_pages (
    page text not null,
    size text generated always as (upper(page))
);
comment on column large_pages.page is 'its path';
comment on column large_pages.size is 'made up';
select page from pages where amount > 10;
"""


def test_a_table_over_documented_tables_is_a_view_without_files(tmp_path: Path) -> None:
    """It is documented like any other; nothing fills it, and what it shows has the documented columns."""
    write(tmp_path, GOOD)
    (tmp_path / "large_pages.sql").write_text(VIEW)
    view = load_tables([tmp_path])["large_pages"]
    assert ("Pages by size.", None, frozenset()) == (view.comment, view.select_sql, view.sources)
    assert view.view_sql is not None
    with duckdb.connect() as con:
        con.execute("create table pages as select '/a' as page, 11 as amount union all select '/b', 9")
        assert [("/a", "/A")] == con.execute(view.shown(f"({view.view_sql})")).fetchall()


@pytest.mark.parametrize(("old", "new"), [("select page ", "select amount "), ("from pages", "from nowhere")])
def test_a_view_that_gives_other_columns_is_an_error(tmp_path: Path, old: str, new: str) -> None:
    """Found at start, and not when somebody asks."""
    write(tmp_path, GOOD)
    (tmp_path / "large_pages.sql").write_text(VIEW.replace(old, new))
    with pytest.raises(TableError, match=r"large_pages\.sql:1: "):
        load_tables([tmp_path])
