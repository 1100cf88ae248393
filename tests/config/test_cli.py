"""The command answers in one line where it cannot do what was asked, and never with a traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from otelpond.config import cli
from otelpond.config.commands import sql as sql_command


@pytest.fixture(autouse=True)
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without configuration."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OTELPOND_")]:
        monkeypatch.delenv(name)


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of a command, run in this process."""
    monkeypatch.setattr(sys, "argv", ["otelpond", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code if isinstance(ended.value.code, int) else 0


def _pond(folder: Path) -> None:
    """A pond with one view, as a query sees it."""
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "pond.duckdb")) as connection:
        connection.execute("create view fish as select 1 as id, 'pike' as name union all select 2, 'carp'")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["sql", "select 1"], 1, "no pond in"),
        (["tables", "spns"], 2, "spns: no such table; did you mean spans?"),
        (["check", "--config", "gone.toml"], 2, "gone.toml: the configuration cannot be read: No such file or directory"),
        (["serve", "--grpc", "nowhere"], 2, "--grpc: grpc: expected HOST:PORT, such as 127.0.0.1:4317, got 'nowhere'"),
        (["import", "gone.jsonl"], 2, "gone.jsonl: no such file"),
    ],
)
def test_failures_are_one_line(
    arguments: list[str], code: int, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What, where, next step, on standard error; 2 where the request itself was wrong."""
    assert code == _run(monkeypatch, *arguments)
    printed = capsys.readouterr()
    assert "" == printed.out
    assert printed.err.startswith(f"otelpond: {text}")
    assert 1 == len(printed.err.splitlines())


@pytest.mark.parametrize("arguments", [["nope"], ["sql"], ["sql", "select 1", "--format", "xml"], ["serve", "--nope"]])
def test_wrong_usage_ends_with_2(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt command, option or choice is a usage error."""
    assert 2 == _run(monkeypatch, *arguments)
    assert "Traceback" not in capsys.readouterr().err


def test_a_wide_bind_is_refused_with_the_fix(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the listener, both ways out, and what a container needs."""
    assert 2 == _run(monkeypatch, "serve", "--http", "0.0.0.0:4318", "--grpc", "[::]:4317")
    error = capsys.readouterr().err
    assert "grpc on [::]:4317, http on 0.0.0.0:4318" in error
    assert "--insecure" in error
    assert "docker run -e OTELPOND_INSECURE=true -p 127.0.0.1:4317:4317 -p 127.0.0.1:4318:4318 ..." in error


def test_check_prints_each_setting_with_its_source(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The effective configuration, as TOML that could be pasted into a file."""
    Path("otelpond.toml").write_text("batch_items = 7\n", encoding="utf-8")
    monkeypatch.setenv("OTELPOND_GRPC", "127.0.0.1:1")
    assert 0 == _run(monkeypatch, "check")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["batch_items", "=", "7", "#", "otelpond.toml:1"] in lines
    assert ["grpc", "=", '"127.0.0.1:1"', "#", "OTELPOND_GRPC"] in lines
    assert ["http", "=", '"127.0.0.1:4318"', "#", "default"] in lines


def test_check_blames_a_rule_where_it_stands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A predicate over a column that is not there names file and line."""
    Path("otelpond.toml").write_text('[[drop]]\nsignal = "traces"\nwhere = "http_rout = 1"\n', encoding="utf-8")
    assert 2 == _run(monkeypatch, "check")
    assert capsys.readouterr().err.startswith("otelpond: otelpond.toml:3: drop[0].where: ")


def test_tables_shows_types_and_comments(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """All tables in a list, one with its columns, both also as JSON."""
    assert 0 == _run(monkeypatch, "tables")
    assert "spans" in capsys.readouterr().out
    assert 0 == _run(monkeypatch, "tables", "spans", "--format", "json")
    described = json.loads(capsys.readouterr().out)
    trace_id = next(column for column in described["columns"] if column["name"] == "trace_id")
    assert {"name": "trace_id", "type": "VARCHAR", "nullable": False, "default": None, "comment": "32 lower-case hex digits"} == trace_id
    assert 0 == _run(monkeypatch, "tables", "--format", "json")
    assert "spans" in [table["name"] for table in json.loads(capsys.readouterr().out)]


def test_sql_asks_the_pond(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A statement from the command line or from standard input, in each format."""
    _pond(tmp_path / "pond")
    assert 0 == _run(monkeypatch, "sql", "select * from fish order by id", "--format", "json")
    assert [{"id": 1, "name": "pike"}, {"id": 2, "name": "carp"}] == json.loads(capsys.readouterr().out)
    monkeypatch.setattr(sys, "stdin", io.StringIO("select count(*) as n from fish;"))
    assert 0 == _run(monkeypatch, "sql", "-", "--format", "csv")
    assert "n\n2\n" == capsys.readouterr().out


def test_sql_publishes_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The collector is asked before the snapshot is opened."""
    asked: list[tuple[Path, str]] = []

    def publish(data: Path, tenant: str) -> None:
        asked.append((data, tenant))
        _pond(tmp_path / "pond")

    monkeypatch.setattr(sql_command, "publish", publish)
    assert 0 == _run(monkeypatch, "sql", "select count(*) as n from fish", "--format", "csv", "--data", str(tmp_path / "pond"))
    assert "n\n2\n" == capsys.readouterr().out
    assert [(tmp_path / "pond", "default")] == asked


def test_sql_asks_the_pond_of_a_tenant(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The collector of the data directory publishes the tenant's pond, which is then read; a name that is none is refused."""
    asked: list[tuple[Path, str]] = []

    def publish(data: Path, tenant: str) -> None:
        asked.append((data, tenant))
        _pond(tmp_path / "pond" / "tenants" / "acme")

    monkeypatch.setattr(sql_command, "publish", publish)
    statement = ("sql", "select count(*) as n from fish", "--format", "csv", "--data", str(tmp_path / "pond"))
    assert 0 == _run(monkeypatch, *statement, "--tenant", "acme")
    assert "n\n2\n" == capsys.readouterr().out
    assert [(tmp_path / "pond", "acme")] == asked
    assert 2 == _run(monkeypatch, *statement, "--tenant", "../acme")
    assert "--tenant: '../acme' is no tenant's name" in capsys.readouterr().err


def test_sql_errors_are_duckdbs_own_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The message with its hint, and nothing of ours around it."""
    _pond(tmp_path / "pond")
    assert 1 == _run(monkeypatch, "sql", "select * from fsh")
    error = capsys.readouterr().err
    assert "Table with name fsh does not exist" in error
    assert "fish" in error
    assert "Traceback" not in error


def test_sql_cannot_change_the_pond(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The pond is attached read-only; own tables live for the statement."""
    _pond(tmp_path / "pond")
    assert 1 == _run(monkeypatch, "sql", "drop view pond.fish")
    assert "read-only" in capsys.readouterr().err
    assert 0 == _run(monkeypatch, "sql", "create table t as select * from fish; select count(*) as n from t", "--format", "csv")
    assert "n\n2\n" == capsys.readouterr().out


def test_a_fault_is_one_line_and_a_traceback_on_demand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody foresaw is said plainly too; OTELPOND_TRACEBACK=1 shows where it happened."""
    monkeypatch.setattr(sql_command, "load", lambda *_: 1 / 0)
    assert 1 == _run(monkeypatch, "sql", "select 1")
    assert 1 == len(capsys.readouterr().err.splitlines())
    monkeypatch.setenv("OTELPOND_TRACEBACK", "1")
    assert 1 == _run(monkeypatch, "sql", "select 1")
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_what_the_disk_says_is_told_with_the_path(tmp_path: Path) -> None:
    """A directory that cannot be made is the user's to mend, not a fault of ours."""
    (tmp_path / "pond").write_text("", encoding="utf-8")
    command = [sys.executable, "-m", "otelpond.config.cli", "serve", "--data", str(tmp_path / "pond")]
    free = [part for listener in ("--grpc", "--http", "--admin") for part in (listener, "127.0.0.1:0")]
    ended = subprocess.run([*command, *free], capture_output=True, text=True, check=False, timeout=60)
    assert (1, f"otelpond: {tmp_path}/pond: File exists") == (ended.returncode, ended.stderr.splitlines()[-1])


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """`otelpond sql ... | head -1` ends quietly."""
    _pond(tmp_path / "pond")
    script = f"{sys.executable} -m otelpond.config.cli sql 'select range from range(1000000)' --format csv | head -1"
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert ("range\n", "") == (ended.stdout, ended.stderr)


def test_check_names_everything_that_serve_would_refuse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Addresses, own tables and every rule in one run, each with its line."""
    rule = '[[drop]]\nsignal = "traces"\nwhere = "no_such_column = 1"\n'
    Path("otelpond.toml").write_text(
        f'http = "0.0.0.0:4318"\ntables = ["gone"]\n{rule}{rule}[redact]\npatterns = ["("]\n', encoding="utf-8"
    )
    assert 2 == _run(monkeypatch, "check")
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("otelpond: others than this machine could reach http on 0.0.0.0:4318")
    assert "otelpond: gone: no such folder, and the setting `tables` names it" == said[1]
    assert ["otelpond.toml:5: drop[0].where", "otelpond.toml:8: drop[1].where", "otelpond.toml:10: redact.patterns[0]"] == [
        ": ".join(line.removeprefix("otelpond: ").split(": ")[:2]) for line in said[2:]
    ]
