"""Ponds take turns: none waits for all the work of another, none for one that fails, and all end when told to."""

from __future__ import annotations

from collections.abc import Callable

from otelpond.storage.pipeline.control import Turns
from otelpond.storage.pipeline.ponds import Ponds


class Told:
    """Stops after so many waits or when a condition holds; remembers for how long there was nothing to do."""

    def __init__(self, until: Callable[[], bool]) -> None:
        self._until = until
        self.waits: list[float] = []
        self.asked: list[str] = []

    def wait(self, timeout_s: float) -> None:
        """Sleep no longer than a test may."""
        self.waits.append(timeout_s)
        assert len(self.waits) < 100_000

    def stopping(self) -> bool:
        """Whether the condition holds."""
        return self._until()

    def woken(self) -> list[str]:
        """Who is asked for something."""
        asked, self.asked = self.asked, []
        return asked


def first_turns(tenants: list[str], most: int) -> list[str]:
    """Whose the first turns are, where every pond has work without end."""
    log: list[str] = []

    def work(tenant: str) -> Turns:
        while not done():
            log.append(tenant)
            yield 0.0

    def done() -> bool:
        return len(log) >= most

    Ponds(lambda: tenants, work).run(Told(done))
    return log


def test_a_busy_pond_leaves_the_others_their_turns() -> None:
    """While one has work without end, each other pond with work has a turn in every round."""
    assert ["busy", "small", "other"] * 18 == first_turns(["busy", "small", "other"], 60)[3:57]


def test_a_pond_is_told_whether_it_is_alone() -> None:
    """Work of others is known before one's turn; those at rest do not count."""
    seen: list[tuple[str, bool]] = []

    def work(tenant: str) -> Turns:
        if tenant == "busy":
            for _ in range(6):
                seen.append((tenant, ponds.alone(tenant)))
                yield 0.0
            return
        yield from (0.0, 0.0, 0.0)
        while not done():
            yield 0.1

    def done() -> bool:
        return len(seen) >= 6

    ponds = Ponds(lambda: ["rests", "busy"], work)
    ponds.run(Told(done))
    assert ("busy", False) == seen[0]
    assert ("busy", True) == seen[-1]


def test_a_pond_that_waits_keeps_nobody_waiting() -> None:
    """One that backs off for minutes is not asked, and the others go on."""
    turns = {"broken": 0, "well": 0}

    def work(tenant: str) -> Turns:
        while not done():
            turns[tenant] += 1
            yield 600.0 if tenant == "broken" else 0.0

    def done() -> bool:
        return turns["well"] >= 50

    Ponds(lambda: ["broken", "well"], work).run(Told(done))
    assert {"broken": 1, "well": 50} == turns


def test_a_pond_that_is_asked_for_something_has_its_turn_at_once() -> None:
    """A request wakes a pond that rests, and one that nobody had seen yet."""
    turns: list[str] = []
    tenants = ["default"]

    def work(tenant: str) -> Turns:
        while not done():
            turns.append(tenant)
            yield 600.0

    def done() -> bool:
        if turns == ["default"]:
            tenants.append("new")
            told.asked = ["default", "new"]
        return len(turns) >= 3

    told = Told(done)
    Ponds(lambda: list(tenants), work).run(told)
    assert ["default", "default", "new"] == turns


def test_ponds_are_opened_one_a_round() -> None:
    """Opening takes a second: those at work have their turns in between."""
    assert ["a", "a", "b", "a", "b", "c", "a", "b", "c", "d"] == first_turns(["a", "b", "c", "d"], 30)[:10]


def test_when_told_to_stop_every_pond_finishes() -> None:
    """Those that rest or wait are asked too, and each may take as many turns as its work needs."""
    finished: list[str] = []
    begun: list[str] = []

    def work(tenant: str) -> Turns:
        begun.append(tenant)
        yield 600.0
        yield 600.0
        yield 0.0
        finished.append(tenant)

    Ponds(lambda: ["a", "b"], work).run(Told(lambda: len(begun) == 2))
    assert ["a", "b"] == sorted(finished)
