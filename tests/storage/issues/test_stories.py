"""Random stories of errors, releases and what is done about them: the views say what a plain reference says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .made_up import START, MadeUpPond, issue_id
from .reference import Deed, Event, State, issues

NAMES = st.sampled_from("abcd")
MINUTES = st.integers(0, 400)
VERSIONS = st.sampled_from(["1.0", "1.2", "1.10", "2.0"])
Story = tuple[list[Event], list[Deed]]
WORDS = st.sampled_from(["zebra", "yak", "ant"])


@st.composite
def deed(draw: st.DrawFn, releases: st.SearchStrategy[str]) -> Deed:
    """Something done about an issue, half a minute after the full one: at the time of no event."""
    minute, issue = draw(MINUTES) + 0.5, draw(NAMES)
    numbers = st.none() | st.integers(1, 6)
    match draw(st.sampled_from(["resolved", "resolved", "ignored", "ignored", "reopened", "merged", "split", "commented"])):
        case "resolved":
            resolved_in = draw(st.sampled_from(["now", "release", "next_release"]))
            noted = {"now": st.none(), "release": releases, "next_release": st.none() | releases}[resolved_in]
            return Deed(minute, issue, "resolved", resolved_in, draw(noted))
        case "ignored":
            until = draw(st.none() | MINUTES.map(lambda end: end + 0.25))
            return Deed(minute, issue, "ignored", until=until, count=draw(numbers), users=draw(numbers))
        case "merged":
            return Deed(minute, issue, "merged", target=draw(NAMES.filter(lambda name: name != issue)))
        case "split":
            return Deed(minute, issue, "split", fingerprint=draw(NAMES))
        case other:
            return Deed(minute, issue, other)


@st.composite
def story(draw: st.DrawFn) -> Story:
    """Events of four issues and what is done about them, in no order."""
    releases = draw(st.sampled_from([VERSIONS, WORDS, VERSIONS | WORDS]))
    event = st.builds(Event, MINUTES, NAMES, st.none() | releases, st.sampled_from([None, "u1", "u2", "u3"]))
    events = draw(st.lists(event, min_size=1, max_size=15, unique_by=lambda event: event.minute))
    return events, draw(st.lists(deed(releases), max_size=6, unique_by=lambda deed: deed.minute))


def tell(pond: MadeUpPond, stories: list[Story]) -> None:
    """Write the stories, each of a tenant of its own."""
    pond.empty()
    numbered = list(enumerate(stories))
    pond.write("error_logs", [_error(each, str(tenant)) for tenant, (events, _) in numbered for each in events])
    pond.write("issue_activity", [_activity(each, str(tenant)) for tenant, (_, deeds) in numbered for each in deeds])


def _error(event: Event, tenant: str) -> dict[str, Any]:
    told = {"fingerprint": event.issue, "minutes": event.minute, "service_version": event.release, "user_id": event.user}
    return told | {"tenant_id": tenant}


def _activity(deed: Deed, tenant: str) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "issue_id": issue_id(deed.issue, tenant=tenant),
        "activity": deed.activity,
        "minutes": deed.minute,
        "resolved_in": deed.resolved_in,
        "release": deed.release,
        "ignored_until": None if deed.until is None else START + timedelta(minutes=deed.until),
        "ignored_count": deed.count,
        "ignored_users": deed.users,
        "target_issue_id": None if deed.target is None else issue_id(deed.target, tenant=tenant),
        "fingerprint": deed.fingerprint,
    }


def said(pond: MadeUpPond, stories: int) -> list[dict[str, State]]:
    """What the views say of each story's issues."""
    names = {issue_id(name, tenant=str(tenant)): name for name in "abcd" for tenant in range(stories)}
    found: list[dict[str, State]] = [{} for _ in range(stories)]
    for row in pond.ask("select tenant_id, issue_id, status, status_reason, status_changed_at, events_count from issues"):
        state = State(row["status"], row["status_reason"], _minute(row["status_changed_at"]), row["events_count"])
        found[int(row["tenant_id"])][names[row["issue_id"]]] = state
    return found


def _minute(moment: datetime | None) -> float | None:
    return None if moment is None else (moment - START) / timedelta(minutes=1)


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(story(), min_size=30, max_size=30))
def test_the_views_say_what_the_reference_says(pond: MadeUpPond, stories: list[Story]) -> None:
    """Of every issue: status, reason, since when, and its events; and each change once for its cause."""
    tell(pond, stories)
    expected = [issues(*told) for told in stories]
    assert expected == said(pond, len(stories))
    changes = pond.ask("select issue_id, change, cause, count(*) as times from issue_changes group by all")
    assert {1} == {change["times"] for change in changes}
    states = [state for told in expected for state in told.values()]
    assert len(changes) == len(states) + sum(state.status == "reopened" and state.reason != "by_hand" for state in states)
