"""Parts and instrumentors: what fails is skipped with one line, what is turned off stays off."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from otelpond.instrumentation import guard, instrumentors, parts
from otelpond.instrumentation.settings import Settings


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Three parts made here; `calls` says what was asked of them."""
    calls: list[str] = []
    made: dict[str, Any] = {"calls": calls}
    for name in ("first", "second", "third"):
        module: Any = ModuleType(f"otelpond.instrumentation.{name}")
        module.start = lambda _settings, _providers, name=name: calls.append(f"start {name}")
        module.stop = lambda name=name: calls.append(f"stop {name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        made[name] = module
    monkeypatch.setattr(parts, "PARTS", ("first", "second", "third", "not_written_yet"))
    monkeypatch.setattr(guard, "_said", set())
    return made


def test_parts_start_in_order_and_stop_in_the_opposite_one(modules: dict[str, Any]) -> None:
    """One that is turned off is not asked."""
    running = parts.Parts()
    running.start(Settings(disabled_parts=("second",)), None)  # type: ignore[arg-type]
    running.stop()
    assert ["start first", "start third", "stop third", "stop first"] == modules["calls"]


def test_a_group_is_turned_off_by_its_setting(modules: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """`apm`, `crashes`: the documents' switches."""
    monkeypatch.setattr(parts, "GROUPS", {"third": "apm"})
    parts.Parts().start(Settings(apm=False), None)  # type: ignore[arg-type]
    assert ["start first", "start second"] == modules["calls"]


def test_a_part_that_fails_is_skipped(modules: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """With one line; the others run, and what it wanted does not count."""

    def fail(*_: object) -> None:
        raise RuntimeError("no such thing")

    modules["first"].start = fail
    modules["first"].INSTRUMENTORS = ("flask",)
    modules["second"].INSTRUMENTORS = ("django",)
    running = parts.Parts()
    running.start(Settings(), None)  # type: ignore[arg-type]
    assert ["start second", "start third"] == modules["calls"]
    assert "otelpond: the part first is skipped: RuntimeError: no such thing\n" == capsys.readouterr().err
    assert {"django"} == running.taken()


def test_nothing_starts_without_the_part_that_is_needed(modules: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it fails or is missing; one that is turned off is not missed."""
    monkeypatch.setattr(parts, "NEEDED", "first")
    assert parts.Parts().start(Settings(disabled_parts=("first",)), None)  # type: ignore[arg-type]
    modules["calls"].clear()
    modules["first"].start = None
    assert not parts.Parts().start(Settings(), None)  # type: ignore[arg-type]
    monkeypatch.setattr(parts, "_load", lambda _name: None)
    assert not parts.Parts().start(Settings(), None)  # type: ignore[arg-type]
    assert [] == modules["calls"]


class _EntryPoint:
    dist = None

    def __init__(self, name: str, instrumentor: type) -> None:
        self.name = name
        self._instrumentor = instrumentor

    def load(self) -> type:
        return self._instrumentor


def test_instrumentors_that_fail_are_skipped(
    modules: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are activated, with what parts want them to be given, but for those that a part or the settings take out."""
    given: dict[str, Any] = {}

    class Working:
        def instrument(self, **options: Any) -> None:
            given.update(options)

    class Failing:
        def instrument(self, **_options: Any) -> None:
            raise RuntimeError("wrong version")

    class Unwanted(Failing):
        pass

    points = [("bad", Failing), ("good", Working), ("taken", Unwanted), ("off", Unwanted)]
    monkeypatch.setattr(instrumentors, "entry_points", lambda group: [_EntryPoint(*point) for point in points if group])
    modules["first"].OPTIONS = {"good": {"hook": 1}}
    modules["second"].INSTRUMENTORS = ("taken",)
    running = parts.Parts()
    running.start(Settings(), None)  # type: ignore[arg-type]
    instrumentors.activate(Settings(disabled_instrumentors=("off",)), running)
    assert {"skip_dep_check": True, "hook": 1} == given
    assert "otelpond: the instrumentation of bad is skipped: RuntimeError: wrong version\n" == capsys.readouterr().err
