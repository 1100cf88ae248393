r"""The columns of the decoded relations: what both decoders give and what the tables' SELECTs read.

A decoded relation is an Arrow table that DuckDB sees as `decoded_<name>`. Strings may be `string` or `string_view`; a test holds
the plain decoder and the kernels to equal values. JSON text follows one form, so that both decoders write equal bytes: no white
space; keys in the order of their last occurrence; `"`, `\`, and control characters escaped (`\b \t \n \f \r`, else
`\u00xx`, lower-case hex), all else as it came in UTF-8; integers plain; doubles as Arrow's shortest round trip with `.0` appended
where no point or exponent stands in the text; NaN and infinities as `{"$double":"NaN"}`, `"Infinity"`, `"-Infinity"`; bytes as
`{"$bytes":"<base64>"}`; an empty value as `null`. An object without keys is NULL at the top and `{}` inside.
Members of structures that we name ourselves (links, exemplars, quantiles, entity refs) stand in the order given below.

Time. A record's time is its own, else the fallback named at its column, else when its payload was accepted. `dt` is the UTC date
of that time where it lies between 90 days before and 1 hour after acceptance, else the date of acceptance, and then (and where
the time was taken from acceptance) `time_suspect` is true; both bounds are inclusive. With `Rules.keep_dates` the lower bound is
2000-01-01.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from .semconv import LOG, RESOURCE, SPAN, SPAN_EVENT, ColumnType, Promoted

TIMESTAMP: Final = pa.timestamp("us", "UTC")
_TYPES: Final[dict[ColumnType, pa.DataType]] = {
    "string": pa.string(),
    "json": pa.string(),
    "int": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
}


def _fields(promoted: tuple[Promoted, ...], *, skip: frozenset[str] = frozenset()) -> list[pa.Field]:
    return [pa.field(p.column, _TYPES[p.type]) for p in promoted if p.column not in skip]


# Not null: tenant_id, ingested_at, dt, time_suspect, organization_id, service_name ('unknown' where absent or empty),
# environment ('unknown' where absent or empty). The rest is NULL where absent or empty.
_COMMON: Final[list[pa.Field]] = [
    pa.field("row_id", pa.int64(), nullable=False),  # position in this relation of this batch: a join key, stored nowhere
    pa.field("tenant_id", pa.string(), nullable=False),
    pa.field("ingested_at", TIMESTAMP, nullable=False),  # when the payload was accepted
    pa.field("payload_digest", pa.string(), nullable=False),  # 32 hex digits: xxh3-128 of tenant, signal and payload
    pa.field("item_index", pa.int32(), nullable=False),  # position among the payload's items of this signal, rejected ones counted
    pa.field("dt", pa.date32(), nullable=False),
    pa.field("time_suspect", pa.bool_(), nullable=False),
    pa.field("organization_id", pa.string(), nullable=False),  # of the record (not of a span event or metric point), else of its
    # resource, else the tenant; an empty one counts as absent; organization.id stays in the JSON in any case
    pa.field("service_name", pa.string(), nullable=False),
    pa.field("service_version", pa.string()),
    pa.field("service_namespace", pa.string()),
    pa.field("service_instance_id", pa.string()),
    pa.field("environment", pa.string(), nullable=False),
    pa.field("host_name", pa.string()),
    pa.field("telemetry_sdk_language", pa.string()),
    pa.field("resource_attributes", pa.string()),  # JSON of the resource's other attributes
    pa.field("resource_dropped_attributes_count", pa.int64(), nullable=False),
    pa.field("resource_entity_refs", pa.string()),  # JSON array of {schema_url,type,id_keys,description_keys}, absent members left out
    pa.field("resource_schema_url", pa.string()),
    pa.field("scope_name", pa.string()),
    pa.field("scope_version", pa.string()),
    pa.field("scope_attributes", pa.string()),
    pa.field("scope_dropped_attributes_count", pa.int64(), nullable=False),
    pa.field("scope_schema_url", pa.string()),
]
_RECORD_PROMOTED_ELSEWHERE: Final = frozenset({"organization_id"})

SPANS: Final = pa.schema(
    [
        *_COMMON,
        pa.field("trace_id", pa.string(), nullable=False),  # 32 lower-case hex digits
        pa.field("span_id", pa.string(), nullable=False),  # 16 lower-case hex digits
        pa.field("parent_span_id", pa.string()),  # NULL where empty or all zero, or of another length than 8 bytes
        pa.field("trace_state", pa.string()),
        pa.field("flags", pa.int64(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # UNSPECIFIED INTERNAL SERVER CLIENT PRODUCER CONSUMER, else the number as text
        pa.field("start_time", TIMESTAMP, nullable=False),  # start_time_unix_nano // 1000
        pa.field("start_time_unix_nano", pa.int64(), nullable=False),  # the start, else (0) the end, else when it was accepted
        pa.field("duration_ns", pa.int64(), nullable=False),  # end - start (may be negative); 0 where either is 0 (absent)
        pa.field("status_code", pa.string(), nullable=False),  # UNSET OK ERROR, else the number as text
        pa.field("status_message", pa.string()),
        pa.field("attributes", pa.string()),
        pa.field("dropped_attributes_count", pa.int64(), nullable=False),
        pa.field("dropped_events_count", pa.int64(), nullable=False),
        pa.field("dropped_links_count", pa.int64(), nullable=False),
        pa.field("events_count", pa.int32(), nullable=False),
        # JSON array of {"trace_id","span_id","trace_state","attributes","dropped_attributes_count","flags"}: the ids as hex and always
        # there (of any length, as they came), the others left out where empty or 0. NULL where there is none.
        pa.field("links", pa.string()),
        pa.field("semconv", pa.string()),
        *_fields(SPAN, skip=_RECORD_PROMOTED_ELSEWHERE),
    ]
)
"""One row a span. Refused: an id of another length or all zero; a start or end over 2**63-1 nanoseconds."""

SPAN_EVENTS: Final = pa.schema(
    [
        *_COMMON,  # item_index is the span's
        pa.field("span_row_id", pa.int64(), nullable=False),  # row_id in decoded_spans
        pa.field("trace_id", pa.string(), nullable=False),
        pa.field("span_id", pa.string(), nullable=False),
        pa.field("event_index", pa.int32(), nullable=False),  # position among the span's events
        pa.field("event_name", pa.string(), nullable=False),
        pa.field("event_time", TIMESTAMP, nullable=False),  # the event's time, else (0) the span's start
        pa.field("event_time_unix_nano", pa.int64(), nullable=False),
        pa.field("attributes", pa.string()),
        pa.field("dropped_attributes_count", pa.int64(), nullable=False),
        *_fields(SPAN_EVENT),
    ]
)
"""One row an event of a span that is not refused. A time over 2**63-1 reads as absent.

dt, time_suspect and organization_id are the span's.
"""

LOGS: Final = pa.schema(
    [
        *_COMMON,
        pa.field("trace_id", pa.string()),  # NULL where absent or invalid
        pa.field("span_id", pa.string()),
        pa.field("flags", pa.int64(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),  # time_unix_nano, else observed_time_unix_nano, else when it was accepted
        pa.field("time_unix_nano", pa.int64(), nullable=False),  # the same in nanoseconds; over 2**63-1 counts as absent
        pa.field("observed_time_unix_nano", pa.int64()),  # NULL where 0 or over 2**63-1
        pa.field("severity_number", pa.int32(), nullable=False),
        pa.field("severity_text", pa.string()),
        pa.field("event_name", pa.string()),  # the field, else the string attribute event.name (which stays in the JSON)
        pa.field("body", pa.string()),  # a string body as it is, any other as JSON text; NULL where there is none
        pa.field("body_type", pa.string()),  # string bool int double bytes array kvlist; NULL where there is none or it is empty
        pa.field("attributes", pa.string()),
        pa.field("dropped_attributes_count", pa.int64(), nullable=False),
        pa.field("semconv", pa.string()),
        *_fields(LOG, skip=_RECORD_PROMOTED_ELSEWHERE),
    ]
)
"""One row a log record. None is refused. body bytes are plain base64 text (the type says so), a double body as in JSON; an
empty string is a body. The rules on keys apply in it."""

METRIC_POINTS: Final = pa.schema(
    [
        *_COMMON,
        pa.field("metric_name", pa.string(), nullable=False),
        pa.field("description", pa.string()),
        pa.field("unit", pa.string()),
        pa.field("metric_type", pa.string(), nullable=False),  # gauge sum histogram exponential_histogram summary
        pa.field("metadata", pa.string()),  # JSON of Metric.metadata
        pa.field("temporality", pa.string()),  # delta cumulative; NULL for gauge and summary
        pa.field("is_monotonic", pa.bool_()),  # of a sum
        pa.field("start_time_unix_nano", pa.int64()),  # NULL where 0 or over 2**63-1
        pa.field("timestamp", TIMESTAMP, nullable=False),
        pa.field("time_unix_nano", pa.int64(), nullable=False),
        pa.field("flags", pa.int64(), nullable=False),
        # With the flag NO_RECORDED_VALUE every column from value_double to quantiles is NULL.
        pa.field("value_double", pa.float64()),  # as_double
        pa.field("value_int", pa.int64()),  # as_int
        pa.field("count", pa.int64()),  # histograms and summary
        pa.field("sum", pa.float64()),  # NULL where not given (a summary always gives it)
        pa.field("min", pa.float64()),
        pa.field("max", pa.float64()),
        pa.field("bucket_counts", pa.list_(pa.int64())),  # NULL where empty
        pa.field("explicit_bounds", pa.list_(pa.float64())),  # NULL where empty
        pa.field("scale", pa.int32()),  # exponential_histogram: scale .. negative_bucket_counts
        pa.field("zero_count", pa.int64()),
        pa.field("zero_threshold", pa.float64()),
        pa.field("positive_offset", pa.int32()),  # NULL where the side was not given; its counts NULL where empty, too
        pa.field("positive_bucket_counts", pa.list_(pa.int64())),
        pa.field("negative_offset", pa.int32()),
        pa.field("negative_bucket_counts", pa.list_(pa.int64())),
        # JSON array of {"quantile":,"value":}, both always there
        pa.field("quantiles", pa.string()),
        # JSON array of {"time_unix_nano":,"value":,"trace_id":,"span_id":,"attributes":}, absent ones left out; time always there;
        # an id that is empty, all zero or of another length is absent. The time is the whole uint64.
        pa.field("exemplars", pa.string()),
        pa.field("attributes", pa.string()),
    ]
)
"""One row a metric point.

Refused: no time (0 or over 2**63-1); temporality (of sum and histograms) unspecified or unknown; a number point without value and
without flag NO_RECORDED_VALUE; bucket_counts neither empty nor one longer than explicit_bounds; a count of any kind (count,
zero_count, bucket counts) over 2**63-1. A metric without data is no point. data_rules.py holds the predicates.
"""

REFUSED: Final = pa.schema(
    [
        pa.field("tenant_id", pa.string(), nullable=False),
        pa.field("ingested_at", TIMESTAMP, nullable=False),
        pa.field("payload_digest", pa.string(), nullable=False),
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("signal", pa.string(), nullable=False),  # traces metrics logs
        pa.field("reason", pa.string(), nullable=False),
        pa.field("content", pa.string(), nullable=False),  # the item as OTLP/JSON, rules on keys applied; of a point its metric
    ]
)
"""What the rules above refuse: rare, so that the plain decoder renders it for the kernels too."""

RELATIONS: Final[dict[str, pa.Schema]] = {
    "spans": SPANS,
    "span_events": SPAN_EVENTS,
    "logs": LOGS,
    "metric_points": METRIC_POINTS,
    "refused": REFUSED,
}
RESOURCE_COLUMNS: Final = tuple(p.column for p in RESOURCE)
