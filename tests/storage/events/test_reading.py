"""Events are read from log records: what the catalogue refuses, what cannot be enriched, and what a statement's failure costs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from otelpond.receivers.events.conversion import SCOPE
from otelpond.storage import derive
from otelpond.storage.derive import Deriver
from otelpond.storage.events import enriching
from otelpond.storage.events.agents import AgentReader
from otelpond.storage.events.attributes import BASE_FIELDS, REFUSAL, RESERVED
from otelpond.storage.events.page_slugs import PageSlugs
from otelpond.storage.events.reading import EventSettings
from otelpond.storage.schema import load_tables

Logs = Callable[..., pa.Table]
TABLES = load_tables()
PIN = 'properties.login_method: "pin" is not one of "password", "sso", "mfa"'
U = {"user.id": "u1"}
MIXED = (
    ("user.login", {**U, "login_method": "pin"}),
    ("user.login", {**U, "login_method": "sso"}),
    ("order.placed", {"login_method": "pin"}),
)


@pytest.fixture(scope="module")
def deriver() -> Deriver:
    """As a collector has it without settings."""
    return Deriver(TABLES)


def rows(deriver: Deriver, logs: pa.Table, table: str = "events") -> list[dict[str, Any]]:
    """The rows of one table, as files hold them."""
    derived = deriver.derive({"logs": logs})
    found: list[dict[str, Any]] = derived[table].to_pylist() if table in derived else []
    return found


def test_every_column_is_filled_from_every_name_that_it_may_have(deriver: Deriver, logs: Logs) -> None:
    """No reserved attribute and no base field is left among the properties, whatever its value's type."""
    (row,) = rows(deriver, logs(("made.up", dict.fromkeys([*RESERVED, *BASE_FIELDS], 1) | {"mine": 2})))
    assert {"mine": 2} == json.loads(row["properties"])
    (row,) = rows(deriver, logs(("made.up", dict.fromkeys(RESERVED, "x") | {"event.metadata": {"x": 1}})))
    assert set() == {column for column in RESERVED.values() if row[column] is None}
    (row,) = rows(deriver, logs(("made.up", dict.fromkeys(BASE_FIELDS, "x"))))
    assert set() == {column for column in BASE_FIELDS if row[column] is None}
    assert "other" == row["device_type"], "x is none"


def test_rejected_events_are_kept_with_their_reason_and_content(deriver: Deriver, logs: Logs) -> None:
    """By default what the catalogue refuses is in rejected_records, whole, and costs nothing else."""
    batch = logs(*MIXED)
    assert ["sso", "pin"] == [json.loads(row["properties"])["login_method"] for row in rows(deriver, batch)]
    (rejected,) = rows(deriver, batch, "rejected_records")
    assert ("events", PIN, 0, "app") == tuple(rejected[key] for key in ("table_name", "reason", "item_index", "service_name"))
    assert {"login_method": "pin"} == json.loads(rejected["content"])["properties"]


def test_stamped_events_are_stored_with_the_reason(logs: Logs) -> None:
    """With the policy stamp nothing is rejected, and validation_error tells."""
    deriver = Deriver(TABLES, events=EventSettings(policy="stamp"))
    assert [PIN, None, None] == [row["validation_error"] for row in rows(deriver, logs(*MIXED))]
    assert [] == rows(deriver, logs(*MIXED), "rejected_records")


def test_dropped_events_are_counted(logs: Logs) -> None:
    """With the policy drop they are nowhere but in the count."""
    deriver = Deriver(TABLES, events=EventSettings(policy="drop"))
    assert 2 == len(rows(deriver, logs(*MIXED)))
    assert [] == rows(deriver, logs(*MIXED), "rejected_records")
    assert 2 == deriver.dropped_events


@pytest.mark.parametrize("policy", ["reject", "stamp"])
def test_what_the_endpoint_could_not_represent_is_kept_as_it_came(logs: Logs, policy: Any) -> None:
    """Its reason is the endpoint's, its properties are the original event; no policy stores it as an event."""
    deriver = Deriver(TABLES, events=EventSettings(policy=policy))
    refusal = {REFUSAL: "timestamp: is no time"}
    originals = ({"timestamp": "soon", "ip": "192.0.2.1"}, "{}", "soon", None)
    batch = logs(*(("custom", refusal, original) for original in originals), ("order.placed", {}), scope=SCOPE)
    assert ["order.placed"] == [row["event_name"] for row in rows(deriver, batch)]
    rejected = rows(deriver, batch, "rejected_records")
    assert {"timestamp: is no time"} == {row["reason"] for row in rejected}
    kept = {"timestamp": "soon", "ip": "hash of 192.0.2.1"}
    assert [kept, {}, "soon", refusal] == [json.loads(row["content"])["properties"] for row in rejected]


def test_only_the_endpoint_says_what_could_not_be_represented(deriver: Deriver, logs: Logs) -> None:
    """From anybody else the attribute is a property as any other, and costs no event."""
    (row,) = rows(deriver, logs(("order.placed", {REFUSAL: "mine", "a": 1}, {"b": 2})))
    assert {REFUSAL: "mine", "a": 1, "b": 2} == json.loads(row["properties"])


def test_reasons_are_cut(deriver: Deriver, logs: Logs) -> None:
    """Whatever they repeat of what was sent."""
    (rejected,) = rows(deriver, logs(("custom", {REFUSAL: "x" * 1_000_000}, "{}"), scope=SCOPE), "rejected_records")
    assert "x" * 300 == rejected["reason"]


def test_a_refusal_that_a_pond_lacks_the_table_for_costs_nothing(logs: Logs) -> None:
    """A deriver without the table of events reads none."""
    deriver = Deriver({"logs": TABLES["logs"]})
    assert ["logs"] == list(deriver.derive({"logs": logs(*MIXED)}))


def test_unknown_names_are_custom_and_warned_of_once(deriver: Deriver, logs: Logs, caplog: pytest.LogCaptureFixture) -> None:
    """However often they come."""
    for _ in range(2):
        (row,) = rows(deriver, logs(("never.heard.of", {})))
    assert ("custom", "custom", False) == (row["event_type"], row["event_category"], row["is_known"])
    assert 1 == caplog.text.count("'never.heard.of'")


def test_slugs_are_the_senders_then_the_maps_then_templates(logs: Logs) -> None:
    """A team's map of pages wins over routes and templates, and not over what the sender says."""
    deriver = Deriver(TABLES, events=EventSettings(page_slugs=PageSlugs({"/orders/{id}": "order"})))
    sent = ({"page_path": "/orders/7"}, {"page_path": "/orders/7", "page_slug": "mine"}, {"page_path": "/carts/7"}, {})
    assert ["order", "mine", "/carts/{id}", None] == [
        row["page_slug"] for row in rows(deriver, logs(*(("order.seen", attributes) for attributes in sent)))
    ]


def test_what_a_path_says_of_a_person_is_stored_nowhere_but_in_the_url(deriver: Deriver, logs: Logs) -> None:
    """Query and fragment are no part of page and slug; a route in the fragment is."""
    paths = {
        "/u?email=eve@example.com&token=SECRET": "/u",
        "/u#part?token=SECRET": "/u",
        "/app?token=SECRET#/orders/1234?token=SECRET": "/app#/orders/{id}",
        "/#!about": "/#!about",
        "?token=SECRET": None,
    }
    found = rows(deriver, logs(*(("order.seen", {"page_path": path}) for path in paths)))
    assert list(paths.values()) == [row["page_slug"] for row in found]
    assert "SECRET" not in json.dumps([[row["page_path"], row["properties"]] for row in found])


def test_a_rate_that_is_none_counts_as_one(deriver: Deriver, logs: Logs) -> None:
    """No event stands for more than a million."""
    rates = {1e-6: 1e-6, 0.5: 0.5, "1e-6": 1e-6, 1e-300: 1.0, "9e-7": 1.0, 0: 1.0, 2: 1.0, "half": 1.0}
    assert list(rates.values()) == [row["sample_rate"] for row in rows(deriver, logs(*(("a.b", {"sample_rate": rate}) for rate in rates)))]


def test_a_user_agent_that_cannot_be_read_leaves_the_event_partly_enriched(logs: Logs) -> None:
    """It is tried three times; the event is stored, and marked."""
    tries = []

    def fail(text: str) -> Any:
        tries.append(text)
        raise ValueError(text)

    deriver = Deriver(TABLES)
    deriver._events._enricher._agents = AgentReader(fail)
    found = rows(deriver, logs(("order.seen", {"user_agent.original": "odd"}), ("order.seen", {})))
    assert [("partial", None), ("complete", None)] == [(row["enrich_status"], row["browser"]) for row in found]
    assert ["odd"] * 3 == tries


def test_pages_that_cannot_be_worked_out_leave_the_events_as_they_were_sent(
    logs: Logs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again; then they are stored with what they say, and marked."""
    deriver = Deriver(TABLES)
    pages = deriver._events._enricher._pages
    tries = []

    def fail(_: pa.Table) -> Any:
        tries.append(1)
        raise duckdb.InvalidInputException("cannot")

    monkeypatch.setattr(pages, "run", fail)
    found = rows(deriver, logs(("order.seen", {"page_path": "/a/1"}), ("order.seen", {"user_agent.original": "curl/8"})))
    assert [("none", "/a/1", None), ("partial", None, None)] == [
        (row["enrich_status"], row["page_path"], row["page_slug"]) for row in found
    ]
    assert enriching._TRIES == len(tries)
    assert "2 events could not be enriched" in caplog.text


def test_an_event_that_cannot_be_read_costs_no_other(
    deriver: Deriver, logs: Logs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is in rejected_records as its log record has it, which is stored too."""
    run = deriver._events._read.run

    def fail(records: pa.Table) -> Any:
        if any("guilty" in attributes for attributes in records["attributes"].to_pylist()):
            raise duckdb.InvalidInputException("cannot")
        return run(records)

    records = [("order.placed", {"number": number}) for number in range(20)]
    batch = logs(*records, ("order.placed", {"guilty": True}, "as it was"), *records, ("page_view", {"a": 1}, {"b": 2}), *MIXED)
    monkeypatch.setattr(deriver._events._read, "run", fail)
    derived = deriver.derive({"logs": batch})
    assert [*range(20), *range(21, 42), 43, 44] == sorted(derived["events"]["item_index"].to_pylist())
    assert batch.num_rows == derived["logs"].num_rows
    unread = next(row for row in derived["rejected_records"].to_pylist() if row["item_index"] == 20)
    assert ("events", "the SELECT in events.sql failed", "app") == (unread["table_name"], unread["reason"], unread["service_name"])
    assert {
        "error": "cannot",
        "source_rows": 1,
        "event_name": "order.placed",
        "attributes": {"guilty": True},
        "body": "as it was",
    } == json.loads(unread["content"])
    assert "1 events could not be read" in caplog.text


def test_a_statement_that_always_fails_is_not_tried_without_end(deriver: Deriver, logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event of the batch is in rejected_records then, and the log records are stored."""
    tries = []

    def fail(_: pa.Table) -> Any:
        tries.append(1)
        raise duckdb.InvalidInputException("cannot")

    monkeypatch.setattr(deriver._events._read, "run", fail)
    monkeypatch.setattr(derive, "_MOST_HALVINGS", 5)
    derived = deriver.derive({"logs": logs(*[("order.placed", {})] * 50, (None, {}))})
    assert {"logs": 51, "rejected_records": 50} == {name: rows.num_rows for name, rows in derived.items()}
    assert 2 * 5 + 1 == len(tries)


def test_maps_of_many_members_take_no_time(deriver: Deriver, logs: Logs) -> None:
    """A body that is too large to be merged is one property; device_info stands without what the resource says, then."""
    one, other = ({f"{letter}{number}": number for number in range(32_000)} for letter in "ab")
    started = time.process_time()
    (row,) = rows(deriver, logs(("order.placed", one, other)))
    assert one | {"body": other} == json.loads(row["properties"])
    (row,) = rows(
        deriver, logs(("page_view", {"title": one, "page_title": one, "device_info": one}), resource={f"device.{k}": "" for k in other})
    )
    assert one == json.loads(row["device_attributes"])
    assert time.process_time() - started < 5


def test_texts_that_look_like_json_cost_no_batch(deriver: Deriver, logs: Logs) -> None:
    """Wherever a sender puts them, and in the body of older SDKs too."""
    texts = ('["', "{", "v", '{"a":', "", "null")
    keys = [*RESERVED, *BASE_FIELDS, "device_info", "http.request.header.referer", "event.name"]
    by_attribute = [("made.up", dict.fromkeys(keys, text)) for text in texts]
    by_body = [("made.up", {}, dict.fromkeys(keys, text)) for text in texts]
    found = rows(deriver, logs(*by_attribute, *by_body))
    assert 2 * len(texts) == len(found)
    (row,) = rows(deriver, logs(("made.up", {"http.request.header.referer": ["/before"]}, {"user.roles": ["Admin"]})))
    assert ("/before", "Admin") == (row["referrer"], row["user_role"])


def test_strings_and_string_views_give_the_same_events(deriver: Deriver, logs: Logs) -> None:
    """The plain decoder's batch may follow the kernels', which give string views."""
    batch = logs(("page_view", {"page_path": "/a", "user_agent.original": "curl/8"}), (None, {}), *MIXED)
    views = batch.cast(pa.schema([field.with_type(pa.string_view()) if field.type == pa.string() else field for field in batch.schema]))
    expected = rows(deriver, batch)
    assert expected == rows(deriver, views) == rows(deriver, batch)
    assert ["user.page_view", "user.login", "order.placed"] == [row["event_name"] for row in expected]


def test_reading_names_every_reserved_attribute_and_base_field() -> None:
    """What attributes.py lists stands in reading.sql, to be read and to be left out of the properties."""
    text = (Path(enriching.__file__).parent / "reading.sql").read_text()
    for name in {*RESERVED, *BASE_FIELDS}:
        assert 1 == text.count(f'"{name}": "'), name
        assert f'"{name}": null' in text, name
