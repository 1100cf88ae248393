"""Libraries are acted on when the service imports them."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import Distribution
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from otelpond.instrumentation import guard, instrumentors
from otelpond.instrumentation.imports import libraries, when_imported


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that nobody has imported."""
    (tmp_path / "otelpond_test_library.py").write_text("state = 'imported'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "otelpond_test_library", raising=False)
    monkeypatch.setattr(guard, "_said", set())
    return "otelpond_test_library"


def test_it_acts_when_the_library_has_been_imported(library: str) -> None:
    """Once, with the whole module; at once where it is there already."""
    seen: list[Any] = []
    when_imported(library, lambda module: seen.append(module.state))
    assert [] == seen
    importlib.import_module(library)
    importlib.import_module(library)
    assert ["imported"] == seen
    when_imported(library, lambda module: seen.append(module.state))
    assert ["imported", "imported"] == seen


def test_what_goes_wrong_does_not_reach_the_import(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is one line."""
    when_imported(library, lambda module: module.no_such_thing)
    assert "imported" == importlib.import_module(library).state
    assert capsys.readouterr().err.startswith(f"otelpond: the instrumentation of {library} is skipped: AttributeError: ")


def test_an_instrumentation_says_what_it_is_for() -> None:
    """By the requirements of its extra `instruments`; one for Python itself says nothing."""
    assert ["fastapi"] == libraries(Distribution.from_name("opentelemetry-instrumentation-fastapi"))
    assert ["sqlalchemy"] == libraries(Distribution.from_name("opentelemetry-instrumentation-sqlalchemy"))
    assert libraries(Distribution.from_name("opentelemetry-instrumentation-logging")) is None


def test_django_is_instrumented_when_its_settings_are_there() -> None:
    """At `django.setup()`, before it does anything, and once."""
    calls: list[str] = []
    django: Any = ModuleType("django")
    django.setup = lambda: calls.append("setup")
    instrumentors._at_setup(lambda: calls.append("instrumented"), django)
    assert [] == calls
    django.setup()
    django.setup()
    assert ["instrumented", "setup", "setup"] == calls
