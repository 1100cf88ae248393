"""The settings of grouping: rules, whose code a frame is, and since when a pond has which version."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from otelpond.config.pond import grouping_settings
from otelpond.config.settings import Settings
from otelpond.config.sources import SettingsError, load
from otelpond.storage.grouping.grouper import Grouper
from otelpond.storage.grouping.report import Report


@pytest.fixture(autouse=True)
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without otelpond.toml, and no variables of ours."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OTELPOND_") or name in Settings.document_variables]:
        monkeypatch.delenv(name)


def test_rules_and_prefixes_reach_the_grouper() -> None:
    """As they stand in the file, in its order; the data directory notes the version."""
    Path("otelpond.toml").write_text(
        'in_app_include = ["acme_platform"]\nin_app_exclude = ["shop.vendored"]\n'
        '[[grouping]]\nname = "timeouts"\nmessage = "*timed out*"\nfingerprint = ["timeout", "{{ default }}"]\n'
        '[[grouping]]\nname = "all of cart"\nservice = "cart"\nfingerprint = ["cart"]\n',
        encoding="utf-8",
    )
    found = grouping_settings(load())
    assert ["timeouts", "all of cart"] == [rule.name for rule in found.rules]
    assert (("acme_platform",), ("shop.vendored",)) == (found.in_app.include, found.in_app.exclude)
    assert found.change is not None
    assert datetime.now(UTC) - found.change.since < timedelta(minutes=5)
    assert Path("pond/grouping.json").is_file()
    assert ("timeout", "ValueError", "call timed out") == Grouper(found).explain(Report("ValueError", "call timed out")).parts


def test_prefixes_are_listed_with_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As other lists are."""
    monkeypatch.setenv("OTELPOND_IN_APP_INCLUDE", "acme_platform, /opt/acme/")
    assert ["acme_platform", "/opt/acme/"] == load().in_app_include


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ('name = "all"\nfingerprint = ["a"]', "expected at least one of type, message, path and service"),
        ('name = "a"\ntype = "*"', "grouping.0.fingerprint: is needed and not given"),
        ('name = "a"\ntype = "*"\nfingerprint = ["db {{ default }}"]', "as a value of its own"),
        ('name = "a"\ntype = "*"\nfingerprint = ["{{ type }}"]', "as a value of its own"),
        ('name = "a"\ntype = "*"\nfingerprint = []', "grouping.0.fingerprint"),
        ('name = "a"\ntyp = "*"\nfingerprint = ["a"]', "grouping.0.typ: no such setting; did you mean type?"),
    ],
)
def test_a_wrong_rule_is_blamed_where_it_stands(rule: str, complaint: str) -> None:
    """With the file, the key and what was expected."""
    Path("otelpond.toml").write_text(f"[[grouping]]\n{rule}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"otelpond\.toml:") as caught:
        load()
    assert complaint in str(caught.value)
