"""`otelpond check`: reads the configuration as `serve` would, own tables, events and rules included, and prints it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...receivers.tls import CertificateError, Certificates
from ...storage.alerts.checker import AlertRuleError, RuleChecker
from ...storage.events.catalogue import CATALOGUE_FOLDER, Event
from ...storage.events.page_slugs import PageSlugsError, load_page_slugs
from ...storage.events.typed_views import with_event_views
from ...storage.rules import RuleError
from ...storage.schema import TABLES_FOLDER, TableSchema
from ..catalogue import events_catalogue
from ..collector.alerting import rule
from ..collector.forwarding import DestinationError, check_destinations
from ..collector.notifying import ChannelError, check_channels
from ..collector.security import certificate_files
from ..errors import CommandError
from ..pond import record_rules
from ..settings import Redact, Settings
from ..sources import SettingsError, Sources, check, read
from .serve import refuse_wide_addresses
from .tables import documented_tables


def run(config: Path | None) -> None:
    """Print the effective configuration as TOML, each setting with where it came from, the own tables and the own events.

    Raises:
        CommandError: a setting, an own table, an own event or a rule is wrong, or `serve` would refuse to listen; with one line a mistake.
    """
    sources = read(config)
    settings = check(sources)
    own: list[TableSchema] = []
    own_events: list[Event] = []
    mistakes: list[str] = []
    looks: tuple[Callable[[], None], ...] = (
        lambda: refuse_wide_addresses(settings),
        lambda: own.extend(table for table in documented_tables(settings.tables).values() if table.path.parent != TABLES_FOLDER),
        lambda: own_events.extend(event for event in events_catalogue(settings).events.values() if event.path.parent != CATALOGUE_FOLDER),
        lambda: _check_rules(sources, settings),
        lambda: _check_page_slugs(sources, settings),
        lambda: _check_certificates(sources, settings),
        lambda: _check_destinations(sources, settings),
        lambda: _check_channels(sources, settings),
        lambda: _check_alerts(sources, settings),
    )
    for look in looks:
        try:
            look()
        except CommandError as error:
            mistakes.append(str(error))
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    for line, origin in _printed(settings, sources).items():
        print(f"{line:<50}  # {origin}")
    for table in own:
        print(f"# own table {table.name}: {len(table.columns)} columns, {table.path}")
    for event in own_events:
        print(f"# own event {event.name} {event.version}: {len(event.properties)} properties, {event.path}")
    print("# the configuration is valid")


def _check_rules(sources: Sources, settings: Settings) -> None:
    """Each rule by itself, so that one that is wrong hides no other."""
    mistakes = []
    for index in range(len(settings.drop) + 1):
        alone = {"drop": settings.drop[index : index + 1], "redact": settings.redact if index == len(settings.drop) else Redact()}
        try:
            record_rules(settings.model_copy(update=alone))
        except RuleError as error:
            key, _, problem = str(error).replace("drop[0]", f"drop[{index}]", 1).partition(": ")
            location = tuple(int(part) if part.isdecimal() else part for part in re.findall(r"\w+", key))
            mistakes.append(f"{sources.origin(location)}: {key}: {problem}")
    if mistakes:
        raise SettingsError("\n".join(mistakes))


def _check_page_slugs(sources: Sources, settings: Settings) -> None:
    try:
        if settings.page_slugs is not None:
            load_page_slugs(settings.page_slugs)
    except PageSlugsError as error:
        raise SettingsError(f"{sources.origin(('page_slugs',))}: page_slugs: {error}") from None


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


def _check_channels(sources: Sources, settings: Settings) -> None:
    try:
        check_channels(settings)
    except ChannelError as error:
        raise SettingsError(f"{sources.origin(('notify', error.number))}: {error}") from None


def _check_alerts(sources: Sources, settings: Settings) -> None:
    """Each rule by itself, so that one that is wrong hides no other."""
    if not settings.alerts:
        return
    checker = RuleChecker(with_event_views(documented_tables(settings.tables), events_catalogue(settings)))
    mistakes = []
    for number, setting in enumerate(settings.alerts):
        try:
            checker.check(rule(setting))
        except AlertRuleError as error:
            mistakes.append(f"{sources.origin(('alerts', number))}: {setting.name}: {error}")
    if mistakes:
        raise SettingsError("\n".join(mistakes))


def _printed(settings: Settings, sources: Sources) -> dict[str, str]:
    """Each setting as a line of TOML, and where it came from; a secret would be a SecretStr, which the dump masks."""
    return {f"{name} = {_toml(value)}": sources.origin((name,)) for name, value in settings.model_dump(mode="json").items()}


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
