"""Publishing: exactly once whatever is killed, durable before it is reported, and a lake of an older release goes on."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import deltalake
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from otelpond.storage.lake import delta_log, delta_table, files
from otelpond.storage.lake.files import split_by_day
from otelpond.storage.lake.lake import Lake
from otelpond.storage.lake.maintenance import remove_orphans
from otelpond.storage.lake.parquet import FileWriter, LakeError
from otelpond.storage.query import connect
from otelpond.storage.schema import TableSchema

Load = Callable[..., dict[str, TableSchema]]
Rows = Callable[..., pa.Table]
Publish = Callable[..., None]


def power_loss(lake: Lake) -> None:
    """Have the lake's process gone, so that the next one has it alone."""
    lake._presence.close()


def count(data: Path) -> int:
    """Rows of `visits` by the Delta log."""
    return int(deltalake.DeltaTable(str(data / "lake/visits")).to_pyarrow_table().num_rows)


def test_a_published_plan_is_in_its_table(data: Path, lake: Lake, publish: Publish) -> None:
    """Rows of two plans are there, and each stream has its own number."""
    publish(0)
    publish(1)

    assert count(data) == 6
    assert lake.committed("visits", "inbox") == 1
    assert lake.committed("visits", "another") == -1


def test_a_replayed_plan_is_stored_once(data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema]) -> None:
    """A second attempt at the same plan adds nothing and leaves no file, in this process and in the next one."""
    publish(0)
    publish(0, attempt=1)
    again = Lake(data, tables).open_batch("inbox", 0, 2)
    again.append("visits", lake.tables["visits"].schema.arrow.empty_table())
    lake.publish(again.close(), "inbox", 0)

    assert count(data) == 3
    assert [path.name for path in data.glob("lake/visits/dt=2026*/*")] == ["inbox-0-0-0.parquet"]


def test_publishing_the_same_files_again_keeps_them(data: Path, lake: Lake, rows: Rows) -> None:
    """Where a later table failed, the caller publishes all of it again: what was committed the first time stays."""
    batch = lake.open_batch("inbox", 0, 0)
    batch.append("visits", rows())
    written = batch.close()
    lake.publish(written, "inbox", 0)
    lake.publish(written, "inbox", 0)

    assert count(data) == 3


def test_two_writers_may_publish_at_once(data: Path, lake: Lake, tables: dict[str, TableSchema], rows: Rows) -> None:
    """Two streams commit to one table from two threads, each plan once."""

    def run(stream: str) -> None:
        own = Lake(data, tables)
        for plan in range(8):
            batch = own.open_batch(stream, plan, 0)
            batch.append("visits", rows(1))
            own.publish(batch.close(), stream, plan)

    threads = [threading.Thread(target=run, args=(stream,)) for stream in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert count(data) == 16
    assert (lake.committed("visits", "one"), lake.committed("visits", "two")) == (7, 7)


def test_behind_a_checkpoint_a_table_is_opened_anew(data: Path, lake: Lake, tables: dict[str, TableSchema], publish: Publish) -> None:
    """And only there: delta-rs keeps memory for every commit that it has followed, and next to none for what a checkpoint sums up."""
    table = lake.tables["visits"]
    publish(0)
    followed = table.delta
    publish(1)
    assert followed is table.delta
    Lake(data, tables, writer=False).tables["visits"].checkpoint()
    publish(2)
    assert followed is not table.delta
    opened = table.delta
    publish(3)
    assert (opened, 12, 3) == (table.delta, count(data), lake.committed("visits", "inbox"))


def test_rows_go_to_the_folder_of_their_day(data: Path, publish: Publish) -> None:
    """One file per day, dt in the path only, and each batch a row group."""
    publish(0, 4, days=["2026-11-20", "2026-11-20", "2026-11-19", "2026-11-20"])

    files = {path.parent.name: pq.ParquetFile(path) for path in data.glob("lake/visits/dt=2026*/*.parquet")}
    assert {name: file.metadata.num_rows for name, file in files.items()} == {"dt=2026-11-19": 1, "dt=2026-11-20": 3}
    assert "dt" not in files["dt=2026-11-20"].schema_arrow.names
    assert files["dt=2026-11-20"].schema_arrow.field("trace_id").type == pa.string()


def test_rows_around_midnight_are_split(rows: Rows) -> None:
    """Rows that change their day all the time are sorted out like those that come in runs."""
    days = ["2026-11-20", "2026-11-21"] * 100

    parts = dict(split_by_day(rows(200, days=days)))

    assert {day: len(part) for day, part in parts.items()} == {"2026-11-20": 100, "2026-11-21": 100}
    assert parts["2026-11-21"].column("trace_id")[0].as_py() == f"{1:032x}"


def test_a_batch_may_lack_a_column_and_change_its_kind_of_strings(data: Path, lake: Lake, rows: Rows) -> None:
    """A row group of plain strings follows one of string views; a missing column is null."""
    batch = lake.open_batch("inbox", 0, 0)
    batch.append("visits", rows(2))
    batch.append("visits", rows(2).drop_columns(["page"]).cast(lake.schemas["visits"].arrow.remove(1)))
    lake.publish(batch.close(), "inbox", 0)

    table = deltalake.DeltaTable(str(data / "lake/visits")).to_pyarrow_table()
    assert table.column("page").to_pylist() == ["/pages/0", "/pages/1", None, None]


def test_a_name_is_never_used_twice(lake: Lake, rows: Rows) -> None:
    """The same stream, plan and attempt again is refused: the first file may be published."""
    lake.open_batch("inbox", 0, 0).append("visits", rows())

    with pytest.raises(FileExistsError):
        lake.open_batch("inbox", 0, 0).append("visits", rows())


def test_an_abandoned_batch_leaves_nothing(data: Path, lake: Lake, rows: Rows) -> None:
    """Its files are gone."""
    batch = lake.open_batch("inbox", 0, 0)
    batch.append("visits", rows())
    assert batch.bytes > 0
    batch.abandon()

    assert list(data.glob("lake/visits/dt=2026*/*")) == []


def test_everything_is_fsynced_in_order(lake: Lake, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data file and its folders before the commit, the log entry and its folder after it, before publish returns."""
    steps: list[str] = []
    fsync, commit = os.fsync, deltalake.DeltaTable.create_write_transaction

    def record_fsync(descriptor: int) -> None:
        steps.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def record_commit(*args: object, **kwargs: object) -> None:
        steps.append("commit")
        commit(*args, **kwargs)

    for call in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, call, record_fsync)
    monkeypatch.setattr(deltalake.DeltaTable, "create_write_transaction", record_commit)
    batch = lake.open_batch("inbox", 0, 0)
    batch.append("visits", rows())
    lake.publish(batch.close(), "inbox", 0)

    at = steps.index("commit")
    assert steps[:at] == ["visits", "inbox-0-0-0.parquet", "dt=2026-11-20"]
    assert steps[at + 1 :][:2] == ["00000000000000000002.json", "_delta_log"]


def test_a_commit_that_was_not_made_durable_is_by_its_replay(lake: Lake, publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dying between commit and fsync: the replay finds the entry, makes it durable, and adds nothing."""
    synced: list[tuple[int, ...]] = []

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(delta_table.delta_log, "fsync_entries", die)
        with pytest.raises(KeyboardInterrupt):
            publish(0)
    monkeypatch.setattr(delta_table.delta_log, "fsync_entries", lambda _, *versions: synced.append(versions))
    publish(0, attempt=1)

    assert synced == [(2, 2)]
    assert lake.committed("visits", "inbox") == 0


STEPS = ["FileWriter.append", "FileWriter.close", "Table._commit", "delta_log.fsync_entries", "Lake.refresh"]

PUBLISHER = """
import os, signal, sys
from pathlib import Path
from otelpond.storage.lake import delta_log, delta_table, lake, parquet
from otelpond.storage.schema import load_tables
data, sql, step = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
owner, name = step.split(".")
where = {"FileWriter": parquet.FileWriter, "Table": delta_table.Table, "delta_log": delta_log, "Lake": lake.Lake}[owner]
pond = lake.Lake(data, load_tables([sql]))
inner = getattr(where, name)
if sys.argv[4] == "kill":
    def dying(*args, **kwargs):
        if sys.argv[5] == "after":
            inner(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(where, name, dying)
from datetime import date, datetime, UTC
import pyarrow as pa
now = datetime.now(UTC)
rows = pa.table({"trace_id": ["a", "b"], "visited_at": pa.array([now] * 2, pa.timestamp("us", "UTC")),
    "dt": pa.array([date(2026, 11, 20)] * 2), "ingested_at": pa.array([now] * 2, pa.timestamp("us", "UTC")), "tenant_id": ["t", "t"]})
batch = pond.open_batch("inbox", 0, int(sys.argv[6]))
batch.append("visits", rows)
pond.publish(batch.close(), "inbox", 0)
pond.refresh()
"""


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_step_and_replayed_is_stored_once(step: str, moment: str, data: Path, lake: Lake, tmp_path: Path) -> None:
    """SIGKILL before or after each step; the next process replays the plan, and each row is there once."""
    command = [sys.executable, "-c", PUBLISHER, str(data), str(tmp_path / "sql"), step]

    killed = subprocess.run([*command, "kill", moment, "0"], check=False)
    subprocess.run([*command, "live", moment, "1"], check=True)

    assert killed.returncode == -signal.SIGKILL
    assert count(data) == 2
    assert len(list((data / "live/visits/dt=2026-11-20").iterdir())) == 1
    assert lake.committed("visits", "inbox") == 0


@pytest.mark.parametrize("left", [b"", b"\0" * 200, b'{"add":{"pa'])
def test_an_entry_that_a_power_loss_cut_off_is_published_again(
    left: bytes, data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema], *, rows: Rows
) -> None:
    """The torn last entry is put aside; its plan counts as not committed, and its replay is stored once."""
    publish(0)
    publish(1)
    power_loss(lake)
    (data / "lake/visits/_delta_log/00000000000000000003.json").write_bytes(left)

    again = Lake(data, tables)
    assert again.committed("visits", "inbox") == 0
    batch = again.open_batch("inbox", 1, 1)
    batch.append("visits", rows(3))
    again.publish(batch.close(), "inbox", 1)

    assert count(data) == 6


def test_a_checkpoint_that_a_power_loss_cut_off_is_not_needed(
    data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema]
) -> None:
    """The entries that it sums up are still there, and are read instead."""
    publish(0)
    lake.tables["visits"].checkpoint()
    power_loss(lake)
    checkpoint = next(data.glob("lake/visits/_delta_log/*.checkpoint.parquet"))
    checkpoint.write_bytes(checkpoint.read_bytes()[:200])

    assert Lake(data, tables).committed("visits", "inbox") == 0


def test_a_damaged_entry_in_the_middle_is_told_by_name(data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema]) -> None:
    """No power loss does that: the error names the file and what to do."""
    for plan in range(6):
        publish(plan)
    power_loss(lake)
    entry = data / "lake/visits/_delta_log/00000000000000000002.json"
    entry.write_bytes(b'{"add":')

    with pytest.raises(LakeError, match=r"visits.*00000000000000000002\.json is damaged.*backup"):
        Lake(data, tables)


def test_a_damaged_first_entry_is_told_by_name_however_few_follow_it(
    data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema]
) -> None:
    """It is durable before there is a second: taken for torn, the table would be made anew, and empty."""
    publish(0)
    power_loss(lake)
    entry = data / "lake/visits/_delta_log/00000000000000000000.json"
    entry.write_bytes(b"garbage" * 20)

    with pytest.raises(LakeError, match=r"visits.*00000000000000000000\.json is damaged.*backup"):
        Lake(data, tables)
    assert entry.exists()


@pytest.mark.parametrize("writer", [True, False], ids=["import", "maintenance"])
def test_who_is_not_alone_mends_nothing(data: Path, tables: dict[str, TableSchema], publish: Publish, lake: Lake, *, writer: bool) -> None:
    """What looks torn to it may be what another process is about to write, or a folder's listing that leaves a file out."""
    log = data / "lake/visits/_delta_log"
    publish(0)
    power_loss(lake)
    other = Lake(data, tables, writer=writer)
    (log / delta_log.entry(3)).write_bytes(b"{")
    with pytest.raises(LakeError, match="is damaged"):
        Lake(data, tables)
    assert (log / delta_log.entry(3)).exists()
    power_loss(other)

    assert 0 == Lake(data, tables).committed("visits", "inbox")


def test_a_checkpoint_that_cannot_be_read_now_is_not_removed(
    data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system without descriptors says nothing of the file; the entries it sums up may be gone."""
    publish(0)
    lake.tables["visits"].checkpoint()
    power_loss(lake)
    with monkeypatch.context() as patch:
        patch.setattr(pq, "read_metadata", lambda _: (_ for _ in ()).throw(OSError(errno.EMFILE, "Too many open files")))
        with pytest.raises(OSError, match="Too many"):
            Lake(data, tables)

    assert [True] == [delta_log.readable(path) for path in data.glob("lake/visits/_delta_log/*.checkpoint.parquet")]


def test_a_table_of_an_older_release_gains_columns(data: Path, publish: Publish, load: Load, visits_sql: str, rows: Rows) -> None:
    """Old rows show NULL, new rows their value; the files of both are live."""
    publish(0)
    newer = visits_sql.replace("  dt date", "  referrer varchar,\n  dt date") + "comment on column visits.referrer is 'from where';\n"
    lake = Lake(data, load(visits=newer))
    batch = lake.open_batch("inbox", 1, 0)
    batch.append("visits", rows(1).append_column("referrer", pa.array(["there"])))
    lake.publish(batch.close(), "inbox", 1)

    table = deltalake.DeltaTable(str(data / "lake/visits")).to_pyarrow_table()
    assert sorted(table.column("referrer").to_pylist(), key=str) == [None, None, None, "there"]
    assert lake.tables["visits"].snapshot().mixed


def test_a_column_keeps_its_type(data: Path, lake: Lake, load: Load, visits_sql: str) -> None:
    """A table whose column would change its type is refused, with both types and the remedy."""
    assert lake.tables.keys() == {"visits"}

    with pytest.raises(LakeError, match=r"column page is .*string.* and .*long.*another name"):
        Lake(data, load(visits=visits_sql.replace("page varchar", "page bigint")))


def test_a_lake_of_a_newer_release_is_refused(data: Path, lake: Lake) -> None:
    """By name: somebody went back to an older release."""
    (data / "lake/layout.json").write_text(json.dumps({"layout": 99}))

    with pytest.raises(LakeError, match=r"newer release.*layout 99.*upgrade"):
        Lake(data, lake.schemas)


def test_a_full_disk_leaves_no_half_published_plan(data: Path, lake: Lake, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be ended is no part of any table, and a later attempt stores the plan."""
    batch = lake.open_batch("inbox", 0, 0)
    batch.append("visits", rows())
    with monkeypatch.context() as patch:
        patch.setattr(FileWriter, "close", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            batch.close()
    batch.abandon()

    assert count(data) == 0


def test_the_log_of_a_missing_table_is_no_error(tmp_path: Path) -> None:
    """Mending a lake that has no such table yet does nothing."""
    delta_log.mend(tmp_path / "_delta_log")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_the_system_calls_show_the_order(data: Path, lake: Lake, tmp_path: Path) -> None:
    """By strace: the data file is fsynced before its entry gets its name, and the entry is fsynced before the process ends."""
    assert lake.tables.keys() == {"visits"}
    trace = tmp_path / "trace"
    command = [sys.executable, "-c", PUBLISHER, str(data), str(tmp_path / "sql"), "Lake.refresh", "live", "-", "0"]
    traced = ["strace", "-f", "-y", "-qq", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat", "-o", str(trace), *command]
    subprocess.run(traced, check=True)

    lines = trace.read_text().splitlines()
    entry = "00000000000000000002.json"
    named = next(i for i, line in enumerate(lines) if entry in line and ("rename" in line or "link" in line))
    synced = [i for i, line in enumerate(lines) if "sync(" in line and "inbox-0-0-0.parquet" in line]
    durable = [i for i, line in enumerate(lines) if "sync(" in line and entry in line]
    assert synced
    assert synced[0] < named < durable[0]


def test_entries_that_a_clean_up_left_behind_do_not_cost_the_newest(
    data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema]
) -> None:
    """A power loss may undo the removal of any entry that a checkpoint sums up: what was published after it stays published."""
    log = data / "lake/visits/_delta_log"
    for plan in range(3):
        publish(plan)
    kept = (log / delta_log.entry(1)).read_bytes()
    lake.tables["visits"].checkpoint()
    publish(3)
    power_loss(lake)
    for version, path in delta_log.entries(log)[:-1]:
        assert version < 5
        path.unlink()
    (log / delta_log.entry(1)).write_bytes(kept)

    assert 3 == Lake(data, tables).committed("visits", "inbox")
    assert 12 == count(data)


def test_an_entry_behind_a_lost_one_is_put_aside(data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema]) -> None:
    """Right behind a checkpoint too: neither was promised, and both are published again."""
    log = data / "lake/visits/_delta_log"
    publish(0)
    lake.tables["visits"].checkpoint()
    publish(1)
    publish(2)
    power_loss(lake)
    (log / delta_log.entry(3)).unlink()

    assert 0 == Lake(data, tables).committed("visits", "inbox")
    assert (log / f"{delta_log.entry(4)}.torn").exists()


def test_a_damaged_checkpoint_costs_no_entry(data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema]) -> None:
    """Where the entries that it summed up are gone no power loss did that: it is told by name, and everything else is left as it is."""
    log = data / "lake/visits/_delta_log"
    publish(0)
    lake.tables["visits"].checkpoint()
    publish(1)
    power_loss(lake)
    for _, path in delta_log.entries(log)[:-1]:
        path.unlink()
    checkpoint = next(log.glob("*.checkpoint.parquet"))
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])

    with pytest.raises(LakeError, match=r"visits.*checkpoint\.parquet is damaged.*backup"):
        Lake(data, tables)
    assert [3] == [version for version, _ in delta_log.entries(log)]


@pytest.mark.parametrize("restarted", [False, True])
def test_an_entry_whose_fsync_failed_is_written_anew(
    data: Path, lake: Lake, rows: Rows, tables: dict[str, TableSchema], monkeypatch: pytest.MonkeyPatch, *, restarted: bool
) -> None:
    """The system tells such an error once and then takes the lost pages for written: by the next process too."""
    entry = data / "lake/visits/_delta_log" / delta_log.entry(2)
    failing = True
    fsync_entries = delta_log.fsync_entries

    def fail(log: Path, first: int, last: int) -> None:
        if failing and last >= 2:
            raise OSError(errno.EIO, "Input/output error")
        fsync_entries(log, first, last)

    monkeypatch.setattr(delta_log, "fsync_entries", fail)
    batch = lake.open_batch("inbox", 0, 0)
    batch.append("visits", rows(3))
    written = batch.close()
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output error"):
            lake.publish(written, "inbox", 0)
    before = entry.stat().st_ino
    failing = False
    if restarted:
        lake = Lake(data, tables)
    lake.publish(written, "inbox", 0)

    assert before != entry.stat().st_ino, "the entry was not written anew"
    assert 3 == count(data)
    assert not [path for path in entry.parent.iterdir() if path.name == delta_log.UNDURABLE and restarted]


def test_a_file_that_is_gone_is_not_named(lake: Lake, rows: Rows) -> None:
    """A vacuum of a clock that jumped ahead took it: the publish fails before the commit, and its plan is written again."""
    batch = lake.open_batch("inbox", 0, 0)
    batch.append("visits", rows(3))
    written = batch.close()
    (lake.folder / "visits" / written.files["visits"][0].path).unlink()

    with pytest.raises(LakeError, match="was removed before it was published"):
        lake.publish(written, "inbox", 0)
    assert -1 == lake.committed("visits", "inbox")


def test_a_damaged_seed_is_replaced(data: Path, lake: Lake, publish: Publish, tables: dict[str, TableSchema]) -> None:
    """It holds no row: another one shows the columns, and nothing is lost."""
    publish(0)
    (seed,) = data.glob("lake/visits/dt=1970-01-01/*.parquet")
    seed.write_bytes(seed.read_bytes()[:-10])
    Lake(data, tables).refresh()

    assert seed.name not in {Path(file.path).name for file in lake.tables["visits"].snapshot().files}
    with connect(data) as con:
        assert (3,) == con.execute("select count(*) from visits").fetchone()


def test_a_parquet_file_that_cannot_be_read_is_told_and_keeps_no_view_from_being_written(
    data: Path, publish: Publish, load: Load, visits_sql: str, *, rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a view has to look into every file, a damaged one is left out, and named with the remedy."""
    publish(0)
    publish(1)
    damaged = min(data.glob("lake/visits/dt=2026*/*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-10])
    wider_sql = visits_sql.replace("  page varchar,", "  page varchar,\n  colour varchar,")
    wider = Lake(data, load(visits=f"{wider_sql}comment on column visits.colour is 'of the page';\n"))
    batch = wider.open_batch("inbox", 2, 0)
    batch.append("visits", rows(3, first=2000))
    wider.publish(batch.close(), "inbox", 2)
    wider.refresh()

    assert f"{damaged} is damaged" in caplog.text
    assert "restore this file from a backup" in caplog.text
    with connect(data) as con:
        assert (6,) == con.execute("select count(*) from visits").fetchone()


def test_a_query_over_a_damaged_file_names_it_and_other_tables_are_served(data: Path, load: Load, visits_sql: str, rows: Rows) -> None:
    """The reader's own error says which file it is."""
    other = visits_sql.replace("visits", "calls")
    lake = Lake(data, load(visits=visits_sql, calls=other))
    batch = lake.open_batch("inbox", 0, 0)
    batch.append("visits", rows(3))
    batch.append("calls", rows(3))
    lake.publish(batch.close(), "inbox", 0)
    lake.refresh()
    (damaged,) = data.glob("lake/visits/dt=2026*/*.parquet")
    damaged.write_bytes(damaged.read_bytes()[:-10])

    with connect(data) as con:
        with pytest.raises(duckdb.Error, match=re.escape(damaged.name)):
            con.execute("select count(distinct page) from visits").fetchone()
        assert (3,) == con.execute("select count(trace_id) from calls").fetchone()


def test_a_file_is_given_up_on_a_disk_that_allows_nothing(lake: Lake, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error that made it necessary is the one that is told; the next start removes what is left."""
    batch = lake.open_batch("inbox", 0, 0)
    batch.append("visits", rows(3))

    def refuse(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", refuse)
        broken.setattr(pq.ParquetWriter, "close", refuse)
        batch.abandon()
    assert 1 == remove_orphans(lake, "inbox")


def test_rows_of_more_days_than_files_may_be_open_are_written_all_the_same(
    data: Path, lake: Lake, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some days get several files; given up, none of them stays."""
    monkeypatch.setattr(files, "MOST_OPEN", 4)
    days = [str(date(2026, 9, 1) + timedelta(days=number)) for number in range(60)]

    def written(plan: int) -> files.OpenFiles:
        batch = lake.open_batch("inbox", plan, 0)
        before = len(list(Path("/dev/fd").iterdir()))
        for _ in range(2):
            batch.append("visits", rows(60, days=days))
        assert len(list(Path("/dev/fd").iterdir())) - before <= 4
        return batch

    written(0).abandon()
    assert [] == list((data / "lake/visits").glob("dt=2026-*/*"))
    batch = written(1)
    size = batch.bytes
    lake.publish(batch.close(), "inbox", 1)
    assert 120 == count(data)
    assert size > 0
    assert set(days) == {file.dt for file in lake.tables["visits"].snapshot().files if not file.seed}
