"""Every documented event, sent as a log record of any SDK: a valid one is exactly its row, an invalid one exactly its refusal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from otelpond.storage.derive import Deriver
from otelpond.storage.events.attributes import IDENTIFIERS, RESERVED
from otelpond.storage.events.catalogue import load_catalogue
from otelpond.storage.schema import load_tables

Logs = Callable[..., pa.Table]
CATALOGUE = load_catalogue()
FORMS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "forms.json").read_text(encoding="utf-8"))
ATTRIBUTES = {column: attribute for attribute, column in RESERVED.items()}


def record(name: str, change: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """An event's log record, some of it changed or, by None, left out; base fields under their semantic names."""
    form = FORMS[name]
    context = {**form["context"], **{key: value for key, value in change.items() if key in IDENTIFIERS}}
    properties = {**form["properties"], **{key: value for key, value in change.items() if key not in IDENTIFIERS}}
    attributes = {**{ATTRIBUTES[key]: value for key, value in context.items()}, **properties}
    return name, {key: value for key, value in attributes.items() if value is not None}


@pytest.fixture(scope="module")
def deriver() -> Deriver:
    """As a collector has it without settings."""
    return Deriver(load_tables())


def test_a_valid_event_is_exactly_its_row(deriver: Deriver, logs: Logs) -> None:
    """Base fields are columns, everything else is a property as it was sent; type and category are the catalogue's."""
    rows = deriver.derive({"logs": logs(*(record(name, {}) for name in FORMS))})["events"].to_pylist()
    assert len(FORMS) == len(rows)
    for row in rows:
        event, form = CATALOGUE.events[row["event_name"]], FORMS[row["event_name"]]
        assert form["properties"] == json.loads(row["properties"])
        named = {"user_id": form["properties"].get(event.user_property)}
        assert {**dict.fromkeys(IDENTIFIERS), **named, **form["context"]} == {key: row[key] for key in IDENTIFIERS}
        assert (event.event_type, event.category, True, None) == (
            row["event_type"],
            row["event_category"],
            row["is_known"],
            row["validation_error"],
        )


def test_an_invalid_event_is_exactly_its_refusal(deriver: Deriver, logs: Logs) -> None:
    """In rejected_records, with its reason and all that was sent; no other event suffers."""
    wrong = [(name, each["change"], each["refusal"]) for name, form in FORMS.items() for each in form["invalid"]]
    records = [record(name, change) for name, change, _ in wrong]
    derived = deriver.derive({"logs": logs(*records, record("user.logout", {}))})
    assert ["user.logout"] == derived["events"]["event_name"].to_pylist()
    rejected = sorted(derived["rejected_records"].to_pylist(), key=lambda row: int(row["item_index"]))
    assert [reason for *_, reason in wrong] == [row["reason"] for row in rejected]
    assert [name for name, *_ in wrong] == [json.loads(row["content"])["event_name"] for row in rejected]
    kept = [{key: value for key, value in sent.items() if key not in RESERVED} for _, sent in records]
    assert kept == [json.loads(row["content"])["properties"] for row in rejected]
