"""Events of made-up visitors, in Python and as rows of `events`: shuffled, late, some twice; for the tests of sessions and profiles."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from otelpond.storage.schema import TableSchema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime(2026, 11, 14, tzinfo=UTC)
SECOND_NS = 1_000_000_000
DAY_S = 86_400
PAGES = ("home", "dashboard", "audit-form", "reports", "settings")
NAMES = ("user.page_view", "user.page_view", "user.action", "user.action", "browser.web_vital", "user.page_leave", "user.session_expired")


@dataclass(frozen=True, slots=True)
class Event:
    """One row of `events`; those columns that sessions and profiles are made of. Times in nanoseconds and microseconds since 1970."""

    event_id: str
    event_name: str
    time_unix_nano: int
    ingested_us: int
    tenant_id: str = "default"
    user_id: str | None = None
    user_role: str = "anonymous"
    anonymous_id: str | None = None
    session_id: str | None = None
    session_previous_id: str | None = None
    page_slug: str | None = None
    page_path: str | None = None
    referrer: str | None = None
    referrer_class: str | None = None
    utm_source: str | None = None
    device_type: str | None = None
    browser: str | None = None
    user_agent: str | None = None
    ip_address: str | None = None
    is_bot: bool | None = None
    sample_rate: float = 1.0
    organization_id: str = "default"
    service_name: str = "shop"
    payload_digest: str = "0" * 32
    item_index: int = 0
    properties: str | None = None

    @property
    def event_key(self) -> int:
        """64 bits of the md5 of tenant and event id, as the table's reader makes them."""
        digest = hashlib.md5(f"{self.tenant_id}/{self.event_id}".encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    @property
    def day(self) -> str:
        """The partition it is in."""
        return str((EPOCH + timedelta(microseconds=self.time_unix_nano // 1000)).date())


def at(days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> int:
    """Nanoseconds since 1970, so long after FIRST."""
    return (FIRST - EPOCH) // timedelta(microseconds=1) * 1000 + round((days * DAY_S + hours * 3600 + minutes * 60 + seconds) * SECOND_NS)


def made_up(count: int, sessions: int, *, days: int = 7, seed: int = 1) -> list[Event]:
    """About so many events of about so many sessions in so many days, in no order; one in forty was sent twice."""
    rng = random.Random(seed)
    events: list[Event] = []
    for number in range(sessions):
        events += _session(rng, number, max(1, round(rng.expovariate(sessions / count))), days)
    events += [_sent_again(rng, event) for event in rng.sample(events, len(events) // 40)]
    rng.shuffle(events)
    return [replace(event, payload_digest=f"{place // 100:032x}", item_index=place % 100) for place, event in enumerate(events)]


def _session(rng: random.Random, number: int, length: int, days: int) -> Iterator[Event]:
    """One with an id, or one of a visitor without; some go over midnight, some pause for exactly half an hour, some last for days."""
    given = rng.random() < 0.8
    visitor = rng.randrange(1, 50 + number // 4)
    midnight = rng.random() < 0.1
    time_ns = at(days=rng.randrange(days), minutes=-20 * rng.random()) if midnight else at(seconds=rng.randrange(days * DAY_S))
    user = f"user-{visitor}" if rng.random() < 0.6 else None
    browser = rng.choice(("Firefox", "Chrome", None))
    endless = not given and rng.random() < 0.01
    for step in range(length * 20 if endless else length):
        logged_in = user if step > 1 or rng.random() < 0.3 else None
        page = rng.choice(PAGES)
        yield Event(
            event_id=f"{number}-{step}",
            event_name="user.logout" if rng.random() < 0.02 else rng.choice(NAMES),
            time_unix_nano=time_ns,
            ingested_us=time_ns // 1000 + rng.randrange(3 * DAY_S) * 1_000_000 * (rng.random() < 0.1),
            tenant_id=rng.choice(("default", "acme")) if given else "default",
            user_id=logged_in,
            user_role=rng.choice(("auditor", "manager")) if logged_in else "anonymous",
            anonymous_id=f"anonymous-{visitor}" if rng.random() < 0.95 else "",
            session_id=f"session-{number}" if given else rng.choice((None, "")),
            session_previous_id=f"session-{number - 1}" if given and step == 0 else None,
            page_slug=page if rng.random() < 0.9 else rng.choice((None, "")),
            page_path=f"/{page}",
            referrer="https://example.org/" if rng.random() < 0.5 else None,
            referrer_class=rng.choice(("search", "direct")),
            utm_source=rng.choice(("newsletter", None)),
            device_type="desktop" if browser else None,
            browser=browser,
            user_agent=f"{browser}/{rng.randrange(3)}" if browser and rng.random() < 0.8 else None,
            ip_address=f"address-{visitor}" if rng.random() < 0.5 else None,
            is_bot=rng.choice((None, False, False, True)) if visitor == 1 else None,
            sample_rate=rng.choice((1.0, 0.5)),
            organization_id=rng.choice(("default", "north")),
            service_name=rng.choice(("shop", "api")),
        )
        time_ns += 1_800 * SECOND_NS if rng.random() < 0.02 else round(rng.expovariate(1 / 120) * SECOND_NS)
        if endless:
            time_ns += 600 * SECOND_NS


def _sent_again(rng: random.Random, event: Event) -> Event:
    """The same event, told otherwise, arriving later, earlier or at the same time."""
    return replace(event, ingested_us=event.ingested_us + rng.choice((-1, 0, 60)) * 1_000_000, user_role="repeated")


def rows(events: Sequence[Event], table: TableSchema) -> pa.Table:
    """The events as rows of the documented table."""
    given: dict[str, list[Any]] = {
        name: [getattr(event, name) for event in events] for name in Event.__slots__ if name not in {"ingested_us", "time_unix_nano"}
    }
    times = pa.array([event.time_unix_nano for event in events], pa.int64())
    computed = {
        "event_key": pa.array([event.event_key for event in events], pa.int64()),
        "time_unix_nano": times,
        "timestamp": pa.array([event.time_unix_nano // 1000 for event in events], pa.timestamp("us", "UTC")),
        "ingested_at": pa.array([event.ingested_us for event in events], pa.timestamp("us", "UTC")),
        "dt": pa.array([event.time_unix_nano // (DAY_S * SECOND_NS) for event in events], pa.int32()).cast(pa.date32()),
        "time_suspect": pa.array([False] * len(events)),
        **{name: pa.array([text] * len(events)) for name, text in _CONSTANT.items()},
        "is_known": pa.array([True] * len(events)),
    }
    columns = {
        field.name: computed[field.name] if field.name in computed else pa.array(given[field.name], field.type)
        for field in table.arrow
        if field.name in computed or field.name in given
    }
    return pa.table(columns)


_CONSTANT = {
    "event_type": "user.engagement",
    "event_category": "user",
    "priority": "normal",
    "enrich_status": "complete",
    "environment": "unknown",
}
