"""Keeps the lake quick and small: compaction, checkpoints, log clean-up, vacuum, old days and keys; the pipeline starts it as a child.

`python -m otelpond.storage.lake.maintenance DATA` does one round and ends with one line of JSON on standard output: the CPU seconds it
took, and what it did. A child of its own, because its memory is then given back, and a failure of it harms nobody.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa

from .. import log_lines
from ..addresses import forget_keys
from ..events.catalogue import CATALOGUE_FOLDER, load_catalogue
from ..events.typed_views import with_event_views
from ..locks import locked
from ..query import EVENTS, SESSIONS
from ..schema import TABLES_FOLDER, load_tables
from .closing import close_days
from .compaction import LIVE_FILES, compact, plan_merges
from .delta_table import CHECKPOINT_COMMITS, SEED_DAY, Table
from .lake import Lake
from .parquet import PARTITION, LakeError
from .trusted_date import trusted_date

logger = logging.getLogger(__name__)

FAMILIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("spans", "span_events", "logs", "metric_points", "rejected_records"), "signals"),
    **dict.fromkeys(("error_logs", "crash_reports", "api_error_logs", "database_error_logs", "alerts", "mapped_stacks"), "errors"),
    **dict.fromkeys(("events", "user_sessions"), "users"),
    **dict.fromkeys(
        (
            "api_performance_metrics",
            "database_performance_metrics",
            "frontend_performance_metrics",
            "network_performance_metrics",
            "server_performance_metrics",
        ),
        "apm",
    ),
}
"""Which key of `keep_days` a table follows, unless it is named there itself. A user's own table is kept until it is named."""
KEEP_DAYS: Final[Mapping[str, int]] = {"signals": 90, "apm": 90, "users": 730, "errors": 365}
DAY_S: Final = 86_400


@dataclass(slots=True)
class Round:
    """What one round did. Attributes are counts, over all tables; `cpu_s` is the process's CPU time in seconds."""

    cpu_s: float = 0.0
    merges: int = 0
    merged_files: int = 0
    dropped_files: int = 0
    vacuumed_files: int = 0
    checkpoints: int = 0
    closed_days: int = 0
    errors: int = 0


def maintain(lake: Lake, *, keep_days: Mapping[str, int], vacuum_after_h: int, cpu_s: float, now: datetime) -> Round:
    """One round over all tables, those with most files first; whatever fails for one table is logged and harms no other.

    Args:
        lake: opened with `writer=False`, while the caller holds the lock of maintenance.
        keep_days: days kept, by family (signals, apm, errors) or table name.
        vacuum_after_h: hours for which a file that left its table is kept for those who read an older snapshot.
        cpu_s: CPU seconds after which no further merge is begun, unless a table has more than LIVE_FILES.
        now: in UTC.
    """
    done = Round()
    drop_by = trusted_date(lake.folder, now.date())
    _forget_keys(lake.folder.parent / "keys", drop_by, done)
    _close_days(lake, max(_first_kept(table, keep_days, drop_by) for table in (EVENTS, SESSIONS)), cpu_s / 2, now, done)
    for table in sorted(lake.tables.values(), key=_files, reverse=True):
        try:
            _drop_days(table, keep_days, drop_by, now, done)
            _compact(table, cpu_s, now, done)
            _vacuum(table, vacuum_after_h, now, done)
            _checkpoint(table, done)
        except Exception:
            logger.exception("maintenance of table %s", table.name)
            done.errors += 1
    if done.merges or done.dropped_files or done.closed_days:
        lake.refresh()
    done.cpu_s = round(time.process_time(), 3)
    return done


def remove_orphans(lake: Lake, stream: str) -> int:
    """Remove the files that dead attempts of a stream left unpublished; only while nobody else writes for that stream. How many."""
    ours = re.compile(rf"{re.escape(stream)}-\d+-\d+-\d+\.parquet")
    removed = 0
    for table in lake.tables.values():
        candidates = [path for path in _data_files(table) if ours.fullmatch(path.name)]
        removed += table.remove_unnamed(candidates)
    return removed


def _files(table: Table) -> int:
    """How many live files it has; 0 where that cannot be known, which its own turn will tell."""
    try:
        return len(table.snapshot().files)
    except (LakeError, OSError):
        return 0


def _drop_days(table: Table, keep_days: Mapping[str, int], by: date, now: datetime, done: Round) -> None:
    """Take days out of a table that are older than its `keep_days` by that date; the vacuum removes their files later."""
    first = _first_kept(table.name, keep_days, by)
    old = [file for file in table.snapshot().files if file.dt < first and not file.seed]
    if old and table.replace(old, [], int(now.timestamp() * 1000), data_change=True):
        done.dropped_files += len(old)


def _first_kept(table: str, keep_days: Mapping[str, int], by: date) -> str:
    """The first day that a table keeps, by that date; empty where it keeps all."""
    days = keep_days.get(table, keep_days.get(FAMILIES.get(table, "")))
    return str(by - timedelta(days=days)) if days else ""  # 0 keeps them for ever


def _forget_keys(folder: Path, by: date, done: Round) -> None:
    try:
        forget_keys(folder, by)
    except OSError:
        logger.exception("forgetting of keys")
        done.errors += 1


def _close_days(lake: Lake, first: str, cpu_s: float, now: datetime, done: Round) -> None:
    if lake.tables.keys() >= {EVENTS, SESSIONS}:
        try:
            done.closed_days, failed = close_days(lake.tables[EVENTS], lake.tables[SESSIONS], now, first=first, cpu_s=cpu_s)
        except Exception:
            logger.exception("closing of days")
            failed = 1
        done.errors += failed


def _compact(table: Table, cpu_s: float, now: datetime, done: Round) -> None:
    _drop_old_seeds(table, now)
    for merge in plan_merges(table.snapshot().files, now):
        if time.process_time() > cpu_s and len(table.snapshot().files) <= LIVE_FILES:
            return
        try:
            merged = compact(table, merge)
        except (LakeError, pa.ArrowException):
            logger.exception("compaction")  # of these files; the others' must go on
            done.errors += 1
            continue
        if merged:
            done.merges += 1
            done.merged_files += len(merge.files)


def _drop_old_seeds(table: Table, now: datetime) -> None:
    """Once no file lacks the newest columns, only the newest seed is needed, and readers need not look into every file."""
    snapshot = table.snapshot()
    seeds = [file for file in snapshot.files if file.seed]
    if len(seeds) > 1 and all(file.modified_ms >= seeds[0].modified_ms for file in snapshot.files if not file.seed):
        table.replace(seeds[1:], [], int(now.timestamp() * 1000))


def _vacuum(table: Table, after_h: int, now: datetime, done: Round) -> None:
    """Remove files that left the table long ago, and files that no log entry names: of killed merges, and later of dead imports."""
    for path in table.removed(after_h):
        with contextlib.suppress(FileNotFoundError):
            (table.folder / path).unlink()
            done.vacuumed_files += 1
    before = now.timestamp() - max(after_h * 3600, DAY_S)
    done.vacuumed_files += table.remove_unnamed(
        [path for path in _data_files(table) if path.name.startswith(("compact-", "closed-")) or _modified(path) < before]
    )
    for entry in table.log.iterdir():
        if entry.suffix not in {".json", ".parquet", ".torn"} and entry.name != "_last_checkpoint" and _modified(entry) < before:
            entry.unlink(missing_ok=True)


def _data_files(table: Table) -> Iterator[Path]:
    return (path for path in table.folder.glob(f"{PARTITION}=*/*.parquet") if not path.parent.name.endswith(SEED_DAY))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _checkpoint(table: Table, done: Round) -> None:
    if table.commits_since_checkpoint() >= CHECKPOINT_COMMITS:
        table.checkpoint()
        done.checkpoints += 1


def main(arguments: list[str] | None = None) -> int:
    """Do one round; 0 also where another process is at it already."""
    options = _parser().parse_args(arguments)
    log_lines.configure("maintenance")
    os.nice(10)  # the pipeline goes first
    lake_folder = options.data / "lake"
    with locked(lake_folder / ".maintenance.lock", wait=False) as held:
        if not held:
            logger.info("another process maintains %s", options.data)
            return 0
        catalogue = load_catalogue([CATALOGUE_FOLDER, *options.events])
        lake = Lake(options.data, with_event_views(load_tables([TABLES_FOLDER, *options.tables]), catalogue), writer=False)
        keep_days = {**KEEP_DAYS, **dict(options.keep_days)}
        done = maintain(lake, keep_days=keep_days, vacuum_after_h=options.vacuum_after_h, cpu_s=options.cpu_seconds, now=datetime.now(UTC))
    sys.stdout.write(json.dumps(asdict(done)) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m otelpond.storage.lake.maintenance", description="One round of upkeep of a pond's lake."
    )
    parser.add_argument("data", type=Path, help="the pond's directory")
    parser.add_argument("--tables", type=Path, action="append", default=[], metavar="FOLDER", help="folder of further tables' .sql files")
    parser.add_argument("--events", type=Path, action="append", default=[], metavar="FOLDER", help="folder of further events' .toml files")
    parser.add_argument("--vacuum-after-h", type=int, default=24, help="keep files that left their table for so many hours")
    parser.add_argument(
        "--keep-days", type=_family_days, action="append", default=[], metavar="NAME=DAYS", help="family or table, and days"
    )
    parser.add_argument("--cpu-seconds", type=float, default=3.0, help="begin no further merge after this CPU time")
    return parser


def _family_days(text: str) -> tuple[str, int]:
    name, _, days = text.partition("=")
    return name, int(days)


if __name__ == "__main__":
    raise SystemExit(main())
