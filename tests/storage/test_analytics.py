"""`get_events` and `get_metrics`: spans of time, tags, pages, and each aggregation against values computed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from otelpond.storage.analytics import get_events, get_metrics
from otelpond.storage.query import PondNotFoundError
from otelpond.storage.schema import load_tables

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOON_MS = 1_767_268_800_000
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def schema() -> pa.Schema:
    """The columns of metric points."""
    return load_tables()["metric_points"].arrow


@pytest.fixture
def con(schema: pa.Schema) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty table of metric points, and one of four events."""
    with duckdb.connect() as con:
        con.execute("set timezone='UTC'")
        con.register("empty", schema.empty_table())
        con.execute("create table metric_points as from empty")
        con.execute(
            "create table events as select *, epoch_ns(timestamp) as time_unix_nano from (values"
            " ('a', 'user.engagement', 'user.action', 'user_action', timestamptz '2026-01-01 12:00Z', try_cast('{\"x\":[1]}' as json)),"
            " ('b', 'user.engagement', 'user.page_view', 'page_view', timestamptz '2026-01-01 12:30Z', null),"
            " ('c', 'custom', 'mine', 'custom', timestamptz '2026-01-01 13:00Z', null),"
            " ('d', 'user.engagement', 'user.action', 'user_action', timestamptz '2026-01-01 14:00Z', null)"
            ") t(event_id, event_type, event_name, event_category, timestamp, properties)"
        )
        yield con


def points(con: duckdb.DuckDBPyConnection, *points: dict[str, Any], **shared: Any) -> None:
    """Insert points, `at` minutes after noon."""
    for index, point in enumerate(points):
        row = {"metric_name": "m", "metric_type": "gauge", "attributes": "{}", "item_index": index} | shared | point
        instant = NOON + timedelta(minutes=row.pop("at"))
        row |= {"timestamp": instant, "time_unix_nano": int(instant.timestamp()) * 10**9}
        con.execute(
            f"insert into metric_points ({', '.join(row)}) values ({', '.join('?' * len(row))})",
            list(row.values()),
        )


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        (None, "dcba"),
        ("USER_ACTION", "da"),
        ("user_action", "da"),
        ("user.engagement", "dba"),
        ("user.page_view", "b"),
        ("custom", "c"),
        ("none", ""),
    ],
)
def test_events_are_found_by_category_type_or_name(con: duckdb.DuckDBPyConnection, kind: str | None, ids: str) -> None:
    """The newest first."""
    assert list(ids) == [event["event_id"] for event in get_events(con, type=kind)]


def test_events_are_found_by_time_and_page(con: duckdb.DuckDBPyConnection) -> None:
    """Inclusive start, exclusive end, as datetime of any zone or in milliseconds; JSON is a Python value."""
    elsewhere = timezone(timedelta(hours=2))
    for start, end in ((NOON, NOON + HOUR), (NOON_MS, NOON_MS + 3_600_000), (datetime(2026, 1, 1, 14, tzinfo=elsewhere), NOON_MS + 3.6e6)):
        assert ["b", "a"] == [event["event_id"] for event in get_events(con, start_time=start, end_time=end)]
    assert ["c", "b"] == [event["event_id"] for event in get_events(con, limit=2, offset=1)]
    assert {"x": [1]} == get_events(con, type="user.action", end_time=datetime(2026, 1, 1, 13))[0]["properties"]  # noqa: DTZ001


def test_values_are_found_by_all_their_tags(con: duckdb.DuckDBPyConnection) -> None:
    """As texts or numbers, and whatever their keys look like."""
    tagged = ('{"endpoint":"/api","status":200}', '{"endpoint":"/api","status":500}', '{"a/b~c.\\"d\\"":"x"}')
    points(con, *({"at": at, "value_double": float(at), "attributes": tags} for at, tags in enumerate(tagged)))
    assert [1.0, 0.0] == [point["value"] for point in get_metrics(con, name="m", tags={"endpoint": "/api"})]
    (only,) = get_metrics(con, name="m", tags={"endpoint": "/api", "status": 500})
    assert (1.0, {"endpoint": "/api", "status": 500}, NOON + timedelta(minutes=1)) == (only["value"], only["tags"], only["timestamp"])
    assert [2.0] == [point["value"] for point in get_metrics(con, name="m", tags={'a/b~c."d"': "x"})]
    assert [] == get_metrics(con, name="m", tags={"endpoint": "/api", "absent": "x"})
    assert [1.0] == [point["value"] for point in get_metrics(con, name="m", start_time=NOON, limit=1, offset=1)]


@pytest.mark.parametrize(
    ("agg", "first", "second"),
    [
        ("avg", 25.0, 100.0),
        ("sum", 100.0, 100.0),
        ("min", 10.0, 100.0),
        ("max", 40.0, 100.0),
        ("count", 4, 1),
        ("p50", 25.0, 100.0),
        ("p95", 38.5, 100.0),
        ("p99", 39.7, 100.0),
        ("rate", 100 / 3600, 100 / 3600),
    ],
)
def test_values_are_aggregated_by_bucket(con: duckdb.DuckDBPyConnection, agg: Any, first: float, second: float) -> None:
    """The oldest first; a value at the end of a bucket is the next one's, one behind the span nobody's."""
    points(con, *({"at": at, "value_int": value} for at, value in ((0, 10), (10, 20), (20, 30), (59, 40), (60, 100), (120, 7))))
    rows = get_metrics(con, name="m", agg=agg, bucket=HOUR, end_time=NOON + 2 * HOUR)
    assert [NOON, NOON + HOUR] == [row["timestamp"] for row in rows]
    assert [first, second] == pytest.approx([row["value"] for row in rows])
    assert rows == get_metrics(con, name="m", agg=agg, bucket=3600, end_time=NOON + 2 * HOUR)


def test_without_a_bucket_there_is_one_value(con: duckdb.DuckDBPyConnection) -> None:
    """Of the whole span; of nothing there is none."""
    points(con, {"at": 0, "value_int": 1}, {"at": 30, "value_int": 3})
    assert [{"timestamp": NOON, "value": 4 / 7200}] == get_metrics(con, name="m", agg="rate", start_time=NOON, end_time=NOON + 2 * HOUR)
    assert [] == get_metrics(con, name="other", agg="sum")


def test_a_counter_counts_by_its_increases(con: duckdb.DuckDBPyConnection) -> None:
    """Each series by itself, over restarts; what it had counted before the span does not count."""
    before = int((NOON - HOUR).timestamp()) * 10**9
    counter = {"metric_type": "sum", "temporality": "cumulative", "is_monotonic": True}
    points(
        con, {"at": -5, "value_int": 100}, {"at": 1, "value_int": 110}, {"at": 2, "value_int": 5}, start_time_unix_nano=before, **counter
    )
    points(con, {"at": 3, "value_int": 7}, start_time_unix_nano=before + 2 * 3600 * 10**9, **counter)
    points(con, {"at": 4, "value_int": 1000}, start_time_unix_nano=before, attributes='{"series":"second"}', **counter)
    assert [10 + 5 + 7] == [row["value"] for row in get_metrics(con, name="m", agg="sum", start_time=NOON)]
    assert [110 + 5 + 7 + 1000] == [row["value"] for row in get_metrics(con, name="m", agg="sum")]


def test_a_histogram_counts_as_its_values(con: duckdb.DuckDBPyConnection) -> None:
    """Its mean where single values are asked for; as increases where it is cumulative."""
    delta = {"metric_type": "histogram", "temporality": "delta", "attributes": '{"of":"delta"}'}
    points(con, {"at": 0, "count": 4, "sum": 40.0, "min": 1.0, "max": 30.0}, {"at": 1, "count": 1, "sum": 60.0}, **delta)
    total = {"metric_type": "histogram", "temporality": "cumulative", "attributes": '{"of":"total"}', "start_time_unix_nano": 0}
    points(
        con,
        {"at": 0, "count": 2, "sum": 10.0, "min": 1.0, "max": 9.0},
        {"at": 1, "count": 3, "sum": 25.0, "min": 1.0, "max": 15.0},
        **total,
    )
    points(con, {"at": 2, "count": 0, "sum": 0.0}, **delta)

    def value(agg: Any, of: str) -> Any:
        return get_metrics(con, name="m", agg=agg, tags={"of": of})[0]["value"]

    assert [100.0, 5, 20.0, 1.0, 60.0] == [value(agg, "delta") for agg in ("sum", "count", "avg", "min", "max")]
    assert [25.0, 3] == [value(agg, "total") for agg in ("sum", "count")]
    assert [60.0, 10.0] == [point["value"] for point in get_metrics(con, name="m", tags={"of": "delta"})]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"agg": "median"}, "agg: 'median' is not one of avg, sum, min, max, count, p50, p95, p99, rate"),
        ({"bucket": 60}, "bucket: needs agg"),
        ({"agg": "sum", "bucket": 0}, "bucket: 0 is no length of time"),
        ({"agg": "sum", "bucket": float("nan")}, "bucket: nan is no length of time, a timedelta or seconds"),
        ({"agg": "sum", "bucket": 1e30}, "bucket: 1e.30 is no length of time"),
        ({"agg": "sum", "bucket": timedelta.max}, "bucket: .* is no length of time"),
        ({"agg": "sum", "bucket": "1h"}, "bucket: '1h' is no length of time"),
        ({"name": 5}, "name: 5 is no text"),
        ({"tags": [5]}, "tags: 5 is no text"),
        ({"tags": ["status"]}, r"tags: \['status'\] is no mapping of names to texts or numbers"),
        ({"tags": {"status": NOON}}, "tags: .* is no mapping of names to texts or numbers"),
        ({"tags": {"method": "\ud800"}}, "tags: '.ud800' is no text"),
        ({"limit": -1}, "limit: -1 is no number of rows"),
        ({"limit": 2**70}, "limit: 1180591620717411303424 is no number of rows"),
        ({"offset": "1"}, "offset: '1' is no number of rows"),
        ({"start_time": "today"}, "start_time: 'today' is neither a datetime nor milliseconds since 1970"),
        ({"end_time": 1e300}, "end_time: 1e.300 is neither a datetime nor milliseconds since 1970"),
    ],
)
def test_what_is_wrong_is_said(con: duckdb.DuckDBPyConnection, arguments: Any, problem: str) -> None:
    """Which argument, and what it should be."""
    with pytest.raises(ValueError, match=problem):
        get_metrics(con, **{"name": "m"} | arguments)


@pytest.mark.parametrize("kind", [5, b"user_action", "\ud800"])
def test_a_kind_of_events_is_a_text(con: duckdb.DuckDBPyConnection, kind: Any) -> None:
    """Nothing else."""
    with pytest.raises(ValueError, match=r"type: .* is no text"):
        get_events(con, type=kind)


def test_the_highest_numbers_are_taken(con: duckdb.DuckDBPyConnection) -> None:
    """What DuckDB can hold."""
    points(con, {"at": 0, "value_int": 1})
    assert [1] == [row["value"] for row in get_metrics(con, name="m", agg="sum", bucket=(2**63 - 1) // 10**6, limit=2**63 - 1)]
    assert [] == get_events(con, offset=2**63 - 1)


def test_a_pond_that_is_not_there_is_said(tmp_path: Path) -> None:
    """By the directory that was named."""
    with pytest.raises(PondNotFoundError, match=str(tmp_path)):
        get_events(tmp_path)
