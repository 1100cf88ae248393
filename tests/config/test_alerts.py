"""`otelpond alerts` shows what rules found and whom it was told, and tries a channel."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from otelpond.config.commands import alerts
from otelpond.config.errors import CommandError
from otelpond.storage.schema import load_tables

ISSUE = "4f1d2c9a-0000-4000-8000-000000000001"


@pytest.fixture
def pond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pond of two alerts: one that a channel has and another has not, one that nobody was told."""
    monkeypatch.chdir(tmp_path)
    columns = ", ".join(f"{column.name} {column.sql_type}" for column in load_tables()["alerts"].columns)
    with duckdb.connect(str(tmp_path / "pond.duckdb")) as con:
        con.execute(f"create table alerts ({columns})")
        con.execute("create table issue_rows as select $1::uuid as own_id", [ISSUE])
        con.execute("create view named_issue_rows as select *, own_id as issue_id, now() as merged_at from issue_rows")
        con.execute("create table issue_links (issue_id uuid, current_issue_id uuid)")
        con.execute("create view issues as select issue_id, now() as last_seen from named_issue_rows")
        for number, channel, status, attempt, error in (
            (1, "", "fired", 0, None),
            (1, "ops", "failed", 1, "503"),
            (1, "ops", "sent", 2, None),
            (1, "mail", "failed", 1, "no\x1b[2J answer"),
            (2, "", "fired", 0, None),
        ):
            con.execute(
                "insert into alerts by name select uuid() as id, $number::text::uuid as alert_id, $rule as rule, 'new_issue' as kind,"
                " 'new_issue' as change, $issue::uuid as issue_id, $title as title,"
                " timestamptz '2026-11-21 12:00:00+00' + $n * interval 1 hour as fired_at,"
                " $status as status, timestamptz '2026-11-21 12:00:00+00' + $attempt * interval 1 minute as status_at,"
                " $channel as channel, $attempt as attempt, $error as error",
                {
                    "number": f"00000000-0000-4000-8000-00000000000{number}",
                    "n": number,
                    "rule": f"rule-{number}",
                    "issue": ISSUE if number == 1 else None,
                    "title": f"New issue in shop: Error {number}",
                    "status": status,
                    "channel": channel,
                    "attempt": attempt,
                    "error": error,
                },
            )
    return tmp_path


def _listed(pond: Path, capsys: pytest.CaptureFixture[str], **filters: str) -> list[dict[str, Any]]:
    known = {"rule": None, "issue": None, "status": None} | filters
    alerts.list_all(None, {"data": pond}, "default", "json", **known, limit=10)  # type: ignore[arg-type]
    return list(json.loads(capsys.readouterr().out))


def test_each_alert_says_what_became_of_it_at_each_channel(pond: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest first, the last try at each channel."""
    second, first = _listed(pond, capsys)
    assert ("rule-2", None, ["fired"]) == (second["rule"], second["channels"], second["statuses"])
    assert [("mail", "failed", 1), ("ops", "sent", 2)] == [(told["channel"], told["status"], told["attempt"]) for told in first["channels"]]


def test_alerts_are_found_by_rule_issue_and_fate(pond: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An issue by the beginning of its id."""
    for filters in ({"rule": "rule-1"}, {"issue": "4f1d2c9a"}, {"status": "failed"}, {"status": "sent"}):
        assert ["rule-1"] == [alert["rule"] for alert in _listed(pond, capsys, **filters)]
    assert [] == _listed(pond, capsys, status="suppressed")
    with pytest.raises(CommandError, match="0000abcd: no issue's id begins so"):
        _listed(pond, capsys, issue="0000abcd")


def test_the_list_is_readable(pond: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And harmless; what is not there is said with its reason."""
    alerts.list_all(None, {"data": pond}, "default", "table", rule=None, issue=None, status=None, limit=10)
    out = capsys.readouterr().out
    assert ["fired", "rule", "alert", "issue", "told"] == out.splitlines()[0].split()
    assert "rule-1  New issue in shop: Error 1  4f1d2c9a  mail failed: no\\x1b[2J answer" in out
    assert "ops sent" in out
    alerts.list_all(None, {"data": pond}, "default", "table", rule="none", issue=None, status=None, limit=10)
    assert "no alert matches; with fewer filters there may be some\n" == capsys.readouterr().out


class _Receiver(BaseHTTPRequestHandler):
    """Answers with what the path says."""

    bodies: list[Any] = []  # noqa: RUF012 - a handler is made for each request

    def do_POST(self) -> None:
        self.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(int(self.path.strip("/")))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[str]:
    """The address of a webhook."""
    with HTTPServer(("127.0.0.1", 0), _Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _configured(folder: Path, url: str) -> Path:
    file = folder / "otelpond.toml"
    file.write_text(f'[[notify]]\nname = "ops"\nkind = "webhook"\nurl = "{url}"\nallow_private = true\n', encoding="utf-8")
    return file


def test_a_channel_is_tried(receiver: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By a message that says what it is."""
    alerts.test("ops", _configured(tmp_path, f"{receiver}/200"))
    assert "ops: sent\n" == capsys.readouterr().out
    assert "A test of the channel ops" in json.dumps(_Receiver.bodies[-1])


@pytest.mark.parametrize(
    ("status", "said"),
    [(404, "ops: refused, and an alert would not be tried again: .*404"), (503, "ops: not sent, and an alert would be tried again: .*503")],
)
def test_what_a_channel_answers_is_said(receiver: str, tmp_path: Path, status: int, said: str) -> None:
    """With what would become of an alert."""
    with pytest.raises(CommandError, match=said):
        alerts.test("ops", _configured(tmp_path, f"{receiver}/{status}"))


def test_an_unknown_channel_is_guessed(tmp_path: Path) -> None:
    """Or those that there are are named."""
    file = _configured(tmp_path, "http://127.0.0.1:9/")
    for name, hint in (("opps", "did you mean ops?"), ("mail", "there are ops")):
        with pytest.raises(CommandError, match=f"{name}: no such channel; {hint}"):
            alerts.test(name, file)
    empty = tmp_path / "empty.toml"
    empty.touch()
    with pytest.raises(CommandError, match=r"the configuration has no \[\[notify\]\]"):
        alerts.test("ops", empty)
