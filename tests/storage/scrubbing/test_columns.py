"""Which columns of which rows are scrubbed, and that all others are untouched."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from otelpond.storage.decode.columns import RELATIONS
from otelpond.storage.scrubbing.columns import Scrubber, ScrubSettings

SECRET, CLEAN = "password=hunter2", "password=[password]"


def relation(name: str, *rows: dict[str, Any], views: bool = True) -> pa.Table:
    """Rows of a decoded relation; what is not given is a plain value or NULL."""
    plain = {pa.string(): "", pa.int64(): 0, pa.int32(): 0, pa.bool_(): False, pa.date32(): 0}
    columns = []
    for field in RELATIONS[name]:
        default = None if field.nullable else plain.get(field.type, 0)
        column = pa.array([row.get(field.name, default) for row in rows], field.type)
        columns.append(column.cast(pa.string_view()) if views and field.type == pa.string() else column)
    return pa.table(columns, names=RELATIONS[name].names)


@pytest.mark.parametrize("views", [True, False])
def test_texts_of_errors_are_scrubbed_and_those_of_other_rows_are_not(views: bool) -> None:
    """A span is one of an error by its status, its HTTP status or an exception of its own."""
    texts = {"status_message": SECRET, "attributes": f'{{"note":"{SECRET}"}}', "url_full": f"https://h/?{SECRET}&a=1"}
    spans = relation(
        "spans",
        {"row_id": 0, "status_code": "ERROR", **texts},
        {"row_id": 1, "status_code": "UNSET", **texts},
        {"row_id": 3, "status_code": "UNSET", "http_response_status_code": 404, **texts},
        {"row_id": 7, "status_code": "OK", **texts},
        views=views,
    )
    events = relation(
        "span_events",
        {"span_row_id": 7, "event_name": "exception", "exception_message": SECRET, "attributes": f'{{"a":"{SECRET}"}}'},
        {"span_row_id": 1, "event_name": "cache miss", "attributes": f'{{"a":"{SECRET}"}}'},
        views=views,
    )
    scrubbed = Scrubber().scrub({"spans": spans, "span_events": events})
    assert [CLEAN, SECRET, CLEAN, CLEAN] == scrubbed["spans"]["status_message"].to_pylist()
    assert [f"https://h/?{text}&a=1" for text in (CLEAN, SECRET, CLEAN, CLEAN)] == scrubbed["spans"]["url_full"].to_pylist()
    assert [f'{{"note":"{text}"}}' for text in (CLEAN, SECRET, CLEAN, CLEAN)] == scrubbed["spans"]["attributes"].to_pylist()
    assert [CLEAN, None] == scrubbed["span_events"]["exception_message"].to_pylist()
    assert [f'{{"a":"{CLEAN}"}}', f'{{"a":"{SECRET}"}}'] == scrubbed["span_events"]["attributes"].to_pylist()
    assert spans.schema == scrubbed["spans"].schema


def test_bodies_of_all_log_records_are_scrubbed_and_attributes_of_errors() -> None:
    """By severity, by an exception, by the event's name."""
    rows = [
        {"severity_number": 9},
        {"severity_number": 17},
        {"exception_type": "E"},
        {"event_name": "app.crash"},
        {"event_name": "cart.viewed"},
    ]
    logs = relation("logs", *({"body": SECRET, "attributes": f'{{"a":"{SECRET}"}}', **row} for row in rows))
    scrubbed = Scrubber().scrub({"logs": logs})["logs"]
    assert [CLEAN] * 5 == scrubbed["body"].to_pylist()
    assert [SECRET, CLEAN, CLEAN, CLEAN, SECRET] == [
        text.removeprefix('{"a":"').removesuffix('"}') for text in scrubbed["attributes"].to_pylist()
    ]


def test_urls_names_and_command_lines_of_errors_are_scrubbed() -> None:
    """Of log records and spans; those of other rows stay."""
    texts = {"url_full": f"https://h/?{SECRET}", "resource_attributes": '{"process.command_line":"java -Ddb.password=hunter2"}'}
    logs = relation("logs", {"severity_number": 17, **texts}, {"severity_number": 9, **texts})
    spans = relation("spans", {"row_id": 0, "name": f"GET /?{SECRET}", "status_code": "ERROR", **texts})
    scrubbed = Scrubber().scrub({"logs": logs, "spans": spans})
    assert [f"https://h/?{CLEAN}", f"https://h/?{SECRET}"] == scrubbed["logs"]["url_full"].to_pylist()
    for rows in scrubbed.values():
        assert rows["resource_attributes"][0].as_py() == '{"process.command_line":"java -Ddb.password=[password]"}'
    assert [f"GET /?{CLEAN}"] == scrubbed["spans"]["name"].to_pylist()


def test_relations_without_secrets_are_handed_on_as_they_are() -> None:
    """No column is copied; nothing at all is looked at where it is turned off."""
    clean = relation("logs", {"body": "no price for 7", "severity_number": 17})
    assert Scrubber().scrub({"logs": clean})["logs"] is clean
    logs = relation("logs", {"body": SECRET})
    assert Scrubber(ScrubSettings(scrub=False)).scrub({"logs": logs})["logs"] is logs


@pytest.mark.parametrize("beside", [0, 8_192])
def test_own_names_are_those_of_the_settings(beside: int) -> None:
    """Removed, or kept; of few texts all are read, of many those that the first look stops at."""
    given = ["homeAddress=Elm password=x", '{"home address": "Elm 1"}', "iban: DE89 3704 0044 0532 0130 00", "x" * beside]
    logs = relation("logs", *({"body": body} for body in given))
    scrubber = Scrubber(ScrubSettings(keys=["home address", "iban"], keep=["password"]))
    expected = ["homeAddress=[removed] password=x", '{"home address": "[removed]"}', "iban: [removed]", "x" * beside]
    assert expected == scrubber.scrub({"logs": logs})["logs"]["body"].to_pylist()
