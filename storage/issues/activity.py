"""Appends to `issue_activity`, the only state of issues; the command hands activities over, one or many at a time.

Durable before it returns, and stored once however often it is repeated: one process at a time appends (`DATA/.issues.lock`), and leaves
out what the table has. A process that is killed leaves a commit, or files that no commit names, which maintenance removes. May run
beside a collector.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from ..lake.delta_table import Table
from ..lake.lake import Lake
from ..lake.parquet import LakeError
from ..locks import locked

TABLE: Final = "issue_activity"
STREAM: Final = "issue-activity"
"""The application transaction of every append."""
RESOLVED_IN: Final = ("now", "release", "next_release")
LONGEST_TEXT: Final = 10_000
_LOCK: Final = ".issues.lock"
_TOO_LARGE: Final = 2**63
_OWN: Final = {
    "resolved": frozenset({"resolved_in", "release"}),
    "ignored": frozenset({"ignored_until", "ignored_count", "ignored_users"}),
    "reopened": frozenset[str](),
    "assigned": frozenset({"assignee"}),
    "merged": frozenset({"target_issue_id"}),
    "split": frozenset({"fingerprint"}),
    "commented": frozenset[str](),
}
"""The fields that only one activity has; `comment` may stand with any."""


class ActivityError(ValueError):
    """An activity cannot be stored; the text names the field and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One row of `issue_activity`; its fields are the columns of that name.

    Raises:
        ActivityError: the fields contradict each other.
    """

    activity_id: UUID
    issue_id: UUID
    activity: str
    activity_timestamp: datetime
    actor: str
    tenant_id: str
    service_name: str
    organization_id: str | None = None
    resolved_in: str | None = None
    release: str | None = None
    ignored_until: datetime | None = None
    ignored_count: int | None = None
    ignored_users: int | None = None
    assignee: str | None = None
    target_issue_id: UUID | None = None
    fingerprint: str | None = None
    comment: str | None = None

    def __post_init__(self) -> None:
        if self.activity not in _OWN:
            raise ActivityError(f"activity: expected one of {', '.join(_OWN)}, got {self.activity!r}")
        for name in sorted(frozenset[str]().union(*_OWN.values()) - _OWN[self.activity]):
            if getattr(self, name) is not None:
                raise ActivityError(f"{name}: an activity {self.activity!r} has none")
        for problem in (*_problems_of_texts(self), *_problems_of_times(self), *_problems_of_kind(self)):
            raise ActivityError(problem)


def append(lake: Lake, activities: Iterable[Activity]) -> int:
    """Store the activities and let `pond.duckdb` show them; those that are stored already are left out.

    Args:
        lake: of the pond, opened for writing.
        activities: of any issues of that pond; what they say of order is their timestamps.

    Returns:
        how many were not there before.

    Raises:
        LakeError: the table cannot be written; then nothing is stored, or all of it.
    """
    table = lake.tables[TABLE]
    with locked(lake.data / _LOCK):
        known = _stored_ids(table)
        new = {activity.activity_id: activity for activity in activities if activity.activity_id not in known}
        if new:
            rows = _rows(new.values(), lake.schemas[TABLE].arrow)
            lake.publish_rows([(TABLE, rows)], STREAM, lake.committed(TABLE, STREAM) + 1)
        else:
            table.make_durable()  # whoever stored them may have been killed before that
        lake.refresh()
    return len(new)


def _stored_ids(table: Table) -> set[UUID]:
    """The ids that the table has."""
    paths = [table.folder / file.path for file in table.snapshot().files]
    return {UUID(text) for path in paths for text in _read_ids(path)}


def _read_ids(path: Path) -> list[str]:
    try:
        ids: list[str] = pq.read_table(path, columns=["activity_id"], partitioning=None)["activity_id"].to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise LakeError(f"table {TABLE}: {path} cannot be read: restore this file from a backup: {error}") from error
    return ids


def _rows(activities: Iterable[Activity], schema: pa.Schema) -> pa.Table:
    now = datetime.now(UTC)
    return pa.Table.from_pylist([_row(activity, now) for activity in activities], schema)


def _row(activity: Activity, now: datetime) -> dict[str, object]:
    fields = {name: getattr(activity, name) for name in Activity.__slots__}
    return {
        **{name: str(value) if isinstance(value, UUID) else value for name, value in fields.items()},
        "organization_id": activity.organization_id or activity.tenant_id,
        "environment": "",
        "dt": activity.activity_timestamp.astimezone(UTC).date(),
        "time_suspect": False,
        "ingested_at": now,
    }


def _problems_of_texts(activity: Activity) -> Iterable[str]:
    for name in ("actor", "tenant_id", "service_name"):
        if not getattr(activity, name).strip():
            yield f"{name}: expected a text, got an empty one"
    for name in ("actor", "service_name", "release", "assignee", "fingerprint", "comment"):
        text = getattr(activity, name) or ""
        if len(text) > LONGEST_TEXT:
            yield f"{name}: expected at most {LONGEST_TEXT:,} characters, got {len(text):,}"
        if "\0" in text or not _is_encodable(text):
            yield f"{name}: expected a text without NUL characters and lone surrogates"


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _problems_of_times(activity: Activity) -> Iterable[str]:
    for name in ("activity_timestamp", "ignored_until"):
        moment = getattr(activity, name)
        if moment is not None and moment.tzinfo is None:
            yield f"{name}: expected a time with its time zone, got {moment.isoformat()}"


def _problems_of_kind(activity: Activity) -> Iterable[str]:
    match activity.activity:
        case "resolved":
            yield from _problems_of_resolution(activity)
        case "ignored":
            for name in ("ignored_count", "ignored_users"):
                value = getattr(activity, name)
                if value is not None and not 0 < value < _TOO_LARGE:
                    yield f"{name}: expected a number above 0 and below {_TOO_LARGE}, got {value}"
        case "merged" if activity.target_issue_id in (None, activity.issue_id):
            yield f"target_issue_id: expected another issue than {activity.issue_id}, got {activity.target_issue_id}"
        case "split" if not activity.fingerprint:
            yield "fingerprint: expected the one that leaves the issue"
        case "commented" if not (activity.comment or "").strip():
            yield "comment: expected a text, got an empty one"


def _problems_of_resolution(activity: Activity) -> Iterable[str]:
    if activity.resolved_in not in RESOLVED_IN:
        yield f"resolved_in: expected one of {', '.join(RESOLVED_IN)}, got {activity.resolved_in!r}"
    elif activity.resolved_in == "release" and not activity.release:
        yield "release: expected the release that has the fix"
    elif activity.resolved_in == "now" and activity.release is not None:
        yield f"release: resolved now has none, got {activity.release!r}"
