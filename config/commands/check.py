"""`otelpond check`: reads the configuration as `serve` would, own tables and rules included, and prints it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ...receivers.tls import CertificateError, Certificates
from ...storage.rules import RuleError
from ...storage.schema import TABLES_FOLDER
from ..errors import CommandError
from ..forwarding import DestinationError, check_destinations
from ..pond import record_rules
from ..security import certificate_files
from ..settings import Settings
from ..sources import SettingsError, Sources, check, read
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
    _check_rules(sources, settings)
    _check_certificates(sources, settings)
    _check_destinations(sources, settings)
    for line, origin in _printed(settings, sources).items():
        print(f"{line:<50}  # {origin}")
    for table in own:
        print(f"# own table {table.name}: {len(table.columns)} columns, {table.path}")
    print("# the configuration is valid")


def _check_rules(sources: Sources, settings: Settings) -> None:
    try:
        record_rules(settings)
    except RuleError as error:
        key, _, problem = str(error).partition(": ")
        location = tuple(int(part) if part.isdecimal() else part for part in re.findall(r"\w+", key))
        raise SettingsError(f"{sources.origin(location)}: {key}: {problem}") from None


def _check_certificates(sources: Sources, settings: Settings) -> None:
    files = certificate_files(settings)
    try:
        if files is not None:
            Certificates(files)
    except CertificateError as error:
        raise CommandError(f"{sources.origin(('tls_cert',))}: {error}", exit_code=2) from None


def _check_destinations(sources: Sources, settings: Settings) -> None:
    try:
        check_destinations(settings)
    except DestinationError as error:
        raise SettingsError(f"{sources.origin(('forward', error.number))}: {error}") from None


def _printed(settings: Settings, sources: Sources) -> dict[str, str]:
    """Each setting as a line of TOML, and where it came from; a secret would be a SecretStr, which the dump masks."""
    return {f"{name} = {_toml(value)}": sources.origin((name,)) for name, value in settings.model_dump(mode="json").items()}


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
