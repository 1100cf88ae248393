"""`otelpond events` shows the catalogue, own events included, and tells what is wrong with declarations and with events."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from otelpond.config import cli
from otelpond.config.pond import event_settings
from otelpond.config.settings import Settings
from otelpond.storage.events.catalogue import load_catalogue

OWN = """name = "contract.signed"
version = "1.0.0"
family = "business"
event_type = "business.contract"
category = "business"
description = "A contract is signed."
trigger = "The last signature."
context = ["user_id"]

[properties.amount]
type = "number"
required = true
description = "How much."
"""
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _own_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory whose configuration names a folder with one own event."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OTELPOND_")]:
        monkeypatch.delenv(name)
    Path("own").mkdir()
    Path("own/contract.signed.toml").write_text(OWN, encoding="utf-8")
    Path("otelpond.toml").write_text('events_folders = ["own"]\n', encoding="utf-8")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process: its exit code, what it printed and what it said was wrong."""

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["otelpond", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command


def test_all_events_are_listed(run: Command) -> None:
    """Ours and own ones, as a table and as JSON with their declarations."""
    code, printed, _ = run("events", "list")
    assert 0 == code
    assert [*load_catalogue().events, "contract.signed"] == [line.split()[0] for line in printed.splitlines()[1:]]
    listed = json.loads(run("events", "list", "--format", "json")[1])
    assert ("contract.signed", "event_contract_signed", "amount") == (
        listed[-1]["name"],
        listed[-1]["view"],
        listed[-1]["properties"][0]["name"],
    )


def test_an_event_is_shown(run: Command) -> None:
    """Its properties and usages, or its JSON Schema; a name that is not known gets the nearest one."""
    _, printed, _ = run("events", "show", "user.login")
    assert "login_method     string required        How the user proved who they are. One of `password`, `sso`, `mfa`." in printed
    assert "U-user.login-3: Identify peak usage times" in printed
    assert "contract.signed" == json.loads(run("events", "show", "contract.signed", "-f", "json")[1])["title"]
    assert (2, "", "otelpond: user.logn: no such event; did you mean user.login?\n") == run("events", "show", "user.logn")


def test_the_catalogue_is_printed_as_markdown(run: Command) -> None:
    """Own events too."""
    code, printed, _ = run("events", "docs")
    assert 0 == code
    assert printed.startswith("# Events\n")
    assert "| **`amount`** | number |  | How much. |" in printed


def test_events_are_validated(run: Command) -> None:
    """One event a line, an array, or a single one, as the events endpoint takes them; each wrong one with its place."""
    lines = [{"event_name": "contract.signed", "amount": 7}, {"event_name": "contract.signed"}, {"event_name": "no.such"}]
    Path("events.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    Path("events.json").write_text(
        json.dumps([*lines[:1], {"type": "PAGE_VIEW", "properties": {"time_on_page": "long"}}]), encoding="utf-8"
    )
    code, printed, wrong = run("events", "validate", "events.jsonl", "events.json")
    assert 1 == code
    assert [
        'events.jsonl:3: event_name: "no.such" is not in the catalogue',
        "events.jsonl: 2 of 3 events are valid",
        "events.json: 1 of 2 events are valid",
    ] == printed.splitlines()
    assert [
        "otelpond: events.jsonl:2: properties.amount: is missing",
        "otelpond: events.json: event 2: properties.time_on_page: is a string, expected a number",
    ] == wrong.splitlines()
    Path("valid.json").write_text(json.dumps(lines[0]), encoding="utf-8")
    assert (0, "valid.json: 1 of 1 events are valid\n", "") == run("events", "validate", "valid.json")


def test_declarations_are_validated_against_what_they_were(run: Command) -> None:
    """A change needs its version; the error names the file and what changed."""
    Path("new").mkdir()
    Path("new/contract.signed.toml").write_text(OWN.replace("required = true\n", "").replace('"1.0.0"', '"1.0.1"'), encoding="utf-8")
    assert (0, "new: 1 declarations read\n", "") == run("events", "validate", "new")
    changed = "otelpond: new/contract.signed.toml: properties.amount is no longer required: needs version 1.1.0, not 1.0.1\n"
    assert (1, "new: 1 declarations read\n", changed) == run("events", "validate", "new", "--against", "own")
    assert (1, changed) == run("events", "validate", "new/contract.signed.toml", "--against", "own/contract.signed.toml")[::2]


def test_a_declaration_under_a_name_of_ours_is_refused(run: Command) -> None:
    """In a folder that no configuration names yet, too."""
    Path("new").mkdir()
    Path("new/user.login.toml").write_text(OWN.replace("contract.signed", "user.login"), encoding="utf-8")
    code, _, wrong = run("events", "validate", "new")
    assert 1 == code
    assert wrong.startswith(
        "otelpond: new/user.login.toml: name: user.login has the view event_user_login, which is that of user.login in "
    )


def test_an_own_event_that_is_wrong_is_told_at_start(run: Command) -> None:
    """By `check`, with file and key; what is right is listed."""
    assert "# own event contract.signed 1.0.0: 1 properties, " in run("check")[1]
    Path("own/contract.signed.toml").write_text(OWN.replace('"number"', '"float"'), encoding="utf-8")
    code, _, wrong = run("check")
    assert 2 == code
    assert "own/contract.signed.toml: properties.amount.type: expected one of string, " in wrong
    Path("otelpond.toml").write_text('events_folders = ["nowhere"]\n', encoding="utf-8")
    assert "otelpond: nowhere: no such folder, and the setting `events_folders` names it\n" == run("events", "list")[2]


def test_a_map_of_pages_that_is_wrong_is_told_at_start(run: Command) -> None:
    """By `check`, with the setting's line, file and key."""
    Path("pages.toml").write_text('[pages]\n"audits" = "audit"\n', encoding="utf-8")
    Path("otelpond.toml").write_text('page_slugs = "pages.toml"\n', encoding="utf-8")
    code, _, wrong = run("check")
    assert 2 == code
    assert "otelpond.toml:1: page_slugs: pages.toml: pages.'audits': expected a path that begins with / and a slug" in wrong


def test_events_are_read_as_the_settings_say() -> None:
    """Own events, the policy and the map of pages reach the pipeline."""
    Path("pages.toml").write_text('[pages]\n"/audits/{id}" = "audit"\n', encoding="utf-8")
    settings = event_settings(Settings(events_policy="stamp", page_slugs=Path("pages.toml"), events_folders=[Path("own")]))
    assert "stamp" == settings.policy
    assert "contract.signed" in settings.catalogue.events
    assert settings.page_slugs is not None
    assert "audit" == settings.page_slugs.slug("/audits/1")


def test_a_file_that_is_not_there_is_named(run: Command) -> None:
    """With 2: the request itself was wrong."""
    assert (2, "", "otelpond: gone.json: No such file or directory\n") == run("events", "validate", "gone.json")


def test_the_documented_example_is_a_declaration(run: Command) -> None:
    """The one that the documentation shows."""
    example = run("events", "docs")[1].partition("```toml\n")[2].partition("```")[0]
    Path("own/contract.signed.toml").write_text(example, encoding="utf-8")
    assert (0, "own: 1 declarations read\n", "") == run("events", "validate", "own")
