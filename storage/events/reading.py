"""Turns the log records that are events into the relation `decoded_events`; derive hands it the decoded logs of a batch.

An event is a log record with an event name. Its name is looked up (names.py), attributes of other SDKs are renamed (aliases.py), its
attributes become columns and properties (reading.sql), its page and user agent say more (enriching.py), and the catalogue judges it.
All of it is columnar: Python sees distinct names, user agents and resources, and no event.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..arrays import all_null, as_string, one
from ..decode.columns import LOGS
from ..gather import taken, taken_column
from ..selects import Relation
from .aliases import Aliases, load_aliases
from .catalogue import Catalogue, load_catalogue
from .columns import EVENTS
from .enriching import Enricher
from .judging import Judge
from .names import FACTS, EventNames
from .page_slugs import PageSlugs
from .prepared import Prepared, by_distinct

Policy: TypeAlias = Literal["reject", "stamp", "drop"]
_SQL: Final = Path(__file__).parent / "reading.sql"
_FROM_LOG: Final = (
    *("row_id", "tenant_id", "payload_digest", "item_index", "organization_id", "attributes", "log_record_uid"),
    *("user_id", "user_role", "user_roles", "session_id", "url_full", "user_agent_original", "scope_name"),
)
_FROM_NAME: Final = ("default_type", "default_category", "user_property")
_FROM_RESOURCE: Final = ("client_attributes", "client_user_agent")
_RECORD: Final = pa.schema(
    [
        *(LOGS.field(name) for name in _FROM_LOG),
        *(FACTS.field(name) for name in _FROM_NAME),
        *(pa.field(name, pa.string()) for name in _FROM_RESOURCE),
    ]
)
_ALIASED: Final = pa.schema([LOGS.field("row_id"), *(pa.field(name, pa.string()) for name in ("name", "body_type", "body", "attributes"))])
_NONE: Final = EVENTS.empty_table().append_column("refusal", pa.array([], pa.string()))
_CLIENT: Final = ("browser.", "device.", "user_agent.original")
"""Attributes by which the resource is that of a user's device; os.* alone is a server's."""
_LONGEST_REMEMBERED: Final = 4_096


@dataclass(frozen=True, slots=True)
class EventSettings:
    """How events are read.

    Attributes:
        catalogue: what events are known, and what they must hold.
        aliases: other names for them.
        policy: what becomes of an event that the catalogue refuses: it is rejected, stored with the reason, or dropped.
        page_slugs: the team's map of pages.
    """

    catalogue: Catalogue = field(default_factory=load_catalogue)
    aliases: Aliases = field(default_factory=load_aliases)
    policy: Policy = "reject"
    page_slugs: PageSlugs | None = None


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """The events of a batch.

    Attributes:
        accepted: rows as in `columns.EVENTS`.
        refused: rows as in `columns.EVENTS`, and a column `refusal` that says why. What the catalogue refuses says it in
            `validation_error` too; what the events endpoint could not represent has its original as properties, JSON or else its text.
    """

    accepted: pa.Table
    refused: pa.Table


class EventReader:
    """Reads the events of batches; to be used from one thread.

    Args:
        con: with the macros; statements are prepared on it, once.

    Attributes:
        dropped: how many events the policy has dropped so far.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, settings: EventSettings | None = None) -> None:
        settings = settings or EventSettings()
        self._policy = settings.policy
        self._names = EventNames(settings.catalogue, settings.aliases)
        self._renamed = Prepared(con, "event_alias", Relation(_ALIASED), settings.aliases.select_sql)
        self._read = Prepared(con, "event_record", Relation(_RECORD), _SQL.read_text(encoding="utf-8"))
        self._judge = Judge(con, settings.catalogue)
        self._enricher = Enricher(con, settings.page_slugs)
        self.dropped = 0

    def read(self, records: pa.Table) -> ReadEvents:
        """The events that decoded log records (`events_of`) are, `row_id` that of the log record.

        Raises:
            duckdb.Error: a statement failed.
        """
        if not records.num_rows:
            return ReadEvents(EVENTS.empty_table(), _NONE)
        names = one(records["event_name"]).dictionary_encode()
        facts = self._names.facts(names.dictionary.to_pylist())
        of_name = {name: one(facts[name]).take(names.indices) for name in FACTS.names}
        records = self._unaliased(records, of_name["is_alias"])
        columns = self._read.run(_record(records, of_name))
        columns |= {"event_name": of_name["event_name"], "is_known": of_name["is_known"]}
        columns |= self._enricher.enrich(columns)
        columns["validation_error"] = self._judge.refusals(columns, facts["event_name"].to_pylist())
        rows = pa.table([columns[name] if name in columns else records[name] for name in EVENTS.names], names=EVENTS.names)
        return self._parted(rows, columns["refusal"], records)

    def _unaliased(self, records: pa.Table, is_alias: pa.Array) -> pa.Table:
        """The records with their attributes under our names, and with those that came as a map in the body."""
        chosen = pc.or_(is_alias, pc.equal(as_string(one(records["body_type"])), "kvlist").fill_null(False)).to_numpy(zero_copy_only=False)
        where = np.flatnonzero(chosen)
        if not len(where):
            return records
        some = taken(records, where)
        given = pa.table([some[name] for name in ("row_id", "event_name", "body_type", "body", "attributes")], names=_ALIASED.names)
        renamed = self._renamed.run(given)["attributes"]
        attributes = pc.replace_with_mask(as_string(one(records["attributes"])), pa.array(chosen), as_string(renamed))
        return records.set_column(records.schema.get_field_index("attributes"), "attributes", attributes)

    def _parted(self, rows: pa.Table, refusals: pa.Array, records: pa.Table) -> ReadEvents:
        """Accepted and refused rows, by the policy; what the endpoint could not represent is never stored as an event."""
        judged = one(rows["validation_error"])
        if all_null(refusals) and (all_null(judged) or self._policy == "stamp"):
            return ReadEvents(rows, _NONE)
        refused = refusals.is_valid() if self._policy == "stamp" else pc.or_(refusals.is_valid(), judged.is_valid())
        where = np.flatnonzero(refused.to_numpy(zero_copy_only=False))
        accepted = taken(rows, np.flatnonzero(~refused.to_numpy(zero_copy_only=False)))
        if self._policy == "drop":
            self.dropped += len(where)
            return ReadEvents(accepted, _NONE)
        reasons = taken_column(pa.chunked_array([refusals]), where)
        return ReadEvents(accepted, _explained(taken(rows, where), as_string(reasons), as_string(taken_column(records["body"], where))))

    def refusals(self, rows: pa.Table) -> list[str | None]:
        """Why the catalogue as it is now refuses stored rows of `events`; None where it does not."""
        columns = {name: one(rows[name]) for name in rows.column_names} | {"row_id": pa.array(range(rows.num_rows), pa.int64())}
        found: list[str | None] = self._judge.refusals(columns, rows["event_name"].to_pylist()).to_pylist()
        return found


def events_of(logs: pa.Table) -> pa.Table:
    """The log records with an event name."""
    names = logs["event_name"]
    if names.null_count == 0:
        return logs
    return taken(logs, np.flatnonzero(names.is_valid().to_numpy()))


def _record(records: pa.Table, of_name: Mapping[str, pa.Array]) -> pa.Table:
    """What reading.sql reads."""
    client = dict(zip(_FROM_RESOURCE, by_distinct(one(records["resource_attributes"]), _of_resources).flatten(), strict=True))
    columns = {**{name: records[name] for name in _FROM_LOG}, **{name: of_name[name] for name in _FROM_NAME}, **client}
    return pa.table(columns)


def _of_resources(resources: list[str]) -> pa.StructArray:
    found = [_of_resource(resource) for resource in resources]
    return pa.StructArray.from_arrays([pa.array([each[part] for each in found], pa.string()) for part in (0, 1)], list(_FROM_RESOURCE))


def _of_resource(resource: str) -> tuple[str | None, str | None]:
    """What a resource says of a user's device, as JSON, and its user agent; (None, None) where it is no user's."""
    return _remembered(resource) if len(resource) <= _LONGEST_REMEMBERED else _of_device(resource)


def _of_device(resource: str) -> tuple[str | None, str | None]:
    if not any(f'"{prefix}' in resource for prefix in _CLIENT):
        return None, None
    attributes = json.loads(resource)
    device = {name: value for name, value in attributes.items() if name.startswith(("browser.", "device.", "os."))}
    agent = attributes.get("user_agent.original")
    return (json.dumps(device, ensure_ascii=False, separators=(",", ":")) if device else None), agent if isinstance(agent, str) else None


_remembered: Final = functools.lru_cache(maxsize=1024)(_of_device)


def _explained(rows: pa.Table, reasons: pa.Array, bodies: pa.Array) -> pa.Table:
    """Refused rows with why; those that could not be represented hold the original event, which the body is, as properties."""
    judged = as_string(one(rows["validation_error"]))
    unrepresented = reasons.is_valid()
    given = as_string(one(rows["properties"]))
    properties = pc.if_else(unrepresented, pc.coalesce(bodies, given), given)
    rows = rows.set_column(rows.schema.get_field_index("properties"), "properties", properties)
    rows = rows.set_column(rows.schema.get_field_index("validation_error"), "validation_error", pc.if_else(unrepresented, None, judged))
    return rows.append_column("refusal", pc.coalesce(reasons, judged))
