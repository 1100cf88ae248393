"""Few rows of a decoded relation that several tables read, cut out once a batch; derive shows them as `decoded_<name>`.

A scan converts every column that it reads for every row of a relation, so that a table which wants 2,000 of 41,000 spans pays for all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import duckdb

from .error_rows import error_rows
from .executed import executed
from .gather import begins, positions, taken

if TYPE_CHECKING:
    from .selects import Relation


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows of one relation.

    Attributes:
        source: the relation, without `decoded_`; its columns are the cut's.
        row_ids: a SELECT over decoded relations and cuts named before that gives row ids of the source, ascending; without one the cut are
            the rows that tell of an error.
        begins: columns of the source and the first four bytes of texts in them; where no text begins so there is nothing to cut out. Asking
            DuckDB costs 3 ms, of 41,000 spans or one; looking costs 0.1.
        after: the cut that must hold something.
        feeds: tables that have rows only where something was cut out; of several cuts that feed one, any. To ask DuckDB for none costs 2 to
            3 ms a table.
    """

    source: str
    row_ids: str | None = None
    begins: tuple[tuple[str, bytes], ...] = ()
    after: str | None = None
    feeds: tuple[str, ...] = ()


_BROWSER_SCOPES = ", ".join(
    f"'@opentelemetry/instrumentation-{package}'"
    for package in ("document-load", "fetch", "long-task", "user-interaction", "xml-http-request")
)
_BROWSER_EVENTS = (
    "'browser.web_vital', 'browser.navigation_timing', 'browser.resource_timing', 'browser.resource.timing', 'browser.long_task'"
)

CUTS: Final[Mapping[str, Cut]] = {
    "failed_spans": Cut("spans", feeds=("error_logs", "api_error_logs", "database_error_logs")),
    "error_records": Cut("logs", feeds=("error_logs",)),
    "crash_records": Cut(
        "logs",
        "select row_id from decoded_error_records where severity_number >= 21 or event_name in ('app.crash', 'device.crash', 'exception')"
        " order by row_id",
        after="error_records",
        feeds=("crash_reports",),
    ),
    "browser_spans": Cut(
        "spans",
        "select row_id from decoded_spans where telemetry_sdk_language = 'webjs'"  # noqa: S608 - constants of this module
        f" or scope_name in ({_BROWSER_SCOPES}) or starts_with(scope_name, '@opentelemetry/browser-instrumentation/') order by row_id",
        begins=(("telemetry_sdk_language", b"webj"), ("scope_name", b"@ope")),
    ),
    "browser_span_events": Cut(
        "span_events",
        "select row_id from decoded_span_events where span_row_id in (select row_id from decoded_browser_spans) order by row_id",
        after="browser_spans",
    ),
    "browser_records": Cut(
        "logs",
        f"select row_id from decoded_logs where event_name in ({_BROWSER_EVENTS}) order by row_id",  # noqa: S608
        begins=(("event_name", b"brow"),),
    ),
    "browser_events": Cut(
        "events",
        f"select row_id from decoded_events where event_name in ({_BROWSER_EVENTS}) order by row_id",  # noqa: S608
        after="browser_records",
    ),
    "error_events": Cut(
        "events",
        "select row_id from decoded_events where exception_type is not null or exception_message is not null or severity_number >= 17"
        " or event_name = 'error' order by row_id",
    ),
}
"""By name, in the order in which they are cut: a later one may read an earlier one."""


def prepare_cuts(con: duckdb.DuckDBPyConnection) -> None:
    """Prepare what `cut` executes, on the connection where the relations are registered."""
    for name, each in CUTS.items():
        if each.row_ids:
            con.execute(f"prepare cut_{name} as {each.row_ids}")


def cut(con: duckdb.DuckDBPyConnection, relations: Mapping[str, Relation], *sources: str) -> None:
    """Show what is cut out of these relations, of the batch that they show now."""
    for name, each in CUTS.items():
        rows = relations[each.source].rows
        if each.source in sources and rows.num_rows and _may_hold(each, relations):
            if each.row_ids:
                where = positions(rows["row_id"], executed(con, f"cut_{name}")["row_id"])
            else:
                where = error_rows(each.source, {source: relation.rows for source, relation in relations.items()})
            if len(where):
                relations[name].exchange(taken(rows, where))


def may_fill(table: str, sources: Collection[str], relations: Mapping[str, Relation]) -> bool:
    """Whether a table that reads these relations may have rows of the batch that they show now."""
    needed = {name for name, each in CUTS.items() if table in each.feeds and name in sources} or sources
    return any(relations[name].rows.num_rows for name in needed)


def _may_hold(each: Cut, relations: Mapping[str, Relation]) -> bool:
    if each.after is not None:
        return bool(relations[each.after].rows.num_rows)
    rows = relations[each.source].rows
    return not each.begins or any(begins(rows[column], prefix) for column, prefix in each.begins)
