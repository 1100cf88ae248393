"""The catalogue as Markdown: `otelpond events docs` prints it, and the README.md beside our files is generated from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .catalogue import PERSONAL_CLASSES, TYPES, Catalogue, Event, Property

_HEAD: Final = f"""# Events

Every event of the catalogue, generated from the `.toml` files that declare them: do not edit, run `make docs`.
What an event brings beyond what stands here is kept; names that do not stand here are stored with the category `custom`.
Properties and base fields in **bold** are required: an event without them is refused, and kept in `rejected_records`.
An integer may come as a whole double, a timestamp as text (RFC 3339) or in milliseconds since 1970; null is the same as nothing.

## Own events

A team declares its own events in files of the same form, in folders that the setting `events_folders` names:

```toml
name = "contract.signed"             # and of the file: contract.signed.toml
version = "1.0.0"
family = "business"                  # the group of events that it belongs to
event_type = "business.contract"     # family and kind
category = "business"
description = "A contract is signed."
trigger = "The last signature."
usages = ["Count contracts"]         # what it is good for: U-contract.signed-1
context = ["user_id", "session_id"]  # the base fields it carries, and those without which it is refused
required_context = ["user_id"]
timestamp_property = "signed_at"     # gives its time where it brings no other; likewise user_property its user

[properties.signed_at]
type = "timestamp"                   # {", ".join(TYPES)}
required = true
description = "When it was signed."

[properties.amount]
type = "number"
unit = "EUR"                         # beside it minimum, maximum; of strings values (a closed list) or examples
personal = "profile"                 # {", ".join(PERSONAL_CLASSES)}
description = "What it is about."
```

Its view is `event_contract_signed`. `otelpond events validate FOLDER --against FOLDER_AS_IT_WAS` says when a change needs another version:

- major: what was valid is refused, or queries that worked do not: a property goes, becomes required, changes its type or unit; less is
  allowed; family, type or category change;
- minor: more is allowed or said: a property comes, or is no longer required; a list grows; an integer becomes a number;
- patch: words.

## The catalogue"""


def catalogue_reference(catalogue: Catalogue) -> str:
    """Every event: what it is, when it is sent, its properties, what it is good for."""
    return "\n".join(_lines(catalogue))


def _lines(catalogue: Catalogue) -> Iterator[str]:
    yield from _HEAD.splitlines()
    yield from ("", "| Event | Version | Type | Category | What it says |", "|---|---|---|---|---|")
    for event in catalogue.events.values():
        link = f"[`{event.name}`](#{event.name.replace('.', '')})"
        yield f"| {link} | {event.version} | {event.event_type} | {event.category} | {event.description} |"
    for event in catalogue.events.values():
        yield from ("", *_event(event))
    yield ""


def shown_in(event: Event) -> str:
    """Where its rows are."""
    return f"View `{event.view}`" if event.stored_in is None else f"Table `{event.stored_in}`"


def _event(event: Event) -> Iterator[str]:
    yield from (f"## {event.name}", "", f"{event.description} Trigger: {event.trigger}", "")
    base = ", ".join(f"**{name}**" if name in event.required_context else name for name in event.context)
    own_time = f" Its time may come as `{event.timestamp_property}`." if event.timestamp_property else ""
    user = f" `{event.user_property}` fills `user_id` where that is absent." if event.user_property else ""
    yield f"{shown_in(event)}. Base fields: {base or 'none'}.{own_time}{user}"
    if event.properties:
        yield from ("", "| Property | Type | Unit | What it says |", "|---|---|---|---|")
        yield from map(_property, event.properties.values())
    if event.usages:
        yield from ("", *(f"- U-{event.name}-{number}: {usage}" for number, usage in enumerate(event.usages, 1)))


def _property(declared: Property) -> str:
    name = f"**`{declared.name}`**" if declared.required else f"`{declared.name}`"
    return f"| {name} | {declared.type} | {declared.unit or ''} | {described(declared)} |"


def described(declared: Property) -> str:
    """What a property says, what it may be, and whether it is personal data; in a line."""
    told = [declared.description]
    if declared.values:
        told.append(f"One of {_listed(declared.values)}.")
    if declared.examples:
        told.append(f"Such as {_listed(declared.examples)}.")
    if declared.minimum is not None or declared.maximum is not None:
        told.append(_bounds(declared))
    if declared.personal is not None:
        told.append(f"Personal data: {declared.personal.replace('_', ' ')}.")
    return " ".join(told)


def _listed(texts: tuple[str, ...]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _bounds(declared: Property) -> str:
    if declared.maximum is None:
        return f"At least {declared.minimum}."
    return f"At most {declared.maximum}." if declared.minimum is None else f"From {declared.minimum} to {declared.maximum}."
