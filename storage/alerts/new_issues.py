"""Issues that are new: those that a durable, bounded record does not know; looked up among recent rows alone, never in the whole pond."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import duckdb

from .alert import Fired, of_issue
from .asking import Judge
from .measures import EVENTS, TITLE
from .memory import Memory
from .seen import KEY, Seen

SETTLE_S: Final = 30.0
"""So long a failed request or query waits for the report that tells it: of one error they arrive up to 30 s apart."""
LATE: Final = timedelta(days=1)
"""What happened longer ago, as in an import of old files, is known without a word."""
MOST_LOOKED_UP: Final = 20_000
"""New issues of one evaluation; of others the next error tells."""
SHOWN: Final = (
    "issue_id::varchar as issue_id, level, message, culprit, release, environment, service_name, organization_id, trace_id, span_id, "
    f"{TITLE} as title"
)
"""Of issue_events, what an alert tells."""
_KEY: Final = KEY.format("fingerprint")


class NewIssues:
    """Finds issues that were not known, and knows them then.

    Args:
        judge: of the rules of the kind new_issue; there may be none.
    """

    def __init__(self, memory: Memory, judge: Judge) -> None:
        self._memory = memory
        self._judge = judge

    def unknown(self, seen: Sequence[Seen], now: datetime) -> dict[bytes, float]:
        """Issues to be looked up, with when they were first met, in Unix seconds; all others of these are known from now on."""
        waiting = {issue: min(since, now.timestamp()) for issue, since in self._memory.waiting().items()}  # a clock that was ahead
        before = {each.issue: each.previous for each in seen if each.previous is not None}
        strange = self._memory.unknown(before.values())
        regrouped = {issue for issue, previous in before.items() if previous not in strange}
        recent = {each.issue for each in seen if each.last >= now - LATE}
        new = (self._memory.unknown(recent) | waiting.keys()) - regrouped
        looked_up = sorted(new, key=lambda issue: waiting.get(issue, now.timestamp()))[:MOST_LOOKED_UP]
        self._memory.learn({each.issue for each in seen} - new, now)
        return {issue: waiting.get(issue, now.timestamp()) for issue in looked_up}

    def find(self, con: duckdb.DuckDBPyConnection, unknown: Mapping[bytes, float], now: datetime) -> list[Fired]:
        """Alerts of those that are issues indeed; what a report may tell yet waits.

        Args:
            con: shows the rows of these issues, and of the reports that may tell them.
            unknown: what `unknown` gave.
            now: when this is.
        """
        fired: list[Fired] = []
        waiting = dict(unknown)
        events = self._events(con, unknown) if unknown else {}
        for issue, event in events.items():
            if event["is_report"] or now.timestamp() - unknown[issue] >= SETTLE_S:
                current = UUID(event["issue_id"]).bytes
                if current == issue or self._memory.unknown([current]):
                    fired += [of_issue(rule, "new_issue", "", event, now) for n, rule in enumerate(self._judge.rules) if event[f"rule_{n}"]]
                self._memory.learn({issue, current}, now)
                del waiting[issue]
        self._memory.wait({issue: since for issue, since in waiting.items() if now.timestamp() - since < SETTLE_S})
        return fired

    def _events(self, con: duckdb.DuckDBPyConnection, issues: Iterable[bytes]) -> dict[bytes, dict[str, Any]]:
        """The first event of each, whether a report tells it, and which rules mean any of its events."""
        meant = "".join(f", bool_or(rule_{number}) over issue as rule_{number}" for number in range(len(self._judge.rules)))
        found = self._judge.ask(
            con,
            lambda judged: (
                f"select * exclude (place) from (select key, {SHOWN}, bool_or(reported) over issue as is_report{meant}, "  # noqa: S608
                "row_number() over (partition by key order by error_timestamp, event_id) as place "
                f"from (select *, {_KEY} as key, source_table in ('error_logs', 'crash_reports') as reported{judged} "
                f"from {EVENTS} where {_KEY} in (select unhex(unnest(?::varchar[])))) window issue as (partition by key)) where place = 1"
            ),
            [[issue.hex() for issue in issues]],
        )
        return {event["key"]: event for event in found}
