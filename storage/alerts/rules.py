"""Rules of alerts, as the settings give them, and the SQL that asks one; the evaluator runs it, and `checker` tries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from ..quoting import quoted
from .measures import EVENTS, MEASURES, TITLE

Change = Literal["new_issue", "regression", "unignored"]
Kind = Literal[Change, "error_count", "users_affected", "crash_free_below", "api_p95_above", "error_rate_above", "slow_query_count", "sql"]
Level = Literal["warning", "error", "fatal"]

CHANGES: Final[tuple[Change, ...]] = get_args(Change)
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
MOST_SCOPES: Final = 1_000
"""Values of `by` that one rule looks at, the worst first."""
_ONE: Final = "case when count(distinct {0}) = 1 then any_value({0}) end as {0}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        threshold: a count, percent or milliseconds, as the kind says; None for changes of issues.
        minutes: how long the window is; of SQL, how often it is asked.
        service, environment: only rows of these.
        level: of errors, the least.
        where: SQL over the columns of the kind's relation.
        by: columns of the relation; each of their values is judged by itself. None for what the kind does.
        at_least: rows (of crash_free_below sessions) that a window must hold for a share or percentile to count.
        every: minutes between two alerts about the same, at least.
        notify: names of channels.
    """

    name: str
    kind: Kind
    threshold: float | None = None
    minutes: float = 5.0
    service: str | None = None
    environment: str | None = None
    level: Level = "error"
    where: str | None = None
    by: tuple[str, ...] | None = None
    sql: str | None = None
    at_least: int = 20
    every: float = 60.0
    notify: tuple[str, ...] = ()

    @property
    def of_change(self) -> bool:
        """Whether it is about changes of issues, and not about a window."""
        return self.kind in CHANGES

    @property
    def condition(self) -> str:
        """SQL that says whether a row of the relation is meant."""
        parts = [f"service_name = {quoted(self.service)}"] if self.service is not None else []
        parts += [f"environment = {quoted(self.environment)}"] if self.environment is not None else []
        if self.of_change or MEASURES[self.kind].relation == EVENTS:
            parts.append(f"level in ({', '.join(quoted(level) for level in LEVELS[LEVELS.index(self.level) :])})")
        if not self.where:
            return " and ".join(parts) or "true"
        own = f"(\n{self.where}\n)"  # in a CASE, it is not asked of rows that are not meant: it may fail on them
        return " and ".join([*parts, f"case when {' and '.join(parts)} then {own} end"]) if parts else own

    @property
    def plain_sql(self) -> str:
        """The rule's own SELECT, as a subquery may have it."""
        return (self.sql or "").rstrip().removesuffix(";")

    @property
    def statement(self) -> str:
        """The SELECT of a rule over a window, `$begin` to `$end`, or of SQL: `scope` and `value`, and what an alert tells beside them."""
        if self.kind == "sql":
            return f"select * replace (try_cast(value as double) as value) from (\n{self.plain_sql}\n) limit {MOST_SCOPES}"  # noqa: S608 - the user's own
        measure = MEASURES[self.kind]
        scope = ", ".join(f'"{column}"::varchar' for column in (measure.by if self.by is None else self.by))
        worst = "asc" if measure.exceeds(0, 1) else "desc"
        having = f" having {measure.number} >= {self.at_least}" if measure.rates else ""
        told = (
            f"arg_max({TITLE}, error_timestamp) as title, any_value(culprit) as culprit" if measure.relation == EVENTS else "null as title"
        )
        return (
            f"select [{scope}]::varchar[] as scope, ({measure.value})::double as value, "  # noqa: S608 - the user's own
            f"{', '.join(_ONE.format(name) for name in ('service_name', 'environment', 'organization_id'))}, {told} "
            f"from {measure.relation} where {measure.time} > $begin and {measure.time} <= $end and {self.condition} "
            f"group by scope{having} order by value {worst}, scope limit {MOST_SCOPES}"
        )
