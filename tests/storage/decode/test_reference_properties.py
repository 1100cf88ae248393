"""The plain decoder on any valid message: schemas hold, nothing gets lost, every attribute can be rebuilt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from otelpond.storage.decode.columns import RELATIONS
from otelpond.storage.decode.inspection import inspect
from otelpond.storage.decode.messages import SHAPES
from otelpond.storage.decode.reference import decode
from otelpond.storage.signals import Signal

from .otlp_messages import payloads_of, requests, rules
from .otlp_wire import rewired

_RELATION = {Signal.TRACES: "spans", Signal.METRICS: "metric_points", Signal.LOGS: "logs"}
_SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("signal", Signal)
@_SETTINGS
@given(data=st.data())
def test_any_message_decodes_to_the_documented_schemas(signal: Signal, data: Any) -> None:
    """Tables have the schemas of columns.py, and no NULL where a column has none."""
    drawn = data.draw(st.lists(requests(signal), max_size=3))
    for name, table in decode(signal, payloads_of([request.SerializeToString() for request in drawn]), data.draw(rules())).items():
        table.validate(full=True)
        assert RELATIONS[name] == table.schema
        assert [] == [field.name for field in table.schema if not field.nullable and table[field.name].null_count]


@pytest.mark.parametrize("signal", Signal)
@_SETTINGS
@given(data=st.data())
def test_inspection_and_decoder_agree(signal: Signal, data: Any) -> None:
    """What inspection counts as items and rejected, the decoder gives as rows and refused rows, with the same first reason."""
    payload = data.draw(requests(signal)).SerializeToString()
    inspection = inspect(signal, payload)
    decoded = decode(signal, payloads_of([payload]), data.draw(rules()))
    refused = decoded["refused"].to_pylist()
    assert inspection.items - inspection.rejected == len(decoded[_RELATION[signal]])
    assert inspection.rejected == len(refused)
    assert inspection.reason == (refused[0]["reason"] if refused else "")
    indexes = decoded[_RELATION[signal]]["item_index"].to_pylist() + [row["item_index"] for row in refused]
    assert list(range(inspection.items)) == sorted(indexes)


@pytest.mark.parametrize("signal", Signal)
@_SETTINGS
@given(data=st.data())
def test_unusual_but_legal_bytes_decode_as_the_runtime_reads_them(signal: Signal, data: Any) -> None:
    """Fields out of order, repeated, split, unknown or unpacked, and long numbers give the rows of the same message written plainly."""
    wire = data.draw(requests(signal).flatmap(rewired))
    plain = SHAPES[signal].request.FromString(wire)
    plain.DiscardUnknownFields()
    drawn = data.draw(rules())
    odd, usual = (decode(signal, payloads_of([payload]), drawn) for payload in (wire, plain.SerializeToString()))
    assert {name: repr(table.to_pydict()) for name, table in usual.items()} == {
        name: repr(table.to_pydict()) for name, table in odd.items()
    }
