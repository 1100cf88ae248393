"""The catalogue: it holds what the document says, own files extend it, and a file that is wrong is named with its key."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import pytest
from otelpond.storage.events.catalogue import CATALOGUE_FOLDER, CatalogueError, load_catalogue, read_event

CATALOGUE = load_catalogue()
DOCUMENTED = tomllib.loads((Path(__file__).parent / "documented.toml").read_text(encoding="utf-8"))

SIGNED = """
name = "contract.signed"
version = "1.0.0"
family = "business"
event_type = "business.contract"
category = "business"
description = "A contract is signed."
trigger = "The last signature."
usages = ["Count contracts"]
context = ["user_id", "organization_id"]
required_context = ["user_id"]
timestamp_property = "signed_at"

[properties.signed_at]
type = "timestamp"
required = true
description = "When."

[properties.amount]
type = "number"
unit = "EUR"
minimum = 0
description = "How much."
"""


@pytest.mark.parametrize("name", DOCUMENTED)
def test_an_event_has_the_documented_fields(name: str) -> None:
    """Each is a property or a base field that the event carries; its time is that of the record."""
    event = CATALOGUE.events[name]
    documented = DOCUMENTED[name]
    assert [] == [field for field in documented["fields"].split() if field not in {*event.properties, *event.context, "timestamp"}]
    assert documented["usages"] == len(event.usages)


def test_the_documented_events_are_of_the_documents_families() -> None:
    """Six in the document, of which the integration's has API events of their own, and the system's security."""
    families = Counter(CATALOGUE.events[name].family for name in DOCUMENTED)
    expected = {"user": 6, "workflow": 7, "ai": 4, "integration": 3, "api": 3, "system": 2, "security": 2, "business": 3}
    assert expected == families


def test_an_own_folder_adds_events(tmp_path: Path) -> None:
    """They come after ours, with what they declare."""
    (tmp_path / "contract.signed.toml").write_text(SIGNED)
    events = load_catalogue((CATALOGUE_FOLDER, tmp_path)).events
    assert [*CATALOGUE.events, "contract.signed"] == list(events)
    assert ("event_contract_signed", "signed_at", 0) == (
        events["contract.signed"].view,
        events["contract.signed"].timestamp_property,
        events["contract.signed"].properties["amount"].minimum,
    )


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('version = "1.0.0"', 'version = "1.0"', "version: expected major.minor.patch, not '1.0'"),
        ('trigger = "The last signature."\n', "", "trigger: is missing"),
        ('trigger = "', 'stored_in = "users"\ntrigger = "', "stored_in: expected no such key: events holds it"),
        ("required_context", "requird_context", "requird_context: no such key; did you mean required_context?"),
        ('"contract.signed"', '"contract.sent"', "name: expected contract.signed, as the file is named, not contract.sent"),
        ('"Count contracts"', "7", "usages: expected a list of texts, each once, not [7]"),
        ('["user_id", "organization_id"]', '["user"]', "context: expected one of user_id, "),
        ('["user_id"]', '["session_id"]', "required_context: expected one of user_id, organization_id, not 'session_id'"),
        ('"signed_at"', '"amount"', "timestamp_property: expected one of its properties of type timestamp, not amount"),
        ('type = "number"', 'type = "float"', "properties.amount.type: expected one of string, integer, "),
        ("minimum = 0", 'minimum = "none"', "properties.amount.minimum: expected a number, not 'none'"),
        ("minimum = 0", "minimum = 2\nmaximum = 1", "properties.amount: minimum 2 is more than maximum 1"),
        ("minimum = 0", 'values = ["a"]', "properties.amount: values and examples are for type string or string[]"),
        ("required = true", "minimum = 0", "properties.signed_at: minimum and maximum are for type integer or number"),
        ("required = true", 'required = "yes"', "properties.signed_at.required: expected true or false, not 'yes'"),
        ("minimum = 0", 'personal = "secret"', "properties.amount.personal: expected one of identifier, "),
        ("properties.amount", "properties.user_id", "properties.user_id: is a column of events and no property"),
        ("properties.amount", "properties.timestamp", "properties.timestamp: is a column of events and no property"),
        ("properties.amount", 'properties."Signed_At"', "properties.signed_at: another property has the column signed_at too"),
        ("[properties.amount]", "[properties]", "properties.type: expected a table: [properties.<name>] with type"),
        ("[properties.signed_at]", "[properties.signed_at", "Expected ']' at the end of a table declaration"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(old: str, new: str, error: str, tmp_path: Path) -> None:
    """The error says where, and what was expected."""
    assert old in SIGNED
    path = tmp_path / "contract.signed.toml"
    path.write_text(SIGNED.replace(old, new, 1))
    with pytest.raises(CatalogueError) as raised:
        read_event(path)
    assert str(raised.value).startswith(f"{path}: {error}")


def test_a_name_is_declared_once(tmp_path: Path) -> None:
    """Names that make the same view are the same."""
    (tmp_path / "user_login.toml").write_text(SIGNED.replace('"contract.signed"', '"user_login"'))
    with pytest.raises(CatalogueError, match=r"user_login has the view event_user_login, which is that of user\.login in "):
        load_catalogue((CATALOGUE_FOLDER, tmp_path))


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """With what was expected there."""
    with pytest.raises(CatalogueError, match=r"nowhere: expected a folder of \.toml files"):
        load_catalogue((tmp_path / "nowhere",))
