"""Profiles fold what events say of users in the order of their times; an anonymous id belongs to the user named beside it next."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from otelpond.storage import connect

from .conftest import Pond
from .visits import Event, at

Fold = dict[str, dict[str, Any]]


def event(number: int, minute: float, **fields: Any) -> Event:
    """One event so many minutes after the first day began."""
    time = at(minutes=minute)
    return Event(f"event-{number}", "user.identify", time, time // 1000, item_index=number, **fields)


def said(**properties: object) -> str:
    """The properties of an event that says something of its user."""
    return json.dumps({f"user.properties{'' if kind == 'set' else '.' + kind}": value for kind, value in properties.items()})


def profiles(pond: Pond) -> dict[str, dict[str, Any]]:
    """What a reader sees, by user."""
    with connect(pond.data) as con:
        found = con.execute("select *, epoch(first_seen) as first_s, epoch(last_seen) as last_s from user_profiles")
        names = [column[0] for column in found.description]
        return {row[names.index("user_id")]: dict(zip(names, row, strict=True)) for row in found.fetchall()}


def properties(pond: Pond) -> dict[str, dict[str, Any]]:
    """What is known of each user."""
    return {user: json.loads(profile["properties"]) for user, profile in profiles(pond).items()}


def test_the_last_value_set_counts(pond: Pond) -> None:
    """By the time of the event, not by its arrival; types are kept."""
    pond.publish([event(2, 2, user_id="ada", properties=said(set={"plan": "gold", "seats": 3, "a/b~c": [1, {"d": None}]}))])
    pond.publish([event(1, 1, user_id="ada", properties=said(set={"plan": "free", "beta": True}))])

    assert {"ada": {"plan": "gold", "seats": 3, "beta": True, "a/b~c": [1, {"d": None}]}} == properties(pond)


def test_one_event_may_set_very_many_properties(pond: Pond) -> None:
    """They are read in one pass: a second one for each would never end."""
    many = {f"key/{number}": number for number in range(20_000)} | {"none": None}
    pond.publish([event(1, 1, user_id="ada", properties=said(set=many, set_once=many))])

    assert {"ada": many} == properties(pond)


def test_what_is_set_once_stays_until_it_is_unset(pond: Pond) -> None:
    """It never takes the place of a value; after an unset the next one counts."""
    pond.publish(
        [
            event(1, 1, user_id="ada", properties=said(set_once={"origin": "ad", "plan": "free"})),
            event(2, 2, user_id="ada", properties=said(set_once={"origin": "mail"}, set={"plan": "gold", "team": "a"})),
            event(3, 3, user_id="ada", properties=said(unset=["team", "unknown"], set={"team": "b"})),
            event(4, 4, user_id="bob", properties=said(set={"plan": "free"})),
            event(5, 5, user_id="bob", properties=said(unset=["plan"])),
            event(6, 6, user_id="bob", properties=said(set_once={"plan": "trial"})),
        ]
    )

    assert {"ada": {"origin": "ad", "plan": "gold"}, "bob": {"plan": "trial"}} == properties(pond)


def test_properties_come_with_any_event_and_in_any_form(pond: Pond) -> None:
    """track(user_properties=...) sends them too; what is no map and no list says nothing."""
    strange = [said(set="text", unset="plan"), said(set=[1], set_once=None, unset={"plan": 1}), said(unset=[1, None])]
    pond.publish(
        [
            Event("view", "user.page_view", at(0), 0, user_id="ada", properties=said(set={"plan": "free"})),
            *(event(number, number, user_id="ada", properties=text) for number, text in enumerate(strange, 1)),
        ]
    )

    assert {"ada": {"plan": "free"}} == properties(pond)


def test_what_was_done_before_logging_in_is_the_users(pond: Pond) -> None:
    """Properties, times and the anonymous id itself; whoever never logged in has no profile."""
    pond.publish(
        [
            event(1, 1, anonymous_id="a", properties=said(set_once={"origin": "ad"})),
            event(2, 5, anonymous_id="a", user_id="ada", user_role="auditor"),
            event(3, 9, anonymous_id="a"),
            event(4, 9, anonymous_id="never"),
        ]
    )
    (profile,) = profiles(pond).values()

    assert ("ada", "auditor", ["a"], '{"origin":"ad"}') == tuple(
        profile[n] for n in ("user_id", "user_role", "anonymous_ids", "properties")
    )
    assert (at(minutes=1) / 1e9, at(minutes=9) / 1e9) == (profile["first_s"], profile["last_s"])


def test_a_shared_anonymous_id_belongs_to_the_user_named_next(pond: Pond) -> None:
    """On one tablet ada, then bob, then ada: what is in between is of the one who logs in, what comes last of the last one."""
    users = ["", "ada", "", "bob", "bob", "", "ada", ""]
    pond.publish([event(n, n, anonymous_id="tablet", user_id=user, properties=said(set={str(n): n})) for n, user in enumerate(users)])
    known = properties(pond)

    assert {"ada": {"0", "1", "5", "6", "7"}, "bob": {"2", "3", "4"}} == {user: set(found) for user, found in known.items()}
    with connect(pond.data) as con:
        stretches = con.execute("select user_id, after_unix_nano, until_unix_nano from identities order by after_unix_nano nulls first")
        expected = [("ada", None, 1), ("bob", 1, 4), ("ada", 4, None)]
        assert [(user, *(at(minutes=m) if m is not None else None for m in ends)) for user, *ends in expected] == stretches.fetchall()


def folded(events: list[Event]) -> Fold:
    """What is known of each user, by applying one event after another."""
    known: Fold = {}
    for told in sorted(events, key=lambda event: event.time_unix_nano):
        told_of = known.setdefault(told.user_id or "", {})
        stated = json.loads(told.properties or "{}")
        told_of.update(stated.get("user.properties", {}))
        for name, value in stated.get("user.properties.set_once", {}).items():
            told_of.setdefault(name, value)
        for name in stated.get("user.properties.unset", []):
            told_of.pop(name, None)
    return known


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_arrival_gives_what_one_event_after_another_gives(pond: Pond, seed: int) -> None:
    """Shuffled, and with some sent twice."""
    rng = random.Random(seed)
    names = ["plan", "team", "seats", "with.dot"]

    def some() -> dict[str, int]:
        return {name: rng.randrange(100) for name in rng.sample(names, rng.randrange(3))}

    events = [
        event(
            n,
            n,
            user_id=f"user-{rng.randrange(20)}",
            properties=said(set=some(), set_once=some(), unset=rng.sample(names, rng.randrange(2))),
        )
        for n in range(400)
    ]
    expected = folded(events)
    events += rng.sample(events, 40)
    rng.shuffle(events)
    pond.publish([replace(event, item_index=place) for place, event in enumerate(events)])

    assert expected == properties(pond)
