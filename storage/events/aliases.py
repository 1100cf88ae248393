"""Other SDKs' names of events and attributes, read onto ours; `aliases.toml` holds them, the event reader is handed the SQL made of it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..quoting import quoted

ALIASES_FILE: Final = Path(__file__).parent / "aliases.toml"


class AliasError(ValueError):
    """The file cannot be used; the text names file and key, and says what was expected."""


@dataclass(frozen=True, slots=True)
class Alias:
    """One event under another name.

    Attributes:
        event: our name.
        attributes: their attributes' names to ours; of two for one of ours the first that is there counts.
        values: of ours, where the record does not say otherwise.
        lower: ours whose texts are read in lower case.
    """

    event: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    lower: Sequence[str] = ()

    @property
    def sql(self) -> str:
        """An SQL expression: the JSON object `attributes` under our names."""
        members = []
        sources = self._sources
        cleared = dict.fromkeys([*sources, *self.attributes])
        for ours, names in sources.items():
            found = [f"json_extract(attributes, {quoted(_pointer(name))})" for name in names]
            implied = [f"to_json({quoted(self.values[ours])})"] if ours in self.values else []
            value = f"coalesce({', '.join([*found, *implied, 'null'])})"
            members.append(f"{quoted(ours)}, {_lowered(value) if ours in self.lower else value}")
        if not members:
            return "attributes"
        return f"json_merge_patch(attributes, {quoted(json.dumps(cleared))}, json_object({', '.join(members)}))"

    def renamed(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Properties under our names: of one event what `sql` says of a batch."""
        sources = self._sources
        result = {name: value for name, value in properties.items() if name not in sources and name not in self.attributes}
        for ours, names in sources.items():
            value = next((properties[name] for name in names if name in properties), self.values.get(ours))
            if value is not None:
                result[ours] = value.lower() if ours in self.lower and isinstance(value, str) else value
        return result

    @property
    def _sources(self) -> dict[str, list[str]]:
        """The names under which each of ours is looked for, ours first."""
        sources: dict[str, list[str]] = {ours: [ours] for ours in [*self.attributes.values(), *self.values, *self.lower]}
        for theirs, ours in self.attributes.items():
            if theirs != ours:
                sources[ours].append(theirs)
        return sources


@dataclass(frozen=True, slots=True)
class Aliases:
    """All other names that are known.

    Attributes:
        version: of the file, semantic.
        events: by their name.
    """

    version: str
    events: Mapping[str, Alias]

    @property
    def select_sql(self) -> str:
        """A SELECT over `event_alias` (row_id, name, body_type, body, attributes): the attributes under our names.

        A body that is a map holds the payload of an event as older SDKs sent it: its members are attributes, unless they are given. One
        that is too large to be merged is the attribute `body`.
        """
        branches = " ".join(f"when {quoted(name)} then {alias.sql}" for name, alias in self.events.items())
        renamed = f"case name {branches} else attributes end" if branches else "attributes"
        return (
            f"select row_id, try_cast({renamed} as text) as attributes from (select row_id, name, try_cast(case"  # noqa: S608 - quoted names
            " when body_type = 'kvlist' and json_valid(body) then case when can_merge(body, coalesce(attributes, '{}'))"
            " then json_merge_patch(body, coalesce(attributes, '{}'))"
            """ else json_merge_patch(coalesce(attributes, '{}'), '{"body": null}', json_object('body', try_cast(body as json))) end"""
            " else coalesce(attributes, '{}') end as json) as attributes from event_alias)"
        )


def load_aliases(file: Path = ALIASES_FILE) -> Aliases:
    """Read a file of other names.

    Raises:
        AliasError: it cannot be read, or breaks a rule.
    """
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AliasError(f"{file}: {error}") from None
    if set(written) != {"version", "events"} or not isinstance(written["events"], dict):
        raise AliasError(f'{file}: expected version and tables [events."<name>"]')
    return Aliases(str(written["version"]), {name: _alias(file, name, table) for name, table in written["events"].items()})


def _alias(file: Path, name: str, table: Any) -> Alias:
    key = f"{file}: events.{name!r}"
    if (
        not isinstance(table, dict)
        or not isinstance(table.get("event"), str)
        or not set(table) <= {"event", "attributes", "values", "lower"}
    ):
        raise AliasError(f"{key}: expected event, and perhaps attributes, values and lower")
    for part in ("attributes", "values"):
        if not all(isinstance(value, str) for value in table.get(part, {}).values()):
            raise AliasError(f"{key}.{part}: expected texts")
    if not all(isinstance(name, str) for name in table.get("lower", [])):
        raise AliasError(f"{key}.lower: expected texts")
    return Alias(table["event"], table.get("attributes", {}), table.get("values", {}), table.get("lower", ()))


def _lowered(value: str) -> str:
    """Of JSON: a text in lower case, anything else as it is."""
    return f"case when json_type({value}) = 'VARCHAR' then to_json(lower(json_extract_string({value}, '$'))) else {value} end"


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")
