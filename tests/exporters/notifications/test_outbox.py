"""When a channel is told what: gathering, the hourly cap, quiet hours, retries. Time is given, nothing waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otelpond.exporters.destination import Refused, TryLater
from otelpond.exporters.notifications.notification import MOST_TOLD, Message, Notification, Sent, Severity
from otelpond.exporters.notifications.outbox import MOST_WAITING, Limits, Outbox, backoff_s
from otelpond.exporters.notifications.quiet_hours import QuietHours

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def alert(number: int, rule: str = "new-issues", severity: Severity = "error") -> Notification:
    """An alert of that number."""
    return Notification(f"alert-{number}", rule, f"issue {number}", NOON + timedelta(seconds=number), severity=severity)


def later(**parts: float) -> datetime:
    """So long after noon."""
    return NOON + timedelta(**parts)


def sent(outbox: Outbox, now: datetime) -> Message | None:
    """The message of that moment, sent."""
    message = outbox.next(now)
    if message is not None:
        outbox.settle(Sent(), now)
    return message


def test_what_comes_together_is_told_together_and_once() -> None:
    """One message for all that wait, then none."""
    outbox = Outbox("ops", Limits())
    outbox.add([alert(1), alert(2), alert(1)])
    assert outbox.add([alert(2)]) == ()
    message = sent(outbox, NOON)
    assert message == Message((alert(1), alert(2)))
    assert outbox.next(later(hours=2)) is None
    assert outbox.wait_s(NOON) is None


def test_after_a_message_others_are_gathered() -> None:
    """The first goes at once, the next ones together after the pause."""
    outbox = Outbox("ops", Limits(gather_s=10))
    outbox.add([alert(1)])
    assert sent(outbox, NOON) == Message((alert(1),))
    outbox.add([alert(2)])
    assert outbox.next(later(seconds=9)) is None
    assert outbox.wait_s(later(seconds=9)) == 1
    outbox.add([alert(3)])
    assert sent(outbox, later(seconds=10)) == Message((alert(2), alert(3)))


def test_a_pause_may_be_longer_than_an_hour() -> None:
    """As the settings say."""
    outbox = Outbox("ops", Limits(gather_s=7200))
    outbox.add([alert(1)])
    assert sent(outbox, NOON) == Message((alert(1),))
    outbox.add([alert(2)])
    assert outbox.next(later(seconds=1)) is None
    assert outbox.next(later(seconds=7199)) is None
    assert sent(outbox, later(seconds=7200)) == Message((alert(2),))


def test_the_gravest_are_told_first_and_what_has_no_room_by_its_number() -> None:
    """Twenty in full; of each rule it is said how many more there are."""
    outbox = Outbox("ops", Limits())
    outbox.add([alert(number, "slow", "warning") for number in range(30)])
    outbox.add([alert(100, "down", "critical")])
    message = sent(outbox, NOON)
    assert message is not None
    assert [alert(100, "down", "critical"), *(alert(n, "slow", "warning") for n in range(MOST_TOLD - 1))] == list(message.notifications)
    assert {"slow": 11} == message.others
    assert message.title == "issue 100 (and 30 more)"


def test_no_more_messages_than_the_cap_in_any_hour() -> None:
    """What waits meanwhile is told when the hour has room again, in one message."""
    outbox = Outbox("ops", Limits(max_per_hour=2, gather_s=0), sent_at={later(minutes=-59): set(), later(minutes=-61): set()})
    outbox.add([alert(1)])
    assert sent(outbox, NOON) is not None
    outbox.add([alert(2)])
    assert outbox.next(NOON) is None
    outbox.add([alert(3)])
    assert sent(outbox, later(minutes=1)) == Message((alert(2), alert(3)))
    outbox.add([alert(4)])
    assert outbox.next(later(minutes=59)) is None
    assert sent(outbox, later(minutes=60)) == Message((alert(4),))


def test_what_cannot_wait_is_counted_and_told() -> None:
    """Beyond a thousand that wait only numbers are kept; so is what an outbox before had counted."""
    outbox = Outbox("ops", Limits(gather_s=0), beyond={"old": 5})
    alerts = [alert(number, f"rule-{number % 2}") for number in range(MOST_WAITING + 4)]
    assert outbox.add(alerts) == tuple(alerts[MOST_WAITING:])
    message = sent(outbox, NOON)
    assert message is not None
    assert {f"rule-{number}": (MOST_WAITING - MOST_TOLD + 4) // 2 for number in (0, 1)} | {"old": 5} == message.others
    outbox.add([alert(9999)])
    assert sent(outbox, later(hours=1)) == Message((alert(9999),))


def test_quiet_hours_hold_back_and_are_followed_by_one_message() -> None:
    """By the clocks of the time zone: 22:00 in Berlin is 21:00 UTC in November."""
    outbox = Outbox("ops", Limits(quiet_hours=QuietHours.of("22:00-07:00", "Europe/Berlin"), gather_s=0))
    for hours in (9.0, 12.0, 17.9):  # after noon UTC
        outbox.add([alert(int(hours * 10))])
        assert outbox.next(later(hours=hours)) is None
    assert outbox.next(later(hours=8.99)) is not None
    assert sent(outbox, later(hours=18)) == Message((alert(90), alert(120), alert(179)))


def test_a_retry_is_the_same_message_after_a_growing_pause() -> None:
    """What came meanwhile waits for the next one; the attempts are numbered."""
    outbox = Outbox("ops", Limits(gather_s=0))
    outbox.add([alert(1)])
    first = outbox.next(NOON)
    attempt = outbox.settle(TryLater("HTTP 503"), NOON)
    assert (1, first, "ops") == (attempt.number, attempt.message, attempt.channel)
    outbox.add([alert(2)])
    assert outbox.next(later(seconds=0.5)) is None
    assert outbox.next(later(seconds=4)) == first
    assert 2 == outbox.settle(TryLater("HTTP 429", delay_s=60), later(seconds=4)).number
    assert outbox.next(later(seconds=63)) is None
    assert outbox.next(later(seconds=64)) == first
    assert Sent() == outbox.settle(Sent(), later(seconds=64)).outcome
    assert sent(outbox, later(seconds=64)) == Message((alert(2),))


def test_a_message_that_always_fails_holds_up_no_others() -> None:
    """After five attempts what came meanwhile goes before it, the gravest first; it is tried again after, and given up by itself."""
    outbox = Outbox("ops", Limits(gather_s=0))
    outbox.add([alert(1)])
    assert _failed(outbox, NOON, 6) == [Message((alert(1),))] * 6
    grave = alert(3, severity="critical")
    outbox.add([alert(2), grave])
    assert _failed(outbox, later(hours=1), 1) == [Message((alert(1),))]
    assert sent(outbox, later(hours=2)) == Message((grave, alert(2)))
    outbox.add([alert(4)])
    assert sent(outbox, later(hours=3)) == Message((alert(4),))
    assert _failed(outbox, later(hours=4), 1) == [Message((alert(1),))]
    outbox.add([alert(5)])
    outbox.next(later(hours=25))
    attempt = outbox.settle(TryLater("HTTP 500"), later(hours=25))
    assert (Message((alert(1),)), Refused("given up after 24 h and 2 attempts; last: HTTP 500")) == (attempt.message, attempt.outcome)
    assert sent(outbox, later(hours=26)) == Message((alert(5),))


def test_while_a_channel_is_down_all_that_waits_is_gathered() -> None:
    """Those that were tried for a day are given up, and the others told in one message."""
    outbox = Outbox("ops", Limits(gather_s=0))
    outbox.add([alert(1)])
    _failed(outbox, NOON, 4)
    outbox.add([alert(2)])
    assert _failed(outbox, later(hours=5), 6) == [Message((alert(1),)), *[Message((alert(2),))] * 5]
    outbox.add([alert(3)])
    assert _failed(outbox, later(hours=20), 6) == [Message((alert(3),))] * 5 + [Message((alert(1), alert(2), alert(3)))]
    outbox.next(later(hours=27))
    attempt = outbox.settle(TryLater("HTTP 502"), later(hours=27))
    assert (Message((alert(1),)), True) == (attempt.message, isinstance(attempt.outcome, Refused))
    assert sent(outbox, later(hours=28)) == Message((alert(2), alert(3)))


def _failed(outbox: Outbox, now: datetime, times: int) -> list[Message | None]:
    """Messages that failed so often, ten minutes apart."""
    messages = []
    for attempt in range(times):
        messages.append(outbox.next(now + timedelta(minutes=10 * attempt)))
        outbox.settle(TryLater("HTTP 500"), now + timedelta(minutes=10 * attempt))
    return messages


def test_a_rule_that_floods_leaves_messages_to_the_others() -> None:
    """Three quarters of the cap are its own; what it has beyond comes with another's message, or when there is room."""
    outbox = Outbox("ops", Limits(max_per_hour=4, gather_s=0))
    for number in range(3):
        outbox.add([alert(number, "flood")])
        assert sent(outbox, later(minutes=number)) is not None
    outbox.add([alert(3, "flood")])
    assert outbox.next(later(minutes=3)) is None
    restarted = Outbox("ops", Limits(max_per_hour=4, gather_s=0), sent_at={later(minutes=number): {"flood"} for number in range(3)})
    restarted.add([alert(3, "flood")])
    assert (None, True) == (restarted.next(later(minutes=3)), restarted.next(later(minutes=61)) is not None)
    outbox.add([alert(4, "other")])
    assert sent(outbox, later(minutes=4)) == Message((alert(3, "flood"), alert(4, "other")))
    outbox.add([alert(5, "other")])
    assert (None, True) == (outbox.next(later(minutes=5)), outbox.next(later(minutes=61)) is not None)


def test_of_what_waits_every_rule_has_room_and_is_shown() -> None:
    """However many there are of another."""
    outbox = Outbox("ops", Limits())
    surplus = outbox.add(alert(number, "flood") for number in range(MOST_WAITING))
    late = alert(5000, "other")
    assert (MOST_WAITING // 4, ()) == (len(surplus), outbox.add([late]))
    outbox.count({"flood": 7})
    message = sent(outbox, later(hours=2))
    assert message is not None
    assert late == message.notifications[-1]
    assert {"flood": MOST_WAITING - 19 + 7} == message.others


def test_what_is_refused_is_not_sent_again_and_does_not_count_for_the_cap() -> None:
    """The next alert is told all the same."""
    outbox = Outbox("ops", Limits(max_per_hour=1, gather_s=0))
    outbox.add([alert(1)])
    outbox.next(NOON)
    assert Refused("HTTP 404") == outbox.settle(Refused("HTTP 404"), NOON).outcome
    outbox.add([alert(2)])
    assert sent(outbox, NOON) == Message((alert(2),))


def test_after_a_day_it_is_given_up() -> None:
    """With the last reason; a delay of a year is believed to be an hour."""
    outbox = Outbox("ops", Limits())
    outbox.add([alert(1)])
    outbox.next(NOON)
    outbox.settle(TryLater("HTTP 503", delay_s=1e9), NOON)
    assert outbox.next(later(minutes=59)) is None
    assert outbox.next(later(hours=24)) is not None
    outcome = outbox.settle(TryLater("HTTP 500"), later(hours=24)).outcome
    assert Refused("given up after 24 h and 2 attempts; last: HTTP 500") == outcome
    assert outbox.next(later(hours=26)) is None


def test_a_clock_that_is_put_back_stops_nothing() -> None:
    """Neither for the cap nor for a pause."""
    outbox = Outbox("ops", Limits(max_per_hour=1, gather_s=0))
    outbox.add([alert(1)])
    assert sent(outbox, later(days=9)) is not None
    outbox.add([alert(2)])
    assert outbox.next(NOON) is not None


def test_pauses_grow_to_five_minutes() -> None:
    """Give or take half."""
    assert 1 <= backoff_s(1) <= 3
    assert 150 <= backoff_s(1000) <= 450


@given(st.lists(st.tuples(st.sampled_from(["add", "send", "later", "refuse"]), st.integers(0, 40), st.floats(0, 4000)), max_size=60))
def test_every_alert_is_told_in_exactly_one_message(steps: list[tuple[str, int, float]]) -> None:
    """Whatever happens in between; and no hour has more messages than the cap."""
    outbox = Outbox("ops", Limits(max_per_hour=3, gather_s=5))
    now, told, at = NOON, [], []
    added: set[str] = set()
    outcomes = {"send": Sent(), "later": TryLater("busy"), "refuse": Refused("no")}
    for step, number, seconds in [*steps, *(("send", 0, 3600.0),) * 5]:
        now += timedelta(seconds=seconds)
        if step == "add" and f"alert-{number}" not in added:
            added.add(f"alert-{number}")
            outbox.add([alert(number)])
        elif step != "add" and (message := outbox.next(now)) is not None:
            attempt = outbox.settle(outcomes[step], now)
            outcome, message = attempt.outcome, attempt.message
            if not isinstance(outcome, TryLater):
                told += [each.alert_id for each in (*message.notifications, *message.summarised)]
            if isinstance(outcome, Sent):
                at.append(now)
    assert sorted(added) == sorted(told)
    assert all(len([other for other in at if each - timedelta(hours=1) < other <= each]) <= 3 for each in at)


@pytest.mark.parametrize(
    ("hours", "zone", "moment", "quiet"),
    [
        ("22:00-07:00", "UTC", "2026-11-21T21:59:59+00:00", False),
        ("22:00-07:00", "UTC", "2026-11-21T22:00:00+00:00", True),
        ("22:00-07:00", "UTC", "2026-11-21T06:59:59+00:00", True),
        ("22:00-07:00", "UTC", "2026-11-21T07:00:00+00:00", False),
        ("12:00-13:30", "UTC", "2026-11-21T13:29:00+00:00", True),
        ("12:00-13:30", "UTC", "2026-11-21T00:00:00+00:00", False),
        ("22:00-07:00", "America/New_York", "2026-07-01T02:00:00+00:00", True),  # 22:00 of the day before, in summer
        ("22:00-07:00", "America/New_York", "2026-12-01T02:00:00+00:00", False),
        ("22:00-07:00", "Asia/Kolkata", "2026-11-21T16:30:00+00:00", True),
    ],
)
def test_quiet_hours_follow_the_clocks_of_a_place(hours: str, zone: str, moment: str, quiet: bool) -> None:
    """Over midnight, at their ends, in summer and winter."""
    assert quiet == QuietHours.of(hours, zone).contains(datetime.fromisoformat(moment))


@pytest.mark.parametrize(("hours", "zone"), [("22-7", "UTC"), ("24:00-07:00", "UTC"), ("22:00-22:00", "UTC"), ("22:00-07:00", "Mars/Base")])
def test_hours_that_are_none_are_refused(hours: str, zone: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match="such as"):
        QuietHours.of(hours, zone)
