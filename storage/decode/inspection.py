"""What is known of a payload before the answer: receivers hand it bytes, and answer by what it says.

It runs in the receiver process, once a request: the protobuf runtime parses (the safety fence in front of the kernels), then one
lean loop applies the data rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError, Message

from ..signals import Inspection, Signal, UndecodableError
from .data_rules import judged_points, span_refusal
from .messages import SHAPES, scopes
from .pieces import PIECE_BYTES, pieces
from .undecodable import first_fault, too_deep


def inspect(signal: Signal, payload: bytes) -> Inspection:
    """Parse a payload and apply the protocol's data rules; an empty one is a request without items.

    Raises:
        UndecodableError: the bytes are no message of that signal; the text names the first fault and its path.
        TooDenseError: they hold too many messages.
    """
    if len(payload) <= PIECE_BYTES:
        return _inspected(signal, _parsed(signal, payload))
    return _sum([_inspected(signal, part) for part in _parts(signal, payload)])


def _parts(signal: Signal, payload: bytes) -> Iterator[Message]:
    for piece in pieces(signal, payload):
        try:
            yield _parsed(signal, piece.content)
        except UndecodableError as error:
            raise UndecodableError(f"{error}, counted from byte {piece.at} of the request") from error


def _inspected(signal: Signal, request: Message) -> Inspection:
    return _INSPECTORS[signal](batch for _, _, batch in scopes(signal, request))


def _parsed(signal: Signal, content: bytes) -> Message:
    message = SHAPES[signal].request
    try:
        return message.FromString(content)
    except DecodeError as error:
        fault = "messages are nested deeper than 100" if too_deep(error) else first_fault(message, content)
        raise UndecodableError(fault) from error


def _sum(inspections: list[Inspection]) -> Inspection:
    return Inspection(
        items=sum(each.items for each in inspections),
        rejected=sum(each.rejected for each in inspections),
        reason=next((each.reason for each in inspections if each.reason), ""),
        timeless=all(each.timeless for each in inspections),
    )


def _inspect_traces(batches: Iterator[Any]) -> Inspection:
    count = rejected = 0
    reason = ""
    timeless = True
    for spans in batches:
        count += len(spans)
        for span in spans:
            refusal = span_refusal(span)
            if refusal is not None:
                rejected += 1
                reason = reason or refusal
            if timeless and (span.start_time_unix_nano or span.end_time_unix_nano):
                timeless = False
    return Inspection(count, rejected, reason, timeless)


def _inspect_metrics(batches: Iterator[Any]) -> Inspection:
    count = rejected = 0
    reason = ""
    timeless = True
    for metrics in batches:
        for metric in metrics:
            for point, refusal in judged_points(metric):
                count += 1
                if refusal is not None:
                    rejected += 1
                    reason = reason or refusal
                if timeless and point.time_unix_nano:
                    timeless = False
    return Inspection(count, rejected, reason, timeless)


def _inspect_logs(batches: Iterator[Any]) -> Inspection:
    count = 0
    timeless = True
    for records in batches:
        count += len(records)
        timeless = timeless and not any(record.time_unix_nano or record.observed_time_unix_nano for record in records)
    return Inspection(count, timeless=timeless)


_INSPECTORS: Final = {Signal.TRACES: _inspect_traces, Signal.METRICS: _inspect_metrics, Signal.LOGS: _inspect_logs}
