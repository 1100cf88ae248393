"""The latest event of an issue: when, where, who, and what else its report says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from ...storage.issue_details import Row
from .texts import ago, grid, line, moment, printable, section

_MOST_ATTRIBUTES: Final = 20
_LONGEST_MESSAGE: Final = 2_000
_DOCUMENTS: Final = {"context": "context", "memory_info": "memory", "performance_info": "process", "request_body": "request body"}


def latest(event: Row, report: Row, now: datetime, *, has_stack: bool) -> RenderableType:
    """What stands in its columns; its message too where no stack will tell it."""
    if not event:
        return Group(section("Latest event"), Text("its events are not kept any more (keep_days)", style="dim"))
    facts = grid("name", "value")
    for name, value in _facts(event, report):
        facts.add_row(Text(name, style="dim"), Text(value))
    title = section("Latest event", f"{moment(event['error_timestamp'])}, {ago(event['error_timestamp'], now)}")
    message = [] if has_stack or not event["message"] else [Text(printable(event["message"], _LONGEST_MESSAGE))]
    return Group(title, *message, facts)


def _facts(event: Row, report: Row) -> Iterator[tuple[str, str]]:
    yield "event", f"{event['event_id']} in {event['source_table']}"
    place = f"{event['service_name']} {event['release'] or ''}"
    yield "where", line(f"{place.strip()}, {event['environment']}" if event["environment"] else place)
    who = [event["user_id"] or "", f"({report['user_role']})" if report.get("user_role") not in {None, "anonymous"} else ""]
    if any(who):
        yield "user", " ".join(line(part) for part in who if part)
    request = [report.get("http_method") or "", event["endpoint_path"] or "", str(report.get("status_code") or "")]
    if any(request):
        yield "request", " ".join(line(part) for part in request if part)
    for name, column in {"page": "page_slug", "url": "url", "session": "session_id", "trace": "trace_id"}.items():
        if event.get(column):
            yield name, line(event[column])
    if report.get("query"):
        yield "query", line(report["query"], 1_000)
    if report.get("user_agent"):
        yield "user agent", line(report["user_agent"])
    for column, name in _DOCUMENTS.items():
        yield from _document(name, report.get(column))


def _document(name: str, told: Any) -> Iterator[tuple[str, str]]:
    """A JSON column, a line a member, but for what the stack tells."""
    members = [(key, value) for key, value in told.items() if not key.startswith("exception.")] if isinstance(told, Mapping) else []
    if members:
        shown = [f"{line(key, 80)} = {_value(value)}" for key, value in members[:_MOST_ATTRIBUTES]]
        more = [f"… {len(members) - _MOST_ATTRIBUTES:,} more: --format json"] if len(members) > _MOST_ATTRIBUTES else []
        yield name, "\n".join([*shown, *more])


def _value(value: Any) -> str:
    return line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 200)
