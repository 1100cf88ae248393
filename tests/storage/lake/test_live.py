"""live/: hard links to exactly the live files, healed whatever was left there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from otelpond.storage import connect
from otelpond.storage.lake import live
from otelpond.storage.lake.lake import Lake

Publish = Callable[..., None]
DAY = "visits/dt=2026-11-20"


def links(data: Path) -> set[str]:
    """What live/ shows, without the seeds."""
    return {path.name for path in (data / "live" / DAY).glob("*")}


def test_a_publish_adds_links_to_the_same_files(data: Path, lake: Lake, publish: Publish) -> None:
    """No byte is stored twice: link and file are one inode; a plain reader sees every row and its day."""
    publish(0)
    lake.refresh()
    publish(1)
    lake.refresh()

    assert links(data) == {"inbox-0-0-0.parquet", "inbox-1-0-0.parquet"}
    assert (data / "live" / DAY / "inbox-0-0-0.parquet").samefile(data / "lake" / DAY / "inbox-0-0-0.parquet")
    frame = pl.scan_parquet(data / "live/visits", hive_partitioning=True).collect()
    assert (6, {"2026-11-20"}) == (frame.height, {str(day) for day in frame["dt"]})


def test_an_empty_table_can_be_read(data: Path, lake: Lake) -> None:
    """Before the first row a plain reader finds the columns."""
    lake.refresh()

    assert pl.read_parquet(data / "live/visits/**/*.parquet").columns[:2] == ["trace_id", "page"]


def test_what_a_crash_left_is_put_right(data: Path, lake: Lake, publish: Publish) -> None:
    """Foreign files, missing links, days that are no more and half-done exchanges end as the snapshot says."""
    publish(0)
    publish(1)
    lake.refresh()
    (data / "live" / DAY / "inbox-1-0-0.parquet").unlink()
    (data / "live" / DAY / "dropped.parquet").touch()
    (data / "live/visits/dt=2020-01-01").mkdir()
    (data / "live/.staging/visits/dt=2026-11-20").mkdir(parents=True)
    lake.refresh()

    assert links(data) == {"inbox-0-0-0.parquet", "inbox-1-0-0.parquet"}
    assert sorted(path.name for path in (data / "live/visits").iterdir()) == ["dt=1970-01-01", "dt=2026-11-20"]
    assert list((data / "live/.staging").iterdir()) == []


def test_a_lost_file_is_told_and_stops_nothing(data: Path, lake: Lake, publish: Publish, caplog: pytest.LogCaptureFixture) -> None:
    """The message names the file and the remedy; what was published after it is shown."""
    publish(0)
    publish(1)
    lost = data / "lake" / DAY / "inbox-0-0-0.parquet"
    lost.unlink()
    lake.refresh()

    assert links(data) == {"inbox-1-0-0.parquet"}
    assert f"{lost} is gone and its rows with it: restore this file from a backup" in caplog.text
    with connect(data) as con:
        assert con.execute("select count(*) from visits").fetchone() == (3,)


@pytest.mark.parametrize("in_one_step", [True, False])
def test_folders_are_exchanged(in_one_step: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one step where the system can, else in two: the contents have changed places."""
    if not in_one_step:
        monkeypatch.setattr(live, "_exchange_in_one_step", lambda *_: False)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()

    live.exchange(tmp_path / "first", tmp_path / "second")

    assert (tmp_path / "first/second").exists()
    assert (tmp_path / "second/first").exists()


def test_without_hard_links_symbolic_ones_serve(data: Path, lake: Lake, publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system that has no hard links."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(live.os, "link", refuse)
    publish(0)
    lake.refresh()

    assert pl.scan_parquet(data / "live/visits").collect().height == 3
    assert (data / "live" / DAY / "inbox-0-0-0.parquet").is_symlink()
