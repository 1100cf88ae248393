"""Tables that were checked once are read from the cache; what changes anything of them is checked again."""

from __future__ import annotations

from pathlib import Path

import pytest
from otelpond.storage import schema
from otelpond.storage.schema import TableError, load_tables

TABLE = """-- Greetings.
create table greetings (
    name        text,
    tenant_id   text not null check (tenant_id <> ''),
    ingested_at timestamptz not null,
    dt          date not null
);
comment on column greetings.name is 'whose';
comment on column greetings.tenant_id is 'whose row';
comment on column greetings.ingested_at is 'when';
comment on column greetings.dt is 'partition';
select name, tenant_id, ingested_at, dt from decoded_spans;
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one table, and a cache of its own."""
    monkeypatch.setenv("OTELPOND_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "greetings.sql").write_text(TABLE)
    return folder


def test_the_second_reading_is_equal_and_asks_no_database(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second of DuckDB in each process that starts is saved."""
    first = load_tables([schema.TABLES_FOLDER, folder])
    monkeypatch.delattr(schema, "read_table")
    assert load_tables([schema.TABLES_FOLDER, folder]) == first


def test_a_changed_file_is_checked_again(folder: Path) -> None:
    """What was checked is known by the texts of the files."""
    load_tables([folder])
    (folder / "greetings.sql").write_text(TABLE.replace("select name", "select trace_id"))
    with pytest.raises(TableError, match="lacks name"):
        load_tables([folder])


def test_a_damaged_cache_is_made_anew(folder: Path, tmp_path: Path) -> None:
    """A power loss may leave half of it."""
    first = load_tables([folder])
    for kept in (tmp_path / "cache").glob("tables-*.json"):
        kept.write_text(kept.read_text()[:100])
    assert load_tables([folder]) == first


def test_a_folder_that_cannot_be_written_costs_only_time(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image may be read-only."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OTELPOND_CACHE_DIR", str(tmp_path / "file"))
    assert list(load_tables([folder])) == ["greetings"]
