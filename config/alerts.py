"""The settings of alerts: one rule each."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationInfo, model_validator

from ..storage.alerts.rules import CHANGES, Kind, Level

Minutes = Annotated[float, Field(gt=0, le=10_080, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1, max_length=100_000)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class AlertRule(BaseModel):
    """One rule of alerts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field(description="What messages, logs and the table `alerts` call it: 1 to 64 of a-z, 0-9, _ and -.")
    kind: Kind = Field(
        description="Of issues: `new_issue`, `regression`, `unignored`. Of a window: `error_count` and `users_affected` (at least"
        " `threshold`, of one issue), `crash_free_below` (% of sessions), `api_p95_above` (ms), `error_rate_above` (% of requests),"
        " `slow_query_count`. `sql`: a statement of your own."
    )
    threshold: float | None = Field(
        None, allow_inf_nan=False, description="What is too much, or for `crash_free_below` too little; of all kinds but those of issues."
    )
    minutes: Minutes = Field(5.0, description="How long the window is, that ends now; of `sql`, how often it is asked.")
    tenant: Name = Field("default", description="Whose pond it is about.")
    service: Text | None = Field(None, description="Only rows of this service.")
    environment: Text | None = Field(
        None, description="Only rows of this environment. An issue that was new in another one is not new here."
    )
    level: Level = Field("error", description="Only errors of this level and graver ones: `warning`, `error` or `fatal`.")
    where: Text | None = Field(
        None,
        description="Only rows of which this SQL is true: of `issue_events`, of requests `api_performance_metrics`, of queries"
        " `database_performance_metrics`, of `crash_free_below` session_id, service_name and environment.",
    )
    by: tuple[Text, ...] | None = Field(
        None,
        max_length=5,
        description="Columns of these rows; each of their values is judged by itself. [`issue_id` of error_count and users_affected]",
    )
    sql: Text | None = Field(
        None, description="Of `sql`: a SELECT with a column `value`, that alerts from `threshold` on, and where several are judged `scope`."
    )
    at_least: PositiveInt = Field(20, description="Requests, or sessions, that the window must hold for a share or percentile to count.")
    every: Annotated[float, Field(ge=0, le=525_600, allow_inf_nan=False)] = Field(
        60.0, description="Minutes between two alerts of a window or SQL about the same, at least."
    )
    notify: tuple[Name, ...] = Field((), description="Names of channels (`[[notify]]`) that are told; without any, only the table is.")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> AlertRule:
        """What its kind needs is given, and nothing that it does not heed.

        Raises:
            ValueError: otherwise.
        """
        if (self.kind == "sql") != (self.sql is not None):
            raise ValueError(f"sql where the kind is sql, and only there, for {self.name!r}")
        if (self.threshold is None) != (self.kind in CHANGES):
            raise ValueError(f"{'no threshold' if self.kind in CHANGES else 'a threshold'}, as {self.name!r} is of kind {self.kind}")
        if self.kind == "sql" and (self.service or self.environment or self.where or self.by):
            raise ValueError(f"the conditions of {self.name!r} in its sql")
        if self.kind in CHANGES and self.by is not None:
            raise ValueError(f"no by, as {self.name!r} is about issues")
        return self


def of_known_channels(values: list[AlertRule], info: ValidationInfo) -> list[AlertRule]:
    """Rules of different names, that notify channels which there are.

    Raises:
        ValueError: otherwise.
    """
    if len({rule.name for rule in values}) < len(values):
        raise ValueError("a name of its own for each rule")
    known = {channel.name for channel in info.data.get("notify", ())}
    for rule in values:
        for name in rule.notify:
            if "notify" in info.data and name not in known:
                raise ValueError(f"the name of a channel ([[notify]]) in notify of {rule.name!r}, which names {name!r}")
    return values
