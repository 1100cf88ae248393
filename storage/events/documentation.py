"""The catalogue as Markdown: `otelpond events docs` prints it, and the README.md beside our files is generated from it."""

from __future__ import annotations

from collections.abc import Iterator

from .catalogue import Catalogue, Event, Property


def catalogue_reference(catalogue: Catalogue) -> str:
    """Every event: what it is, when it is sent, its properties, what it is good for."""
    return "\n".join(_lines(catalogue))


def _lines(catalogue: Catalogue) -> Iterator[str]:
    yield from (
        "# Events",
        "",
        "Every event of the catalogue, generated from the `.toml` files that declare them: do not edit, run `make docs`.",
        "What an event brings beyond what stands here is kept; names that do not stand here are stored with the category `custom`.",
        "A timestamp is text (RFC 3339) or milliseconds since 1970. Properties in **bold** are required, and so are the base fields.",
        "",
        "| Event | Version | Type | Category | What it says |",
        "|---|---|---|---|---|",
    )
    for event in catalogue.events.values():
        link = f"[`{event.name}`](#{event.name.replace('.', '')})"
        yield f"| {link} | {event.version} | {event.event_type} | {event.category} | {event.description} |"
    for event in catalogue.events.values():
        yield from ("", *_event(event))
    yield ""


def _event(event: Event) -> Iterator[str]:
    yield from (f"## {event.name}", "", f"{event.description} Trigger: {event.trigger}", "")
    base = ", ".join(f"**{name}**" if name in event.required_context else name for name in event.context)
    own_time = f" Its time may come as `{event.timestamp_property}`." if event.timestamp_property else ""
    user = f" `{event.user_property}` fills `user_id` where that is absent." if event.user_property else ""
    yield f"View `{event.view}`. Base fields: {base or 'none'}.{own_time}{user}"
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
