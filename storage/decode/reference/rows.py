"""What all rows of the plain decoder share: their payload's arrival, their resource and scope, their time."""

from __future__ import annotations

from collections import UserDict
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ..data_rules import valid_span_id, valid_time, valid_trace_id
from ..payloads import Payloads, Rules
from ..semconv import RESOURCE
from .attributes import AttributeReader, promote_resource
from .json_text import Value, json_text, object_text

Row: TypeAlias = dict[str, Any]
"""A row by column, as Arrow takes it: timestamps as microseconds, dates as days since 1970-01-01."""

_HOUR_NS: Final = 3_600 * 1_000_000_000
_DAY_NS: Final = 24 * _HOUR_NS
_YEAR_2000_NS: Final = 946_684_800 * 1_000_000_000


class Relations(UserDict[str, list[Row]]):
    """The rows of each decoded relation."""

    def add(self, relation: str, row: Row) -> Row:
        """Append a row under the next `row_id`, and give it back."""
        row["row_id"] = len(self[relation])
        self[relation].append(row)
        return row


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of a payload beyond its bytes; `digest` as 32 hex digits."""

    tenant: str
    accepted_unix_nano: int
    digest: str
    keep_dates: bool
    reader: AttributeReader

    @classmethod
    def of(cls, payloads: Payloads, index: int, rules: Rules) -> Arrival:
        """The arrival of one of the payloads."""
        accepted = int(payloads.accepted_unix_nano[index])
        digest = payloads.digests[index].hex()
        return cls(payloads.tenants[index], accepted, digest, rules.keep_dates, AttributeReader(rules, accepted))

    def time_columns(self, unix_nano: int, timestamp: str, nanoseconds: str) -> Row:
        """A record's time (0 where it has none) under the two names given, with `dt` and `time_suspect`."""
        time = unix_nano or self.accepted_unix_nano
        earliest = _YEAR_2000_NS if self.keep_dates else self.accepted_unix_nano - 90 * _DAY_NS
        plausible = earliest <= time <= self.accepted_unix_nano + _HOUR_NS
        return {
            timestamp: time // 1000,
            nanoseconds: time,
            "dt": (time if plausible else self.accepted_unix_nano) // _DAY_NS,
            "time_suspect": not plausible or not unix_nano,
        }


def origin_columns(of_resource: Any, of_scope: Any, arrival: Arrival) -> Row:
    """The common columns but for row, item and time: where a ScopeSpans (-Metrics, -Logs) comes from."""
    resource, scope = of_resource.resource, of_scope.scope
    promoted = promote_resource(arrival.reader.attributes(resource.attributes), RESOURCE)
    columns = promoted.columns
    return {
        "tenant_id": arrival.tenant,
        "ingested_at": arrival.accepted_unix_nano // 1000,
        "payload_digest": arrival.digest,
        **columns,
        "organization_id": columns.get("resource_organization_id") or arrival.tenant,
        "service_name": columns.get("service_name", "unknown"),
        "environment": columns.get("environment", "unknown"),
        "resource_attributes": object_text(promoted.rest),
        "resource_dropped_attributes_count": resource.dropped_attributes_count,
        "resource_entity_refs": json_text([_entity_ref(ref) for ref in resource.entity_refs]) if resource.entity_refs else None,
        "resource_schema_url": of_resource.schema_url or None,
        "scope_name": scope.name or None,
        "scope_version": scope.version or None,
        "scope_attributes": object_text(arrival.reader.attributes(scope.attributes)),
        "scope_dropped_attributes_count": scope.dropped_attributes_count,
        "scope_schema_url": of_scope.schema_url or None,
    }


def _entity_ref(ref: Any) -> dict[str, Value]:
    members: dict[str, Value] = {
        "schema_url": ref.schema_url,
        "type": ref.type,
        "id_keys": list(ref.id_keys),
        "description_keys": list(ref.description_keys),
    }
    return {name: value for name, value in members.items() if value}


def hex_trace_id(trace_id: bytes) -> str | None:
    """A valid trace id as hex, else None."""
    return trace_id.hex() if valid_trace_id(trace_id) else None


def hex_span_id(span_id: bytes) -> str | None:
    """A valid span id as hex, else None."""
    return span_id.hex() if valid_span_id(span_id) else None


def time_or_none(unix_nano: int) -> int | None:
    """A valid time, else None."""
    return unix_nano if valid_time(unix_nano) else None
