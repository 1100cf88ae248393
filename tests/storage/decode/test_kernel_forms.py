"""Forms and sizes that kernels pass on to the runtime or make room for: each decodes like the plain decoder has it."""

from __future__ import annotations

import ctypes
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otelpond.storage.decode import kernels, machine_code
from otelpond.storage.decode.kernels import batches, keys, span_tables
from otelpond.storage.decode.messages import SHAPES
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.signals import Signal

from .otlp_messages import ACCEPTED, payloads_of
from .test_kernels import compare, hash_of_day

RULES = Rules(hash_of_day)

_IDS = b"\x0a\x10" + b"\x01" * 16 + b"\x12\x08" + b"\x02" * 8
_TIME = b"\x19" + ACCEPTED.to_bytes(8, "little")
_GROUP = b"\x9b\x06\x08\x01\x9c\x06"
_KEY = b"\x0a\x01k"
_ONE, _TWO = b"\x18\x01", b"\x18\x02"


def _field(number: int, *content: bytes) -> bytes:
    body = b"".join(content)
    assert len(body) < 128
    return bytes([number << 3 | 2, len(body)]) + body


def _request(item: bytes, resource: bytes = b"", scope: bytes = b"") -> bytes:
    return _field(1, resource, _field(2, scope, _field(2, item)))


def _attribute(value: bytes) -> bytes:
    return _field(9, _KEY, value)


_UNUSUAL = {
    "a resource in two parts": (Signal.TRACES, _request(_IDS, resource=_field(1, _field(1, _KEY)) + _field(1, b"\x10\x05"))),
    "a scope in two parts": (Signal.TRACES, _request(_IDS, scope=_field(1, b"\x0a\x01n") + _field(1, b"\x12\x01v"))),
    "a group in the envelope": (Signal.TRACES, _request(_IDS, resource=_GROUP)),
    "a group in a resource": (Signal.TRACES, _request(_IDS, resource=_field(1, _GROUP))),
    "a group in an entity reference": (Signal.LOGS, _request(b"", resource=_field(1, _field(3, b"\x12\x01t", _GROUP)))),
    "a group in a span": (Signal.TRACES, _request(_IDS + _GROUP)),
    "a value in two parts": (Signal.TRACES, _request(_IDS + _attribute(_field(2, _ONE) + _field(2, _TWO)))),
    "a value with two members": (Signal.TRACES, _request(_IDS + _attribute(_field(2, _ONE, b"\x0a\x01s")))),
    "a value with an unknown field": (Signal.TRACES, _request(_IDS + _attribute(_field(2, _ONE, b"\x98\x06\x01")))),
    "an attribute behind an event": (Signal.TRACES, _request(_IDS + _field(11, b"\x12\x01e") + _attribute(_field(2, _ONE)))),
    "a body in two parts": (Signal.LOGS, _request(_field(5, _ONE) + _field(5, b"\x0a\x01s"))),
    "data of a metric in two parts": (Signal.METRICS, _request(_field(5, _field(1, _TIME, b"\x40\x01")) + _field(5))),
    "buckets in two parts": (
        Signal.METRICS,
        _request(_field(10, b"\x10\x01", _field(1, _TIME, _field(8, b"\x08\x02"), _field(8, b"\x12\x01\x07")))),
    ),
    "attributes of a point around an exemplar's": (
        Signal.METRICS,
        _request(_field(5, _field(1, _TIME, b"\x40\x01", _field(7, _KEY), _field(5, _field(7, _KEY)), _field(7, _KEY)))),
    ),
}


@pytest.mark.parametrize("form", _UNUSUAL)
def test_unusual_form_is_written_anew_by_the_runtime(form: str) -> None:
    """A first pass flags the payload, and the tables are right; a payload of the usual form beside it is left alone."""
    signal, payload = _UNUSUAL[form]
    usual = _request(_IDS) if signal is Signal.TRACES else _request(b"")
    batch = batches.Batch.of(kernels._frozen(payloads_of([usual, payload])), RULES)
    kernels._tables(signal, batch)
    assert [0, 1] == batch.unusual.tolist()
    assert [] == compare(signal, [usual, payload, usual], RULES)


def test_unusual_forms_in_several_slices_are_all_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch is begun again once, so that the first pass goes on behind the first of them."""
    monkeypatch.setattr(batches, "SLICE_ITEMS", 1)
    for signal, payload in _UNUSUAL.values():
        usual = _request(_IDS) if signal is Signal.TRACES else _request(b"")
        assert [] == compare(signal, [usual, payload, usual, payload], RULES)


def _span(rng: random.Random, attributes: int) -> Span:
    span = Span(trace_id=rng.randbytes(16), span_id=rng.randbytes(8), name=f"span {rng.random()}", start_time_unix_nano=ACCEPTED - 5)
    for _ in range(attributes):
        value = rng.choice([{"int_value": rng.randrange(10**9)}, {"double_value": rng.random()}, {"string_value": "x" * rng.randrange(40)}])
        span.attributes.append(KeyValue(key=f"key.{rng.randrange(30)}", value=AnyValue(**value)))
    if rng.random() < 0.3:
        span.attributes.append(KeyValue(key="client.address", value=AnyValue(string_value=f"192.0.2.{rng.randrange(256)}")))
        span.events.add(name="e").attributes.extend(span.attributes)
        span.links.add().attributes.extend(span.attributes)
    return span


def _requests_of(spans_of: list[list[Span]]) -> list[bytes]:
    payloads = []
    for of_payload in spans_of:
        request = SHAPES[Signal.TRACES].request()
        request.resource_spans.add().scope_spans.add().spans.extend(of_payload)
        payloads.append(request.SerializeToString())
    return payloads


def test_batch_of_several_slices_decodes_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row ids, events' spans and texts go on over slices, runs of them and payloads, whatever their size."""
    rng = random.Random(7)
    payloads = _requests_of([[_span(rng, rng.randrange(8)) for _ in range(700)] for _ in range(3)])
    for size, run in ((1, 1 << 17), (300, 1 << 17), (300, 1000), (8192, 8192)):
        monkeypatch.setattr(batches, "RUN_ITEMS", run)
        monkeypatch.setattr(batches, "SLICE_ITEMS", size if size > 1 else 8192)
        monkeypatch.setattr(batches, "SLICE_BYTES", 4096 if size == 1 else 8 << 20)
        assert [] == compare(Signal.TRACES, payloads, RULES)


def test_item_of_thousands_of_attributes_makes_room_for_itself() -> None:
    """Attributes, nested keys, addresses, doubles, events and links beyond what a slice is prepared for; duplicates among them."""
    rng = random.Random(11)
    span = _span(rng, 3000)
    nested = span.attributes.add(key="nested").value.kvlist_value
    nested.values.extend(KeyValue(key=f"k{i % 2500}", value=AnyValue(int_value=i)) for i in range(3000))
    span.attributes.add(key="ip").value.array_value.values.extend(AnyValue(string_value=f"192.0.2.{i % 999}") for i in range(3000))
    span.attributes.add(key="d").value.array_value.values.extend(AnyValue(double_value=i / 7) for i in range(3000))
    span.attributes.extend(KeyValue(key=f"unique.{i}") for i in range(3000))
    for _ in range(3000):
        span.events.add()
        span.links.add()
    assert [] == compare(Signal.TRACES, _requests_of([[span], [_span(rng, 5)]]), RULES)


def test_value_nested_as_deep_as_the_runtime_reads_decodes() -> None:
    """Arrays in kvlists in arrays, to the depth of 100 messages; one more is no message at all."""
    value: Any = AnyValue(double_value=1.5)
    for depth in range(46):
        outer = AnyValue()
        if depth % 2:
            outer.array_value.values.append(value)
        else:
            outer.kvlist_value.values.append(KeyValue(key="k", value=value if depth < 45 else None))
        if len(outer.SerializeToString()) and _readable(outer):
            value = outer
    span = _span(random.Random(3), 0)
    span.attributes.add(key="deep").value.CopyFrom(value)
    assert [] == compare(Signal.TRACES, _requests_of([[span]]), RULES)


def _readable(value: AnyValue) -> bool:
    span = Span()
    span.attributes.add(key="deep").value.CopyFrom(value)
    try:
        SHAPES[Signal.TRACES].request.FromString(_requests_of([[span]])[0])
    except Exception:  # noqa: BLE001 - the runtime's DecodeError: too deep
        return False
    return True


def test_bits_beyond_the_type_of_a_number_are_cut_off() -> None:
    """A 64-bit varint in a 32-bit field keeps its low half, a bool is true where any bit is set."""
    high = b"\x85\x80\x80\x80\x80\x80\x02"
    span = _IDS + b"\x30" + high + b"\x50" + high + _field(15, b"\x18" + high) + _attribute(_field(2, b"\x10\x80\x80\x80\x80\x80\x80\x02"))
    metric = _field(10, b"\x10\x81\x80\x80\x80\x80\x02", _field(1, _TIME, b"\x30" + high, b"\x50" + high, _field(8, b"\x08" + high)))
    assert [] == compare(Signal.TRACES, [_request(span)], RULES)
    assert [] == compare(Signal.METRICS, [_request(metric)], RULES)


def test_redacted_name_of_a_service_is_not_taken_for_its_default() -> None:
    """What stood there before does not matter: `unknown` stays in the JSON of the rest, `[redacted]` does not."""
    resource = _field(1, _field(1, b"\x0a\x0cservice.name", _field(2, b"\x0a\x07unknown")))
    payload = _request(_IDS, resource=resource)
    for redacted in (frozenset[str](), frozenset({"service.name"})):
        assert [] == compare(Signal.TRACES, [payload], Rules(hash_of_day, redact_attributes=redacted))


@pytest.mark.parametrize("signal", Signal)
def test_nothing_decodes_to_empty_tables(signal: Signal) -> None:
    """No payload, and payloads without an item."""
    assert [] == compare(signal, [], RULES)
    assert [] == compare(signal, [b"", _field(1), _field(1, _field(2))], RULES)


def test_over_2_gib_at_once_are_refused() -> None:
    """An offset of a string view could not say where such a string lies."""
    nowhere = np.zeros(1, np.int64)
    wire = np.broadcast_to(np.zeros(1, np.uint8), (2**31,))
    with pytest.raises(ValueError, match="2147483648 bytes of payloads at once"):
        kernels.decode(Signal.TRACES, Payloads(wire, nowhere, nowhere, nowhere, ["t"], [bytes(16)]), RULES)


def test_kernel_without_room_for_its_text_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds are checked, also of words: a mistake in how much room text needs raises, and writes nowhere else."""
    payloads = payloads_of(_requests_of([[_span(random.Random(5), 20)]]))
    for room in range(300):
        monkeypatch.setattr(span_tables, "room", lambda *_, room=room: room)
        with pytest.raises(IndexError):
            kernels.decode(Signal.TRACES, payloads, RULES)


def test_each_kernel_is_compiled_for_one_type_of_arguments() -> None:
    """Read-only, writable, sliced: whatever the caller's arrays are, nothing compiles while data waits."""
    wire = np.frombuffer(_request(_IDS), np.uint8).copy()
    at = np.zeros(2, np.int64)[::2]
    kernels.decode(Signal.TRACES, Payloads(wire, at, at + len(wire), at, ["t"], [bytes(16)]), RULES)
    kept = [path.name.partition(".o")[0].rpartition(".")[0] for path in machine_code.cache_folder().glob("*.o")]
    assert sorted(kept) == [
        *("envelopes._walk", "keys._hash_all", "logs.scan_logs", "logs.write_logs", "metrics.scan_metrics", "metrics.write_metrics"),
        *("origins._scan_messages", "origins._write_messages", "spans.scan_spans", "spans.write_spans"),
    ]


def test_other_arguments_than_compiled_ones_are_an_error_that_says_so() -> None:
    """Nothing runs machine code on arrays of another type or order."""
    one = np.zeros(1, np.int64)
    with pytest.raises(LookupError, match=r"keys._hash_all is not compiled for \(<i8/1 <i8/1 <i8/1 <u8/1\)"):
        keys._hash_all(one, one, one, one.view(np.uint64))
    with pytest.raises(ValueError, match="C order"):
        keys._hash_all(np.zeros(4, np.uint8)[::2], one, one, one.view(np.uint64))


def test_collector_does_not_import_numba() -> None:
    """Its machinery would cost the pipeline's process 95 MB."""
    code = "import sys; from otelpond.storage.decode.warming import warm; warm(); print('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_code_of_other_versions_is_removed_once_nobody_has_used_it_for_a_month(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is still used is touched at every load."""
    monkeypatch.setenv("OTELPOND_CACHE_DIR", str(tmp_path))
    machine_code.cache_folder().mkdir()
    for name, age_days in {"old": 31, "new": 29}.items():
        note = tmp_path / f"kernels-{name}" / "complete"
        note.parent.mkdir()
        note.touch()
        os.utime(note, times=(time.time() - age_days * 86_400,) * 2)
    machine_code.note_compiled()
    assert {"kernels-new", machine_code.cache_folder().name} == {path.name for path in tmp_path.iterdir()}


def test_cache_folder_is_the_one_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """OTELPOND_CACHE_DIR, else the user's cache folder; below it one folder for exactly these sources and this machine."""
    monkeypatch.setenv("OTELPOND_CACHE_DIR", str(tmp_path))
    assert tmp_path == machine_code.cache_folder().parent
    monkeypatch.delenv("OTELPOND_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tmp_path / "otelpond" == machine_code.cache_folder().parent
    assert machine_code.cache_folder() == machine_code.cache_folder()


def test_a_kernel_that_does_not_say_why_it_failed_is_an_error_and_no_crash() -> None:
    """There is nothing at address 0 to read a reason from."""
    assert isinstance(machine_code._exception(ctypes.c_void_p()), RuntimeError)
