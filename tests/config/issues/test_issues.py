"""`otelpond issues list|show|explain` on a pond of real rows: what one sees, and what is said where there is nothing to see."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from otelpond.storage.issue_details import IssueNotFoundError, finding, only
from otelpond.storage.query import connect

Command = Callable[..., tuple[int, str, str]]
IssueOf = Callable[[str], str]


def _titles(printed: str) -> list[str]:
    return [issue["title"] for issue in json.loads(printed)]


def test_the_list_says_what_where_how_often_and_when(command: Command) -> None:
    """Two lines an issue, and what to ask next."""
    code, out, err = command("list", "--service", "web")
    assert (0, "") == (code, err)
    header, first, second, footer = (row.rstrip() for row in out.splitlines())
    assert ["issue", "title", "status", "events", "users", "first", "last", "assignee"] == header.split()
    assert re.fullmatch(r"[0-9a-f]{8}  TypeError: items is undefined +open +1 +0 +\S+ (min|h) +\S+ (min|h)", first)
    assert second.strip().endswith("web · 2.3.0")
    assert re.fullmatch(r"1 issue; otelpond issues show [0-9a-f]{8}", footer)


@pytest.mark.parametrize(
    ("arguments", "titles"),
    [
        (["--level", "fatal"], ["SystemError: segmentation fault"]),
        (["--query", "ITEMS is"], ["TypeError: items is undefined"]),
        (["--release", "2.3.0"], ["TypeError: items is undefined"]),
        (["--release", "1.0.0"], ["ValueError: cannot price order 19"]),
        (["--sort", "events", "--limit", "1"], ["ValueError: cannot price order 19"]),
        (["--sort", "users", "--limit", "1"], ["ValueError: cannot price order 19"]),
        (["--environment", "staging"], []),
        (["--assignee", "nobody-at-all"], []),
    ],
)
def test_the_list_is_narrowed_and_sorted(command: Command, arguments: list[str], titles: list[str]) -> None:
    """As JSON: whole rows of the view."""
    assert titles == _titles(command("list", "--format", "json", *arguments)[1])


def test_an_empty_list_says_what_to_try(command: Command) -> None:
    """Another status, or fewer filters."""
    assert (
        "no issue is ignored; 1 other: otelpond issues list --status all\n" == command("list", "--status", "ignored", "-q", "items is")[1]
    )
    assert "no issue matches; with fewer filters there may be some\n" == command("list", "--service", "till")[1]


def test_errors_of_a_trace_that_lasts_for_days_are_told_apart(command: Command, issue_of: IssueOf) -> None:
    """The latest is the third of its trace, though the others were days before."""
    shown = json.loads(command("show", issue_of("StaleError"), "--format", "json")[1])
    assert 3 == shown["issue"]["events_count"]
    assert (shown["event"]["event_id"], shown["event"]["span_id"]) == (shown["report"]["error_id"], shown["report"]["span_id"])
    assert shown["stack"]["errors"]


def test_titles_of_several_issues_are_shown_without_their_escape_sequences(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the beginning of an id is that of several."""
    listed = [{"issue_id": f"aaaa{number}", "title": "x\x1b[2J\nmore"} for number in range(2)]
    monkeypatch.setattr(finding, "rows", lambda _answer: listed)
    code, _, err = command("show", "aaaa")
    assert (2, "otelpond: aaaa: 2 issues' ids begin so, give more digits") == (code, err.splitlines()[0])
    assert ["otelpond:   aaaa0  x\\x1b[2J more", "otelpond:   aaaa1  x\\x1b[2J more"] == err.splitlines()[1:]


def test_show_tells_everything_of_an_issue(command: Command, issue_of: IssueOf) -> None:
    """Heading, tags, the latest event, its stack, what came before, its trace and history."""
    code, out, err = command("show", issue_of("ValueError")[:8])
    assert (0, "") == (code, err)
    rows = [row.rstrip() for row in out.splitlines()]
    assert "ValueError: cannot price order 19" == rows[0]
    for expected in (
        "status      open",
        "events      3, of 2 users in 3 sessions",
        "releases    1.0.0 to 1.1.0",
        "release      1.0.0 67%, 1.1.0 33%",
        "user role    customer 100%",
        "where    shop 1.1.0, production",
        "user     ada (customer)",
        "Stack  the call that raised comes last",
        "caused by KeyError: 'A-17'",
        "    … 4 frames of starlette, fastapi",
        "  ▸ price_of  /srv/shop/shop/orders.py:61",
        '        return catalogue[line.article]["price"]',
        "-0.100 s  log    the price of A-17 is missing",
        "-0.280 s  query  select price from articles where id = ?  300 ms",
        "640 ms  ━━━━━━━━━━━━━━━━  ✗ POST /orders  shop  500  cannot price order 19",
        "620 ms  ━━━━━━━━━━━━━━━━    ✗ place order ◀ the error  shop  cannot price order 19",
        "300 ms  ━━━━━━━━              SELECT articles  shop  select price from articles where id = ?",
    ):
        assert expected in rows
    assert any(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ  first seen in 1.0.0", row) for row in rows)


def test_show_as_json_has_the_same_for_programs(command: Command, issue_of: IssueOf) -> None:
    """One object; frames, breadcrumbs and spans are objects."""
    shown = json.loads(command("show", issue_of("ValueError"), "--format", "json")[1])
    assert {"issue", "state", "event", "report", "stack", "breadcrumbs", "tags", "trace", "history"} == shown.keys()
    assert ["ValueError", "KeyError"] == [error["type"] for error in shown["stack"]["errors"]]
    assert [("query", 300.0), ("log", None)] == [(crumb["kind"], crumb["duration_ms"]) for crumb in shown["breadcrumbs"]]
    assert 3 == len(shown["trace"])
    assert shown["event"]["event_id"] == shown["report"]["error_id"]


def test_own_breadcrumbs_of_a_report_come_first(command: Command, issue_of: IssueOf) -> None:
    """What its sender remembered is more than what arrived."""
    shown = json.loads(command("show", issue_of("TypeError"), "--format", "json")[1])
    assert ["user.action click pay"] == [crumb["message"] for crumb in shown["breadcrumbs"]]
    assert {("browser", "Firefox"), ("page", "cart"), ("os", "Linux")} <= {(tag["tag"], tag["value"]) for tag in shown["tags"]}


def test_hostile_texts_reach_no_terminal(command: Command, issue_of: IssueOf) -> None:
    """Neither in the list nor in what is shown, all of it or less."""
    issue = issue_of("Hostile")
    for printed in (command("list")[1], command("show", issue)[1], command("show", issue, "--full")[1], command("explain", issue)[1]):
        assert "\\x1b]0;owned\\x07" in printed
        assert {"\x1b", "\x07", "\u202e"}.isdisjoint(printed)


def test_explain_says_of_what_the_fingerprint_is_made(command: Command, issue_of: IssueOf) -> None:
    """In words, and as JSON as it is stored."""
    issue = issue_of("SystemError")
    out = command("explain", issue)[1]
    assert "made of type and message, what varies in it replaced, as there is no stack:\n  SystemError" in out
    (group,) = json.loads(command("explain", issue, "--format", "json")[1])["fingerprints"]
    assert ("message", 1, "shop") == (group["grouping"]["by"], group["events"], group["service_name"])


@pytest.mark.parametrize(
    ("issue", "said"),
    [
        ("nonsense", "'nonsense' is no issue's id: expected 4 to 32 hexadecimal digits, such as 4f1d2c9a"),
        ("123", "'123' is no issue's id"),
        ("00000000", "00000000: no issue's id begins so; `otelpond issues list --status all` shows every issue"),
    ],
)
@pytest.mark.parametrize("verb", ["show", "explain", "reopen"])
def test_an_issue_that_is_not_there_is_named_with_the_next_step(command: Command, verb: str, issue: str, said: str) -> None:
    """And the request was wrong."""
    code, out, err = command(verb, issue)
    assert (2, "") == (code, out)
    assert err.startswith(f"otelpond: {said}")


def test_while_one_issue_is_looked_at_its_events_alone_are_shown(pond: Path, issue_of: IssueOf) -> None:
    """All events are gone through once; afterwards the connection shows them again."""
    with connect(pond) as con:
        before = con.execute("select count(*) from issue_events").fetchone()
        with only(con, issue_of("ValueError")[:8]):
            assert [(3, 1)] == con.execute("select count(*), (select count(*) from issues) from issue_events").fetchall()
        with pytest.raises(IssueNotFoundError), only(con, "00000000"):
            pass
        assert before == con.execute("select count(*) from issue_events").fetchone()


def test_no_pond_is_said(command: Command) -> None:
    """With how to get one."""
    assert command("list", "--tenant", "nobody")[2].startswith("otelpond: no pond in ")
