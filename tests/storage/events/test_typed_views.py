"""Each event has a view whose columns are its properties, once there are events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from otelpond.storage.events.catalogue import Catalogue, Event, Property, load_catalogue
from otelpond.storage.events.typed_views import event_views, with_event_views
from otelpond.storage.schema import load_tables

CATALOGUE = load_catalogue()
TABLES = load_tables()
FORMS = json.loads((Path(__file__).parent / "forms.json").read_text(encoding="utf-8"))
ALL_TYPES = Event(
    name="all.types",
    version="1.0.0",
    family="custom",
    event_type="custom",
    category="custom",
    description="Has each type.",
    trigger="None.",
    path=Path("all.types.toml"),
    properties={
        f"a.{type}": Property(name=f"a.{type}", type=type, description="A value.")
        for type in ("string", "integer", "number", "boolean", "timestamp", "object")  # noqa: A001 - the key's name
    }
    | {"list": Property(name="list", type="string[]", description="Values.")},
)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the table of events, and every view over it; the session's time zone is not ours to choose."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'America/New_York'")
        columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in TABLES["events"].columns)
        connection.execute(f"create table events ({columns})")
        views = event_views(Catalogue({**CATALOGUE.events, ALL_TYPES.name: ALL_TYPES}))
        for name, view in views.items():
            connection.execute(f"create view {name} as {view.shown(f'({view.view_sql})')}")
        yield connection


def shown(con: duckdb.DuckDBPyConnection, event: Event, properties: dict[str, Any], **context: str) -> dict[str, Any]:
    """What the event's view shows of an event with those properties."""
    con.execute("delete from events")
    fields = {"event_name": event.name, "properties": json.dumps(properties), **context}
    con.execute(f"insert into events ({', '.join(fields)}) values ({', '.join('?' * len(fields))})", list(fields.values()))
    result = con.execute(f"select * from {event.view}")
    (row,) = result.fetchall()
    return dict(zip([name for name, *_ in result.description], row, strict=True))


@pytest.mark.parametrize("name", FORMS)
def test_a_view_shows_the_properties_and_base_fields(name: str, con: duckdb.DuckDBPyConnection) -> None:
    """Of every documented event: numbers, texts and flags as they were sent; nothing is lost."""
    event, form = CATALOGUE.events[name], FORMS[name]
    row = shown(con, event, form["properties"], **form["context"])
    plain = {key: value for key, value in form["properties"].items() if event.properties[key].type not in {"timestamp", "object"}}
    assert plain == {key: row[key] for key in plain}
    assert form["context"] == {key: row[key] for key in form["context"]}
    assert [] == [key for key in form["properties"] if row[key] is None]


def test_each_type_has_its_own(con: duckdb.DuckDBPyConnection) -> None:
    """Times are read as UTC where they say no offset; milliseconds since 1970 are times too."""
    given = {"a.string": "x", "a.integer": 12.0, "a.number": 3, "a.boolean": False, "a.object": {"b": [1]}, "list": ["x", "y"]}
    row = shown(con, ALL_TYPES, {**given, "a.timestamp": "2026-11-21T08:00:00"})
    assert {"a_string": "x", "a_integer": 12, "a_number": 3.0, "a_boolean": False, "a_object": '{"b":[1]}', "list": ["x", "y"]} == {
        key: row[key] for key in row if (key.startswith("a_") and key != "a_timestamp") or key == "list"
    }
    assert datetime(2026, 11, 21, 8, tzinfo=UTC) == row["a_timestamp"]


@pytest.mark.parametrize(
    ("given", "time"),
    [
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2026-11-21t08:00z", datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ("2026-11-21 08:00:00.25+0530", datetime(2026, 11, 21, 2, 30, 0, 250_000, tzinfo=UTC)),
        (1_795_248_000_000, datetime(2026, 11, 21, 8, tzinfo=UTC)),
        (1_795_248_000_000.5, datetime(2026, 11, 21, 8, 0, 0, 500, tzinfo=UTC)),
        ("yesterday", None),
        (1e300, None),
        ({}, None),
    ],
)
def test_every_form_of_a_time_is_read(given: object, time: datetime | None, con: duckdb.DuckDBPyConnection) -> None:
    """Those that the catalogue allows; what it does not allow, as a stamped event may have it, is NULL."""
    assert time == shown(con, ALL_TYPES, {"a.timestamp": given})["a_timestamp"]


def test_what_is_of_another_type_is_null(con: duckdb.DuckDBPyConnection) -> None:
    """In events that were stamped, and stored all the same."""
    row = shown(con, ALL_TYPES, {"a.integer": "many", "a.number": {"x": 1}, "a.boolean": [], "list": "x"})
    assert [None] * 4 == [row[key] for key in ("a_integer", "a_number", "a_boolean", "list")]


def test_a_propertys_column_says_what_it_is() -> None:
    """What it means, its unit, what it may be; other columns are those of events."""
    columns = {column.name: column for column in event_views(CATALOGUE)["event_workflow_created"].columns}
    assert ("BIGINT", "How many nodes the workflow has. At least 0") == (columns["node_count"].sql_type, columns["node_count"].comment)
    assert "How long an execution is expected to take. At least 0; s" == columns["estimated_duration"].comment
    assert "" == columns["user_id"].comment


def test_a_property_takes_the_place_of_a_common_column() -> None:
    """The service that a measurement is about is not the one that sent it."""
    names = [column.name for column in event_views(CATALOGUE)["event_system_performance_metric"].columns]
    assert ["service_name", "environment"] == [name for name in names if name in {"service_name", "environment"}]


def test_tables_without_events_get_no_views() -> None:
    """A pond of an older kind, and a table of a view's name."""
    spans = {"spans": TABLES["spans"]}
    assert spans == with_event_views(spans, CATALOGUE)
    own = {**TABLES, "event_user_login": TABLES["spans"]}
    assert TABLES["spans"] is with_event_views(own, CATALOGUE)["event_user_login"]


def test_what_events_does_not_hold_has_no_view() -> None:
    """The catalogue and the table's SELECT name the same events, which are rows of other tables."""
    left_out = {event.name: event.stored_in for event in CATALOGUE.events.values() if event.stored_in is not None}
    assert {f"'{name}'" for name in left_out} == set(re.findall(r"'browser[.]\w+'", TABLES["events"].select_sql or ""))
    assert {*left_out.values()} <= TABLES.keys()
    assert not {CATALOGUE.events[name].view for name in left_out} & event_views(CATALOGUE).keys()
