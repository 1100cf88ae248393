"""What each channel is sent: documented, within the other side's limits, and plain text whatever senders wrote."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otelpond.exporters.notifications import slack, teams, webhook
from otelpond.exporters.notifications.mail import letter
from otelpond.exporters.notifications.notification import MOST_TOLD, Message, Notification
from otelpond.exporters.notifications.target import MailServer
from otelpond.exporters.notifications.texts import lines, one_line

AT = datetime(2026, 11, 21, 22, 0, 5, tzinfo=UTC)
ALERT = Notification(
    alert_id="5b0f9a3e-0000-4000-8000-000000000001",
    rule="new-issues",
    kind="new_issue",
    title="ValueError: no price for 7",
    text="total in shop.orders\nfirst seen in shop@1.2.0",
    fields={"service": "shop", "events": "12"},
    issue_id="0c2f1b1e-0000-4000-8000-000000000002",
    fired_at=AT,
)
SERVER = MailServer("mail.example", 587, "pond@shop.example", ("ada@shop.example", "bob@shop.example"))
HOSTILE = (
    "<!channel> [pay](http://evil.example) **b** <http://evil.example|ok> @here :fire:\x00\x1b[31m\u202egnp\ud800 " + "\U0001f4a5" * 5000
)
FULL = Message(
    tuple(
        Notification(f"a{n}", HOSTILE, HOSTILE, AT, HOSTILE, f"{HOSTILE}\n" * 9, dict.fromkeys("abcdefghijklmno", HOSTILE))
        for n in range(20)
    ),
    (ALERT,),
    {f"rule {n}": n + 1 for n in range(40)},
)


def test_a_webhook_gets_the_documented_json() -> None:
    """As README.md shows it."""
    message = Message((ALERT,), beyond={"slow-queries": 3})
    expected = {
        "version": 1,
        "message_id": ALERT.alert_id,
        "channel": "ops",
        "title": "ValueError: no price for 7 (and 3 more)",
        "alerts": [
            {
                "alert_id": ALERT.alert_id,
                "rule": "new-issues",
                "kind": "new_issue",
                "severity": "error",
                "title": "ValueError: no price for 7",
                "text": "total in shop.orders\nfirst seen in shop@1.2.0",
                "fields": {"service": "shop", "events": "12"},
                "issue_id": ALERT.issue_id,
                "fired_at": "2026-11-21T22:00:05Z",
            }
        ],
        "not_shown": {"slow-queries": 3},
    }
    assert expected == json.loads(webhook.body("ops", message))


def test_slack_gets_blocks_of_plain_text() -> None:
    """And a line for what phones show."""
    body = json.loads(slack.body("ops", Message((ALERT,), (ALERT,))))
    plain = {"type": "plain_text", "emoji": False}
    facts = f"service: shop · events: 12 · issue: {ALERT.issue_id} · rule: new-issues · 2026-11-21T22:00:05Z"
    text = "[error] ValueError: no price for 7\ntotal in shop.orders\nfirst seen in shop@1.2.0"
    assert [
        {"type": "section", "text": plain | {"text": text}},
        {"type": "context", "elements": [plain | {"text": facts}]},
        {"type": "context", "elements": [plain | {"text": "1 more alert: 1 of new-issues"}]},
    ] == body["blocks"]
    assert "ValueError: no price for 7 (and 1 more)" == body["text"]


def test_teams_gets_an_adaptive_card() -> None:
    """Of rich text blocks, in the envelope that workflows take."""
    body = json.loads(teams.body("ops", Message((ALERT,))))
    assert "message" == body["type"]
    (attachment,) = body["attachments"]
    assert "application/vnd.microsoft.card.adaptive" == attachment["contentType"]
    card = attachment["content"]
    assert ("AdaptiveCard", "1.4") == (card["type"], card["version"])
    assert ["[error] ValueError: no price for 7", ALERT.text] == [block["inlines"][0]["text"] for block in card["body"][:2]]
    assert {"RichTextBlock"} == {block["type"] for block in card["body"]}


def test_a_letter_says_who_wrote_it_and_is_known_when_it_comes_twice() -> None:
    """And asks nobody's absence for an answer."""
    mail = letter(SERVER, Message((ALERT,)))
    assert "ValueError: no price for 7" == mail["Subject"]
    assert "ada@shop.example, bob@shop.example" == mail["To"]
    assert f"<{ALERT.alert_id}@shop.example>" == mail["Message-ID"]
    assert ("auto-generated", ALERT.alert_id) == (mail["Auto-Submitted"], mail["X-Otelpond-Alert-Id"])
    assert mail.get_content().startswith("[error] ValueError: no price for 7\nservice: shop · events: 12 · issue: ")


@pytest.mark.parametrize("many", [1, MOST_TOLD])
def test_hostile_texts_stay_within_what_slack_takes_and_are_no_markup(many: int) -> None:
    """50 blocks, 3,000 characters each; mentions and links are read in no block, and are escaped in the line beside them."""
    written = slack.body("ops", Message(FULL.notifications[:many], FULL.summarised, FULL.beyond))
    body = json.loads(written)
    assert len(written) <= 12_000
    assert len(body["blocks"]) <= 50
    texts = [text for block in body["blocks"] for text in ([block["text"]] if "text" in block else block["elements"])]
    assert {"plain_text"} == {text["type"] for text in texts}
    assert all(0 < len(text["text"]) <= 3000 for text in texts)
    assert "<" not in body["text"]


@pytest.mark.parametrize("many", [1, MOST_TOLD])
def test_hostile_texts_stay_within_what_teams_takes(many: int) -> None:
    """28 kB."""
    assert len(teams.body("ops", Message(FULL.notifications[:many], FULL.summarised, FULL.beyond))) <= 25_000


def test_hostile_texts_make_no_header_of_a_letter() -> None:
    """No line break gets into one, and the letter can be written as bytes."""
    mail = letter(SERVER, FULL)
    assert mail.as_bytes()
    assert "\n" not in mail["Subject"]
    assert "\ud800" not in mail.get_content()


def test_what_does_not_fit_is_told_by_its_number() -> None:
    """None disappears."""
    body = json.loads(slack.body("ops", Message(FULL.notifications)))
    shown = sum(block["type"] == "section" for block in body["blocks"])
    assert shown < MOST_TOLD
    assert f"{MOST_TOLD - shown} more alerts: " in body["blocks"][-1]["elements"][0]["text"]


def _bodies(message: Message) -> dict[str, Any]:
    return {"webhook": webhook.body("c", message), "slack": slack.body("c", message), "teams": teams.body("c", message)}


@given(title=st.text(), text=st.text(), fields=st.dictionaries(st.text(), st.text(), max_size=3))
def test_any_text_can_be_told(title: str, text: str, fields: dict[str, str]) -> None:
    """Every body is JSON, and a letter has its bytes."""
    message = Message((Notification("a", "r", title, AT, text=text, fields=fields),))
    for body in _bodies(message).values():
        json.loads(body)
    letter(SERVER, message).as_bytes()


def test_a_long_text_costs_what_is_shown_of_it() -> None:
    """Ten megabytes are cut before they are read."""
    assert "aaaa…" == one_line("a" * 10_000_000, 5)
    assert "a\nb…" == lines("a\r\nb\x00c" + "d" * 10_000_000, 4)
