"""What sessions are, in plain Python, one event after another: what the views must say, whatever is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

from .visits import Event

HALF_HOUR_US = 1_800_000_000
DAY_US = 86_400_000_000
ENDS = ("user.logout", "session.end")
Session = dict[str, Any]


def sessions(events: Iterable[Event]) -> list[Session]:
    """Every session of these events, in the order of tenant and id."""
    given: dict[tuple[str, str], list[Event]] = {}
    visits: dict[tuple[str, str], list[Event]] = {}
    for event in sorted(_once(events), key=_order):
        if event.event_name == "user.session_expired":
            continue
        if event.session_id:
            given.setdefault((event.tenant_id, event.session_id), []).append(event)
        elif event.user_id or event.anonymous_id:
            visits.setdefault((event.tenant_id, _visitor(event)), []).append(event)
    found = [_session(session_id, session) for (_, session_id), session in given.items()]
    found += [_session(_made_id(session), session) for visit in visits.values() for session in _cut(visit)]
    return sorted(found, key=lambda session: (session["tenant_id"], session["session_id"]))


def _once(events: Iterable[Event]) -> Iterator[Event]:
    """Each event id once a tenant and day: the first to arrive."""
    first: dict[tuple[str, str, str], Event] = {}
    for event in events:
        identity = (event.tenant_id, event.event_id, event.day)
        if identity not in first or _arrival(event) < _arrival(first[identity]):
            first[identity] = event
    return iter(first.values())


def _arrival(event: Event) -> tuple[int, str, int]:
    return event.ingested_us, event.payload_digest, event.item_index


def _order(event: Event) -> tuple[int, int]:
    return event.time_unix_nano, event.event_key & (2**63 - 1)


def _visitor(event: Event) -> str:
    return f"user/{event.user_id}" if event.user_id else f"anonymous/{event.anonymous_id}"


def _made_id(session: Sequence[Event]) -> str:
    text = f"{session[0].tenant_id}/{_visitor(session[0])}/{session[0].time_unix_nano}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _cut(visit: Sequence[Event]) -> Iterator[list[Event]]:
    """A visitor's events, cut where half an hour passed or one ended it; what lasts longer than a day is cut at midnight."""
    chains = [[visit[0]]]
    for before, event in pairwise(visit):
        if event.time_unix_nano // 1000 - before.time_unix_nano // 1000 > HALF_HOUR_US or before.event_name in ENDS:
            chains.append([])
        chains[-1].append(event)
    for chain in chains:
        if chain[-1].time_unix_nano // 1000 - chain[0].time_unix_nano // 1000 > DAY_US:
            yield from (list(part) for _, part in groupby(chain, lambda event: event.day))
        else:
            yield chain


def _session(session_id: str, events: Sequence[Event]) -> Session:
    views = [event for event in events if event.event_name == "user.page_view"]
    actions = [event for event in events if event.event_name == "user.action"]
    seen = next((event for event in events if event.user_agent or event.device_type or event.ip_address), None)
    pages = [event.page_slug or event.page_path for event in views]
    start, end = events[0].time_unix_nano, events[-1].time_unix_nano
    return {
        "tenant_id": events[0].tenant_id,
        "session_id": session_id,
        "is_derived": not events[0].session_id,
        "user_id": _last(event.user_id for event in events),
        "user_role": _last(event.user_role for event in events if event.user_role != "anonymous") or "anonymous",
        "anonymous_id": _last(event.anonymous_id for event in events),
        "session_previous_id": next((event.session_previous_id for event in events if event.session_previous_id), None),
        "start_unix_nano": start,
        "end_unix_nano": end,
        "session_duration": (end // 1000 - start // 1000 + 500_000) // 1_000_000,
        "ended_by": _last(event.event_name for event in events if event.event_name in ENDS),
        "pages_visited": pages[:1000],
        "entry_page": pages[0] if pages else None,
        "exit_page": pages[-1] if pages else None,
        "page_views_count": len(views),
        "actions_count": len(actions),
        "events_count": len(events),
        "is_bounce": len(views) == 1 and not actions,
        "referrer": views[0].referrer if views else None,
        "referrer_class": views[0].referrer_class if views else None,
        "utm_source": views[0].utm_source if views else None,
        "device_type": seen.device_type if seen else None,
        "browser": seen.browser if seen else None,
        "user_agent": seen.user_agent if seen else None,
        "ip_address": seen.ip_address if seen else None,
        "is_bot": any(event.is_bot for event in events),
        "sample_rate": min(event.sample_rate for event in events),
        "organization_id": events[0].organization_id,
        "service_name": events[0].service_name,
        "first_us": min(event.ingested_us for event in events),
        "last_us": max(event.ingested_us for event in events),
        "day": events[0].day,
    }


def _last(values: Iterable[str | None]) -> str | None:
    return next((value for value in reversed(list(values)) if value), None)


COLUMNS = """
    tenant_id, session_id, is_derived, user_id, user_role, anonymous_id, session_previous_id, start_unix_nano, end_unix_nano,
    session_duration, ended_by, pages_visited, entry_page, exit_page, page_views_count, actions_count, events_count, is_bounce,
    referrer, referrer_class, utm_source, device_type, browser, user_agent, ip_address, is_bot, sample_rate, organization_id,
    service_name, epoch_us(created_at) as first_us, epoch_us(updated_at) as last_us, dt::varchar as day
"""
QUERY = f"select {COLUMNS} from user_sessions order by tenant_id, session_id"
"""The same of the view."""
