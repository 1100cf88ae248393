"""Traces by kernels: slices of spans to the tables `spans` and `span_events`."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..semconv import SPAN
from . import spans as s
from .arrow import Buffers, booleans, dates, enum_views, generations, numbers, strings, table_of, timestamps
from .attributes import Sheet, new_sheet, shorten
from .batches import Batch, cell_columns, size_of
from .envelopes import ITEM_INDEX, SCOPE
from .origins import room
from .texts import texts_of
from .tokens import Scan

_KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUS_CODES: Final = ("UNSET", "OK", "ERROR")
_INTEGERS: Final = frozenset(p.column for p in SPAN if p.type == "int")
ORGANIZATION: Final = s.SPAN_COLUMNS.index("organization_id")


def decode_slice(batch: Batch, items: NDArray[np.int64]) -> dict[str, pa.Table]:
    """Decode a slice of spans. Nothing is written once a payload was found to be unusual: the batch is begun again."""
    rows = _scan(batch, items)
    if batch.unusual.any():
        return {}
    scan = batch.scanner.scan
    texts = texts_of(scan, batch.payloads, batch.rules)
    spans, events, links = rows.counts.tolist()
    out = batch.room(room(size_of(items), scan, texts, spans + links))
    sheet, of_event = new_sheet(len(s.SPAN_COLUMNS), spans, out), new_sheet(len(s.EVENT_COLUMNS), events, out)
    buffers = batch.buffers(s.write_spans(batch.payloads.wire, batch.keys, scan, rows, texts, sheet, of_event))
    shorten(sheet)
    shorten(of_event)
    of_spans = _span_columns(batch, items, rows, sheet, buffers)
    of_spans["row_id"] = batch.numbered("spans", spans)
    found = {"spans": table_of("spans", spans, of_spans)}
    if events:
        of_events = _event_columns(batch, items, rows, of_event, buffers, of_spans=of_spans)
        found["span_events"] = table_of("span_events", events, {"row_id": batch.numbered("span_events", events), **of_events})
    return found


def _scan(batch: Batch, items: NDArray[np.int64]) -> s.SpanRows:
    rows = s.new_span_rows(0, 0)

    def scanning(scan: Scan) -> int:
        nonlocal rows
        rows = s.new_span_rows(len(items), len(scan.tokens) // 4)
        status: int = s.scan_spans(
            batch.payloads.wire, items, batch.origins.payload, batch.days, batch.unusual, batch.refused, batch.keys, scan, rows
        )
        return status

    batch.scanner.run(scanning)
    return rows


def _span_columns(batch: Batch, items: NDArray[np.int64], rows: s.SpanRows, sheet: Sheet, buffers: Buffers) -> dict[str, pa.Array]:
    count = int(rows.counts[s.SPANS])
    number = rows.numbers[:, :count]
    item = items[number[s.ITEM]]
    accepted = batch.accepted(item[:, SCOPE])
    start, end = number[s.START], number[s.END]
    own = np.where(start != 0, start, end)
    time = np.where(own != 0, own, accepted)
    days, suspect = dates(time, accepted, own != 0, keep_dates=batch.rules.keep_dates)
    integers = pa.int64()
    return (
        batch.origins.columns(item[:, SCOPE], buffers)
        | cell_columns(s.SPAN_COLUMNS, _INTEGERS, sheet, buffers)
        | {
            "item_index": numbers(item[:, ITEM_INDEX].astype(np.int32), pa.int32()),
            "dt": numbers(days, pa.date32()),
            "time_suspect": booleans(suspect),
            "organization_id": strings(batch.organizations(sheet, ORGANIZATION, item[:, SCOPE]), None, buffers),
            "flags": numbers(number[s.FLAGS], integers),
            "kind": strings(enum_views(number[s.KIND], _KINDS), None, buffers),
            "start_time": timestamps(time),
            "start_time_unix_nano": numbers(time, integers),
            "duration_ns": numbers(np.where((start != 0) & (end != 0), end - start, 0), integers),
            "status_code": strings(enum_views(number[s.STATUS], _STATUS_CODES), None, buffers),
            "dropped_attributes_count": numbers(number[s.DROPPED], integers),
            "dropped_events_count": numbers(number[s.DROPPED_EVENTS], integers),
            "dropped_links_count": numbers(number[s.DROPPED_LINKS], integers),
            "events_count": numbers(number[s.EVENTS].astype(np.int32), pa.int32()),
            "semconv": generations(number[s.GENERATION], buffers),
        }
    )


def _event_columns(
    batch: Batch, items: NDArray[np.int64], rows: s.SpanRows, sheet: Sheet, buffers: Buffers, *, of_spans: dict[str, pa.Array]
) -> dict[str, pa.Array]:
    count = int(rows.counts[s.SPAN_EVENTS])
    number = rows.event_numbers[:, :count]
    span = number[s.EVENT_SPAN]
    item = items[rows.numbers[s.ITEM][span]]
    start = of_spans["start_time_unix_nano"].to_numpy()[span]
    time = np.where(number[s.TIME] > 0, number[s.TIME], start)
    return (
        batch.origins.columns(item[:, SCOPE], buffers)
        | cell_columns(s.EVENT_COLUMNS, frozenset(), sheet, buffers)
        | {
            "item_index": numbers(item[:, ITEM_INDEX].astype(np.int32), pa.int32()),
            "dt": of_spans["dt"].take(pa.array(span)),
            "time_suspect": of_spans["time_suspect"].take(pa.array(span)),
            "organization_id": _repeated(of_spans["organization_id"], span, buffers),
            "span_row_id": numbers(of_spans["row_id"].to_numpy()[span], pa.int64()),
            "trace_id": _repeated(of_spans["trace_id"], span, buffers),
            "span_id": _repeated(of_spans["span_id"], span, buffers),
            "event_index": numbers(number[s.EVENT_INDEX].astype(np.int32), pa.int32()),
            "event_time": timestamps(time),
            "event_time_unix_nano": numbers(time, pa.int64()),
            "dropped_attributes_count": numbers(number[s.EVENT_DROPPED], pa.int64()),
        }
    )


def _repeated(of_spans: pa.Array, span: NDArray[np.int64], buffers: Buffers) -> pa.Array:
    """A column of the spans that is never NULL, for their events."""
    return strings(np.frombuffer(of_spans.buffers()[1], np.complex128).take(span), None, buffers)
