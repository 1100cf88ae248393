"""How an issue stands and why, in words; the list has the one, what is shown of one issue the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.text import Text

from ...storage.issue_details import Details, Row
from .texts import counted, line, moment

_STYLES: Final = {"open": "yellow", "reopened": "yellow", "regressed": "bold red", "resolved": "green", "ignored": "dim"}
_ENDS: Final[Mapping[str, str]] = {
    "until": "the time is over for which it was ignored",
    "count": "it was seen as often as it was to be ignored",
    "users": "as many users have met it as it was to be ignored for",
    "by_hand": "by hand",
}


def status_of(issue: Row) -> Text:
    """One word for how it stands: an issue that came back has `regressed`."""
    word = "regressed" if issue["is_regression"] else str(issue["status"])
    return Text(word, style=_STYLES.get(word, ""))


def status_sentence(known: Details) -> Text:
    """The word and the reason."""
    reason = _reason(known)
    return Text.assemble(status_of(known.issue), f", {reason}" if reason else "")


def _reason(known: Details) -> str:
    state = known.state
    match known.issue["status"]:
        case "resolved":
            where = resolved_in(state["status_reason"], state["release"]).strip()
            return ", ".join(part for part in (where, f"by {line(state['resolved_by'] or '')}") if part)
        case "ignored":
            ignored = [row for row in known.history if row["activity"] == "ignored"]
            return (until(ignored[-1]) if ignored else "").strip() or "for good"
        case "reopened" if known.issue["is_regression"]:
            return f"it came back in {line(state['release'])}" if state["release"] else "it came back"
        case "reopened":
            return _ENDS.get(str(state["status_reason"]), "")
        case _:
            return ""


def resolved_in(how: object, release: object) -> str:
    """Where something is resolved, behind the word: nothing where it is so now."""
    if how == "release":
        return f" in {line(release)}"
    if how == "next_release":
        return f" in the release after {line(release)}" if release else " in the next release"
    return ""


def until(row: Mapping[str, Any]) -> str:
    """Until when something is ignored, behind the word; `row` has the columns of `issue_activity`."""
    count, users = row["ignored_count"], row["ignored_users"]
    ends = [moment(row["ignored_until"]), counted(count, "more event") if count else "", counted(users, "more user") if users else ""]
    told = " or ".join(end for end in ends if end)
    return f" until {told}" if told else ""
