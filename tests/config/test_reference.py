"""The generated references are fresh, and say what the program says."""

from __future__ import annotations

import subprocess
import sys

from otelpond.config import reference
from otelpond.config.settings import Settings


def test_the_references_are_fresh() -> None:
    """`make docs` would change nothing."""
    ended = subprocess.run([sys.executable, "-m", "otelpond.config.reference", "--check"], capture_output=True, text=True, check=False)
    assert (0, "") == (ended.returncode, ended.stdout)


def test_every_setting_is_listed() -> None:
    """Each setting has a row, parts of tables too."""
    text = reference.settings_reference()
    assert [] == [name for name in Settings.model_fields if f"`{name}`" not in text and f"[{name}]" not in text]
    assert "| `[keep_days] apm` | `90` | `OTELPOND_KEEP_DAYS__APM` |" in text
    assert "| `[[drop]] where` | must be given |" in text


def test_every_option_is_listed() -> None:
    """Each command has its arguments and options, with their forms."""
    text = reference.commands_reference()
    assert "#### `otelpond sql STATEMENT [OPTIONS]`" in text
    assert "- `--format, -f table|json|csv`: How rows are printed." in text
    assert "#### `otelpond tables [NAME] [OPTIONS]`" in text
