"""What is known of a payload before the answer: receivers hand it bytes, and answer by what it says.

It runs in the receiver process, once a request: the protobuf runtime parses (the safety fence in front of the kernels), then one
lean loop applies the data rules.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import DecodeError

from ..signals import Inspection, Signal, UndecodableError
from .data_rules import judged_points, span_refusal
from .messages import SHAPES, scopes
from .undecodable import first_fault, too_deep


def inspect(signal: Signal, payload: bytes) -> Inspection:
    """Parse a payload and apply the protocol's data rules; an empty one is a request without items.

    Raises:
        UndecodableError: the bytes are no message of that signal; the text names the first fault and its path.
    """
    try:
        request = SHAPES[signal].request.FromString(payload)
    except DecodeError as error:
        fault = "messages are nested deeper than 100" if too_deep(error) else first_fault(SHAPES[signal].request, payload)
        raise UndecodableError(fault) from error
    return _INSPECTORS[signal](request)


def _inspect_traces(request: Any) -> Inspection:
    items = rejected = 0
    reason = ""
    timeless = True
    for _, _, spans in scopes(Signal.TRACES, request):
        items += len(spans)
        for span in spans:
            refusal = span_refusal(span)
            if refusal is not None:
                rejected += 1
                reason = reason or refusal
            if timeless and (span.start_time_unix_nano or span.end_time_unix_nano):
                timeless = False
    return Inspection(items, rejected, reason, timeless)


def _inspect_metrics(request: Any) -> Inspection:
    items = rejected = 0
    reason = ""
    timeless = True
    for _, _, metrics in scopes(Signal.METRICS, request):
        for metric in metrics:
            for point, refusal in judged_points(metric):
                items += 1
                if refusal is not None:
                    rejected += 1
                    reason = reason or refusal
                if timeless and point.time_unix_nano:
                    timeless = False
    return Inspection(items, rejected, reason, timeless)


def _inspect_logs(request: Any) -> Inspection:
    items = 0
    timeless = True
    for _, _, records in scopes(Signal.LOGS, request):
        items += len(records)
        timeless = timeless and not any(record.time_unix_nano or record.observed_time_unix_nano for record in records)
    return Inspection(items, timeless=timeless)


_INSPECTORS: Final = {Signal.TRACES: _inspect_traces, Signal.METRICS: _inspect_metrics, Signal.LOGS: _inspect_logs}
