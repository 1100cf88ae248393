"""The JSON Schema of an event takes what the catalogue takes and refuses what it refuses, as another validator sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from otelpond.storage.events.attributes import IDENTIFIERS
from otelpond.storage.events.catalogue import load_catalogue
from otelpond.storage.events.json_schema import json_schema

CATALOGUE = load_catalogue()
FORMS = json.loads((Path(__file__).parent / "forms.json").read_text(encoding="utf-8"))
NOT_TOLD = {"2026-02-30"}
"""What no pattern tells: a day that its month lacks."""


def plain(name: str, form: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The event as it would be posted, some of its fields changed or, by None, left out."""
    context = {**form["context"], **{key: value for key, value in change.items() if key in IDENTIFIERS}}
    properties = {**form["properties"], **{key: value for key, value in change.items() if key not in IDENTIFIERS}}
    held = {key: value for key, value in properties.items() if value is not None}
    return {"event_name": name, **{key: value for key, value in context.items() if value is not None}, "properties": held}


@pytest.mark.parametrize("name", CATALOGUE.events)
def test_each_schema_is_one(name: str) -> None:
    """By the rules of its dialect."""
    Draft202012Validator.check_schema(json_schema(CATALOGUE.events[name]))


@pytest.mark.parametrize("name", FORMS)
def test_it_takes_valid_events_and_refuses_the_invalid(name: str) -> None:
    """Those of the documented events."""
    validator = Draft202012Validator(json_schema(CATALOGUE.events[name]))
    assert [] == [error.message for error in validator.iter_errors(plain(name, FORMS[name], {}))]
    changes = [wrong["change"] for wrong in FORMS[name]["invalid"] if NOT_TOLD.isdisjoint(map(str, wrong["change"].values()))]
    assert [] == [change for change in changes if validator.is_valid(plain(name, FORMS[name], change))]


def test_it_says_unit_personal_data_and_examples() -> None:
    """As annotations, which a validator passes over; an optional property may be null."""
    properties = json_schema(CATALOGUE.events["workflow.created"])["properties"]["properties"]["properties"]
    assert "s" == properties["estimated_duration"]["x-unit"]
    assert "identifier" == properties["created_by"]["x-personal"]
    assert ["service", "sales", "parts"] == properties["category"]["examples"]
    assert ["boolean", "null"] == properties["template_used"]["type"]
