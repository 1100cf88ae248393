"""`otelpond sourcemaps` keeps the maps of a build, shows and deletes them, and says what is wrong with what it is given."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from otelpond.config import cli
from otelpond.storage.query import connect

BUNDLES: Final = Path(__file__).parents[1] / "fixtures" / "bundles" / "built"
BUILD: Final = BUNDLES / "esbuild-1.0"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `otelpond sourcemaps`: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OTELPOND_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["otelpond", "sourcemaps", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    (tmp_path / "pond").mkdir()
    return run


def test_a_builds_maps_are_kept_shown_and_deleted(command: Command) -> None:
    """For one service of one release."""
    code, out, _ = command("upload", "--release", "1.0", "--service", "shop", str(BUILD))
    assert (0, "1 source maps of release 1.0 are kept, 0 stored stacks are resolved\n") == (code, out)
    (shown,) = json.loads(command("list", "--format", "json")[1])
    assert ("1.0", "shop", "~/assets/main.js", 3) == (shown["release"], shown["service"], shown["name"], shown["sources"])
    assert "~/assets/main.js" in command("list", "--release", "1.0")[1]
    code, _, error = command("delete", "--release", "1.0", "--service", "shop", "~/other.js")
    assert (2, "~/other.js: release 1.0 has no such source map") == (code, error.strip().removeprefix("otelpond: ").partition(";")[0])
    assert (0, "1 source maps of release 1.0 are deleted\n") == command("delete", "--release", "1.0")[:2]
    assert command("list")[1].startswith("there are no source maps")
    assert 2 == command("delete", "--release", "1.0")[0]


def test_names_of_files_are_shown_as_they_are(command: Command, tmp_path: Path) -> None:
    """Brackets are no markup, and escape sequences stay where they are."""
    folder = tmp_path / "dist" / "["
    folder.mkdir(parents=True)
    for name in ("a].js.map", "\x1b[2J.js.map"):
        (folder / name).write_text('{"version": 3, "sources": ["a.ts"], "names": [], "mappings": "AAAA"}')
    assert 0 == command("upload", "--release", "1.0", "dist")[0]
    shown = command("list")[1]
    assert [True, True, False] == [text in shown for text in ("~/[/a].js", "~/[/\\x1b[2J.js", "\x1b")]


def test_a_pond_that_is_not_there_is_said(command: Command, tmp_path: Path) -> None:
    """And no folder is made for it."""
    for arguments in (("upload", "--release", "1.0", str(BUILD)), ("list",), ("delete", "--release", "1.0")):
        code, out, error = command(*arguments, "--data", "typo")
        assert (1, "", True) == (code, out, "typo: there is no such directory" in error)
    assert not (tmp_path / "typo").exists()


def test_what_cannot_be_used_is_told_and_the_rest_kept(command: Command, tmp_path: Path) -> None:
    """Exit code 1: a build that fails to upload a map should say so."""
    (tmp_path / "bad.js.map").write_text("[]")
    code, out, error = command("upload", "--release", "1.0", str(BUILD), "bad.js.map")
    assert (1, "1 source maps of release 1.0 are kept, 0 stored stacks are resolved\n") == (code, out)
    assert "bad.js.map" in error
    assert "1 source maps were left out" in error


def test_a_damaged_release_is_named_and_the_others_are_shown_and_uploaded(command: Command, tmp_path: Path) -> None:
    """Its own upload mends it."""
    for release in ("1.0", "1.1"):
        command("upload", "--release", release, str(BUILD))
    damaged = next(path for path in (tmp_path / "pond/sourcemaps/releases").iterdir() if '"1.1"' in path.read_text())
    damaged.write_text("[")
    code, out, error = command("list", "--format", "json")
    assert (1, ["1.0"]) == (code, [shown["release"] for shown in json.loads(out)])
    assert f"{damaged} is damaged (JSONDecodeError): remove it, and upload the maps of that release again" in error
    assert 1 == command("list", "--release", "1.1")[0]
    code, _, error = command("upload", "--release", "1.2", str(BUILD))
    assert (0, True) == (code, f"{damaged} is damaged" in error)
    code, _, error = command("upload", "--release", "1.1", str(BUILD))
    assert (0, True) == (code, f"{damaged} was damaged: it has the maps of this upload only" in error)
    assert (0, "") == command("list")[::2]


@pytest.mark.parametrize("named", [".", ".next", ".next/static", ".next/static/chunks/pages/a b.js"])
def test_files_of_next_have_the_names_that_they_are_served_under(command: Command, tmp_path: Path, named: str) -> None:
    """Whatever folder of the build is named; unless it is said where they are served."""
    chunk = tmp_path / ".next" / "static" / "chunks" / "pages" / "a b.js"
    chunk.parent.mkdir(parents=True)
    chunk.write_text("function a(){throw 1}")
    (chunk.parent / "a b.js.map").write_text('{"version": 3, "sources": ["a.ts"], "names": [], "mappings": "AAAA"}')
    paths = [named, f"{named}.map"] if named.endswith(".js") else [named]
    code, out, _ = command("upload", "--release", "1.0", *paths)
    assert (0, True) == (code, out.startswith("1 files of .next/static are named _next/static, where Next.js serves them"))
    command("upload", "--release", "1.1", "--url-prefix", "~/x", *paths)
    names = {shown["release"]: shown["name"] for shown in json.loads(command("list", "--format", "json")[1])}
    assert ("~/_next/static/chunks/pages/a b.js", True) == (names["1.0"], names["1.1"].startswith("~/x/"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--release", "1.0", "nowhere"], "nowhere: there is no such file or folder"),
        (["--release", "1.0", "."], "no source map; expected such as main.js with main.js.map beside it"),
        (["--release", " ", "."], "--release ' ': expected what the service reports as service.version"),
        (["--release", "1.0", "--tenant", "../x", "."], "--tenant"),
        (["--release", "1.0", "--data", "elsewhere", "."], "elsewhere: there is no such directory; --data names that of the collector"),
    ],
)
def test_mistakes_are_told(command: Command, arguments: list[str], told: str) -> None:
    """What, where, and what was expected."""
    code, _, error = command("upload", *arguments)
    assert code in {1, 2}
    assert told in error


def _report(name: str, release: str, uid: int, *, asked: str | None = None) -> str:
    """A line of OTLP: an error that a page of a release has thrown, as a crash too."""
    told = {
        "exception.type": "TypeError",
        "exception.message": "Cannot read properties of undefined (reading 'amount')",
        "exception.stacktrace": json.loads((BUNDLES / "stacks.json").read_text())[name]["callback"],
        "otelpond.mechanism": "uncaught_exception",
        "log.record.uid": str(uid),
        **({"exception.fingerprint": asked} if asked else {}),
    }
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in told.items()]
    of_page = {"service.name": "shop", "service.version": release, "telemetry.sdk.language": "webjs"}
    resource = [{"key": key, "value": {"stringValue": value}} for key, value in of_page.items()]
    time = str(1_795_000_000_000_000_000 + uid)
    record = {"timeUnixNano": time, "severityNumber": 17, "eventName": "exception", "attributes": attributes}
    return json.dumps({"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [{"logRecords": [record]}]}]})


def _imported(monkeypatch: pytest.MonkeyPatch, name: str, *lines: str) -> None:
    Path(name).write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["otelpond", "import", name])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert 0 == ended.value.code


def test_what_is_stored_already_is_resolved_when_the_map_comes(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """In all tables that show it, once, and grouped with what is stored later and with other builds; what a sender groups stays so."""
    _imported(
        monkeypatch,
        "before.jsonl",
        *(_report("esbuild-1.0", "1.0", uid) for uid in (1, 2)),
        _report("esbuild-1.0", "1.0", 3, asked="mine"),
        _report("esbuild-1.1", "1.1", 4),
    )
    with connect("pond") as con:
        assert [(0,)] == con.sql("select count(mapped_stack) from error_logs").fetchall()
        (mine,) = con.sql("select fingerprint from error_logs where grouping->>'by' = 'attribute'").fetchall()
    assert "2 stored stacks are resolved" in command("upload", "--release", "1.0", str(BUILD))[1]
    assert "1 stored stacks are resolved" in command("upload", "--release", "1.1", str(BUNDLES / "esbuild-1.1"))[1]
    _imported(monkeypatch, "after.jsonl", _report("esbuild-1.0", "1.0", 5))
    with connect("pond") as con:
        for table, key in (("error_logs", "error_id"), ("crash_reports", "crash_id")):
            rows = con.sql(
                f"select service_version, count(distinct {key}), count(mapped_stack) from {table} group by 1 order by 1"
            ).fetchall()
            assert [("1.0", 4, 4), ("1.1", 1, 1)] == rows
            issues = con.sql(f"select issue_id, fingerprint, count(*) from {table} group by all order by 3 desc").fetchall()
            assert [4, 1] == [count for *_, count in issues]
            assert mine[0] == issues[1][1]
        stack, culprit = con.sql("select mapped_stack, culprit from error_logs where service_version = '1.1'").fetchall()[0]
        assert "at total (src/orders.js:7:16)\n        return items.reduce(" in stack
        assert "orders.js" == culprit
        assert [("TypeError", 4), ("TypeError", 1)] == con.sql("select error_type, events_count from issues order by 2 desc").fetchall()
