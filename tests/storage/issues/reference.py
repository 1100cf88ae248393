"""What becomes of issues, told plainly: one thing after another, over lists; the views must say the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Event:
    """An error.

    Attributes:
        minute: when it happened; no two events share it.
        issue: its fingerprint.
        release: None where it tells none.
        user: None where it tells none.
        since: when its issue was merged into the one that it counts for; None where it is that one.
    """

    minute: int
    issue: str
    release: str | None
    user: str | None
    since: float | None = None

    def is_after(self, minute: float) -> bool:
        """Whether it happened, to this issue, after something was done about it."""
        return self.minute > minute and (self.since is None or self.minute > self.since)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something done about an issue; `minute` lies between those of events."""

    minute: float
    issue: str
    activity: str
    resolved_in: str | None = None
    release: str | None = None
    until: float | None = None
    count: int | None = None
    users: int | None = None
    target: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What the views say of an issue: status, reason, since when, and how many events count for it."""

    status: str
    reason: str | None
    since: float | None
    events: int


def issues(events: Sequence[Event], deeds: Sequence[Deed]) -> dict[str, State]:
    """The issues that have events, by fingerprint of their own."""
    ordered = sorted(deeds, key=lambda deed: deed.minute)
    links = _links(ordered)
    seen = _seen(events)
    found: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda event: event.minute):
        end, since = _end(event.issue, links)
        found.setdefault(end, []).append(replace(event, since=since))
    return {issue: _state(issue, told, ordered, seen, events) for issue, told in found.items()}


def _links(deeds: Iterable[Deed]) -> dict[str, tuple[float, str]]:
    """Each merged issue: when it was merged, and into which."""
    links: dict[str, tuple[float, str]] = {}
    for deed in deeds:
        if deed.activity == "merged" and deed.target is not None:
            links[deed.issue] = (deed.minute, deed.target)
        elif deed.activity == "split" and deed.fingerprint is not None:
            links.pop(deed.fingerprint, None)
    return links


def _end(issue: str, links: dict[str, tuple[float, str]]) -> tuple[str, float | None]:
    """Where links lead, and the last of their times; in a circle, to where its oldest link begins."""
    path = [issue]
    since: list[float] = []
    while path[-1] in links:
        at, following = links[path[-1]]
        if following in path:
            circle = path[path.index(following) :]
            end = min(circle, key=lambda member: links[member][0])
            return end, max(since[: path.index(end)], default=None)
        path.append(following)
        since.append(at)
    return path[-1], max(since, default=None)


def _version(release: str) -> tuple[int, ...] | None:
    parts = release.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else None


def _seen(events: Iterable[Event]) -> list[str]:
    """All releases, in the order they were first seen in."""
    return list(dict.fromkeys(event.release for event in sorted(events, key=lambda event: event.minute) if event.release))


def _comes_back(deed: Deed, event: Event, seen: Sequence[str], events: Iterable[Event]) -> bool:
    """Whether an event after a resolution ends it."""
    if deed.resolved_in == "now":
        return True
    if event.release is None:
        return False
    newer = deed.resolved_in == "next_release"
    fix = _version(deed.release) if deed.release else None
    own = _version(event.release)
    if fix and own:
        return own > fix if newer else own >= fix
    if deed.release in seen:
        return seen.index(event.release) - seen.index(deed.release) >= newer
    return min(other.minute for other in events if other.release == event.release) > deed.minute


def _state(issue: str, told: Sequence[Event], deeds: Iterable[Deed], seen: Sequence[str], events: Iterable[Event]) -> State:
    own = [deed for deed in deeds if deed.issue == issue and deed.activity in {"resolved", "ignored", "reopened"}]
    if not own:
        return State("open", None, None, len(told))
    deed = own[-1]
    later = [event for event in told if event.is_after(deed.minute)]
    if deed.activity == "reopened":
        return State("reopened", "by_hand", deed.minute, len(told))
    if deed.activity == "resolved":
        back = [event.minute for event in later if _comes_back(deed, event, seen, events)]
        return State("reopened", "regression", back[0], len(told)) if back else State("resolved", deed.resolved_in, deed.minute, len(told))
    ends = _ends(deed, later)
    if ends:
        since, reason = min(ends)
        return State("reopened", reason, since, len(told))
    said = [name for name, value in (("until", deed.until), ("count", deed.count), ("users", deed.users)) if value is not None]
    return State("ignored", ",".join(said) or "for_good", deed.minute, len(told))


def _ends(deed: Deed, later: Sequence[Event]) -> list[tuple[float, str]]:
    """All that ends the ignoring, with its time."""
    first_of_user = {event.user: event.minute for event in reversed(later) if event.user}
    users = sorted(first_of_user.values())
    ends: list[tuple[float, str]] = []
    if deed.until is not None:
        ends.append((deed.until, "until"))
    if deed.count is not None and len(later) >= deed.count:
        ends.append((later[deed.count - 1].minute, "count"))
    if deed.users is not None and len(users) >= deed.users:
        ends.append((users[deed.users - 1], "users"))
    return ends
