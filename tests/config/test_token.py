"""`otelpond token` makes, lists, limits and revokes; the token itself is printed once, alone, on standard output."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from otelpond.config import cli
from otelpond.config.commands.token import expiry
from otelpond.config.errors import CommandError
from otelpond.storage.access import Access, UnauthenticatedError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without configuration."""
    monkeypatch.chdir(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `otelpond token`, run in this process."""
    monkeypatch.setattr(sys, "argv", ["otelpond", "token", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code if isinstance(ended.value.code, int) else 0


def test_a_token_is_printed_alone_and_what_to_do_with_it_beside(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that a shell can catch it; the first token says what it changes, the second does not."""
    assert 0 == run(monkeypatch, "create", "--tenant", "shop", "--role", "ingest", "--expires", "90d", "--note", "the checkout")
    printed = capsys.readouterr()
    caller = Access(Path("pond")).authenticate(printed.out.removesuffix("\n"))
    assert "shop" == caller.tenant
    assert printed.out.strip() not in printed.err
    assert f"token {caller.token_id} of tenant shop, role ingest, valid until" in printed.err
    assert "OTEL_EXPORTER_OTLP_HEADERS='authorization=Bearer%20<token>'" in printed.err
    assert "from now on nobody sends without one" in printed.err
    assert 0 == run(monkeypatch, "create", "--tenant", "shop", "--role", "viewer")
    printed = capsys.readouterr()
    assert "role viewer, valid for ever" in printed.err
    assert 1 == len(printed.err.splitlines())


def test_the_list_shows_everything_but_the_token(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table and as JSON; a revoked one stays in it."""
    assert 0 == run(monkeypatch, "create", "--tenant", "shop", "--role", "ingest", "--items-per-s", "1500", "--note", "till 7")
    text = capsys.readouterr().out.strip()
    name = text.split("_")[1]
    assert 0 == run(monkeypatch, "list")
    table = capsys.readouterr().out
    assert [name, "shop", "ingest", "valid"] == table.splitlines()[1].split()[:4]
    assert text.split("_", 2)[2] not in table
    assert "till 7" in table
    assert 0 == run(monkeypatch, "limit", name, "--bytes-per-s", "1000000")
    assert f"token {name} of tenant shop may send 1e+06 bytes/s\n" == capsys.readouterr().out
    assert 0 == run(monkeypatch, "revoke", name)
    assert f"token {name} of tenant shop is revoked\n" == capsys.readouterr().out
    assert 0 == run(monkeypatch, "list", "--format", "json")
    (listed,) = json.loads(capsys.readouterr().out)
    assert ("revoked", None, 1_000_000) == (listed["state"], listed["items_per_s"], listed["bytes_per_s"])
    with pytest.raises(UnauthenticatedError):
        Access(Path("pond")).authenticate(text)


def test_nothing_is_listed_where_no_token_was_made(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty list, and no error."""
    assert 0 == run(monkeypatch, "list", "--format", "json")
    assert "[]\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["create", "--tenant", "Shop!", "--role", "ingest"], 2, "--tenant: 'Shop!' is no tenant's name"),
        (["create", "--tenant", "shop", "--role", "ingest", "--expires", "soon"], 2, "--expires soon: expected such as 12h, 90d"),
        (["create", "--tenant", "shop", "--role", "ingest", "--expires", "2020-01-01"], 2, "--expires 2020-01-01: this is in the past"),
        (["revoke", "nobody"], 1, "nobody: no such token; `otelpond token list` shows their ids"),
        (["limit", "nobody"], 1, "nobody: no such token"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, arguments: list[str], code: int, text: str
) -> None:
    """On standard error; nothing is made."""
    assert code == run(monkeypatch, *arguments)
    printed = capsys.readouterr()
    assert ("", 1, True) == (printed.out, len(printed.err.splitlines()), printed.err.startswith(f"otelpond: {text}"))
    assert not Path("pond", "tokens.json").exists()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("12h", NOW + timedelta(hours=12)),
        ("90d", NOW + timedelta(days=90)),
        ("52w", NOW + timedelta(weeks=52)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T12:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_a_span_or_a_date(text: str, instant: datetime) -> None:
    """A date without zone is UTC's."""
    assert instant == expiry(text, NOW)


@pytest.mark.parametrize("text", ["", "0", "h", "-1d", "1y", "1.5d", "999999w", "tomorrow"])
def test_what_is_no_expiry_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(CommandError, match="--expires"):
        expiry(text, NOW)
