"""A typed view for each event of the catalogue, `event_<name>`: its properties as columns; shown in pond.duckdb beside the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ..quoting import quoted
from ..schema import Column, TableSchema
from .catalogue import Catalogue, Event, Property
from .documentation import described
from .judge import EARLIEST_MS, LATEST_MS

EVENTS: Final = "events"
_FIRST: Final = (("event_id", "VARCHAR"), ("timestamp", "TIMESTAMP WITH TIME ZONE"))
_IDENTITY: Final = ("user_id", "user_role", "anonymous_id", "session_id", "organization_id")
_LAST: Final = (
    *(("priority", "VARCHAR"), ("version", "VARCHAR"), ("source", "VARCHAR"), ("sample_rate", "DOUBLE"), ("validation_error", "VARCHAR")),
    *(("service_name", "VARCHAR"), ("environment", "VARCHAR"), ("trace_id", "VARCHAR"), ("span_id", "VARCHAR")),
    *(("dt", "DATE"), ("ingested_at", "TIMESTAMP WITH TIME ZONE"), ("tenant_id", "VARCHAR")),
)
_OFFSET: Final = "([Zz]|[+-][0-9]{2}:?[0-9]{2})$"


def with_event_views(tables: Mapping[str, TableSchema], catalogue: Catalogue) -> dict[str, TableSchema]:
    """The documented tables and, where `events` is among them, a view for each event; a table keeps its name before a view."""
    views = event_views(catalogue) if EVENTS in tables else {}
    return {**tables, **{name: view for name, view in views.items() if name not in tables}}


def event_views(catalogue: Catalogue) -> dict[str, TableSchema]:
    """The views by name, as documented tables without files: base fields, properties, and what every event has.

    They wait for the first event: writing them takes a second.
    """
    return {event.view: _view(event) for event in catalogue.events.values() if event.stored_in is None}


def _view(event: Event) -> TableSchema:
    columns = dict(_columns(event))
    selected = ", ".join(f'{expression} as "{column.name}"' for column, expression in columns.items())
    head = f"Events {event.name}: {event.description} Trigger: {event.trigger}"
    usages = "".join(f"\nU-{event.name}-{number}: {usage}" for number, usage in enumerate(event.usages, 1))
    return TableSchema(
        name=event.view,
        comment=f"{head}\nColumns without a comment are those of events.{usages}",
        columns=tuple(columns),
        checks=(),
        select_sql=None,
        sources=frozenset(),
        path=event.path,
        waits_for=EVENTS,
        view_sql=f"select {selected} from events where event_name = {quoted(event.name)}",  # noqa: S608 - names of the catalogue
    )


def _columns(event: Event) -> Iterator[tuple[Column, str]]:
    """Columns with their expressions; a property takes the place of a column of every event that has its name."""
    base = [*_FIRST, *((name, "VARCHAR") for name in dict.fromkeys((*event.context, *_IDENTITY))), *_LAST]
    declared = {each.column: each for each in event.properties.values()}
    shown = set()
    for name, kind in base:
        if name == "priority":
            yield from ((_column(each), _EXPRESSIONS[each.type](_pointer(each))) for each in declared.values())
        if name not in declared:
            yield Column(name, kind, True, None, "", None), f'"{name}"'
        shown.add(name)


def _column(declared: Property) -> Column:
    unit = f"; {declared.unit}" if declared.unit else ""
    return Column(declared.column, _TYPES[declared.type], True, None, f"{described(declared).rstrip('.')}{unit}", None)


def _pointer(declared: Property) -> str:
    return quoted(f"/{declared.name}")


def _number(kind: str) -> Callable[[str], str]:
    return lambda pointer: f"try_cast(json_extract_string(properties, {pointer}) as {kind})"


def _timestamp(pointer: str) -> str:
    """RFC 3339, without offset UTC; or milliseconds since 1970."""
    text = f"json_extract_string(properties, {pointer})"
    day = f"case when length({text}) = 10 then 'T00:00' else '' end"
    zone = f"case when regexp_matches({text}, {quoted(_OFFSET)}) then '' else 'Z' end"
    number = f"try_cast({text} as double)"
    of_number = f"case when {number} between {EARLIEST_MS} and {LATEST_MS} then to_timestamp({number} / 1000) end"
    return f"coalesce({of_number}, try_cast(upper({text}) || {day} || {zone} as timestamptz))"


_TYPES: Final[Mapping[str, str]] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "object": "JSON",
    "string[]": "VARCHAR[]",
}
_EXPRESSIONS: Final[Mapping[str, Callable[[str], str]]] = {
    "string": lambda pointer: f"json_extract_string(properties, {pointer})",
    "integer": _number("bigint"),
    "number": _number("double"),
    "boolean": _number("boolean"),
    "timestamp": _timestamp,
    "object": lambda pointer: f"json_extract(properties, {pointer})",
    "string[]": lambda pointer: f"try_cast(json_extract(properties, {pointer}) as varchar[])",
}
"""By type: the SQL for the value at a JSON pointer of `properties`; NULL where that cannot be read, as in a stamped event."""
