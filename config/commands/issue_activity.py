"""`otelpond issues resolve|ignore|reopen|assign|merge|split|comment`: what each does about an issue; `issue_deeds` does it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import duckdb

from ...storage.issue_details import Row, ask
from ...storage.issue_details.finding import short
from ..errors import CommandError
from ..issues.status import resolved_in, until
from ..issues.texts import line
from .issue_deeds import Deed, Request, act
from .issues import found
from .token import expiry

_SHORT_FINGERPRINT = 8


def resolve(request: Request, release: str | None, *, in_next_release: bool) -> None:
    """Note that issues are mended: now, in a release, or in the one after the newest that is known.

    Raises:
        CommandError: there is no pond or no such issue, or the release is not usable.
    """
    if release is not None and in_next_release:
        raise CommandError("--in-release and --in-next-release: expected one of them", exit_code=2)

    def decide(con: duckdb.DuckDBPyConnection, issue: Row) -> Sequence[Deed] | str:
        if release is not None:
            told = f"is resolved in {line(release)}: an event of that release or a later one brings it back"
            return [Deed("resolved", told, {"resolved_in": "release", "release": release})]
        if in_next_release:
            newest = _newest_release(con, issue)
            told = f"is resolved{resolved_in('next_release', newest)}: an event of that one brings it back"
            return [Deed("resolved", told, {"resolved_in": "next_release", "release": newest})]
        if (issue["status"], issue["status_reason"]) == ("resolved", "now"):
            return "is resolved already"
        return [Deed("resolved", "is resolved: an event after this moment brings it back", {"resolved_in": "now"})]

    act(request, decide)


def ignore(request: Request, until_time: str | None, events: int | None, users: int | None) -> None:
    """Let issues rest, for ever or until the first of these: an instant, so many more events, so many users who met it since.

    Raises:
        CommandError: there is no pond or no such issue, or the instant is not usable.
    """
    ends = expiry(until_time, datetime.now(UTC), "--until") if until_time is not None else None
    columns = {"ignored_until": ends, "ignored_count": events, "ignored_users": users}
    act(request, lambda _con, _issue: [Deed("ignored", f"is ignored{until(columns)}", columns)])


def reopen(request: Request) -> None:
    """Take back that issues are resolved or ignored.

    Raises:
        CommandError: there is no pond, or no such issue.
    """

    def decide(_: duckdb.DuckDBPyConnection, issue: Row) -> Sequence[Deed] | str:
        return "is open already" if issue["status"] in {"open", "reopened"} else [Deed("reopened", "is open again", {})]

    act(request, decide)


def assign(request: Request, assignee: str | None) -> None:
    """Say who sees to issues; None: nobody.

    Raises:
        CommandError: there is no pond, or no such issue.
    """

    def decide(_: duckdb.DuckDBPyConnection, issue: Row) -> Sequence[Deed] | str:
        whose = f"assigned to {line(assignee)}" if assignee else "assigned to nobody"
        return f"is {whose} already" if issue["assignee"] == assignee else [Deed("assigned", f"is {whose}", {"assignee": assignee})]

    act(request, decide)


def comment(request: Request) -> None:
    """Say something about issues.

    Raises:
        CommandError: there is no pond or no such issue, or nothing is said.
    """
    act(request, lambda _con, _issue: [Deed("commented", "has the comment", {})])


def merge(request: Request, into: str) -> None:
    """Have the events of issues count for another one.

    Raises:
        CommandError: there is no pond or no such issue, or an issue would be merged into itself.
    """

    def decide(con: duckdb.DuckDBPyConnection, issue: Row) -> Sequence[Deed]:
        target = found(con, into)
        if target["issue_id"] == issue["issue_id"]:
            raise CommandError(f"--into {into}: this is {short(issue['issue_id'])} itself, or it is part of it already", exit_code=2)
        told = f"is part of {short(target['issue_id'])} now: {line(target['title'], 80)}"
        return [Deed("merged", told, {"target_issue_id": target["issue_id"]})]

    act(request, decide)


def split(request: Request, fingerprints: Sequence[str]) -> None:
    """Have the events of fingerprints be an issue of their own again.

    Raises:
        CommandError: there is no pond or no such issue, it has no such fingerprint, or nothing would be left of it.
    """

    def decide(con: duckdb.DuckDBPyConnection, issue: Row) -> Sequence[Deed]:
        groups = ask(con, "groups", issue_id=issue["issue_id"])
        leaving = [group for group in groups if any(str(group["fingerprint"]).startswith(text.lower()) for text in fingerprints)]
        _require_to_split(issue, groups, leaving, fingerprints)
        return [
            Deed(
                "split",
                f"has lost {line(group['fingerprint'])[:_SHORT_FINGERPRINT]}: it is {short(_issue_of(issue['tenant_id'], group))} now",
                {"fingerprint": group["fingerprint"], "service_name": group["service_name"]},
            )
            for group in leaving
        ]

    act(request, decide)


def _newest_release(con: duckdb.DuckDBPyConnection, issue: Row) -> str | None:
    """The newest that has been seen of its service; None where no release of it is known."""
    for row in ask(con, "newest_release", tenant_id=issue["tenant_id"], service_name=issue["service_name"]):
        return str(row["release"])
    return None


def _require_to_split(issue: Row, groups: Sequence[Row], leaving: Sequence[Row], fingerprints: Sequence[str]) -> None:
    name = short(issue["issue_id"])
    known = "\n".join(f"  {group['fingerprint']}  {line(group['example'] or '', 100)}" for group in groups)
    if len(groups) < 2:
        raise CommandError(f"{name}: all of its events have one fingerprint, there is nothing to split", exit_code=2)
    if not leaving:
        raise CommandError(f"{', '.join(fingerprints)}: {name} has no such fingerprint; it has\n{known}", exit_code=2)
    if any(_issue_of(issue["tenant_id"], group) == issue["issue_id"] for group in leaving):
        raise CommandError(
            f"{name}: the fingerprint that the issue is named by stays; merge it into another one, or split the others", exit_code=2
        )


def _issue_of(tenant: str, group: Row) -> UUID:
    """The issue that a fingerprint is by itself, as the column `issue_id` of the tables says it."""
    key = f"{tenant}/{group['service_name']}/{group['fingerprint']}"
    return UUID(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest())
