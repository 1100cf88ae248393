"""`otelpond events`: the events catalogue, own folders included: lists it, shows an event, checks declarations and events, documents it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...receivers.events.conversion import Arrival, Verdict, events_in, to_logs_request
from ...receivers.refusals import RefusedError
from ...storage.events.catalogue import Catalogue, CatalogueError, Event, load_catalogue, read_event, require_free
from ...storage.events.compatibility import compatible
from ...storage.events.documentation import catalogue_reference, described
from ...storage.events.json_schema import json_schema
from ...storage.signals import UndecodableError
from ..catalogue import KnownEvents, events_catalogue
from ..errors import CommandError
from ..sources import load

_LINES = {".jsonl", ".ndjson"}
"""Files of one event a line."""


def list_all(config: Path | None, form: str) -> None:
    """Print every event with what it says.

    Args:
        config: the configuration file, which may name folders of own events.
        form: table or json.

    Raises:
        CommandError: a file of the catalogue is wrong.
    """
    events = events_catalogue(load(config)).events
    if form == "json":
        print(json.dumps([_declaration(event) for event in events.values()], indent=2))
        return
    grid = _grid("event", "version", "type", "category", "properties", "what it says")
    for event in events.values():
        count = str(len(event.properties))
        grid.add_row(event.name, event.version, event.event_type, event.category, count, Text(event.description))
    _console().print(grid)


def show(name: str, config: Path | None, form: str) -> None:
    """Print an event: what it is and its properties, or its JSON Schema.

    Raises:
        CommandError: there is no such event, or a file of the catalogue is wrong.
    """
    event = _event(events_catalogue(load(config)), name)
    if form == "json":
        print(json.dumps(json_schema(event), indent=2))
        return
    grid = _grid("property", "type", "unit", "what it says")
    for declared in event.properties.values():
        kind = f"{declared.type}{' required' if declared.required else ''}"
        grid.add_row(declared.name, kind, declared.unit or "", Text(described(declared)))
    base = ", ".join(f"{field} (required)" if field in event.required_context else field for field in event.context)
    head = [
        f"{event.name} {event.version}: {event.description}",
        f"Trigger: {event.trigger}",
        f"View: {event.view}" if event.stored_in is None else f"Table: {event.stored_in}",
        f"Base fields: {base}",
    ]
    usages = [f"U-{event.name}-{number}: {usage}" for number, usage in enumerate(event.usages, 1)]
    _console().print(*map(Text, head), "", *([grid, ""] if event.properties else []), *map(Text, usages), sep="\n")


def docs(config: Path | None) -> None:
    """Print the catalogue as Markdown.

    Raises:
        CommandError: a file of the catalogue is wrong.
    """
    print(catalogue_reference(events_catalogue(load(config))), end="")


def validate(files: Sequence[Path], against: Path | None, config: Path | None) -> None:
    """Check declarations (`.toml` files, or folders of them) or events (JSON as POST /v1/events takes it; `.jsonl`: one a line).

    Args:
        files: what to check.
        against: the declaration as it was, or a folder of them: what changed needs its version.
        config: the configuration file, which may name folders of own events.

    Raises:
        CommandError: something is wrong, one line each.
    """
    catalogue = events_catalogue(load(config))
    told: list[str] = []
    wrong: list[str] = []
    for file in files:
        if file.is_dir() or file.suffix == ".toml":
            declarations = _declarations(file, against, wrong)
            told.append(f"{file}: {declarations} declarations read")
        else:
            told.append(_validated(file, catalogue, wrong))
    print("\n".join(told))
    if wrong:
        raise CommandError("\n".join(wrong))


def _declarations(file: Path, against: Path | None, wrong: list[str]) -> int:
    """How many a file or folder holds; what is wrong with them is added."""
    paths = sorted(file.glob("*.toml")) if file.is_dir() else [file]
    ours = {event.view: event for event in load_catalogue().events.values()}
    for path in paths:
        try:
            event = read_event(path)
            require_free(event, ours)
            former = _former(event, against)
        except CatalogueError as error:
            wrong.append(str(error))
            continue
        wrong.extend(f"{path}: {problem}" for problem in compatible(former, event)) if former else None
    return len(paths)


def _former(event: Event, against: Path | None) -> Event | None:
    if against is None:
        return None
    if against.is_dir():
        return load_catalogue((against,)).events.get(event.name)
    return read_event(against)


def _validated(file: Path, catalogue: Catalogue, wrong: list[str]) -> str:
    """How many events of a file are valid, in words; the others are added, and warnings printed."""
    count = invalid = 0
    for place, verdict in _verdicts(file, catalogue):
        count += 1
        invalid += verdict.error is not None
        if verdict.error is not None:
            wrong.append(f"{place}: {verdict.error}")
        if verdict.warning is not None:
            print(f"{place}: {verdict.warning}")
    return f"{file}: {count - invalid} of {count} events are valid"


def _verdicts(file: Path, catalogue: Catalogue) -> Iterator[tuple[str, Verdict]]:
    """Each event's place and what is said of it; a text that is no JSON is one verdict."""
    known = KnownEvents(catalogue)
    for place, text in _texts(file):
        try:
            events = events_in(text)
            arrival = Arrival("default", 1, bytes(16))
            _, verdicts = to_logs_request(events, text, known, arrival)
        except (UndecodableError, RefusedError) as error:
            yield place, Verdict("", error=str(error))
            continue
        for number, verdict in enumerate(verdicts, 1):
            yield (f"{place}: event {number}" if len(verdicts) > 1 else place), verdict


def _texts(file: Path) -> Iterator[tuple[str, bytes]]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", exit_code=2) from None
    if file.suffix not in _LINES:
        yield str(file), content
        return
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            yield f"{file}:{number}", line


def _event(catalogue: Catalogue, name: str) -> Event:
    if name not in catalogue.events:
        close = get_close_matches(name, catalogue.events, n=1)
        hint = f"did you mean {close[0]}?" if close else "`otelpond events list` lists them"
        raise CommandError(f"{name}: no such event; {hint}", exit_code=2)
    return catalogue.events[name]


def _declaration(event: Event) -> dict[str, Any]:
    """The declaration as JSON: keys of its file, the file itself, and its view."""
    declared = {**asdict(event), "path": str(event.path), "view": event.view}
    return {**declared, "properties": [asdict(each) for each in event.properties.values()]}


def _grid(*headers: str) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        grid.add_column(header, overflow="fold", justify="right" if header == "properties" else "left")
    return grid


def _console() -> Console:
    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 200)
