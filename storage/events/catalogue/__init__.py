"""The events catalogue, read from `.toml` files: what each event is called, means and holds. Engines, docs and views are handed it.

A file declares one event and is named after it. Ours lie here; a team keeps its own in folders of its own (setting
`events_folders`). README.md, generated, is the catalogue to read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..attributes import BASE_FIELDS, IDENTIFIERS, REFUSAL, RESERVED, TAKEN
from ..toml_tables import WrongKeyError, check_among, checked

CATALOGUE_FOLDER: Final = Path(__file__).parent
TYPES: Final = ("string", "integer", "number", "boolean", "timestamp", "object", "string[]")
STORED_ELSEWHERE: Final[Mapping[str, str]] = {
    "browser.web_vital": "frontend_performance_metrics",
    "browser.navigation_timing": "frontend_performance_metrics",
    "browser.long_task": "frontend_performance_metrics",
    "browser.resource_timing": "network_performance_metrics",
}
"""Events that another table holds, as the SELECT of `events` has it; own events are never among them."""
PERSONAL_CLASSES: Final = ("identifier", "profile", "network_address", "device", "free_text", "credential", "location")

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SEMVER: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class CatalogueError(ValueError):
    """A file of the catalogue breaks a rule; the text names the file and the key, and says what was expected."""

    def __init__(self, path: Path, key: str, problem: str) -> None:
        super().__init__(f"{path}: {key}: {problem}" if key else f"{path}: {problem}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property of an event; the fields are the keys of its table in the file, and `name`.

    Attributes:
        type: one of TYPES. An integer may come as a whole double, a number as an integer, a timestamp as RFC 3339 or epoch milliseconds.
        required: whether an event without it is refused.
        unit: of numbers, as UCUM writes it: s, ms, min, h, d, By, %; of money the currency.
        values: all that a string (each string of a list) may be; empty where it may be anything.
        examples: what a string may be, among other things.
        minimum: the least number allowed.
        maximum: the greatest.
        personal: class of personal data, one of PERSONAL_CLASSES; None where it is none.
    """

    name: str
    type: str
    description: str
    required: bool = False
    unit: str | None = None
    values: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    personal: str | None = None

    @property
    def column(self) -> str:
        """Its column in the event's typed view."""
        return _identifier(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; the fields are the keys of its file.

    Attributes:
        version: semantic version of this declaration.
        family: the group of events that it belongs to.
        event_type: family and kind, stored where the sender gives none.
        category: stored as `event_category` where the sender gives none.
        trigger: when it is sent.
        usages: what it is good for; usage k is `U-<name>-<k>`, from 1.
        timestamp_property: the property that gives its time where it brings no other.
        stored_in: the table that holds it instead of `events`; None for nearly all.
        user_property: the property that fills `user_id` where that is absent.
        context: the base fields it carries, columns of `events`.
        required_context: those without which it is refused.
        properties: by name, in the file's order.
        path: the file.
    """

    name: str
    version: str
    family: str
    event_type: str
    category: str
    description: str
    trigger: str
    path: Path
    usages: tuple[str, ...] = ()
    timestamp_property: str | None = None
    stored_in: str | None = None
    user_property: str | None = None
    context: tuple[str, ...] = ()
    required_context: tuple[str, ...] = ()
    properties: Mapping[str, Property] = field(default_factory=dict)

    @property
    def view(self) -> str:
        """The name of its typed view."""
        return f"event_{_identifier(self.name)}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All events that are known.

    Attributes:
        events: by name, in the order of folders and files.
    """

    events: Mapping[str, Event]


def load_catalogue(folders: Sequence[Path] = (CATALOGUE_FOLDER,)) -> Catalogue:
    """Read every `.toml` file of the folders.

    Raises:
        CatalogueError: a folder is missing, a file breaks a rule, or two events have the same name or view.
    """
    views: dict[str, Event] = {}
    for path in _files(folders):
        event = read_event(path)
        require_free(event, views)
        views[event.view] = event
    return Catalogue({event.name: event for event in views.values()})


def require_free(event: Event, views: Mapping[str, Event]) -> None:
    """Have an event's name be its own.

    Args:
        event: as its file declares it.
        views: the other events, by their views.

    Raises:
        CatalogueError: another file's event has that view.
    """
    taken = views.get(event.view)
    if taken is not None and taken.path.resolve() != event.path.resolve():
        raise CatalogueError(event.path, "name", f"{event.name} has the view {event.view}, which is that of {taken.name} in {taken.path}")


def read_event(path: Path) -> Event:
    """What one file declares.

    Raises:
        CatalogueError: it breaks a rule.
    """
    try:
        event = _event(path, tomllib.loads(path.read_text(encoding="utf-8")))
        _check_event(event)
    except WrongKeyError as error:
        raise CatalogueError(path, error.key, error.problem) from None
    except (ValueError, OSError) as error:
        raise CatalogueError(path, "", str(error)) from None
    return event


def _files(folders: Iterable[Path]) -> list[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise CatalogueError(folder, "", "expected a folder of .toml files, one for each event")
    return [path for folder in folders for path in sorted(folder.glob("*.toml"))]


def _event(path: Path, written: Mapping[str, Any]) -> Event:
    given = checked("", written, Event, frozenset({"path"}))
    properties = {name: _property(name, table) for name, table in given.get("properties", {}).items()}
    return Event(**{**given, "path": path, "properties": properties})


def _property(name: str, table: object) -> Property:
    key = f"properties.{name}"
    if not isinstance(table, dict):
        raise WrongKeyError(key, "expected a table: [properties.<name>] with type and description")
    declared = Property(name=name, **checked(f"{key}.", table, Property, frozenset({"name"})))
    _check_property(key, declared)
    return declared


def _check_event(event: Event) -> None:
    _check_name("name", event.name)
    if event.path.stem != event.name:
        raise WrongKeyError("name", f"expected {event.path.stem}, as the file is named, not {event.name}")
    if not _SEMVER.fullmatch(event.version):
        raise WrongKeyError("version", f"expected major.minor.patch, not {event.version!r}")
    if event.stored_in != STORED_ELSEWHERE.get(event.name):
        raise WrongKeyError("stored_in", f"expected {STORED_ELSEWHERE.get(event.name, 'no such key: events holds it')}")
    check_among("context", event.context, BASE_FIELDS)
    check_among("required_context", event.required_context, [name for name in IDENTIFIERS if name in event.context])
    for key, expected in (("timestamp_property", "timestamp"), ("user_property", "string")):
        named = getattr(event, key)
        if named is not None and (named not in event.properties or event.properties[named].type != expected):
            raise WrongKeyError(key, f"expected one of its properties of type {expected}, not {named}")
    columns = [declared.column for declared in event.properties.values()]
    for name, declared in event.properties.items():
        if columns.count(declared.column) > 1:
            raise WrongKeyError(f"properties.{name}", f"another property has the column {declared.column} too")


def _check_property(key: str, declared: Property) -> None:
    _check_name(key, declared.name)
    if declared.name in {*RESERVED, *BASE_FIELDS, *TAKEN, REFUSAL}:
        raise WrongKeyError(key, "is a column of events and no property: name it under `context`, or choose another name")
    check_among(f"{key}.type", [declared.type], TYPES)
    if declared.personal is not None:
        check_among(f"{key}.personal", [declared.personal], PERSONAL_CLASSES)
    if (declared.values or declared.examples) and declared.type not in {"string", "string[]"}:
        raise WrongKeyError(key, "values and examples are for type string or string[]")
    if declared.values and declared.examples:
        raise WrongKeyError(key, "expected values (nothing else is allowed) or examples, not both")
    if not {declared.minimum, declared.maximum} <= {None} and declared.type not in {"integer", "number"}:
        raise WrongKeyError(key, "minimum and maximum are for type integer or number")
    if declared.minimum is not None and declared.maximum is not None and declared.minimum > declared.maximum:
        raise WrongKeyError(key, f"minimum {declared.minimum} is more than maximum {declared.maximum}")


def _check_name(key: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise WrongKeyError(key, f"expected letters, digits, _, . and - (a letter or _ first), not {name!r}")


def _identifier(name: str) -> str:
    return re.sub(r"[.-]", "_", name).lower()
