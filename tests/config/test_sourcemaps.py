"""`otelpond sourcemaps` keeps the maps of a build, shows and deletes them, and says what is wrong with what it is given."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from otelpond.config import cli

BUILD: Final = Path(__file__).parents[1] / "fixtures" / "bundles" / "built" / "esbuild-1.0"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `otelpond sourcemaps`: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OTELPOND_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["otelpond", "sourcemaps", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_a_builds_maps_are_kept_shown_and_deleted(command: Command) -> None:
    """For one service of one release."""
    code, out, _ = command("upload", "--release", "1.0", "--service", "shop", str(BUILD))
    assert (0, "1 source maps of release 1.0 are kept\n") == (code, out)
    (shown,) = json.loads(command("list", "--format", "json")[1])
    assert ("1.0", "shop", "~/assets/main.js", 3) == (shown["release"], shown["service"], shown["name"], shown["sources"])
    assert "~/assets/main.js" in command("list", "--release", "1.0")[1]
    code, _, error = command("delete", "--release", "1.0", "--service", "shop", "~/other.js")
    assert (2, "~/other.js: release 1.0 has no such source map") == (code, error.strip().removeprefix("otelpond: ").partition(";")[0])
    assert (0, "1 source maps of release 1.0 are deleted\n") == command("delete", "--release", "1.0")[:2]
    assert command("list")[1].startswith("there are no source maps")
    assert 2 == command("delete", "--release", "1.0")[0]


def test_what_cannot_be_used_is_told_and_the_rest_kept(command: Command, tmp_path: Path) -> None:
    """Exit code 1: a build that fails to upload a map should say so."""
    (tmp_path / "bad.js.map").write_text("[]")
    code, out, error = command("upload", "--release", "1.0", str(BUILD), "bad.js.map")
    assert (1, "1 source maps of release 1.0 are kept\n") == (code, out)
    assert "bad.js.map" in error
    assert "1 source maps were left out" in error


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--release", "1.0", "nowhere"], "nowhere: there is no such file or folder"),
        (["--release", "1.0", "."], "no source map; expected such as main.js with main.js.map beside it"),
        (["--release", " ", "."], "--release ' ': expected what the service reports as service.version"),
        (["--release", "1.0", "--tenant", "../x", "."], "--tenant"),
    ],
)
def test_mistakes_are_told(command: Command, arguments: list[str], told: str) -> None:
    """What, where, and what was expected."""
    code, _, error = command("upload", *arguments)
    assert code in {1, 2}
    assert told in error
