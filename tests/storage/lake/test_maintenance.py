"""Upkeep: rows stay the same while files are merged, days and files go when their time is over, and nothing is lost by a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import deltalake
import polars as pl
import pyarrow as pa
import pytest
from otelpond.storage import connect
from otelpond.storage.addresses import AddressHasher
from otelpond.storage.lake import compaction, delta_log, maintenance
from otelpond.storage.lake.compaction import plan_merges
from otelpond.storage.lake.delta_table import LiveFile, Table
from otelpond.storage.lake.lake import Lake
from otelpond.storage.lake.maintenance import Round, maintain, remove_orphans
from otelpond.storage.schema import TableSchema

Load = Callable[..., dict[str, TableSchema]]
Rows = Callable[..., pa.Table]
Publish = Callable[..., None]
HOUR_MS = 3_600_000


def keep(lake: Lake, *, now: datetime | None = None, cpu_s: float = 1e9, keep_days: dict[str, int] | None = None) -> Round:
    """One round of maintenance, by default without any limit."""
    return maintain(lake, keep_days=keep_days or {}, vacuum_after_h=24, cpu_s=cpu_s, now=now or datetime.now(UTC))


def counts(data: Path) -> tuple[int, int, int]:
    """Rows of `visits` by DuckDB on pond.duckdb, by Polars on live/, by the Delta log."""
    with connect(data) as con:
        (by_duckdb,) = con.execute("select count(*) from visits").fetchone() or (0,)
    by_polars = pl.scan_parquet(data / "live/visits").select(pl.len()).collect().item()
    return by_duckdb, by_polars, deltalake.DeltaTable(str(data / "lake/visits")).to_pyarrow_table().num_rows


def file(day: str, modified_ms: int, *, level: int = 0, size: int = 1000) -> LiveFile:
    """A live file as the planner sees it."""
    name = f"compact-{level}-{modified_ms}-1" if level else f"inbox-{modified_ms}-0-0"
    return LiveFile(f"dt={day}/{name}.parquet", day, size, 1, modified_ms)


def test_sixteen_small_files_become_one_with_the_same_rows(data: Path, lake: Lake, publish: Publish) -> None:
    """All three kinds of readers count the same before and after."""
    for plan in range(16):
        publish(plan, 5)
    lake.refresh()
    before = counts(data)
    done = keep(lake)

    assert (done.merges, done.merged_files) == (1, 16)
    assert before == counts(data) == (80, 80, 80)
    assert len([f for f in lake.tables["visits"].snapshot().files if not f.seed]) == 1
    assert len(list((data / "live/visits/dt=2026-11-20").iterdir())) == 1


def test_merging_keeps_every_value(data: Path, lake: Lake, publish: Publish) -> None:
    """Types, decimals, lists and nulls pass through unchanged."""
    for plan in range(16):
        publish(plan, 2)
    lake.refresh()
    query = "select * from visits order by trace_id"
    with connect(data) as con:
        before = con.execute(query).fetchall()
    keep(lake)

    with connect(data) as con:
        assert before == con.execute(query).fetchall()


def test_a_level_is_merged_when_it_is_full() -> None:
    """Fifteen files wait; sixteen go to the next level; levels do not mix on a day that goes on."""
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    ms = int(now.timestamp() * 1000)
    fresh = [file("2026-11-20", ms + i) for i in range(15)]
    merged = [file("2026-11-20", ms - i, level=1) for i in range(16)]

    assert plan_merges(fresh, now) == []
    assert [(merge.level, len(merge.files)) for merge in plan_merges([*fresh, *merged], now)] == [(2, 16)]


def test_a_day_that_is_over_and_quiet_becomes_one_file() -> None:
    """Whatever the levels; a day that still receives rows is left to the levels."""
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    ms = int(now.timestamp() * 1000)
    quiet = [file("2026-11-18", ms - 7 * HOUR_MS), file("2026-11-18", ms - 8 * HOUR_MS, level=2)]
    busy = [file("2026-11-19", ms - HOUR_MS), file("2026-11-19", ms - 8 * HOUR_MS, level=2)]

    assert [(merge.level, merge.files[0].dt) for merge in plan_merges([*quiet, *busy], now)] == [(3, "2026-11-18")]


def test_merges_end_at_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge takes neighbours up to the target size, and never a file of half the target."""
    monkeypatch.setattr(compaction, "TARGET_BYTES", 4000)
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    ms = int(now.timestamp() * 1000)
    files = [file("2026-11-20", ms + i, size=2000 if i == 3 else 1000) for i in range(17)]

    assert [[f.modified_ms - ms for f in merge.files] for merge in plan_merges(files, now)] == [
        [0, 1, 2, 4],
        [5, 6, 7, 8],
        [9, 10, 11, 12],
        [13, 14, 15, 16],
    ]


def test_larger_files_are_merged_only_when_there_are_too_many() -> None:
    """Under load a file holds enough rows; beyond 200 files a table is merged whatever their size."""
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    ms = int(now.timestamp() * 1000)
    files = [file("2026-11-20", ms + i, size=compaction.SMALL_BYTES) for i in range(201)]

    assert plan_merges(files[:200], now) == []
    assert sum(len(merge.files) for merge in plan_merges(files, now)) > 190


def test_readers_count_the_same_while_files_are_merged(data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema]) -> None:
    """Rounds and publishes run against each other; no reader ever sees a row twice or not at all."""
    for plan in range(16):
        publish(plan, 5)
    lake.refresh()
    wrong: list[tuple[int, ...]] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            with connect(data) as con:
                (count,) = con.execute("select count(*) from visits").fetchone() or (0,)
            names = [path.name for path in (data / "live/visits/dt=2026-11-20").iterdir()]
            linked = 80 if any(name.startswith("compact") for name in names) else 5 * len(names)
            if count % 80 or linked % 80:
                wrong.append((count, linked))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        assert keep(Lake(data, tables, writer=False)).errors == 0
        lake.refresh()
    ended.set()
    reader.join()

    assert wrong == []
    assert counts(data) == (80, 80, 80)


def test_publishing_goes_on_while_files_are_merged(data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema]) -> None:
    """Commits of a merge and of plans meet; each plan is stored once and each merge loses nothing."""
    for plan in range(16):
        publish(plan, 5)

    def merge() -> None:
        for _ in range(3):
            keep(Lake(data, tables, writer=False))

    merging = threading.Thread(target=merge)
    merging.start()
    for plan in range(16, 40):
        publish(plan, 5)
    merging.join()
    lake.refresh()

    assert counts(data) == (200, 200, 200)


def test_two_merges_of_the_same_files_do_not_double_them(data: Path, publish: Publish, tables: dict[str, TableSchema]) -> None:
    """The second one, begun from the same snapshot, is refused and leaves no file."""
    for plan in range(16):
        publish(plan, 5)
    first, second = (Lake(data, tables, writer=False).tables["visits"] for _ in range(2))
    (merge,) = plan_merges(first.snapshot().files, datetime.now(UTC))
    (same,) = plan_merges(second.snapshot().files, datetime.now(UTC))

    assert compaction.compact(first, merge)
    assert not compaction.compact(second, same)
    assert deltalake.DeltaTable(str(data / "lake/visits")).to_pyarrow_table().num_rows == 80
    assert len(list(data.glob("lake/visits/dt=2026-11-20/compact-*"))) == 1


def test_a_merged_file_is_durable_before_its_commit(lake: Lake, publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that survives a power loss never names a file that did not."""
    for plan in range(16):
        publish(plan)
    steps: list[str] = []
    fsync, commit = os.fsync, deltalake.DeltaTable.create_write_transaction

    def record_fsync(descriptor: int) -> None:
        steps.append(Path(f"/proc/self/fd/{descriptor}").readlink().name.split("-")[0])
        fsync(descriptor)

    def record_commit(*args: object, **kwargs: object) -> None:
        steps.append("commit")
        commit(*args, **kwargs)

    for call in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, call, record_fsync)
    monkeypatch.setattr(deltalake.DeltaTable, "create_write_transaction", record_commit)
    (merge,) = plan_merges(lake.tables["visits"].snapshot().files, datetime.now(UTC))
    compaction.compact(lake.tables["visits"], merge)

    assert steps[:3] == ["compact", "dt=2026", "commit"]
    assert steps[3] == f"{lake.tables['visits'].delta.version():020d}.json"


def test_a_merge_that_is_killed_leaves_the_old_files(data: Path, lake: Lake, publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the commit nothing has changed; the half-written file goes in the next round."""
    for plan in range(16):
        publish(plan, 5)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(compaction.Table, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            keep(lake)
    lake.refresh()
    assert counts(data) == (80, 80, 80)

    keep(lake)
    assert counts(data) == (80, 80, 80)
    assert len(list(data.glob("lake/visits/dt=2026-11-20/compact-*"))) == 1


def test_files_that_left_are_kept_for_a_day(data: Path, lake: Lake, publish: Publish) -> None:
    """Who reads an older snapshot can go on for 24 hours; then the files are gone."""
    for plan in range(16):
        publish(plan)
    lake.refresh()
    with connect(data) as old:
        keep(lake)
        assert old.execute("select count(*) from visits").fetchone() == (48,)
    entry = max(data.glob("lake/visits/_delta_log/*.json"))
    day_ago_ms = int((datetime.now(UTC) - timedelta(hours=25)).timestamp() * 1000)
    lines = [json.loads(line) for line in entry.read_text().splitlines()]
    for line in lines:
        if "remove" in line:
            line["remove"]["deletionTimestamp"] = day_ago_ms
    entry.write_text("\n".join(map(json.dumps, lines)))
    done = keep(Lake(data, lake.schemas))

    assert done.vacuumed_files == 16
    assert counts(data) == (48, 48, 48)
    assert len(list(data.glob("lake/visits/dt=2026-11-20/*"))) == 1


def test_files_of_open_plans_are_left_alone(data: Path, lake: Lake, publish: Publish, rows: Rows) -> None:
    """A vacuum removes neither what is being written nor what was written a moment ago."""
    publish(0)
    batch = lake.open_batch("inbox", 1, 0)
    batch.append("visits", rows(3, first=1000))
    keep(lake)
    lake.publish(batch.close(), "inbox", 1)
    lake.refresh()

    assert counts(data) == (6, 6, 6)


def test_files_of_dead_attempts_are_removed_at_start(data: Path, lake: Lake, publish: Publish, rows: Rows) -> None:
    """Those of the stream's unpublished attempts only: not live files, not merged ones, not another stream's."""
    publish(0)
    for stream in ("inbox", "inbox-2"):
        batch = lake.open_batch(stream, 1, 0)
        batch.append("visits", rows())
        batch.close()

    assert remove_orphans(lake, "inbox") == 1
    names = {path.name for path in data.glob("lake/visits/dt=2026-11-20/*")}
    assert names == {"inbox-0-0-0.parquet", "inbox-2-1-0-0.parquet"}


def test_old_days_are_dropped(data: Path, lake: Lake, publish: Publish) -> None:
    """By the table's own number of days; a table that nobody named keeps everything."""
    publish(0, days=["2026-08-01", "2026-11-19", "2026-11-20"])
    lake.refresh()
    now = datetime(2026, 11, 20, tzinfo=UTC)

    assert keep(lake, now=now, keep_days={"signals": 1}).dropped_files == 0
    assert keep(lake, now=now, keep_days={"visits": 90}).dropped_files == 1
    assert counts(data) == (2, 2, 2)
    assert sorted(path.name for path in (data / "live/visits").iterdir()) == ["dt=1970-01-01", "dt=2026-11-19", "dt=2026-11-20"]


def test_the_log_is_summed_up_every_twenty_commits(data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema]) -> None:
    """A checkpoint is durable before entries go, and a new process reads the same table from it."""
    for plan in range(20):
        publish(plan)
    log = data / "lake/visits/_delta_log"
    hours_ago = (datetime.now(UTC) - timedelta(hours=2)).timestamp()
    for entry in log.glob("*.json"):
        os.utime(entry, (hours_ago, hours_ago))
    assert lake.maintenance_due()
    done = keep(lake)

    assert (done.checkpoints, lake.maintenance_due()) == (1, False)
    assert delta_log.last_checkpoint(log) >= 20
    assert len(list(log.glob("*.json"))) < 5
    assert Lake(data, tables).committed("visits", "inbox") == 19
    assert deltalake.DeltaTable(str(data / "lake/visits")).to_pyarrow_table().num_rows == 60


def test_an_idle_writer_finds_its_way_after_the_log_was_cleaned(
    data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema]
) -> None:
    """A process that last looked before the entries went sees the newest version and can publish."""
    idle = Lake(data, tables)
    test_the_log_is_summed_up_every_twenty_commits(data, lake, publish, tables)

    assert idle.committed("visits", "inbox") == 19


def test_the_old_seed_goes_when_no_file_lacks_a_column(data: Path, publish: Publish, load: Load, visits_sql: str) -> None:
    """After the files of the older release were merged, views need not look into every file for its columns."""
    for plan in range(16):
        publish(plan)
    newer = visits_sql.replace("  dt date", "  referrer varchar,\n  dt date") + "comment on column visits.referrer is 'from where';\n"
    lake = Lake(data, load(visits=newer))
    assert lake.tables["visits"].snapshot().mixed
    keep(lake)
    keep(lake)

    assert not lake.tables["visits"].snapshot().mixed
    assert counts(data) == (48, 48, 48)


def test_a_damaged_file_is_told_and_harms_no_other(data: Path, lake: Lake, publish: Publish, caplog: pytest.LogCaptureFixture) -> None:
    """The message names the file and the remedy; other days are merged."""
    for plan in range(16):
        publish(plan, 2, days=["2026-11-19", "2026-11-20"])
    damaged = data / "lake/visits/dt=2026-11-19/inbox-3-0-0.parquet"
    damaged.write_bytes(b"PAR1 and nothing else")
    done = keep(lake, now=datetime(2026, 11, 19, tzinfo=UTC))

    assert (done.errors, done.merges) == (1, 1)
    assert str(damaged) in caplog.text
    assert "backup" in caplog.text


def test_the_budget_ends_a_round(lake: Lake, publish: Publish) -> None:
    """No further merge is begun once the CPU time is used up."""
    for plan in range(16):
        publish(plan)

    assert keep(lake, cpu_s=0).merges == 0


def test_a_round_as_a_child_process(data: Path, lake: Lake, publish: Publish, tmp_path: Path) -> None:
    """It ends with one line of JSON; a second one at the same time leaves at once."""
    own = tmp_path / "sql"
    publish(0)
    Lake(data, {**lake.schemas, **_documented()}).refresh()
    command = [sys.executable, "-m", "otelpond.storage.lake.maintenance", str(data), "--tables", str(own), "--keep-days", "visits=30000"]

    result = subprocess.run(command, capture_output=True, text=True, check=True)

    assert json.loads(result.stdout)["errors"] == 0


def _documented() -> dict[str, TableSchema]:
    from otelpond.storage.schema import load_tables  # noqa: PLC0415 - parses every table

    return load_tables()


def test_a_clock_a_year_ahead_drops_no_day(data: Path, lake: Lake, publish: Publish) -> None:
    """Not in its first round, and not in the later ones of that day."""
    publish(0, days=["2026-11-19", "2026-11-20", "2026-11-20"])
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    keep(lake, now=now, keep_days={"visits": 90})
    dropped = [keep(lake, now=now + timedelta(days=365, hours=hour), keep_days={"visits": 90}).dropped_files for hour in range(3)]

    assert [0, 0, 0] == dropped
    lake.refresh()
    assert counts(data) == (3, 3, 3)


def test_keys_of_addresses_are_forgotten_after_yesterday(data: Path, lake: Lake) -> None:
    """As the pond's hasher keeps them; a clock a year ahead forgets none of them."""
    hasher, now = AddressHasher(data / "keys"), datetime(2026, 11, 20, 12, tzinfo=UTC)
    for day in range(4):
        hasher("192.0.2.7", int((now - timedelta(days=day)).timestamp()) * 1_000_000_000)
    keep(lake, now=now)
    keep(lake, now=now + timedelta(days=365))

    assert ["2026-11-19.key", "2026-11-20.key"] == sorted(path.name for path in (data / "keys").iterdir())


def test_keys_that_cannot_be_removed_harm_no_table(data: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are tried again an hour later; the round goes on."""
    AddressHasher(data / "keys")("192.0.2.7", 1)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("otelpond.storage.lake.maintenance.forget_keys", refuse)

    assert keep(lake).errors == 1


def test_an_error_of_arrow_in_one_merge_harms_no_other(
    lake: Lake, publish: Publish, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as rows that cannot be written: it is told, and the round goes on."""
    for plan in range(32):
        publish(plan, days=["2026-11-19" if plan % 2 else "2026-11-20"] * 3)
    compact, failures = compaction.compact, iter([pa.ArrowInvalid("no such column can be written")])

    def unlucky(table: Table, merge: compaction.Merge) -> bool:
        if (failure := next(failures, None)) is not None:
            raise failure
        return compact(table, merge)

    monkeypatch.setattr(maintenance, "compact", unlucky)
    done = keep(lake, now=datetime(2026, 11, 20, 12, tzinfo=UTC))

    assert (1, 1, True) == (done.errors, done.merges, done.checkpoints > 0)
    assert "no such column can be written" in caplog.text
