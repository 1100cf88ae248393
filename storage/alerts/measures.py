"""What the kinds of rules measure in their windows: over which relation, by which aggregate, and when that is too much."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

EVENTS: Final = "issue_events"
SESSIONS: Final = "alert_sessions"
ERROR_TABLES: Final = ("error_logs", "crash_reports", "api_error_logs", "database_error_logs")
TITLE: Final = "left(split_part(concat_ws(': ', nullif(type, ''), nullif(message, '')), chr(10), 1), 200)"
"""Of a row of issue_events, as `issues` has it."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What one kind measures.

    Attributes:
        relation: what is counted.
        tables: whose rows make it.
        time: its column that a window is about.
        value: the aggregate that is compared.
        exceeds: whether a value, for a threshold, makes an alert.
        unit: of the value, as it is told.
        by: columns whose values are judged each by itself, unless the rule says others.
        rates: whether few rows say nothing.
        number: how many rows there are, for that.
    """

    relation: str
    tables: tuple[str, ...]
    time: str
    value: str
    exceeds: Callable[[float, float], bool]
    unit: str
    by: tuple[str, ...] = ()
    rates: bool = False
    number: str = "count(*)"


_OF_EVENTS: Final = (EVENTS, ERROR_TABLES, "error_timestamp")
_OF_REQUESTS: Final = ("api_performance_metrics", ("api_performance_metrics",), "request_timestamp")
_OF_QUERIES: Final = ("database_performance_metrics", ("database_performance_metrics",), "timestamp")
_OF_SESSIONS: Final = (SESSIONS, ("events", "error_logs", "crash_reports"), "seen_at")
_CRASH_FREE: Final = "100 - 100.0 * count(distinct session_id) filter (where crashed) / count(distinct session_id)"

MEASURES: Final[Mapping[str, Measure]] = {
    "error_count": Measure(*_OF_EVENTS, "count(*)", operator.ge, "errors", by=("issue_id",)),
    "users_affected": Measure(*_OF_EVENTS, "count(distinct user_id)", operator.ge, "users", by=("issue_id",)),
    "crash_free_below": Measure(
        *_OF_SESSIONS, _CRASH_FREE, operator.lt, "% of sessions without a crash", rates=True, number="count(distinct session_id)"
    ),
    "api_p95_above": Measure(*_OF_REQUESTS, "quantile_cont(duration_ns, 0.95) / 1e6", operator.gt, "ms (95th percentile)", rates=True),
    "error_rate_above": Measure(
        *_OF_REQUESTS, "100.0 * count(*) filter (where error) / count(*)", operator.gt, "% of requests failed", rates=True
    ),
    "slow_query_count": Measure(*_OF_QUERIES, "count(*) filter (where slow_query)", operator.ge, "slow queries"),
}


def sessions_sql() -> str:
    """The SELECT of the relation `alert_sessions`."""
    return (Path(__file__).parent / f"{SESSIONS}.sql").read_text(encoding="utf-8").rstrip().removesuffix(";")
