"""`otelpond rejected` shows what is in no other table and why, and stores it again when the reason is mended."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from otelpond.config import cli
from otelpond.storage.query import connect

OWN = """-- Names of spans.
create table names (
    name            text not null check (length(name) < {most}),
    organization_id text not null,
    service_name    text not null,
    service_version text,
    environment     text,
    trace_id        text not null,
    span_id         text not null,
    dt              date not null,
    time_suspect    boolean not null,
    ingested_at     timestamptz not null,
    tenant_id       text not null
);
{comments}
select name, organization_id, service_name, service_version, environment, trace_id, span_id, dt, time_suspect, ingested_at, tenant_id
from decoded_spans;
"""
STORED = "name organization_id service_name service_version environment trace_id span_id dt time_suspect ingested_at tenant_id"
Command = Callable[..., tuple[int, str, str]]


def _own(most: int) -> None:
    Path("own").mkdir(exist_ok=True)
    comments = "\n".join(f"comment on column names.{column} is 'x';" for column in STORED.split())
    Path("own/names.sql").write_text(OWN.format(most=most, comments=comments), encoding="utf-8")


def _fill() -> None:
    """Have a pond here that has rejected things."""
    _own(most=5)
    Path("otelpond.toml").write_text('tables = ["own"]\n', encoding="utf-8")
    spans = [
        {"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1", "name": "much too long", "startTimeUnixNano": "1790000000000000000"},
        {"traceId": "0" * 31 + "2", "spanId": "abcd", "name": "bad"},
    ]
    Path("spans.jsonl").write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}) + "\nnot JSON\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["otelpond", "import", "spans.jsonl"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert not ended.value.code


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where such a pond stands, for tests that only look."""
    folder = tmp_path_factory.mktemp("rejected")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in [name for name in os.environ if name.startswith("OTELPOND_")]:
            patch.delenv(name)
        _fill()
    return folder


@pytest.fixture
def command(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `otelpond` there: exit code, standard output, standard error."""
    monkeypatch.chdir(place)
    for name in [name for name in os.environ if name.startswith("OTELPOND_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["otelpond", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_list_counts_by_table_and_reason(command: Command) -> None:
    """As JSON for programs; every group names one record and whether it can be replayed."""
    code, out, _ = command("rejected", "list", "--format", "json")
    groups = {group["kind"]: group for group in json.loads(out)["rejected"]}
    assert 0 == code
    assert {"row": True, "item": False, "file record": False} == {kind: group["replayable"] for kind, group in groups.items()}
    assert ("names", 1) == (groups["row"]["table"], groups["row"]["rows"])
    assert "span_id has 2 bytes, 8 expected" == groups["item"]["reason"]


def test_list_is_readable(command: Command) -> None:
    """A line a group."""
    _, out, _ = command("rejected", "list")
    assert 4 == len(out.splitlines())
    assert "span_id has 2 bytes, 8 expected" in out


def test_show_prints_content_and_why_it_stays(command: Command) -> None:
    """By the id that the list gives."""
    groups = {group["kind"]: group["id"] for group in json.loads(command("rejected", "list", "-f", "json")[1])["rejected"]}
    shown = json.loads(command("rejected", "show", groups["item"], "-f", "json")[1])
    assert "bad" == shown["content"]["name"]
    assert "mend its sender" in shown["why it cannot be replayed"]
    assert '"name": "much too long"' in command("rejected", "show", groups["row"])[1]


def test_replay_stores_once_what_a_mended_table_takes(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named records that stay are an error with the reason; --all takes what can be taken."""
    monkeypatch.chdir(tmp_path)
    _fill()
    capsys.readouterr()
    row = next(group["id"] for group in json.loads(command("rejected", "list", "-f", "json")[1])["rejected"] if group["kind"] == "row")
    code, out, err = command("rejected", "replay", row)
    assert (1, "0 replayed, 0 had been replayed before, 1 stay rejected\n") == (code, out)
    assert err.startswith(f"otelpond: {row}: check ")

    _own(most=50)
    assert "1 replayed, 0 had been replayed before, 0 stay rejected\n" == command("rejected", "replay", "--all")[1]
    assert "0 replayed, 1 had been replayed before, 0 stay rejected\n" == command("rejected", "replay", row)[1]
    with connect("pond") as con:
        assert [("much too long",)] == con.execute("select name from names").fetchall()
    assert row not in command("rejected", "list", "-f", "json")[1]
    assert json.loads(command("rejected", "show", row, "-f", "json")[1])["replayed"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["show", "nonsense"], "nonsense: no such rejected record; expected an id or a payload's digest"),
        (["replay", "nonsense"], "nonsense: no such rejected record"),
        (["replay"], "name the records to replay, or say --all"),
        (["replay", "x", "--all"], "name the records to replay, or say --all"),
    ],
)
def test_unknown_ids_are_named(command: Command, arguments: list[str], text: str) -> None:
    """And nothing is done."""
    code, out, err = command("rejected", *arguments)
    assert (2, "") == (code, out)
    assert err.startswith(f"otelpond: {text}")


def test_no_pond_is_said(command: Command) -> None:
    """With how to get one."""
    assert command("rejected", "list", "--data", "nowhere")[2].startswith("otelpond: no pond in ")
