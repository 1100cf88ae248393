"""Any payload to the documented tables: decode, rules of the tables, SELECTs; an input is one for `decode`."""

from __future__ import annotations

import logging.handlers
from typing import Final

from otelpond.storage.decode import reference
from otelpond.storage.decode.inspection import inspect
from otelpond.storage.decode.payloads import Rules
from otelpond.storage.derive import Deriver
from otelpond.storage.schema import load_tables
from otelpond.storage.signals import Signal, UndecodableError

from ..storage.decode.otlp_messages import payloads_of
from ..storage.decode.test_kernels import hash_of_day

_SIGNALS: Final = (Signal.TRACES, Signal.METRICS, Signal.LOGS, Signal.TRACES)
_ROWS: Final = {Signal.TRACES: "spans", Signal.METRICS: "metric_points", Signal.LOGS: "logs"}
_TABLES: Final = load_tables()
_DERIVER: Final = Deriver(_TABLES)
logging.getLogger("otelpond.storage.derive").addHandler(failed := logging.handlers.BufferingHandler(1000))


def check(data: bytes) -> None:
    """Every item is a row of its own table or of `rejected_records`, and no SELECT fails."""
    if not data:
        return
    signal, payload = _SIGNALS[data[0] & 3], data[1:]
    try:
        items = inspect(signal, payload).items
    except UndecodableError:
        return
    rules = Rules(hash_of_day, keep_dates=bool(data[0] & 4))
    derived = _DERIVER.derive(reference.decode(signal, payloads_of([payload]), rules))
    assert not failed.buffer, failed.buffer[0].getMessage()
    for name, rows in derived.items():
        rows.validate(full=True)
        assert _TABLES[name].arrow.names == rows.column_names
    stored = sum(len(derived[name]) for name in (_ROWS[signal], "rejected_records") if name in derived)
    assert items <= stored, f"{items} items, {stored} rows"
