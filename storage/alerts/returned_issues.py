"""Issues that came back: resolved ones that happen again, ignored ones whose time or count is full; the pond's own view decides.

`issue_changes` reads all errors of the issues that it is asked for. It is asked only where something can have changed its answer: an
activity that is new, an error after it of a release that was not asked for, as many new rows as the count lacks, a time that has come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import duckdb

from .alert import Fired, of_issue
from .asking import Judge
from .measures import EVENTS
from .memory import Memory, Told
from .new_issues import SHOWN
from .pond import Pond
from .rules import Change
from .seen import Seen

ACTIVITY: Final = "issue_activity"
CHANGES: Final[Mapping[str, Change]] = {"regressed": "regression", "unignored": "unignored"}
"""What `issue_changes` calls them."""
_LOOK_AGAIN_S: Final = 60.0
"""After an error that should have ended a state and did not, by its clock."""
_WATCHED: Final = """
select issue_id::varchar, state from (
    select issue_id, arg_max({
        'activity': activity, 'cause': activity_id::varchar, 'at': activity_timestamp, 'resolved_in': resolved_in,
        'until': ignored_until, 'count': ignored_count, 'users': ignored_users
    }, {'at': activity_timestamp, 'id': activity_id}) as state
    from issue_activity where activity in ('resolved', 'ignored', 'reopened') group by issue_id
) where state.activity <> 'reopened'"""

Connect = Callable[[], duckdb.DuckDBPyConnection]


@dataclass(slots=True)
class _Watched:
    """A resolved or ignored issue.

    Attributes:
        state: the activity that made it so.
        releases: for which it was asked whether they end it.
        lacking: how many rows must come before a count can be full.
        asked_at: when it was asked last, in Unix seconds; 0 for never.
        pending: whether an error came since that may have ended the state.
    """

    issue: str
    state: Mapping[str, Any]
    releases: set[str] = field(default_factory=set)
    lacking: int = 0
    asked_at: float = 0.0
    pending: bool = False

    @property
    def counts(self) -> bool:
        return self.state["count"] is not None or self.state["users"] is not None

    def due(self, now: datetime) -> bool:
        """Whether a look is worth its cost without a new error."""
        until = self.state["until"]
        rested = self._rested(now)
        return (
            self.asked_at == 0.0
            or (self.pending and rested)
            or (until is not None and until <= now and (self.asked_at < until.timestamp() or rested))
        )

    def ended_by(self, seen: Seen, now: datetime) -> bool:
        """Whether these rows may have ended the state; they are counted."""
        if seen.last <= self.state["at"]:
            return False
        if self.state["activity"] == "ignored":
            self.lacking -= seen.rows
            return self.counts and self.lacking <= 0
        if self.state["resolved_in"] == "now":
            self.pending = True
            return self._rested(now)
        is_new = seen.release is not None and seen.release not in self.releases
        self.releases |= {seen.release} if seen.release is not None else set()
        return is_new

    def next_look(self) -> float | None:
        """When a look will be worth its cost, in Unix seconds."""
        again, until = self.asked_at + _LOOK_AGAIN_S, self.state["until"]
        return again if self.pending else None if until is None else max(until.timestamp(), again)

    def _rested(self, now: datetime) -> bool:
        return not self.asked_at <= now.timestamp() < self.asked_at + _LOOK_AGAIN_S


class ReturnedIssues:
    """Finds issues whose state has ended.

    Args:
        judge: of the rules of the kinds regression and unignored; there may be none.
        connect: gives a connection to the whole pond.
    """

    def __init__(self, memory: Memory, judge: Judge, connect: Connect) -> None:
        self._memory = memory
        self._judge = judge
        self._connect = connect
        self._version: tuple[str, int] | None = None
        self._watched: dict[str, _Watched] = {}

    def find(self, con: duckdb.DuckDBPyConnection, pond: Pond, seen: Sequence[Seen], now: datetime, *, since: datetime) -> list[Fired]:
        """Alerts of those that came back.

        Args:
            con: shows `issue_activity` whole, and the rows of `seen`.
            pond: what it shows.
            seen: what was published since the last look.
            now: when this is.
            since: what changed before is known without a word.
        """
        self._watch(con, pond)
        ended = {watched.issue: watched for watched in self._watched.values() if watched.due(now)}
        links = (
            dict(con.execute("select issue_id::varchar, current_issue_id::varchar from issue_links").fetchall()) if self._watched else {}
        )
        for each in seen if self._watched else ():
            issue = str(UUID(bytes=each.issue))
            watched = self._watched.get(links.get(issue, issue))
            if watched is not None and watched.ended_by(each, now):
                ended[watched.issue] = watched
        return self._ask(ended, now, since) if ended else []

    def due(self, pond: Pond, now: datetime) -> bool:
        """Whether a look is worth its cost although no error came."""
        return self._version != _version(pond) or any(watched.due(now) for watched in self._watched.values())

    def next_look(self) -> float | None:
        """When a time will have come, in Unix seconds; what it did not end then is looked at again later."""
        looks = (watched.next_look() for watched in self._watched.values())
        return min((look for look in looks if look is not None), default=None)

    def _watch(self, con: duckdb.DuckDBPyConnection, pond: Pond) -> None:
        """See what people did since the last look."""
        if self._version == _version(pond):
            return
        told = self._memory.told_causes()
        found = {state["cause"]: _Watched(issue, state) for issue, state in con.execute(_WATCHED).fetchall() if state["cause"] not in told}
        kept = {watched.state["cause"]: watched for watched in self._watched.values()}
        self._watched = {watched.issue: kept.get(cause, watched) for cause, watched in found.items()}
        self._version = _version(pond)

    def _ask(self, ended: Mapping[str, _Watched], now: datetime, since: datetime) -> list[Fired]:
        fired: list[Fired] = []
        with self._connect() as con:
            for event in self._changes(con, list(ended)):
                change, cause = CHANGES[event["change"]], event["cause"]
                if self._memory.tell(Told(event["issue_id"], change, cause)) and event["changed_at"] >= since:
                    meant = [rule for number, rule in enumerate(self._judge.rules) if rule.kind == change and event[f"rule_{number}"]]
                    fired += [of_issue(rule, change, cause, event, now) for rule in meant]
                self._watched.pop(event["issue_id"], None)
            for issue, watched in ended.items():
                watched.asked_at, watched.pending = now.timestamp(), False
                if watched.counts and issue in self._watched:
                    watched.lacking = _lacking(con, watched)
        return fired

    def _changes(self, con: duckdb.DuckDBPyConnection, issues: Sequence[str]) -> list[dict[str, Any]]:
        """What `issue_changes` says of these, with the error that each change was made by, or the last."""
        names = ", ".join(f"rule_{number}" for number in range(len(self._judge.rules)))
        return self._judge.ask(
            con,
            lambda judged: (
                "with asked as (select unnest(?::uuid[]) as issue_id), "  # noqa: S608 - a rule's own SQL
                "change as (select * from issue_changes where change in ('regressed', 'unignored') and issue_id in (from asked)), "
                f"event as (select *{judged} from {EVENTS} where issue_id in (from asked)) "
                f"select change.change, change.changed_at, change.cause::varchar as cause, event.* from change join ("
                f"select issue_id as issue, event_id, error_timestamp, {SHOWN}{', ' + names if names else ''} from event"
                ") event on event.issue = change.issue_id qualify row_number() over (partition by change.issue_id, change.cause "
                "order by event.event_id is not distinct from change.event_id desc, event.error_timestamp desc) = 1"
            ),
            [list(issues)],
        )


def _version(pond: Pond) -> tuple[str, int]:
    return pond.digest, pond.files[ACTIVITY].version


def _lacking(con: duckdb.DuckDBPyConnection, watched: _Watched) -> int:
    """How many rows must come before the count of an ignored issue can be full: each is one error, and one user, at most."""
    found = con.execute(
        f"select count(*), count(distinct user_id) from {EVENTS} where issue_id = ?::uuid and error_timestamp > ?",  # noqa: S608
        [watched.issue, watched.state["at"]],
    ).fetchall()
    ((events, users),) = found
    most: list[tuple[int | None, int]] = [(watched.state["count"], events), (watched.state["users"], users)]
    return max(1, min(limit - number for limit, number in most if limit is not None))
