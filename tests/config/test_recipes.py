"""`otelpond recipes` shows the statements and asks them of a pond."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import pytest
from otelpond.config.commands import recipes
from otelpond.config.errors import CommandError
from otelpond.storage.recipes import RECIPES_FOLDER


@pytest.fixture
def pond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pond of what one person did around midnight in UTC."""
    monkeypatch.chdir(tmp_path)
    with duckdb.connect(str(tmp_path / "pond.duckdb")) as con:
        con.execute(
            "create view user_activity as select 'ada' as person, timestamp, cast(timestamp as date) as dt"
            " from (values (timestamptz '2026-03-01 23:59:00+00'), (timestamptz '2026-03-02 00:01:00+00')) as moments (timestamp)"
        )
    return tmp_path


def _asked(pond: Path, capsys: pytest.CaptureFixture[str], **options: object) -> list[tuple[str, str]]:
    """The first two columns of the answer: the day, and how many people were there."""
    recipes.run("active_users", None, {"data": pond}, "default", "csv", **options)  # type: ignore[arg-type]
    rows = csv.reader(capsys.readouterr().out.splitlines()[1:])
    return [(day, people) for day, people, *_ in rows]


def test_a_recipe_is_asked_of_a_pond(pond: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of all days or some, in any time zone."""
    assert [("2026-03-01", "1"), ("2026-03-02", "1")] == _asked(pond, capsys)
    assert [("2026-03-02", "1")] == _asked(pond, capsys, days=("2026-03-02", None))
    assert [("2026-03-02", "1")] == _asked(pond, capsys, timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"days": ("yesterday", None)}, "--since: expected a day such as 2026-03-01, got 'yesterday'"),
        ({"settings": ["top"]}, "--set: expected NAME=VALUE, got 'top'"),
        ({"settings": ["top=5"]}, "--set: active_users has no parameter 'top'; its parameters: none"),
        ({"timezone": "Middle/Earth"}, "active_users: .*Middle/Earth"),
    ],
)
def test_what_cannot_be_asked_is_named(options: dict[str, object], problem: str, pond: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one error, with what was expected."""
    with pytest.raises(CommandError, match=problem):
        _asked(pond, capsys, **options)


def test_recipes_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with what it answers; a statement as its file has it."""
    recipes.list_all(None, "table")
    assert "active_users" in capsys.readouterr().out
    recipes.list_all(None, "json")
    assert "active_users" in [recipe["name"] for recipe in json.loads(capsys.readouterr().out)]
    recipes.show("active_users")
    assert (RECIPES_FOLDER / "active_users.sql").read_text() == capsys.readouterr().out


def test_a_misspelt_name_is_guessed() -> None:
    """Or the list is named."""
    with pytest.raises(CommandError, match="activ_users: no such recipe; did you mean active_users"):
        recipes.show("activ_users")


def test_recipes_are_found_by_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    """Of their names, their definitions or their usages."""
    recipes.list_all("U-user.login-4", "json")
    assert ["off_hours_usage", "unusual_logins"] == [recipe["name"] for recipe in json.loads(capsys.readouterr().out)]
    recipes.list_all("RETENTION", "table")
    assert "retention_cohorts" in capsys.readouterr().out
    with pytest.raises(CommandError, match="unicorns: no recipe says that"):
        recipes.list_all("unicorns", "table")
