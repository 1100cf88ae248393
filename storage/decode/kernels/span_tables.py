"""Traces by kernels: slices of spans to the tables `spans` and `span_events`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..semconv import SPAN
from . import spans as s
from .arrow import IN_OUT, Buffers, booleans, dates, enum_views, generations, numbers, strings, table_of, timestamps
from .attributes import Sheet, new_sheet, shorten
from .batches import Batch, cell_columns, lasting_cells, size_of, slices
from .origins import room
from .texts import texts_of
from .tokens import Scan

_KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUS_CODES: Final = ("UNSET", "OK", "ERROR")
_INTEGERS: Final = frozenset(p.column for p in SPAN if p.type == "int")
ORGANIZATION: Final = s.SPAN_COLUMNS.index("organization_id")


@dataclass(frozen=True, slots=True)
class _Events:
    """The events of a slice: int64[EVENT_NUMBERS, events], and their texts."""

    numbers: NDArray[np.int64]
    sheet: Sheet


def decode(batch: Batch) -> Iterator[tuple[str, pa.Table]]:
    """Decode the spans: of a run one table of them, so that nobody has to put columns together, and of its slices one of events each.

    Once a payload was found to be unusual the rest is only scanned: the batch is begun again.
    """
    for items in batch.runs():
        yield from _decode_run(batch, items)


def _decode_run(batch: Batch, items: NDArray[np.int64]) -> Iterator[tuple[str, pa.Table]]:
    sheet = new_sheet(len(s.SPAN_COLUMNS), len(items), batch.scratch(0), cells=lasting_cells(len(s.SPAN_COLUMNS), len(items)))
    numbers = np.empty((s.SPAN_NUMBERS, len(items)), np.int64)
    events: list[_Events] = []
    texts: list[pa.Buffer] = []
    count = 0
    for of_slice in slices(items):
        rows = _scan(batch, of_slice, numbers, count)
        if not batch.unusual.any():
            events.append(_write(batch, size_of(of_slice), rows, sheet, texts))
            count += int(rows.counts[s.SPANS])
    if batch.unusual.any():
        return
    buffers = batch.buffers(*texts)
    of_spans = _span_columns(batch, numbers[:, :count], sheet._replace(cells=sheet.cells[:, :count]), buffers)
    yield "spans", table_of("spans", count, of_spans)
    for found in events:
        if found.numbers.size:
            yield "span_events", _event_table(batch, numbers, found, buffers, of_spans)


def _scan(batch: Batch, items: NDArray[np.int64], numbers: NDArray[np.int64], first: int) -> s.SpanRows:
    rows = s.new_span_rows(numbers, first, 0, 0)

    def scanning(scan: Scan) -> int:
        nonlocal rows
        rows = s.new_span_rows(numbers, first, len(items), len(scan.tokens) // 4)
        status: int = s.scan_spans(
            batch.payloads.wire, items, batch.origins.payload, batch.days, batch.unusual, batch.refused, batch.keys, scan, rows
        )
        return status

    batch.scanner.run(scanning)
    return rows


def _write(batch: Batch, scanned_bytes: int, rows: s.SpanRows, sheet: Sheet, written: list[pa.Buffer]) -> _Events:
    """Write what a slice has of the spans' columns, and its events; its text is put behind what is `written`."""
    scan, text = batch.scanner.scan, IN_OUT + len(written)
    texts = texts_of(scan, batch.payloads, batch.rules)
    spans, events, links = rows.counts.tolist()
    out = batch.scratch(room(scanned_bytes, scan, texts, spans + links))
    of_spans, of_events = sheet._replace(out=out, text=text), new_sheet(len(s.EVENT_COLUMNS), events, out, text)
    written.append(batch.text(s.write_spans(batch.payloads.wire, batch.keys, scan, rows, texts, of_spans, of_events)))
    shorten(of_events)
    return _Events(rows.event_numbers[:, :events].copy(), of_events)


def _span_columns(batch: Batch, number: NDArray[np.int64], sheet: Sheet, buffers: Buffers) -> dict[str, pa.Array]:
    scope = number[s.OF_SCOPE]
    accepted = batch.accepted(scope)
    start, end = number[s.START], number[s.END]
    own = np.where(start != 0, start, end)
    time = np.where(own != 0, own, accepted)
    days, suspect = dates(time, accepted, own != 0, keep_dates=batch.rules.keep_dates)
    integers = pa.int64()
    return (
        batch.origins.columns(scope, buffers)
        | cell_columns(s.SPAN_COLUMNS, _INTEGERS, sheet, buffers)
        | {
            "row_id": batch.numbered("spans", len(scope)),
            "item_index": numbers(number[s.INDEX].astype(np.int32), pa.int32()),
            "dt": numbers(days, pa.date32()),
            "time_suspect": booleans(suspect),
            "organization_id": strings(batch.organizations(sheet, ORGANIZATION, scope), None, buffers),
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


def _event_table(batch: Batch, of_span: NDArray[np.int64], events: _Events, buffers: Buffers, of_spans: dict[str, pa.Array]) -> pa.Table:
    number, sheet = events.numbers, events.sheet
    count, span = number.shape[1], number[s.EVENT_SPAN]
    start = of_spans["start_time_unix_nano"].to_numpy()[span]
    time = np.where(number[s.TIME] > 0, number[s.TIME], start)
    columns = (
        batch.origins.columns(of_span[s.OF_SCOPE][span], buffers)
        | cell_columns(s.EVENT_COLUMNS, frozenset(), sheet, buffers)
        | {
            "row_id": batch.numbered("span_events", count),
            "item_index": of_spans["item_index"].take(pa.array(span)),
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
    return table_of("span_events", count, columns)


def _repeated(of_spans: pa.Array, span: NDArray[np.int64], buffers: Buffers) -> pa.Array:
    """A column of the spans that is never NULL, for their events."""
    return strings(np.frombuffer(of_spans.buffers()[1], np.complex128).take(span), None, buffers)
