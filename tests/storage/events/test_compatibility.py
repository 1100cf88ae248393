"""A declaration that changes needs the version that its change asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from otelpond.storage.events.catalogue import Event, Property, load_catalogue
from otelpond.storage.events.compatibility import compatible

OLD = load_catalogue().events["workflow.created"]
"""Version 1.2.3."""


def changed(version: str, properties: dict[str, Property] | None = None, **keys: Any) -> Event:
    """The declaration with that version and those keys; properties are added or put in place of those of their name."""
    return replace(OLD, version=version, properties={**OLD.properties, **(properties or {})}, **keys)


def with_property(version: str, name: str, **keys: Any) -> Event:
    """The declaration with that version, one of its properties changed."""
    return changed(version, {name: replace(OLD.properties[name], **keys)})


NEW = Property(name="color", type="string", description="Its colour.")


@pytest.mark.parametrize(
    ("new", "problems"),
    [
        (OLD, []),
        (changed("1.2.4"), []),
        (changed("1.2.2"), ["version 1.2.2 is before 1.2.3"]),
        (changed("1.2.4", description="Other words."), []),
        (changed("1.2.3", description="Other words."), ["description is different: needs version 1.2.4, not 1.2.3"]),
        (changed("1.3.0", {"color": NEW}), []),
        (changed("1.2.4", {"color": NEW}), ["properties.color is added: needs version 1.3.0, not 1.2.4"]),
        (changed("1.3.0", {"color": replace(NEW, required=True)}), ["properties.color is added: needs version 2.0.0, not 1.3.0"]),
        (changed("2.0.0", {"color": replace(NEW, required=True)}), []),
        (
            changed("1.3.0", required_context=("workflow_id", "user_id")),
            ["user_id becomes required: needs version 2.0.0, not 1.3.0"],
        ),
        (changed("1.3.0", required_context=()), []),
        (changed("1.2.4", required_context=()), ["workflow_id is no longer required: needs version 1.3.0, not 1.2.4"]),
        (changed("1.3.0", context=("workflow_id", "user_id")), [
            "context: organization_id is removed: needs version 2.0.0, not 1.3.0",
            "context: session_id is removed: needs version 2.0.0, not 1.3.0",
        ]),
        (changed("1.3.0", family="ai"), ["family is different: needs version 2.0.0, not 1.3.0"]),
        (with_property("1.3.0", "node_count", type="number"), []),
        (with_property("1.3.0", "node_count", type="string", minimum=None), [
            "properties.node_count: integer becomes string: needs version 2.0.0, not 1.3.0",
        ]),
        (with_property("1.3.0", "complexity_score", maximum=100), []),
        (with_property("1.3.0", "complexity_score", maximum=5), [
            "properties.complexity_score: maximum 10 becomes 5: needs version 2.0.0, not 1.3.0",
        ]),
        (with_property("1.3.0", "estimated_duration", minimum=None), []),
        (with_property("1.3.0", "category", values=("service",), examples=()), [
            "properties.category: less is allowed: needs version 2.0.0, not 1.3.0",
        ]),
        (with_property("2.0.0", "estimated_duration", unit="min"), []),
        (with_property("1.9.9", "estimated_duration", unit="min"), [
            "properties.estimated_duration: unit is different: needs version 2.0.0, not 1.9.9",
        ]),
        (with_property("1.2.4", "workflow_name", examples=("Intake",)), []),
    ],
)  # fmt: skip
def test_a_change_needs_its_version(new: Event, problems: list[str]) -> None:
    """Major where valid events would be refused or queries fail, minor where more is allowed, patch for words."""
    assert problems == list(compatible(OLD, new))


def test_a_property_that_goes_and_a_closed_list_that_grows() -> None:
    """The first is major, the second minor; both are told where the version is the old one."""
    login = load_catalogue().events["user.login"]
    method = replace(login.properties["login_method"], values=("password", "sso", "mfa", "passkey"))
    assert [] == list(compatible(login, replace(login, version="1.3.0", properties={**login.properties, "login_method": method})))
    assert [
        "properties.login_method: more is allowed: needs version 1.3.0, not 1.2.3",
        "properties.login_timestamp is removed: needs version 2.0.0, not 1.2.3",
    ] == list(compatible(login, replace(login, properties={"login_method": method})))
