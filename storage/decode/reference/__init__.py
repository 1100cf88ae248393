"""The plain decoder: payloads in, decoded relations out, on the protobuf runtime.

It is the oracle that the kernels are held to, and the fallback where a payload breaks them: clear rather than fast. What the columns
mean stands in columns.py, which attributes are promoted in semconv.py, what is refused in data_rules.py.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pyarrow as pa

from ...signals import Signal
from ..columns import RELATIONS
from ..data_rules import judged_points, span_refusal, valid_time
from ..messages import SHAPES, scopes
from ..payloads import Payloads, Rules
from ..semconv import LOG, SPAN, SPAN_EVENT
from .attributes import promote_record
from .json_text import Value, json_text, object_text
from .metrics import point_row
from .refused import item_text, point_text
from .rows import Arrival, Relations, Row, hex_span_id, hex_trace_id, origin_columns

_SPAN_KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUS_CODES: Final = ("UNSET", "OK", "ERROR")
_BODY_TYPES: Final[dict[type, str]] = {
    str: "string",
    bool: "bool",
    int: "int",
    float: "double",
    bytes: "bytes",
    list: "array",
    dict: "kvlist",
}
_OF_SIGNAL: Final = {
    Signal.TRACES: ("spans", "span_events", "refused"),
    Signal.METRICS: ("metric_points", "refused"),
    Signal.LOGS: ("logs", "refused"),
}


def decode(signal: Signal, payloads: Payloads, rules: Rules) -> dict[str, pa.Table]:
    """Decode payloads of one signal to its relations: a table each, with the schemas of columns.py.

    Raises:
        google.protobuf.message.DecodeError: a payload is no message of that signal; inspection lets none through.
    """
    rows = Relations({name: [] for name in _OF_SIGNAL[signal]})
    for index in range(len(payloads)):
        _DECODERS[signal](_request(signal, payloads, index), Arrival.of(payloads, index, rules), rows)
    return {name: pa.Table.from_pylist(of_relation, schema=RELATIONS[name]) for name, of_relation in rows.items()}


def decode_refused(signal: Signal, payloads: Payloads, indexes: Iterable[int], rules: Rules) -> pa.Table:
    """Only the refused rows of some of the payloads: what the kernels, which count them, leave to the plain decoder."""
    rows: list[Row] = []
    for index in indexes:
        arrival = Arrival.of(payloads, index, rules)
        rows.extend(_refused(signal, _request(signal, payloads, index), arrival))
    return pa.Table.from_pylist(rows, schema=RELATIONS["refused"])


def _request(signal: Signal, payloads: Payloads, index: int) -> Any:
    return SHAPES[signal].request.FromString(payloads.payload(index))


def _decode_traces(request: Any, arrival: Arrival, rows: Relations) -> None:
    item_index = 0
    for of_resource, of_scope, spans in scopes(Signal.TRACES, request):
        origin = origin_columns(of_resource, of_scope, arrival)
        for span in spans:
            if span_refusal(span) is None:
                row = rows.add("spans", {**origin, "item_index": item_index, **_span_columns(span, arrival, origin)})
                for event_index, event in enumerate(span.events):
                    rows.add("span_events", {**origin, "event_index": event_index, **_event_columns(event, row, arrival)})
            item_index += 1
    rows["refused"].extend(_refused(Signal.TRACES, request, arrival))


def _decode_logs(request: Any, arrival: Arrival, rows: Relations) -> None:
    item_index = 0
    for of_resource, of_scope, records in scopes(Signal.LOGS, request):
        origin = origin_columns(of_resource, of_scope, arrival)
        for record in records:
            rows.add("logs", {**origin, "item_index": item_index, **_log_columns(record, arrival, origin)})
            item_index += 1


def _decode_metrics(request: Any, arrival: Arrival, rows: Relations) -> None:
    item_index = 0
    for of_resource, of_scope, metrics in scopes(Signal.METRICS, request):
        origin = origin_columns(of_resource, of_scope, arrival)
        for metric in metrics:
            for point, refusal in judged_points(metric):
                if refusal is None:
                    rows.add("metric_points", {**origin, "item_index": item_index, **point_row(metric, point, arrival)})
                item_index += 1
    rows["refused"].extend(_refused(Signal.METRICS, request, arrival))


_DECODERS: Final = {Signal.TRACES: _decode_traces, Signal.METRICS: _decode_metrics, Signal.LOGS: _decode_logs}


def _refused(signal: Signal, request: Any, arrival: Arrival) -> Iterator[Row]:
    for item_index, (reason, content) in enumerate(_judged(signal, request, arrival)):
        if reason is not None:
            yield {
                "tenant_id": arrival.tenant,
                "ingested_at": arrival.accepted_unix_nano // 1000,
                "payload_digest": arrival.digest,
                "item_index": item_index,
                "signal": signal.name.lower(),
                "reason": reason,
                "content": content,
            }


def _judged(signal: Signal, request: Any, arrival: Arrival) -> Iterator[tuple[str | None, str | None]]:
    """The reason and the content of every item that can be refused; both None where it is not."""
    for _, _, items in scopes(signal, request):
        for item in items:
            if signal is Signal.TRACES:
                reason = span_refusal(item)
                yield reason, reason and item_text(item, arrival.reader)
            elif signal is Signal.METRICS:
                for point, reason in judged_points(item):
                    yield reason, reason and point_text(item, point, arrival.reader)


def _span_columns(span: Any, arrival: Arrival, origin: Row) -> Row:
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    attributes = arrival.reader.attributes(span.attributes)
    promoted = promote_record(attributes, SPAN)
    return {
        **arrival.time_columns(start or end, "start_time", "start_time_unix_nano"),
        **promoted.columns,
        "organization_id": promoted.columns.get("organization_id") or origin["organization_id"],
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": hex_span_id(span.parent_span_id),
        "trace_state": span.trace_state or None,
        "flags": span.flags,
        "name": span.name,
        "kind": _enum_text(_SPAN_KINDS, span.kind),
        "duration_ns": end - start if start and end else 0,
        "status_code": _enum_text(_STATUS_CODES, span.status.code),
        "status_message": span.status.message or None,
        "attributes": object_text(promoted.rest),
        "dropped_attributes_count": span.dropped_attributes_count,
        "dropped_events_count": span.dropped_events_count,
        "dropped_links_count": span.dropped_links_count,
        "events_count": len(span.events),
        "links": json_text([_link(link, arrival) for link in span.links]) if span.links else None,
        "semconv": promoted.semconv,
    }


def _link(link: Any, arrival: Arrival) -> dict[str, Value]:
    optional: dict[str, Value] = {
        "trace_state": link.trace_state,
        "attributes": arrival.reader.attributes(link.attributes),
        "dropped_attributes_count": link.dropped_attributes_count,
        "flags": link.flags,
    }
    return {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex(), **{key: value for key, value in optional.items() if value}}


def _event_columns(event: Any, span: Row, arrival: Arrival) -> Row:
    time = event.time_unix_nano if valid_time(event.time_unix_nano) else span["start_time_unix_nano"]
    promoted = promote_record(arrival.reader.attributes(event.attributes), SPAN_EVENT)
    return {
        **{column: span[column] for column in ("item_index", "dt", "time_suspect", "organization_id", "trace_id", "span_id")},
        **promoted.columns,
        "span_row_id": span["row_id"],
        "event_name": event.name,
        "event_time": time // 1000,
        "event_time_unix_nano": time,
        "attributes": object_text(promoted.rest),
        "dropped_attributes_count": event.dropped_attributes_count,
    }


def _log_columns(record: Any, arrival: Arrival, origin: Row) -> Row:
    times = [time for time in (record.time_unix_nano, record.observed_time_unix_nano) if valid_time(time)]
    attributes = arrival.reader.attributes(record.attributes)
    promoted = promote_record(attributes, LOG)
    body = arrival.reader.value(record.body)
    named = attributes.get("event.name")
    return {
        **arrival.time_columns(times[0] if times else 0, "timestamp", "time_unix_nano"),
        **promoted.columns,
        "organization_id": promoted.columns.get("organization_id") or origin["organization_id"],
        "trace_id": hex_trace_id(record.trace_id),
        "span_id": hex_span_id(record.span_id),
        "flags": record.flags,
        "observed_time_unix_nano": record.observed_time_unix_nano if valid_time(record.observed_time_unix_nano) else None,
        "severity_number": record.severity_number,
        "severity_text": record.severity_text or None,
        "event_name": record.event_name or (named if isinstance(named, str) else None) or None,
        "body": _body_text(body),
        "body_type": None if body is None else _BODY_TYPES[type(body)],
        "attributes": object_text(promoted.rest),
        "dropped_attributes_count": record.dropped_attributes_count,
        "semconv": promoted.semconv,
    }


def _body_text(body: Value) -> str | None:
    if body is None or isinstance(body, str):
        return body
    return b64encode(body).decode() if isinstance(body, bytes) else json_text(body)


def _enum_text(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else str(number)
