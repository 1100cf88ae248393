"""The kernels against the plain decoder: any message, in any legal wire form, in any batch, gives the same values."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otelpond.storage.addresses import AddressHasher
from otelpond.storage.decode import kernels, reference
from otelpond.storage.decode.messages import SHAPES
from otelpond.storage.decode.payloads import Rules
from otelpond.storage.signals import Signal

from .otlp_messages import ACCEPTED, fake_hash, payloads_of, requests, rules
from .otlp_wire import rewired

_SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
_DAY_NS = 86_400 * 1_000_000_000


_ITEMS = {
    Signal.TRACES: Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="GET", start_time_unix_nano=ACCEPTED, end_time_unix_nano=ACCEPTED),
    Signal.METRICS: Metric(name="cpu", gauge=Gauge(data_points=[NumberDataPoint(time_unix_nano=ACCEPTED, as_int=1)])),
    Signal.LOGS: LogRecord(time_unix_nano=ACCEPTED),
}


def hash_of_day(address: str, accepted_unix_nano: int) -> str:
    """Like AddressHasher: the same address has one hash a day."""
    return fake_hash(address, accepted_unix_nano // _DAY_NS)


def differences(expected: dict[str, pa.Table], actual: dict[str, pa.Table]) -> list[str]:
    """What differs, a line a column: NaN counts as equal to NaN, views as strings."""
    found = []
    assert expected.keys() == actual.keys()
    for name, table in expected.items():
        actual[name].validate(full=True)
        plain = actual[name].cast(table.schema)
        for column in table.column_names:
            left, right = repr(table[column].to_pylist()), repr(plain[column].to_pylist())
            if left != right:
                found.append(f"{name}.{column}: {left} expected, {right} decoded")
    return found


def compare(signal: Signal, payloads: Sequence[bytes], by: Rules) -> list[str]:
    """The differences between both decoders for these payloads."""
    batch, by = payloads_of(payloads), replace(by, hash_address=hash_of_day)
    return differences(reference.decode(signal, batch, by), kernels.decode(signal, batch, by))


@pytest.mark.parametrize("signal", Signal)
@_SETTINGS
@given(data=st.data())
def test_any_message_decodes_like_the_plain_decoder_has_it(signal: Signal, data: Any) -> None:
    """Batches of several payloads and tenants, by any rules."""
    drawn = data.draw(st.lists(requests(signal), max_size=3))
    assert [] == compare(signal, [request.SerializeToString() for request in drawn], data.draw(rules()))


@pytest.mark.parametrize("signal", Signal)
@_SETTINGS
@given(data=st.data())
def test_any_wire_form_decodes_like_the_plain_decoder_has_it(signal: Signal, data: Any) -> None:
    """Fields in any order, in parts, repeated, unknown, groups, overlong varints, packed and unpacked."""
    payloads = [data.draw(rewired(request)) for request in data.draw(st.lists(requests(signal), max_size=2))]
    assert [] == compare(signal, payloads, data.draw(rules()))


@pytest.mark.parametrize("signal", Signal)
@_SETTINGS
@given(data=st.data())
def test_broken_bytes_decode_alike_or_are_an_error(signal: Signal, data: Any) -> None:
    """What the runtime still reads decodes the same; what it does not read never comes here, and would harm nothing."""
    wire = bytearray(data.draw(requests(signal)).SerializeToString())
    for at in data.draw(st.lists(st.integers(0, max(len(wire) - 1, 0)), min_size=1, max_size=3)):
        wire[at : at + 1] = data.draw(st.binary(max_size=2))
    try:
        SHAPES[signal].request.FromString(bytes(wire))
    except DecodeError:
        with contextlib.suppress(ValueError, DecodeError):
            kernels.decode(signal, payloads_of([bytes(wire)]), Rules(hash_of_day))
    else:
        assert [] == compare(signal, [bytes(wire)], Rules(hash_of_day))


def test_addresses_are_hashed_alike_whether_they_are_remembered_or_not(tmp_path: Path) -> None:
    """Also where one text stands on two days, and below a key that may hold a name."""
    payloads = [_request_of("192.0.2.7", "10.0.0.1"), _request_of("192.0.2.7:80", "db.example.com"), _request_of("", "192.0.2.7")]
    batch, by = payloads_of(payloads * 2), Rules(AddressHasher(tmp_path))
    batch.accepted_unix_nano[3:] += _DAY_NS

    assert [] == differences(
        reference.decode(Signal.TRACES, batch, Rules(AddressHasher(tmp_path))), kernels.decode(Signal.TRACES, batch, by)
    )
    assert [] == differences(reference.decode(Signal.TRACES, batch, by), kernels.decode(Signal.TRACES, batch, by))


def _request_of(client: str, server: str) -> bytes:
    """A span between two addresses."""
    request = SHAPES[Signal.TRACES].request()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.CopyFrom(_ITEMS[Signal.TRACES])
    for key, value in {"client.address": client, "server.address": server}.items():
        span.attributes.add(key=key).value.string_value = value
    return bytes(request.SerializeToString())


@pytest.mark.parametrize("signal", Signal)
def test_the_bytes_that_tables_look_into_are_held_by_them_alone(signal: Signal) -> None:
    """The inbox reads other bytes into their place when they are gone: not before the tables are, and no later."""
    shape = SHAPES[signal]
    request = shape.request()
    getattr(getattr(getattr(request, shape.resources).add(), shape.scopes).add(), shape.items).append(_ITEMS[signal])
    payloads = payloads_of([request.SerializeToString()])
    there = weakref.ref(payloads.wire)
    tables = kernels.decode(signal, payloads, Rules(hash_of_day))
    del payloads

    assert there() is not None
    assert (1, 0) == (sum(table.num_rows for table in tables.values()), tables["refused"].num_rows)

    del tables

    assert there() is None
