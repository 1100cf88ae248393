"""What is done about issues is stored at once, told in a sentence, and seen by whoever looks next."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from otelpond.config.commands import issue_deeds
from otelpond.storage.issues.activity import Activity
from otelpond.storage.query import connect

Command = Callable[..., tuple[int, str, str]]
IssueOf = Callable[[str], str]


@pytest.fixture
def appended(monkeypatch: pytest.MonkeyPatch) -> list[Activity]:
    """What would be stored: here nothing is."""
    activities: list[Activity] = []
    monkeypatch.setattr(issue_deeds, "_append", lambda _settings, _tenant, new: activities.extend(new))
    return activities


def _issue(pond: Path, issue: str) -> dict[str, object]:
    with connect(pond) as con:
        answer = con.execute("select * from issues where issue_id = $1", [issue])
        return dict(zip([column[0] for column in answer.description or []], answer.fetchone() or (), strict=True))


@pytest.mark.long
def test_what_is_done_is_seen_by_whoever_looks_next(command: Command, issue_of: IssueOf, pond: Path) -> None:
    """It is there once it is told, with who did it and what they said; what is so already is not done again."""
    issue = issue_of("Acted0Error")
    short = issue[:8]
    assert (0, f"{short} is resolved: an event after this moment brings it back\n", "") == command("resolve", short, "-m", "by \x1b[2J ada")
    assert ("resolved", "ada") == (_issue(pond, issue)["status"], _issue(pond, issue)["resolved_by"])
    assert f"{short} is resolved already\n" == command("resolve", short)[1]
    assert f"{short} is open again\n" == command("reopen", short, "--actor", "bob")[1]
    assert f"{short} is open already\n" == command("reopen", short)[1]
    shown = [row.rstrip() for row in command("show", short)[1].splitlines()]
    assert any(row.startswith("status      reopened, by hand, ") for row in shown)
    assert ["ada resolved it", "by \\x1b[2J ada", "bob reopened it"] == [row[22:] for row in shown[-5:-2]]


@pytest.mark.long
def test_merged_issues_are_one_until_they_are_split(command: Command, issue_of: IssueOf, pond: Path) -> None:
    """The id of the merged one means the one it is part of."""
    part, whole = issue_of("Acted1Error"), issue_of("Acted2Error")
    assert f"{part[:8]} is part of {whole[:8]} now: Acted2Error: x\n" == command("merge", part, "--into", whole)[1]
    assert 2 == _issue(pond, whole)["events_count"]
    assert whole == json.loads(command("show", part[:8], "-f", "json")[1])["issue"]["issue_id"]
    code, _, err = command("merge", part, "--into", whole)
    assert (2, True) == (code, "or it is part of it already" in err)

    fingerprints = json.loads(command("explain", whole, "-f", "json")[1])["fingerprints"]
    leaving = next(row["fingerprint"] for row in fingerprints if row["example"].startswith("Acted1"))
    staying = next(row["fingerprint"] for row in fingerprints if row["example"].startswith("Acted2"))
    assert "the fingerprint that the issue is named by stays" in command("split", whole, staying)[2]
    assert f"otelpond:   {leaving}  Acted1Error: x\n" in command("split", whole, "zzzz")[2]
    assert f"{whole[:8]} has lost {leaving[:8]}: it is {part[:8]} now\n" == command("split", whole, leaving[:8])[1]
    assert (1, 1) == (_issue(pond, whole)["events_count"], _issue(pond, part)["events_count"])
    assert "there is nothing to split" in command("split", whole, staying)[2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["resolve"], ("is resolved: an event after this moment brings it back", {"resolved_in": "now"})),
        (
            ["resolve", "--in-release", "1.2.0"],
            (
                "is resolved in 1.2.0: an event of that release or a later one brings it back",
                {"resolved_in": "release", "release": "1.2.0"},
            ),
        ),
        (
            ["resolve", "--in-next-release"],
            (
                "is resolved in the release after 1.1.0: an event of that one brings it back",
                {"resolved_in": "next_release", "release": "1.1.0"},
            ),
        ),
        (["ignore"], ("is ignored", {"ignored_until": None})),
        (["ignore", "--events", "100"], ("is ignored until 100 more events", {"ignored_count": 100})),
        (
            ["ignore", "--users", "1", "--until", "2099-01-01"],
            (
                "is ignored until 2099-01-01 00:00:00Z or 1 more user",
                {"ignored_users": 1, "ignored_until": datetime(2099, 1, 1, tzinfo=UTC)},
            ),
        ),
        (["reopen"], ("is open already; it has the comment", {"activity": "commented"})),
        (["assign", "--to", "bob"], ("is assigned to bob", {"assignee": "bob"})),
        (["assign"], ("is assigned to nobody already; it has the comment", {"activity": "commented"})),
        (["comment", "so be it"], ("has the comment", {})),
    ],
)
def test_each_deed_is_told_in_a_sentence(
    command: Command, issue_of: IssueOf, appended: list[Activity], arguments: list[str], told: tuple[str, dict[str, object]]
) -> None:
    """And is one activity with its columns; where nothing is to be done, what was said of it."""
    verb, *options = arguments
    sentence, columns = told
    issue = issue_of("Acted3Error")
    said = [] if verb == "comment" else ["--comment", "so be it"]
    assert (0, f"{issue[:8]} {sentence}\n", "") == command(verb, issue[:8], *options, *said)
    assert [columns] == [{name: getattr(each, name) for name in columns} for each in appended]
    assert all((issue, "ada", "so be it", "shop") == (str(e.issue_id), e.actor, e.comment, e.service_name) for e in appended)


def test_what_is_resolved_in_a_release_can_be_resolved_now(command: Command, issue_of: IssueOf) -> None:
    """Only what is resolved now is so already; then what is said of it is kept."""
    issue = issue_of("Acted1Error")
    command("resolve", issue, "--in-release", "9.0")
    assert f"{issue[:8]} is resolved: an event after this moment brings it back\n" == command("resolve", issue, "-m", "all is well")[1]
    assert f"{issue[:8]} is resolved already; it has the comment\n" == command("resolve", issue, "-m", "truly")[1]
    history = json.loads(command("show", issue, "-f", "json")[1])["history"]
    assert [("resolved", "9.0"), ("resolved", "all is well"), ("commented", "truly")] == [
        (row["activity"], row["comment"] or row["release"]) for row in history[-3:]
    ]


def test_several_are_done_at_once_or_none(command: Command, issue_of: IssueOf, appended: list[Activity]) -> None:
    """As JSON: the rows of issue_activity, one an issue."""
    first, second = issue_of("Acted3Error"), issue_of("Hostile")
    assert 2 == command("resolve", first[:8], "00000000")[0]
    assert [] == appended
    done = json.loads(command("ignore", first, second, second[:8], "--format", "json")[1])
    assert [(first, "ignored", "ada"), (second, "ignored", "ada")] == [(row["issue_id"], row["activity"], row["actor"]) for row in done]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["resolve", "{}", "--in-release", "1", "--in-next-release"], "--in-release and --in-next-release: expected one of them"),
        (["ignore", "{}", "--until", "soon"], "--until soon: expected such as 12h, 90d, 52w, 2027-01-31 or 2027-01-31T12:00Z"),
        (["ignore", "{}", "--until", "2020-01-01"], "--until 2020-01-01: this is in the past"),
        (["comment", "{}", " "], "comment: expected a text, got an empty one"),
        (["comment", "{}", "x" * 20_000], "comment: expected at most 10,000 characters, got 20,000"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_done(
    command: Command, issue_of: IssueOf, arguments: list[str], said: str, appended: list[Activity]
) -> None:
    """The request was wrong, and the error says how."""
    issue = issue_of("Acted3Error")
    code, out, err = command(*(argument.format(issue) for argument in arguments))
    assert (2, "", f"otelpond: {said}\n") == (code, out, err)
    assert [] == appended


def test_whoever_acts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By $USER, else by the system; where nobody is known, it must be said."""
    monkeypatch.setenv("USER", "ada")
    assert "ada" == issue_deeds._logged_in()
    monkeypatch.delenv("USER")
    monkeypatch.setattr("getpass.getuser", lambda: (_ for _ in ()).throw(KeyError("no such user")))
    with pytest.raises(issue_deeds.CommandError, match="--actor NAME"):
        issue_deeds._logged_in()
