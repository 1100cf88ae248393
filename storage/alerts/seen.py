"""Which issues the newly published rows of the error tables are of; read from their files alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import duckdb

from ..quoting import quoted

_TIMES: Final = {
    "error_logs": ("error_timestamp", "service_version"),
    "crash_reports": ("crash_timestamp", "release_version"),
    "api_error_logs": ("error_timestamp", "service_version"),
    "database_error_logs": ("error_timestamp", "service_version"),
}
"""By table: when an error was, and of which release."""
PRIMARY: Final = frozenset({"error_logs", "crash_reports"})
"""An error that another row tells already shows in the other tables until that row arrives."""
KEY: Final = "unhex(md5(concat_ws('/', tenant_id, service_name, {})))"
"""The issue of a row, before merges, as 16 bytes."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows of one issue and release in one table.

    Attributes:
        issue: 16 bytes, as the row has it: before merges.
        previous: the same by the grouping before, where that is known.
        last: of the errors.
        rows: reports; each error has one at least.
    """

    issue: bytes
    previous: bytes | None
    release: str | None
    table: str
    last: datetime
    rows: int


def seen(con: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[str]]) -> list[Seen]:
    """What these files hold, by table."""
    return [found for table, paths in files.items() if paths for found in _of_table(con, table, paths)]


def known_before(con: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[str]], moment: datetime) -> list[bytes]:
    """The issues of rows in these files that were accepted before a moment."""
    issues: set[bytes] = set()
    for paths in files.values():
        if paths:
            text = f"select distinct {KEY.format('fingerprint')} from {_read(paths)} where fingerprint is not null and ingested_at < ?"  # noqa: S608
            issues |= {issue for (issue,) in con.execute(text, [moment]).fetchall()}
    return sorted(issues)


def _of_table(con: duckdb.DuckDBPyConnection, table: str, paths: Sequence[str]) -> list[Seen]:
    time, release = _TIMES[table]
    rows = con.execute(
        f"select {KEY.format('fingerprint')} as issue, "  # noqa: S608 - names are of documented tables
        f"any_value(case when previous_fingerprint is not null then {KEY.format('previous_fingerprint')} end), "
        f"{release} as release, max({time}), count(*) from {_read(paths)} where fingerprint is not null group by issue, release"
    ).fetchall()
    return [Seen(issue, previous, of, table, last, number) for issue, previous, of, last, number in rows]


def _read(paths: Sequence[str]) -> str:
    return f"read_parquet([{', '.join(map(quoted, paths))}], union_by_name = true)"
