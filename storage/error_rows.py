"""Which rows of decoded relations tell of an error: their texts are scrubbed, and the tables of errors are filled from them.

An ERROR status, an HTTP status of 400 and above or an exception of a span; an exception; a log record with an exception, of severity
ERROR and above, or named as an error or crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .gather import equal, positions, taken_column

_ERROR_EVENTS: Final = (b"error", b"exception", b"app.crash", b"device.crash")
_ERROR_SEVERITY, _CLIENT_ERROR = 17, 400


def error_rows(relation: str, relations: Mapping[str, pa.Table]) -> NDArray[np.int64]:
    """Where the rows stand that tell of an error, ascending.

    Args:
        relation: `spans`, `span_events` or `logs`.
        relations: that one, and of spans their events, where there are some.
    """
    records = relations[relation]
    if relation == "logs":
        told = [
            records["exception_type"].is_valid(),
            records["exception_message"].is_valid(),
            _at_least(records, "severity_number", _ERROR_SEVERITY),
        ]
        return _where(*told, equal(records["event_name"], *_ERROR_EVENTS))
    if relation == "span_events":
        return _where(records["exception_type"].is_valid(), equal(records["event_name"], b"exception"))
    failed = _where(_at_least(records, "http_response_status_code", _CLIENT_ERROR), equal(records["status_code"], b"ERROR"))
    return np.union1d(failed, _spans_of_exceptions(records, relations["span_events"])) if "span_events" in relations else failed


def _spans_of_exceptions(spans: pa.Table, events: pa.Table) -> NDArray[np.int64]:
    wanted = pa.chunked_array([taken_column(events["span_row_id"], error_rows("span_events", {"span_events": events}))])
    found = positions(spans["row_id"], wanted)
    present: NDArray[np.int64] = found[found < spans.num_rows]
    return present[np.isin(spans["row_id"].to_numpy()[present], wanted.to_numpy())]  # rules may have dropped a span, and not its events


def _at_least(records: pa.Table, column: str, least: int) -> pa.ChunkedArray:
    return pc.greater_equal(records[column], least).fill_null(False)


def _where(*masks: pa.ChunkedArray | NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.flatnonzero(np.logical_or.reduce([np.asarray(mask) for mask in masks]))
