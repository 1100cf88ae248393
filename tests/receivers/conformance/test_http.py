"""OTLP/HTTP 1.11: paths, types, encodings, refusals, connections and CORS; each test is named for its rule."""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import socket
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import zstandard
from google.protobuf import json_format
from google.rpc import code_pb2, status_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otelpond.receivers.http_connection import HttpConnection, SharedPortConnection
from otelpond.storage.signals import Signal, UnavailableError

PROTOBUF, JSON = "application/x-protobuf", "application/json"
SHOP = "https://shop.example"
Post = Callable[..., httpx.Response]


def status_of(answer: httpx.Response) -> status_pb2.Status:
    """The Status in an answer, in the answer's encoding."""
    if answer.headers["content-type"] == JSON:
        return json_format.Parse(answer.text, status_pb2.Status())
    assert PROTOBUF == answer.headers["content-type"]
    return status_pb2.Status.FromString(answer.content)


def raw(port: int, text: bytes, *, answers: int = 1) -> bytes:
    """What a connection hears that sends these very bytes, up to the end of so many answers' headers."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(text)
        heard = b""
        while heard.count(b"\r\n\r\n") < answers and (more := connection.recv(65_536)):
            heard += more
        return heard


def test_protobuf_and_json_share_paths_and_port(post: Post, sink: Any, request_of: Callable[..., Any]) -> None:
    """The Content-Type alone tells them apart; its parameters are allowed; the answer is of the same type."""
    payload = request_of(Signal.TRACES).SerializeToString()
    for media in (PROTOBUF, "application/x-protobuf; proto=x", "Application/X-Protobuf"):
        assert (200, PROTOBUF) == ((answer := post("/v1/traces", payload, media=media)).status_code, answer.headers["content-type"])
    for media in (JSON, "application/json; charset=utf-8", "application/json;charset=UTF-8"):
        assert (200, JSON) == ((answer := post("/v1/traces", b"{}", media=media)).status_code, answer.headers["content-type"])
    assert [payload] * 3 == [stored for _, _, stored in sink.stored]


@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstandard.compress), ("identity", bytes)]
)
def test_content_encodings_are_undone(
    post: Post, sink: Any, request_of: Callable[..., Any], coding: str, compress: Callable[[bytes], bytes]
) -> None:
    """Gzip MUST be taken; deflate and zstd are taken too."""
    payload = request_of(Signal.TRACES).SerializeToString()
    assert 200 == post("/v1/traces", compress(payload), content_encoding=coding).status_code
    assert payload == sink.stored[0][2]


def test_answers_are_not_compressed(post: Post) -> None:
    """An answer MAY be gzip where the client accepts it; ours are a few bytes and never are."""
    assert "content-encoding" not in post("/v1/traces", b"", accept_encoding="gzip").headers
    assert "content-encoding" not in post("/v1/traces", b"\xff", accept_encoding="gzip").headers


def test_a_body_may_come_in_chunks(post: Post, sink: Any, request_of: Callable[..., Any]) -> None:
    """Without Content-Length; over the limit it is 413 as soon as that shows."""
    payload = request_of(Signal.LOGS, name="n" * 300_000).SerializeToString()
    assert 200 == post("/v1/logs", iter([payload[:100_000], payload[100_000:]])).status_code
    assert payload == sink.stored[0][2]


REFUSALS: list[tuple[int, dict[str, Any]]] = [
    (400, {"body": b"\xff"}),
    (404, {"path": "/v1/spans"}),
    (404, {"path": "/"}),
    (404, {"path": "/v1/traces/"}),
    (404, {"path": "/v1development/profiles"}),
    (405, {"method": "GET"}),
    (405, {"method": "PUT"}),
    (405, {"method": "OPTIONS"}),
    (413, {"body": bytes(65 * 1024 * 1024)}),
    (413, {"body": gzip.compress(bytes(65 * 1024 * 1024), 1), "content_encoding": "gzip"}),
    (415, {"content_encoding": "snappy"}),
]


@pytest.mark.parametrize("media", [PROTOBUF, JSON])
@pytest.mark.parametrize(("http_status", "request_"), REFUSALS)
def test_every_refusal_is_a_status_in_the_requests_encoding(
    post: Post, sink: Any, http_status: int, request_: dict[str, Any], media: str
) -> None:
    """Whatever is wrong, the body is a google.rpc.Status with a code and a message, in the type of the request."""
    answer = post(**{"path": "/v1/traces", "body": b"", "media": media} | request_)
    assert (http_status, media) == (answer.status_code, answer.headers["content-type"])
    status = status_of(answer)
    assert code_pb2.OK != status.code
    assert "" != status.message
    assert (0, []) == (sink.held, sink.stored)


@pytest.mark.parametrize("media", ["text/plain", "application/grpc", "", "application/x-www-form-urlencoded"])
def test_another_type_is_415_and_says_what_is_taken(post: Post, media: str) -> None:
    """With a Status as JSON, which people can read, and the two types in Accept."""
    answer = post("/v1/traces", b"", media=media)
    assert (415, JSON, f"{PROTOBUF}, {JSON}") == (answer.status_code, answer.headers["content-type"], answer.headers["accept"])
    assert repr(media) in status_of(answer).message


def test_another_coding_is_415_and_says_what_is_taken(post: Post) -> None:
    """RFC 9110: the codings that are taken stand in Accept-Encoding."""
    answer = post("/v1/traces", b"", content_encoding="br")
    assert (415, "gzip, deflate, zstd") == (answer.status_code, answer.headers["accept-encoding"])


def test_another_path_is_404_and_says_where_otlp_goes(post: Post) -> None:
    """The message names the three paths."""
    answer = post("/v1/trace", b"")
    assert "there is nothing at /v1/trace; OTLP goes to /v1/traces, /v1/metrics, /v1/logs" == status_of(answer).message


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_another_method_is_405_with_allow(post: Post, method: str) -> None:
    """Allow names POST; a HEAD has no body."""
    answer = post("/v1/logs", b"", method=method)
    assert (405, "POST") == (answer.status_code, answer.headers["allow"])
    assert (method == "HEAD") == (b"" == answer.content)


@pytest.mark.parametrize("text", [b"nonsense\r\n\r\n", b"POST /v1/traces HTTP/1.1\r\ncontent-length: x\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
def test_what_is_no_http_is_400_with_a_status(http_port: int, text: bytes) -> None:
    """The connection is closed after it."""
    head, _, body = raw(http_port, text).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in head
    assert code_pb2.INVALID_ARGUMENT == json.loads(body)["code"]


def test_headers_without_end_are_431(http_port: int) -> None:
    """Over 64 KiB of header fields are refused with a Status, and the connection is closed."""
    head, _, body = raw(http_port, b"POST /v1/traces HTTP/1.1\r\nhost: x\r\n" + b"x: 0123456789\r\n" * 10_000).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert code_pb2.INVALID_ARGUMENT == json.loads(body)["code"]


def test_a_client_that_never_waits_for_an_answer_is_cut_off(http_port: int) -> None:
    """Requests sent ahead are answered up to a number; beyond it they would fill the memory."""
    with socket.create_connection(("127.0.0.1", http_port), timeout=10) as connection, contextlib.suppress(ConnectionError):
        for _ in range(100):
            connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 1000)
    assert raw(http_port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 10, answers=10).count(b"HTTP/1.1 404 ") == 10


def test_a_body_that_is_announced_too_long_is_not_awaited(http_port: int) -> None:
    """413 though not one byte of the body was sent."""
    head = f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: 70000000\r\n\r\n"
    assert raw(http_port, head.encode()).startswith(b"HTTP/1.1 413 ")


def test_a_client_may_wait_for_100_continue(http_port: int, sink: Any, request_of: Callable[..., Any]) -> None:
    """Curl does for long bodies: it hears 100 before it sends, or at once that there is no room."""
    payload = request_of(Signal.TRACES).SerializeToString()
    fields = f"host: x\r\nexpect: 100-continue\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {len(payload)}\r\n\r\n"
    head = f"POST /v1/traces HTTP/1.1\r\n{fields}".encode()
    assert raw(http_port, head).startswith(b"HTTP/1.1 100 ")
    assert b"HTTP/1.1 200 " in raw(http_port, head + payload, answers=2)
    assert 1 == len(sink.stored)
    sink.room = UnavailableError("too much is in flight")
    assert raw(http_port, head).startswith(b"HTTP/1.1 503 ")


def test_connections_are_kept_alive(http_port: int, sink: Any, request_of: Callable[..., Any]) -> None:
    """One connection carries successes and refusals alike, one after another and pipelined."""
    payload = request_of(Signal.TRACES).SerializeToString()
    good, bad = (
        f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
        for body in (payload, b"\xff")
    )
    lines = [line for line in raw(http_port, (good + bad) * 5, answers=10).split(b"\r\n") if b"HTTP/1.1 " in line]
    assert ["200", "400"] * 5 == [line.split(b"HTTP/1.1 ")[1][:3].decode() for line in lines]
    assert 5 == len(sink.stored)


def preflight(port: int, origin: str, **fields: str) -> httpx.Response:
    """What a browser asks before a script of that page may send."""
    asked = {"origin": origin, "access-control-request-method": "POST"} | {name.replace("_", "-"): value for name, value in fields.items()}
    return httpx.request("OPTIONS", f"http://127.0.0.1:{port}/v1/traces", headers=asked)


@pytest.fixture
def open_port(sink: Any, http_receiver: Callable[..., Any]) -> Iterator[int]:
    """The port of an OTLP/HTTP receiver that takes what pages of the shop send."""
    with http_receiver(sink, cors_allowed_origins=[SHOP]) as port:
        yield port


def test_cors_is_off_unless_origins_are_named(http_port: int) -> None:
    """No answer carries a field of CORS; a preflight is 405."""
    answers = [
        preflight(http_port, SHOP),
        httpx.post(f"http://127.0.0.1:{http_port}/v1/traces", headers={"origin": SHOP, "content-type": PROTOBUF}),
    ]
    assert [405, 200] == [answer.status_code for answer in answers]
    assert [] == [name for answer in answers for name in answer.headers if name.startswith("access-control")]


def test_cors_preflight_is_answered(open_port: int) -> None:
    """A named origin may POST with the fields it asks for; nothing of it costs the sender a 405."""
    answer = preflight(open_port, SHOP, access_control_request_headers="content-type,authorization,content-encoding")
    assert (204, b"") == (answer.status_code, answer.content)
    said = {name: value for name, value in answer.headers.items() if name.startswith("access-control")}
    assert {
        "access-control-allow-origin": SHOP,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type,authorization,content-encoding",
        "access-control-allow-credentials": "true",
        "access-control-max-age": "7200",
    } == said
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(("body", "http_status"), [(b"", 200), (b"\xff", 400)])
def test_cors_fields_are_on_the_answer_to_the_post(open_port: int, body: bytes, http_status: int) -> None:
    """On success and refusal alike, or the browser would hide the answer from the exporter; Retry-After is exposed."""
    answer = httpx.post(f"http://127.0.0.1:{open_port}/v1/traces", content=body, headers={"origin": SHOP, "content-type": PROTOBUF})
    assert (http_status, SHOP, "true") == (
        answer.status_code,
        answer.headers["access-control-allow-origin"],
        answer.headers["access-control-allow-credentials"],
    )
    assert ("Retry-After", "Origin") == (answer.headers["access-control-expose-headers"], answer.headers["vary"])


def test_cors_refuses_other_origins(open_port: int) -> None:
    """A preflight from a page that is not named is 403 with a Status; the answer to its POST gives no permission."""
    answer = preflight(open_port, "https://shop.example.evil")
    assert (403, code_pb2.PERMISSION_DENIED) == (answer.status_code, answer.json()["code"])
    assert "cors_allowed_origins" in answer.json()["message"]
    fields = {"origin": "https://shop.example.evil", "content-type": PROTOBUF}
    posted = httpx.post(f"http://127.0.0.1:{open_port}/v1/traces", headers=fields)
    assert "access-control-allow-origin" not in {*answer.headers, *posted.headers}


def test_cors_leaves_other_clients_alone(open_port: int, sink: Any, request_of: Callable[..., Any]) -> None:
    """A request without Origin is served as ever."""
    payload = request_of(Signal.TRACES).SerializeToString()
    assert 200 == httpx.post(f"http://127.0.0.1:{open_port}/v1/traces", content=payload, headers={"content-type": PROTOBUF}).status_code
    assert ExportTraceServiceRequest.FromString(payload) == ExportTraceServiceRequest.FromString(sink.stored[0][2])


def test_a_connection_to_a_shared_port_ends_now_and_then(
    http_port: int, request_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where processes share the port: the answer that ends it says so; on other ports connections are kept."""
    payload = request_of(Signal.TRACES).SerializeToString()
    head = f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {len(payload)}\r\n\r\n"
    assert b"connection: close" not in raw(http_port, head.encode() + payload)
    monkeypatch.setattr(HttpConnection, "longest_s", -1.0)
    assert b"connection: close" in raw(http_port, head.encode() + payload)
    assert SharedPortConnection.longest_s < math.inf
