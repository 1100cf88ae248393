"""Ends a collector's processes by SIGKILL at chosen places: those that a file of `INJECTED_KILLS` is named after, once for each file.

A process that comes to the place removes the file, and is killed there and then; where several files of a place follow each other,
so do its deaths. Intervals are short here too, so that maintenance and restarts happen while a test looks on.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

COLLECTOR = ("inbox.open", "inbox.write", "inbox.fsync", "inbox.answer", "inbox.seal")
PIPELINE = (
    "pipeline.derive",
    "pipeline.parquet",
    "pipeline.plan",
    "pipeline.commit",
    "pipeline.committed",
    "pipeline.tables",
    "pipeline.refresh",
    "pipeline.links",
    "pipeline.done",
    "pipeline.forget",
)
RECOVERY = ("recovery.mend", "recovery.orphans", "recovery.replay", "recovery.begin")
MAINTENANCE = ("maintenance.merged", "maintenance.committed", "maintenance.checkpoint", "maintenance.vacuum")


def inject(orders: Path, arguments: list[str]) -> None:
    """Put the places into this process, by what it is."""
    if "serve" in arguments:
        _into_collector(orders)
    elif "otelpond.config.collector.pipeline_process" in arguments:
        _into_pipeline(orders)
    elif "otelpond.storage.lake.maintenance" in arguments:
        _into_maintenance(orders)


def _into_collector(orders: Path) -> None:
    from otelpond.config.collector import child  # noqa: PLC0415 - only in the process that is meant
    from otelpond.storage.inbox import open_segment  # noqa: PLC0415

    child._LONGEST_BACKOFF_S = 0.2
    open_segment.sync = _within(open_segment.sync, orders / "inbox.fsync", after=orders / "inbox.answer")
    open_segment.fsync_folder = _around(open_segment.fsync_folder, before=orders / "inbox.open")
    open_segment.OpenSegment._write_all = _around(open_segment.OpenSegment._write_all, after=orders / "inbox.write")
    open_segment.OpenSegment.seal = _around(open_segment.OpenSegment.seal, after=orders / "inbox.seal")


def _into_pipeline(orders: Path) -> None:
    from otelpond.storage import query  # noqa: PLC0415 - only in the process that is meant
    from otelpond.storage.derive import Deriver  # noqa: PLC0415
    from otelpond.storage.lake import delta_log, lake, parquet  # noqa: PLC0415
    from otelpond.storage.lake.delta_table import Table  # noqa: PLC0415
    from otelpond.storage.pipeline import backlog, upkeep  # noqa: PLC0415
    from otelpond.storage.pipeline.pipeline import Pipeline  # noqa: PLC0415
    from otelpond.storage.pipeline.plans import PlanStore  # noqa: PLC0415

    upkeep.AFTER_PUBLISH_S = 1.0
    Deriver.derive = _around(Deriver.derive, after=orders / "pipeline.derive")
    parquet.fsync_file = _within(parquet.fsync_file, orders / "pipeline.parquet")
    PlanStore.write = _around(PlanStore.write, after=orders / "pipeline.plan")
    Table._commit = _around(Table._commit, before=orders / "pipeline.commit")
    delta_log.fsync_entries = _around(delta_log.fsync_entries, before=orders / "pipeline.committed")
    Table.publish = _around(Table.publish, after=orders / "pipeline.tables")
    query._replace = _around(query._replace, before=orders / "pipeline.refresh")
    lake.link_snapshot = _around(lake.link_snapshot, after=orders / "pipeline.links")
    PlanStore.mark_done = _around(PlanStore.mark_done, after=orders / "pipeline.done")
    backlog.forget = _around(backlog.forget, after=orders / "pipeline.forget")
    lake.prepare = _around(lake.prepare, after=orders / "recovery.mend")
    Table.remove_unnamed = _around(Table.remove_unnamed, after=orders / "recovery.orphans")
    Pipeline._replay = _around(Pipeline._replay, after=orders / "recovery.replay")
    Pipeline._begin = _around(Pipeline._begin, after=orders / "recovery.begin")
    _maintain_often()


def _into_maintenance(orders: Path) -> None:
    from otelpond.storage.lake import compaction, delta_log, maintenance  # noqa: PLC0415 - only in the process that is meant
    from otelpond.storage.lake.delta_table import Table  # noqa: PLC0415

    compaction.FAN_IN = 4
    compaction._write = _around(compaction._write, after=orders / "maintenance.merged")
    delta_log.fsync_entries = _around(delta_log.fsync_entries, before=orders / "maintenance.committed")
    delta_log.fsync_checkpoint = _around(delta_log.fsync_checkpoint, before=orders / "maintenance.checkpoint")
    Table.remove_unnamed = _around(Table.remove_unnamed, after=orders / "maintenance.vacuum")
    maintenance.CHECKPOINT_COMMITS = 4
    _maintain_often()


def _maintain_often() -> None:
    from otelpond.storage.lake import lake  # noqa: PLC0415 - only in the process that is meant

    lake.CHECKPOINT_COMMITS = 4


def _around(function: Callable[..., Any], *, before: Path | None = None, after: Path | None = None) -> Callable[..., Any]:
    """The same function, with a place before or after it."""

    @wraps(function)
    def around(*arguments: Any, **named: Any) -> Any:
        if before is not None and _ordered(before):
            _die()
        result = function(*arguments, **named)
        if after is not None and _ordered(after):
            _die()
        return result

    return around


def _within(function: Callable[..., Any], order: Path, after: Path | None = None) -> Callable[..., Any]:
    """The same function, with a place somewhere within it: the killer comes from another thread."""

    @wraps(function)
    def within(*arguments: Any, **named: Any) -> Any:
        if _ordered(order):
            threading.Thread(target=_die, args=(random.random() * 0.002,), daemon=True).start()
        result = function(*arguments, **named)
        if after is not None and _ordered(after):
            _die()
        return result

    return within


def _ordered(order: Path) -> bool:
    try:
        order.unlink()
    except FileNotFoundError:
        return False
    return True


def _die(delay_s: float = 0.0) -> None:
    time.sleep(delay_s)
    os.kill(os.getpid(), signal.SIGKILL)
