"""OTLP/HTTP over real sockets: what is taken, and how each refusal is said."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import zstandard
from google.rpc import code_pb2, error_details_pb2, status_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from otelpond.storage.signals import Signal, UnavailableError

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
PATHS = {Signal.TRACES: "/v1/traces", Signal.METRICS: "/v1/metrics", Signal.LOGS: "/v1/logs"}
TRACE_JSON = json.dumps(
    {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "5B8EFFF798038103D269B633813FC60C",
                                "spanId": "EEE19B7EC3C1B174",
                                "name": "checkout",
                                "startTimeUnixNano": "1544712660000000000",
                                "endTimeUnixNano": "1544712661000000000",
                            }
                        ]
                    }
                ]
            }
        ]
    }
).encode()


def zlib_raw(data: bytes) -> bytes:
    """Deflate without the zlib header, as some senders mean it."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def post(port: int, body: Any, *, path: str = "/v1/traces", media: str = PROTOBUF, **headers: str) -> httpx.Response:
    """One request; header names are written with underscores."""
    fields = {"content-type": media, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.post(f"http://127.0.0.1:{port}{path}", content=body, headers=fields)


def raw(port: int, text: bytes) -> bytes:
    """What the server answers to these very bytes, up to the end of the headers."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(text)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65_536)
        return answer


def status_of(response: httpx.Response) -> status_pb2.Status:
    """The google.rpc.Status in a protobuf answer."""
    assert response.headers["content-type"] == PROTOBUF
    return status_pb2.Status.FromString(response.content)


@pytest.mark.parametrize("signal", Signal)
def test_takes_each_signal_at_its_path(http_port: int, sink: Any, request_of: Callable[..., Any], signal: Signal) -> None:
    """The very bytes reach the sink; the answer is an empty response without partial success."""
    payload = request_of(signal).SerializeToString()
    response = post(http_port, payload, path=PATHS[signal])
    assert (200, PROTOBUF, b"") == (response.status_code, response.headers["content-type"], response.content)
    assert [("default", signal, payload)] == sink.stored


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("gzip", lambda data: gzip.compress(data[:10], mtime=0) + gzip.compress(data[10:])),
        ("deflate", zlib.compress),
        ("deflate", zlib_raw),
        ("zstd", zstandard.compress),
        ("zstd", lambda data: zstandard.compress(data[:10]) + zstandard.compress(data[10:])),
        ("zstd", lambda data: zstandard.ZstdCompressor(write_content_size=False).compress(data)),
        ("identity", bytes),
    ],
)
def test_undoes_content_codings(
    http_port: int, sink: Any, request_of: Callable[..., Any], coding: str, compress: Callable[[bytes], bytes]
) -> None:
    """Compressed bodies reach the sink as the bytes that were compressed."""
    payload = request_of(Signal.TRACES, name="n" * 50_000).SerializeToString()
    response = post(http_port, compress(payload), content_encoding=coding)
    assert 200 == response.status_code, response.content
    assert [("default", Signal.TRACES, payload)] == sink.stored


def test_answers_json_in_json(http_port: int, sink: Any) -> None:
    """A JSON request is stored as protobuf and answered with an empty JSON object."""
    response = post(http_port, TRACE_JSON, media="application/json; charset=utf-8")
    assert (200, JSON, {}) == (response.status_code, response.headers["content-type"], response.json())
    assert b"\x5b\x8e\xff\xf7\x98\x03\x81\x03\xd2\x69\xb6\x33\x81\x3f\xc6\x0c" in sink.stored[0][2]


def test_takes_a_body_in_chunks(http_port: int, sink: Any, request_of: Callable[..., Any]) -> None:
    """A body without Content-Length is put together."""
    payload = request_of(Signal.LOGS, name="n" * 300_000).SerializeToString()
    pieces = (payload[start : start + 70_000] for start in range(0, len(payload), 70_000))
    assert 200 == post(http_port, pieces, path="/v1/logs").status_code
    assert [("default", Signal.LOGS, payload)] == sink.stored


def test_understands_a_long_body(http_port: int, sink: Any, request_of: Callable[..., Any]) -> None:
    """A body that is long enough for a thread of its own arrives the same."""
    payload = request_of(Signal.TRACES, name="n" * 3_000_000).SerializeToString()
    assert 200 == post(http_port, payload).status_code
    assert payload == sink.stored[0][2]


def test_says_what_it_rejects(http_port: int, sink: Any, request_of: Callable[..., Any]) -> None:
    """Partial success: 200 with count and reason, in the request's type, and the payload is stored."""
    payload = request_of(Signal.TRACES, span_id=b"short").SerializeToString()
    answer = ExportTraceServiceResponse.FromString(post(http_port, payload).content)
    assert (1, "1 spans have no id of 8 bytes") == (answer.partial_success.rejected_spans, answer.partial_success.error_message)
    assert 1 == len(sink.stored)
    response = post(http_port, TRACE_JSON.replace(b"EEE19B7EC3C1B174", b"EEE1"), media=JSON)
    assert {"partialSuccess": {"rejectedSpans": "1", "errorMessage": "1 spans have no id of 8 bytes"}} == response.json()


def test_takes_nothing_as_nothing(http_port: int, sink: Any) -> None:
    """An empty protobuf body is an empty request and is not stored; an empty JSON body is no JSON."""
    assert (200, b"") == (post(http_port, b"").status_code, post(http_port, b"").content)
    assert 200 == post(http_port, b"{}", media=JSON).status_code
    assert 400 == post(http_port, b"", media=JSON).status_code
    assert [] == sink.stored


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"\x0a\xff\xff\xff", {}),
        (b"\x0a\x03\x12\x01\xff\xff", {}),
        (b"no gzip at all", {"content_encoding": "gzip"}),
        (gzip.compress(b"\x0a" * 1000, mtime=0)[:-9], {"content_encoding": "gzip"}),
        (gzip.compress(b"", mtime=0) + b"rest", {"content_encoding": "gzip"}),
        (gzip.compress(b"", mtime=0) * 5000, {"content_encoding": "gzip"}),
        (b"\x78\x9cnothing", {"content_encoding": "deflate"}),
        (zlib.compress(b"\x0a" * 1000)[:-3], {"content_encoding": "deflate"}),
        (b"\xff", {"content_encoding": "deflate"}),
        (b"no zstd", {"content_encoding": "zstd"}),
        (zstandard.compress(bytes(range(256)) * 9)[:-5], {"content_encoding": "zstd"}),
    ],
)
def test_says_what_is_undecodable(http_port: int, sink: Any, body: bytes, headers: dict[str, str]) -> None:
    """400 with a Status whose BadRequest says what is wrong; nothing is stored, and the next request is served."""
    response = post(http_port, body, **headers)
    status = status_of(response)
    assert (400, code_pb2.INVALID_ARGUMENT) == (response.status_code, status.code)
    detail = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(detail)
    assert status.message == detail.field_violations[0].description != ""
    assert (0, []) == (sink.held, sink.stored)
    assert 200 == post(http_port, b"").status_code


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"nonsense", b'{"resourceSpans": 1}', b"\xff\xfe", b'{"a":' * 50_000, b'{"a": "\xed\xa0\x80"}']
)
def test_says_what_is_no_json(http_port: int, sink: Any, body: bytes) -> None:
    """400 with the Status as JSON."""
    response = post(http_port, body, media=JSON)
    assert (400, JSON, 3) == (response.status_code, response.headers["content-type"], response.json()["code"])
    assert "type.googleapis.com/google.rpc.BadRequest" == response.json()["details"][0]["@type"]
    assert [] == sink.stored


def test_names_the_types_it_takes(http_port: int) -> None:
    """Another or no Content-Type is 415, and so is an unknown Content-Encoding; the answer names what is right."""
    for media in ("text/plain", "", "application/x-protobufs"):
        response = post(http_port, b"", media=media)
        assert (415, JSON, f"{PROTOBUF}, {JSON}") == (response.status_code, response.headers["content-type"], response.headers["accept"])
        assert PROTOBUF in response.json()["message"]
    response = post(http_port, b"", content_encoding="br")
    assert (415, "gzip, deflate, zstd") == (response.status_code, response.headers["accept-encoding"])
    assert "'br'" in status_of(response).message


def test_knows_its_paths_and_method(http_port: int) -> None:
    """404 and 405 carry a Status in the request's type."""
    for path in ("/", "/v1/trace", "/v1/traces/", "/v1/traces/x", "/v1development/profiles"):
        response = post(http_port, b"", path=path)
        assert (404, code_pb2.NOT_FOUND) == (response.status_code, status_of(response).code)
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "PATCH"):
        response = httpx.request(method, f"http://127.0.0.1:{http_port}/v1/traces")
        assert (405, "POST", JSON) == (response.status_code, response.headers["allow"], response.headers["content-type"])
        assert {"code", "message"} == set(response.json())


def test_refuses_a_large_body_before_reading_it(http_port: int, sink: Any) -> None:
    """65 MiB are refused by their announcement: the answer comes though no byte of the body was sent."""
    head = f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {65 * 1024 * 1024}\r\n\r\n"
    answer = raw(http_port, head.encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"retry-after" not in answer.lower()
    assert 0 == sink.most_held


def test_limits_a_body_without_length(small_http_port: int, sink: Any) -> None:
    """A body in chunks is refused when it passes the limit, however long it would go on."""
    response = post(small_http_port, (b"\x00" * 30_000 for _ in range(5)))
    status = status_of(response)
    assert (413, code_pb2.RESOURCE_EXHAUSTED, 0) == (response.status_code, status.code, len(status.details))
    assert (0, []) == (sink.held, sink.stored)


@pytest.mark.parametrize(
    ("coding", "bomb"),
    [
        ("gzip", gzip.compress(b"\x0a" * 50_000_000, mtime=0)),
        ("gzip", gzip.compress(b"\x0a" * 60_000, mtime=0) * 2),
        ("deflate", zlib.compress(b"\x0a" * 50_000_000)),
        ("zstd", zstandard.compress(b"\x0a" * 50_000_000)),
    ],
)
def test_stops_a_bomb(small_http_port: int, sink: Any, coding: str, bomb: bytes) -> None:
    """A body that grows past the limit when decompressed is 413, and never held."""
    response = post(small_http_port, bomb, content_encoding=coding)
    assert (413, code_pb2.RESOURCE_EXHAUSTED) == (response.status_code, status_of(response).code)
    assert 0 == sink.held
    assert sink.most_held < 300_000


def test_turns_away_before_reading(http_port: int, sink: Any) -> None:
    """Without room the answer is try later, though no byte of the body was sent."""
    sink.room = UnavailableError("too much is in flight", retry_after_s=1.2)
    answer = raw(http_port, f"POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: 1000\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 2\r\n" in answer


@pytest.mark.parametrize(("delay_s", "seconds"), [(0.01, 1), (2.0, 2), (30.0, 3)])
def test_says_when_to_try_again(http_port: int, sink: Any, request_of: Callable[..., Any], delay_s: float, seconds: int) -> None:
    """A full or failing disk is 503 with Retry-After and RetryInfo of 1 to 3 whole seconds."""
    sink.disk = UnavailableError("the disk is full", retry_after_s=delay_s)
    response = post(http_port, request_of(Signal.LOGS).SerializeToString(), path="/v1/logs")
    status = status_of(response)
    assert (503, str(seconds)) == (response.status_code, response.headers["retry-after"])
    assert (code_pb2.UNAVAILABLE, "the disk is full") == (status.code, status.message)
    info = error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(info)
    assert seconds == info.retry_delay.seconds
    assert 0 == sink.held


def test_keeps_its_own_mistakes_to_itself(
    http_port: int, sink: Any, request_of: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """An unforeseen error is a 500 with a Status; the log says where, and its text, which may repeat what was sent, goes nowhere."""
    sink.disk = ZeroDivisionError("inner workings")
    response = post(http_port, request_of(Signal.LOGS).SerializeToString(), path="/v1/logs")
    assert (500, code_pb2.INTERNAL) == (response.status_code, status_of(response).code)
    assert b"inner workings" not in response.content
    assert "ZeroDivisionError at" in caplog.text
    assert "inner workings" not in caplog.text


def test_outlives_a_client_that_goes_away(http_port: int, sink: Any) -> None:
    """A connection cut in the middle of its body gives its memory back, and the next request is served."""
    head = f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: 5000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", http_port)) as connection:
        connection.sendall(head.encode() + b"\x0a" * 100)
        await_that(lambda: sink.held > 100)
    await_that(lambda: sink.held == 0)
    assert 200 == post(http_port, b"").status_code
    assert [] == sink.stored


def await_that(condition: Callable[[], bool]) -> None:
    """Look until it holds, for at most 10 s."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_serves_many_requests_of_one_connection(http_port: int, sink: Any, request_of: Callable[..., Any]) -> None:
    """A connection stays open over successes and refusals alike."""
    payload = request_of(Signal.TRACES).SerializeToString()
    with httpx.Client(base_url=f"http://127.0.0.1:{http_port}", headers={"content-type": PROTOBUF}) as client:
        statuses = [client.post("/v1/traces", content=body).status_code for body in (payload, b"\xff", payload, b"\xff", payload)]
    assert [200, 400, 200, 400, 200] == statuses
    assert 3 == len(sink.stored)
