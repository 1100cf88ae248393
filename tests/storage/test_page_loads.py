"""Page loads: reports in any order, repeated and late, fold to the rows of a plain reference; resources are sorted into types."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from otelpond.storage.query import views_of
from otelpond.storage.schema import TableSchema, create_macros, load_tables

TABLES = {name: table for name, table in load_tables().items() if name in {"frontend_performance_metrics", "network_performance_metrics"}}
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
VITALS = ("largest_contentful_paint", "interaction_to_next_paint", "cumulative_layout_shift", "time_to_first_byte")


@pytest.fixture(scope="module")
def pond() -> Iterator[duckdb.DuckDBPyConnection]:
    """Both tables and their views, over tables instead of files."""
    with duckdb.connect() as con:
        con.execute("set timezone='UTC'")
        con.execute("create schema files")
        for name, table in TABLES.items():
            con.register("empty", table.arrow.empty_table())
            con.execute(f"create table files.{name} as select * from empty")
        for name, select in views_of(TABLES):
            con.execute(f"create view {name} as {select}")
        yield con


def rows(table: TableSchema, reports: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Reports as the table's files hold them; what a report does not say is NULL, or a plain value where NULL is not allowed."""
    plain = {"tenant_id": "default", "organization_id": "default", "service_name": "web", "environment": "test", "user_role": "anonymous"}
    always = {**plain, "dt": date(2026, 3, 1), "time_suspect": False, "ingested_at": START, "timestamp": START, "page_slug": ""}
    return pa.Table.from_pylist([{**always, **report} for report in reports], table.arrow)


def fill(pond: duckdb.DuckDBPyConnection, name: str, reports: Iterable[Mapping[str, Any]]) -> None:
    """Let the table hold these reports and no others."""
    pond.register("given", rows(TABLES[name], reports))
    pond.execute(f"delete from files.{name}")
    pond.execute(f"insert into files.{name} select * from given")


def report(source: random.Random, load: int, index: int) -> dict[str, Any]:
    """One vital or long task of a page load."""
    moment = 1_772_366_400_000_000_000 + load * 10_000_000_000 + source.randrange(9_000_000_000)
    vital = source.choice([*VITALS, "long_task_ms"])
    value = Decimal(source.randrange(10_000)) / 10_000 if vital.startswith("cumulative") else source.randrange(60, 5_000)
    told = {
        "page_load_id": f"load-{load}",
        "session_id": f"session-{load % 7}",
        "time_unix_nano": moment,
        "timestamp": START + timedelta(microseconds=moment // 1000 % 1_000_000),
        "report_source": "long_task" if vital == "long_task_ms" else "web_vital",
        vital: float(value) if vital == "long_task_ms" else value,
        "payload_digest": f"{index:032x}",
        "item_index": 0,
    }
    return told | ({"user_id": f"user-{load % 7}"} if source.random() < 0.5 else {})


def folded(reports: Iterable[Mapping[str, Any]]) -> dict[str, tuple[object, ...]]:
    """What the view must give, told plainly: the largest of each vital, the long tasks' sum, once each, and when it began."""
    loads: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for each in reports:
        loads[each["page_load_id"]].append(each)
    return {load: (*_vitals(told), *_tasks(told), min(each["time_unix_nano"] for each in told)) for load, told in loads.items()}


def _vitals(told: Iterable[Mapping[str, Any]]) -> list[object]:
    return [max((each[vital] for each in told if each.get(vital) is not None), default=None) for vital in VITALS]


def _tasks(told: Iterable[Mapping[str, Any]]) -> tuple[object]:
    tasks = {each["time_unix_nano"]: each["long_task_ms"] for each in told if "long_task_ms" in each}
    return (round(sum(tasks.values())) if tasks else None,)


@pytest.mark.parametrize("seed", range(3))
def test_reports_fold_to_page_loads_in_any_order(seed: int, pond: duckdb.DuckDBPyConnection) -> None:
    """Shuffled, told twice under other payloads: each page load is one row, of the values of a plain fold."""
    source = random.Random(seed)
    reports = [report(source, source.randrange(60), index) for index in range(400)]
    repeated = [each | {"payload_digest": f"{1_000 + index:032x}"} for index, each in enumerate(source.sample(reports, 80))]
    told = source.sample([*reports, *repeated], 480)
    fill(pond, "frontend_performance_metrics", told)

    columns = ", ".join(["page_load_id", *VITALS, "javascript_execution_time", "time_unix_nano"])
    given = pond.execute(f"select {columns} from frontend_performance_metrics").fetchall()

    assert len(folded(reports)) == len(given)
    assert folded(reports) == {load: tuple(values) for load, *values in given}


def test_resources_stand_with_their_own_page_load(pond: duckdb.DuckDBPyConnection) -> None:
    """Other tenants may have page loads of the same ids; each shows its own resources, by start."""
    loads = [(tenant, f"load-{number}") for tenant in ("a", "b") for number in range(30)]
    common = {"time_unix_nano": 1_772_366_400_000_000_000, "payload_digest": "0" * 32, "item_index": 0}
    fill(
        pond,
        "frontend_performance_metrics",
        [{**common, "tenant_id": tenant, "page_load_id": load, "session_id": "", "report_source": "web_vital"} for tenant, load in loads],
    )
    resources = [
        {
            **common,
            "tenant_id": tenant,
            "page_load_id": load,
            "request_url": f"{tenant}/{load}/{order}",
            "start_ms": float(order),
            "resource_type": "script",
            "report_source": "resource_timing",
            "request_key": 1 + 2 * position + order,
        }
        for position, (tenant, load) in enumerate(loads)
        for order in (1, 0)
    ]
    fill(pond, "network_performance_metrics", resources)

    shown = pond.execute("select tenant_id, page_load_id, resource_load_times ->> '$[*].url' from frontend_performance_metrics").fetchall()

    assert {(tenant, load): [f"{tenant}/{load}/0", f"{tenant}/{load}/1"] for tenant, load in loads} == {row[:2]: row[2] for row in shown}


@pytest.mark.parametrize(
    ("initiator", "url", "expected"),
    [
        ("script", "https://x/app", "script"),
        ("link", "https://x/site.css?v=2", "stylesheet"),
        ("link", "https://x/chunk.mjs#a", "script"),
        ("link", "https://x/face.woff2", "font"),
        ("css", "https://x/back.PNG", "image"),
        ("img", "https://x/pixel", "image"),
        ("video", "https://x/film", "media"),
        ("fetch", "https://x/data.json", "fetch"),
        ("xmlhttprequest", "https://x/a.js", "xmlhttprequest"),
        ("beacon", "https://x/", "beacon"),
        ("iframe", "https://x/frame", "document"),
        ("other", "https://x/manifest.json", "other"),
        (None, "https://x/script.js", "script"),
        (None, "", "other"),
        ("link", None, "other"),
    ],
)
def test_a_resource_has_the_type_of_what_asked_for_it_or_of_its_ending(initiator: str | None, url: str | None, expected: str) -> None:
    """Browsers say `link` for stylesheets, fonts and preloaded scripts alike."""
    with duckdb.connect() as con:
        create_macros(con)
        assert (expected,) == con.execute("select resource_type(?::text, ?::text)", [initiator, url]).fetchone()
