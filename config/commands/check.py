"""`otelpond check`: reads the configuration as `serve` would, own tables and rules included, and prints it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...storage.schema import TABLES_FOLDER
from ..sources import check, read
from .serve import refuse_wide_addresses
from .tables import documented_tables


def run(config: Path | None) -> None:
    """Print the effective configuration as TOML, each setting with where it came from, and the own tables.

    Raises:
        CommandError: a setting, an own table or a rule is wrong, or `serve` would refuse to listen.
    """
    sources = read(config)
    settings = check(sources)
    refuse_wide_addresses(settings)
    own = [table for table in documented_tables(settings.tables).values() if table.path.parent != TABLES_FOLDER]
    lines = {f"{name} = {_toml(value)}": sources.origin((name,)) for name, value in settings.model_dump(mode="json").items()}
    width = max(len(line) for line in lines if len(line) <= 60)
    for line, origin in lines.items():
        print(f"{line:<{width}}  # {origin}")
    for table in own:
        print(f"# own table {table.name}: {len(table.columns)} columns, {table.path}")
    print("# the configuration is valid")


def _toml(value: Any) -> str:
    """A value in TOML; a secret is a SecretStr, which the dump has masked already."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items() if item is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
