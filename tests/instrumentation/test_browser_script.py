"""The script for browsers that is installed is the one that its sources make; tests/browser shows what it does."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "instrumentation" / "browser"
SCRIPT = FOLDER / "otelpond.js"


def test_the_script_is_built_from_its_sources() -> None:
    """`npm run build` in its folder makes it; what it was made of stands in its first line."""
    names = sorted([*(f"src/{path.name}" for path in (FOLDER / "src").iterdir()), "build.mjs", "package-lock.json"])
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name}\0".encode() + (FOLDER / name).read_bytes() + b"\0")
    told = re.search(r"Built from ([0-9a-f]{16}) ", SCRIPT.read_text(encoding="utf-8"))
    assert told is not None
    assert digest.hexdigest()[:16] == told[1]


def test_the_script_is_small() -> None:
    """Below 12 kB as browsers get it."""
    assert len(gzip.compress(SCRIPT.read_bytes(), 9)) < 12_000


def test_the_script_has_the_projects_version() -> None:
    """In its package, and in what it sends."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert version == json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))["version"]
    assert f"VERSION = '{version}'" in (FOLDER / "src" / "index.js").read_text(encoding="utf-8")


def test_what_is_declared_is_there() -> None:
    """index.d.ts names every function and setting of the module, and no other."""
    declared = (FOLDER / "index.d.ts").read_text(encoding="utf-8")
    module = (FOLDER / "src" / "index.js").read_text(encoding="utf-8")
    assert set(re.findall(r"^export const (\w+)", module, re.MULTILINE)) == set(
        re.findall(r"^export (?:function|const) (\w+)", declared, re.MULTILINE)
    )
    defaults = re.search(r"DEFAULTS = \{(.*?)\n\}", (FOLDER / "src" / "settings.js").read_text(encoding="utf-8"), re.DOTALL)
    interface = re.search(r"interface Settings \{(.*?)\n\}", declared, re.DOTALL)
    assert defaults is not None
    assert interface is not None
    assert re.findall(r"^  (\w+):", defaults[1], re.MULTILINE) == re.findall(r"^  (\w+)\??:", interface[1], re.MULTILINE)


def test_every_setting_is_documented_with_its_default() -> None:
    """In the README beside it: batches of 10 or 5 s, every session, nothing in cookies."""
    source = (FOLDER / "src" / "settings.js").read_text(encoding="utf-8")
    block = re.search(r"DEFAULTS = \{(.*?)\n\}", source, re.DOTALL)
    assert block is not None
    defaults = dict(re.findall(r"^  (\w+): (.*),$", block[1], re.MULTILINE))
    table = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|(.*?)\|", (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: text.strip() for names, text in table for name in re.findall(r"\w+", names)}
    assert set(defaults) <= set(told)
    assert ("10", "5000", "1", "''", "true") == tuple(
        defaults[name] for name in ("batchSize", "intervalMs", "sampleRate", "cookieDomain", "honorDoNotTrack")
    )
    assert ("10, 5000", "1", "", "true") == tuple(told[name] for name in ("batchSize", "sampleRate", "cookieDomain", "honorDoNotTrack"))
