"""Issues that are new: those that a durable, bounded record does not know; looked up among recent rows alone, never in the whole pond."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import duckdb

from .alert import Fired, of_issue
from .measures import EVENTS, TITLE
from .memory import Memory
from .rules import Rule
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


def judged(rules: Sequence[Rule]) -> str:
    """Columns `rule_<number>`: whether a row of issue_events is meant by each rule."""
    return "".join(f", ({rule.condition}) as rule_{number}" for number, rule in enumerate(rules))


class NewIssues:
    """Finds issues that were not known, and knows them then.

    Args:
        rules: of the kind new_issue; there may be none.
    """

    def __init__(self, memory: Memory, rules: Sequence[Rule]) -> None:
        self._memory = memory
        self._rules = rules

    def unknown(self, seen: Sequence[Seen], now: datetime) -> dict[bytes, float]:
        """Issues to be looked up, with when they were first met, in Unix seconds; all others of these are known from now on."""
        waiting = self._memory.waiting()
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
                    fired += [of_issue(rule, "new_issue", "", event, now) for n, rule in enumerate(self._rules) if event[f"rule_{n}"]]
                self._memory.learn({issue, current}, now)
                del waiting[issue]
        self._memory.wait({issue: since for issue, since in waiting.items() if now.timestamp() - since < SETTLE_S})
        return fired

    def _events(self, con: duckdb.DuckDBPyConnection, issues: Iterable[bytes]) -> dict[bytes, dict[str, Any]]:
        """The first event of each, whether a report tells it, and which rules mean any of its events."""
        meant = "".join(f", bool_or(rule_{number}) over issue as rule_{number}" for number in range(len(self._rules)))
        found = con.execute(
            f"select * exclude (place) from (select key, {SHOWN}, bool_or(reported) over issue as is_report{meant}, "  # noqa: S608
            "row_number() over (partition by key order by error_timestamp, event_id) as place "
            f"from (select *, {_KEY} as key, source_table in ('error_logs', 'crash_reports') as reported{judged(self._rules)} "
            f"from {EVENTS} where {_KEY} in (select unhex(unnest(?::varchar[])))) window issue as (partition by key)) where place = 1",
            [[issue.hex() for issue in issues]],
        )
        names = [name for name, *_ in found.description]
        return {values[0]: dict(zip(names, values, strict=True)) for values in found.fetchall()}
