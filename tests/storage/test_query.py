"""pond.duckdb and connect: documented types and comments over exactly the live files, replaced and never changed."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest
from otelpond.storage import connect, query
from otelpond.storage.events.catalogue import Catalogue, load_catalogue
from otelpond.storage.events.typed_views import with_event_views
from otelpond.storage.lake.lake import Lake
from otelpond.storage.query import PondNotFoundError
from otelpond.storage.schema import TableSchema, load_tables
from pyarrow import parquet

Load = Callable[..., dict[str, TableSchema]]
Rows = Callable[..., pa.Table]
Publish = Callable[..., None]


def test_connect_shows_the_documented_types(data: Path, lake: Lake, publish: Publish) -> None:
    """Strings in files are UUID and JSON in the view, generated columns are there, in the documented order."""
    publish(0)
    lake.refresh()

    with connect(data) as con:
        assert dict(row[:2] for row in con.execute("describe visits").fetchall()) == {
            "id": "UUID",
            "trace_id": "VARCHAR",
            "page": "VARCHAR",
            "visited_at": "TIMESTAMP WITH TIME ZONE",
            "amount": "DECIMAL(10,2)",
            "extra": "JSON",
            "tags": "VARCHAR[]",
            "dt": "DATE",
            "ingested_at": "TIMESTAMP WITH TIME ZONE",
            "tenant_id": "VARCHAR",
        }
        row = con.execute("select id, extra->>'a', tags, visited_at::varchar from visits order by trace_id limit 1").fetchone()
    assert row == (UUID("cd9e459e-a708-a948-d5c2-f5a6ca8838cf"), "1", ["x", "y"], "2026-11-20 12:00:00+00")


def test_an_empty_pond_answers(data: Path, lake: Lake) -> None:
    """A view over no rows is a view with no rows."""
    lake.refresh()

    with connect(data) as con:
        assert con.execute("select count(*), min(dt) from visits").fetchall() == [(0, None)]


def test_views_carry_the_comments(data: Path, lake: Lake) -> None:
    """What the table's file says of table and columns stands in DuckDB's catalogue."""
    lake.refresh()

    with connect(data) as con:
        assert con.execute("select comment from duckdb_views() where view_name = 'visits' and schema_name = 'main'").fetchall() == [
            ("Visits of pages.",)
        ]
        assert con.execute(
            "select comment from duckdb_columns() where table_name = 'visits' and schema_name = 'main' and column_name = 'amount'"
        ).fetchall() == [("in EUR",)]


def test_a_connection_keeps_its_snapshot(data: Path, lake: Lake, publish: Publish) -> None:
    """A publish replaces the file; who connected before sees what was, who connects after sees what is."""
    publish(0)
    lake.refresh()
    with connect(data) as before:
        publish(1)
        lake.refresh()
        with connect(data) as after:
            counts = [con.execute("select count(*) from visits").fetchone() for con in (before, after)]

    assert counts == [(3,), (6,)]


def test_any_duckdb_opens_the_file(data: Path, lake: Lake, publish: Publish) -> None:
    """Read-only, under its own name or any other; only its owner's file mode says so."""
    publish(0)
    lake.refresh()
    pond = data / "pond.duckdb"

    with duckdb.connect(pond, read_only=True) as con:
        assert con.execute("select count(*) from visits").fetchone() == (3,)
    with duckdb.connect() as con:
        con.execute(f"attach '{pond}' as elsewhere (read_only)")
        assert con.execute("select count(*) from elsewhere.visits").fetchone() == (3,)
    assert stat.S_IMODE(pond.stat().st_mode) == 0o444


def test_own_tables_live_in_memory(data: Path, lake: Lake, publish: Publish) -> None:
    """A connection can keep results; the pond cannot be written."""
    publish(0)
    lake.refresh()

    with connect(data) as con:
        con.execute("create table mine as select page from visits")
        assert con.execute("select count(*) from mine").fetchone() == (3,)
        with pytest.raises(duckdb.Error, match="read-only"):
            con.execute("create table pond.main.theirs (x int)")


def test_no_pond_is_told_with_the_next_step(tmp_path: Path) -> None:
    """The error names the directory and the command."""
    with pytest.raises(PondNotFoundError, match=r"no pond in .*nothing.*otelpond serve --data"):
        connect(tmp_path / "nothing")


def test_a_write_ahead_log_that_somebody_left_is_removed(data: Path, lake: Lake, publish: Publish) -> None:
    """It would be replayed into the next file and break every reader."""
    lake.refresh()
    wal = data / "pond.duckdb.wal"
    wal.write_bytes(b"left by a session that was killed")
    publish(0)
    lake.refresh()

    assert not wal.exists()
    with connect(data) as con:
        assert con.execute("select count(*) from visits").fetchone() == (3,)


def test_a_damaged_pond_is_written_anew(data: Path, lake: Lake, publish: Publish) -> None:
    """The file can always be made from the lake."""
    publish(0)
    lake.refresh()
    pond = data / "pond.duckdb"
    pond.chmod(0o644)
    pond.write_bytes(b"x" * 5000)
    lake.refresh()

    with connect(data) as con:
        assert con.execute("select count(*) from visits").fetchone() == (3,)


def test_only_what_changed_is_written(data: Path, lake: Lake, publish: Publish) -> None:
    """Without a new snapshot the file stays, whoever asks; after a publish it is another one."""
    publish(0)
    lake.refresh()
    before = (data / "pond.duckdb").stat().st_mtime_ns
    lake.refresh()
    Lake(data, lake.schemas, writer=False).refresh()
    assert before == (data / "pond.duckdb").stat().st_mtime_ns

    publish(1)
    lake.refresh()
    assert before != (data / "pond.duckdb").stat().st_mtime_ns


def test_rows_of_an_older_release_show_null(data: Path, publish: Publish, load: Load, visits_sql: str, rows: Rows) -> None:
    """Files without a new column and files with it are read together."""
    publish(0)
    newer = visits_sql.replace("  dt date", "  referrer varchar,\n  dt date") + "comment on column visits.referrer is 'from where';\n"
    lake = Lake(data, load(visits=newer))
    batch = lake.open_batch("inbox", 1, 0)
    batch.append("visits", rows(1).append_column("referrer", pa.array(["there"])))
    lake.publish(batch.close(), "inbox", 1)
    lake.refresh()

    with connect(data) as con:
        assert con.execute("select referrer, count(*) from visits group by all order by all").fetchall() == [("there", 1), (None, 3)]


def test_a_column_that_left_the_documents_is_no_longer_shown(data: Path, publish: Publish, load: Load, visits_sql: str, rows: Rows) -> None:
    """A user's own table may lose a column: old files hold it still, new ones do not."""
    publish(0)
    fewer = visits_sql.replace("  page varchar,\n", "").replace("comment on column visits.page is 'its path';\n", "")
    lake = Lake(data, load(visits=fewer))
    batch = lake.open_batch("inbox", 1, 0)
    batch.append("visits", rows(1).drop_columns(["page"]))
    lake.publish(batch.close(), "inbox", 1)
    lake.refresh()

    with connect(data) as con:
        assert con.execute("select count(*), count(trace_id) from visits").fetchall() == [(4, 4)]
        assert "page" not in [row[0] for row in con.execute("describe visits").fetchall()]


def test_a_table_may_have_a_view_of_its_own(
    data: Path, lake: Lake, publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in views/ of the table's name replaces the plain view, which it reads as <table>_files."""
    (tmp_path / "visits.sql").write_text("-- One row a page.\nselect page, count(*) as visits from visits_files group by page;\n")
    monkeypatch.setattr(query, "VIEWS_FOLDER", tmp_path)
    publish(0)
    Lake(data, lake.schemas).refresh()

    with connect(data) as con:
        assert con.execute("select * from visits order by page").fetchall() == [("/pages/0", 1), ("/pages/1", 1), ("/pages/2", 1)]


def test_a_view_beside_the_tables_says_what_it_shows(
    data: Path, lake: Lake, publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file's opening comment is the view's; other comments in it are not."""
    (tmp_path / "pages.sql").write_text("-- Pages that were visited.\n-- Each once.\nselect distinct page -- its path\nfrom visits;\n")
    monkeypatch.setattr(query, "VIEWS_FOLDER", tmp_path)
    publish(0)
    Lake(data, lake.schemas).refresh()

    with connect(data) as con:
        assert con.execute("select count(*) from pages").fetchone() == (3,)
        said = con.execute("select comment from duckdb_views() where database_name = 'pond' and view_name = 'pages'").fetchone()
        assert said == ("Pages that were visited.\nEach once.",)


def test_filters_reach_the_files(data: Path, lake: Lake, publish: Publish) -> None:
    """A day is pruned by its folder, and a trace id is looked up in the scan."""
    publish(0, days=["2026-11-18", "2026-11-19", "2026-11-20"])
    lake.refresh()

    with connect(data) as con:
        plan = con.execute("explain analyze select * from visits where dt = '2026-11-19' and trace_id = 'x'").fetchall()[0][1]
    assert "Scanning Files: 1/4" in plan
    assert "trace_id = 'x'" in plan.split("READ_PARQUET")[1]


def test_a_pond_may_be_moved(data: Path, lake: Lake, publish: Publish) -> None:
    """Views name files by absolute paths, and are written anew where the pond is opened elsewhere."""
    publish(0)
    lake.refresh()
    elsewhere = data.rename(data.with_name("elsewhere"))
    Lake(elsewhere, lake.schemas).refresh()

    with connect(elsewhere) as con:
        assert con.execute("select count(*) from visits").fetchone() == (3,)


def test_ponds_of_one_process_share_their_views_and_nothing_else(
    data: Path, lake: Lake, publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Views are made once; the next pond has the same ones, with comments, over its own files."""
    monkeypatch.setattr(query, "_MADE", {})
    publish(0)
    lake.refresh()
    monkeypatch.setattr(query, "_write_views", None)
    Lake(tmp_path / "another", lake.schemas).refresh()

    shown = "select comment, column_count from duckdb_views() where database_name = 'pond' and schema_name = 'main'"
    with connect(data) as first, connect(tmp_path / "another") as second:
        assert first.execute(shown).fetchall() == second.execute(shown).fetchall() == [("Visits of pages.", 10)]
        assert (3, 0) == tuple(con.execute("select count(*) from visits").fetchone()[0] for con in (first, second))
    assert str(data).encode() not in (tmp_path / "another" / query.POND).read_bytes()


def test_a_folder_name_may_hold_a_quote(tmp_path: Path, tables: dict[str, TableSchema]) -> None:
    """Paths are quoted in the views."""
    Lake(tmp_path / "it's", tables).refresh()

    with connect(tmp_path / "it's") as con:
        assert con.execute("select count(*) from visits").fetchone() == (0,)


def test_the_room_is_light_until_connect_is_asked_for() -> None:
    """A receiver that imports the room's types loads neither DuckDB nor pyarrow nor deltalake."""
    code = "import sys, otelpond.storage, otelpond.storage.signals; print({'duckdb', 'pyarrow', 'deltalake', 'numba'} & set(sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_view_that_waits_for_rows_comes_with_them(tmp_path: Path) -> None:
    """Views of events are shown from the first event on, and go with the last one."""
    tables = {"events": load_tables()["events"]}
    login = load_catalogue().events["user.login"]
    paths = tuple(str(tmp_path / f"dt=2026-11-2{day}" / "events.parquet") for day in (0, 1))
    for path in map(Path, paths):
        path.parent.mkdir()
        parquet.write_table(tables["events"].arrow.empty_table().drop_columns(["dt"]), path)
    pond = query.PondFile(tmp_path, with_event_views(tables, Catalogue({"user.login": login})))
    shown = []
    for version, listed in ((0, paths[:1]), (1, paths), (2, paths), (3, paths[:1])):
        pond.write({"events": query.Listing(version, listed, mixed=False)})
        with connect(tmp_path) as con:
            comment = con.execute("select comment from duckdb_columns() where column_name = 'login_method'").fetchone()
            shown.append(comment and comment[0])
    assert [None, *["How the user proved who they are. One of `password`, `sso`, `mfa`"] * 2, None] == shown


def test_the_database_that_writes_the_file_stays_open(data: Path, lake: Lake, publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is closed has the allocator give back the memory that the next batch would take; after a failure there is another one."""
    lake.refresh()
    opened, connect_ = [], duckdb.connect
    monkeypatch.setattr(query.duckdb, "connect", lambda **options: opened.append(options) or connect_(**options))
    for number in range(2):
        publish(number)
        lake.refresh()
    assert opened == []
    publish(2)
    with monkeypatch.context() as failing:
        failing.setattr(query, "_write_listing", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            lake.refresh()
    lake.refresh()
    assert len(opened) == 1
    monkeypatch.undo()
    with connect(data) as con:
        assert con.execute("select count(*) from visits").fetchone() == (9,)


def test_ponds_share_the_database_that_writes_their_files(tmp_path: Path) -> None:
    """A collector has a pond for each tenant, and each database has threads and memory of its own."""
    with query._attached(tmp_path / "first") as first:
        assert not query._IDLE
    with query._attached(tmp_path / "second") as second, query._attached(tmp_path / "third") as third:
        assert first is second is not third
    with query._attached(tmp_path / "fourth") as fourth:
        assert fourth in {second, third}
    assert 1 == len(query._IDLE)
