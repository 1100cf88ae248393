"""Both transports ask for a token before they read a body; whose rows a payload becomes is the token's to say."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import httpx
import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2
from otelpond.receivers.authentication import Authentication
from otelpond.storage.access import Access, tokens
from otelpond.storage.access.rate_limits import Rate
from otelpond.storage.access.tokens import Role
from otelpond.storage.signals import Signal

TRANSPORTS = ("http", "grpc")
METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PROTOBUF = "application/x-protobuf"
Receiver = Callable[..., AbstractContextManager[int]]


@dataclass(frozen=True)
class Answer:
    """What a sender hears, alike for both transports.

    Attributes:
        code: the gRPC code; of HTTP that of the Status body, 0 for success.
        http_status: of HTTP; 0 for gRPC.
        status: the google.rpc.Status.
        headers: of HTTP its headers, of gRPC its trailers.
    """

    code: int
    http_status: int
    status: status_pb2.Status
    headers: dict[str, Any]


@dataclass
class Receivers:
    """One of each transport, in front of the same sink and tokens."""

    data: Path
    access: Access
    http_port: int
    grpc_port: int

    def send(self, transport: str, payload: bytes, authorization: str | None, **more: str) -> Answer:
        """One traces request."""
        fields = {**({} if authorization is None else {"authorization": authorization}), **more}
        if transport == "http":
            answer = httpx.post(
                f"http://127.0.0.1:{self.http_port}/v1/traces", content=payload, headers=fields | {"content-type": PROTOBUF}
            )
            failed = status_pb2.Status.FromString(answer.content) if answer.status_code != httpx.codes.OK else status_pb2.Status()
            return Answer(failed.code, answer.status_code, failed, dict(answer.headers))
        with grpc.insecure_channel(f"127.0.0.1:{self.grpc_port}", options=[("grpc.max_send_message_length", -1)]) as channel:
            try:
                channel.unary_unary(METHOD)(payload, metadata=tuple(fields.items()))
            except grpc.RpcError as error:
                trailers = {entry.key: entry.value for entry in error.trailing_metadata()}
                failed = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
                return Answer(error.code().value[0], 0, failed, trailers)
        return Answer(0, 0, status_pb2.Status(), {})


@pytest.fixture
def receivers(tmp_path: Path, sink: Any, http_receiver: Receiver, grpc_receiver: Receiver) -> Iterator[Receivers]:
    """Receivers whose pond has a token already, which nobody uses."""
    tokens.create(tmp_path, "nobody", Role.INGEST)
    access = Access(tmp_path)
    authentication = Authentication(access)
    with http_receiver(sink, authentication=authentication) as http, grpc_receiver(sink, authentication=authentication) as over_grpc:
        yield Receivers(tmp_path, access, http, over_grpc)


@pytest.fixture
def issue(receivers: Receivers) -> Callable[..., str]:
    """Makes a token, and gives the field that shows it."""

    def make(tenant: str = "shop", role: Role = Role.INGEST, **options: Any) -> str:
        text, _ = tokens.create(receivers.data, tenant, role, **options)
        receivers.access.reload()
        return f"Bearer {text}"

    return make


@pytest.fixture
def payload(request_of: Callable[..., Any]) -> bytes:
    """One span that claims to be another tenant's."""
    request = request_of(Signal.TRACES)
    resource = request.resource_spans[0].resource
    for key in ("tenant_id", "tenant", "organization_id"):
        resource.attributes.add(key=key).value.string_value = "another"
    return bytes(request.SerializeToString())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_tenant_is_the_tokens_and_never_the_senders(
    receivers: Receivers, issue: Callable[..., str], sink: Any, payload: bytes, transport: str
) -> None:
    """Neither attributes nor headers that name another tenant change whose the payload is."""
    claims = {"x-scope-orgid": "another", "x-tenant-id": "another", "tenant": "another"}
    assert 0 == receivers.send(transport, payload, issue("shop"), **claims).code
    assert 0 == receivers.send(transport, payload, issue("bank", Role.ADMIN), **claims).code
    assert ["shop", "bank"] == [tenant for tenant, _, _ in sink.stored]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("authorization", [None, "Bearer", "Basic dXNlcjpwYXNz", "Bearer otelpond_000000000000_AAAA", "token"])
def test_without_a_valid_token_nobody_is_let_in(
    receivers: Receivers, sink: Any, payload: bytes, transport: str, authorization: str | None
) -> None:
    """401 and UNAUTHENTICATED, with a Status that does not repeat what was shown; nothing is stored."""
    answer = receivers.send(transport, payload, authorization)
    assert (code_pb2.UNAUTHENTICATED, code_pb2.UNAUTHENTICATED, []) == (answer.code, answer.status.code, list(answer.status.details))
    assert (401, "Bearer") == (answer.http_status, answer.headers["www-authenticate"]) if transport == "http" else True
    assert "google.rpc.retryinfo-bin" not in answer.headers
    assert "AAAA" not in answer.status.message
    assert [] == sink.stored


def test_the_refusal_is_in_the_requests_encoding(receivers: Receivers) -> None:
    """JSON is answered in JSON."""
    answer = httpx.post(f"http://127.0.0.1:{receivers.http_port}/v1/logs", json={})
    assert (401, "application/json") == (answer.status_code, answer.headers["content-type"])
    assert code_pb2.UNAUTHENTICATED == json.loads(answer.content)["code"]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_who_may_only_read_cannot_send(
    receivers: Receivers, issue: Callable[..., str], sink: Any, payload: bytes, *, transport: str, role: Role
) -> None:
    """403 and PERMISSION_DENIED; the message says which roles may."""
    answer = receivers.send(transport, payload, issue(role=role))
    assert code_pb2.PERMISSION_DENIED == answer.code
    assert answer.http_status in ((403,) if transport == "http" else (0,))
    assert answer.status.message.endswith(f"has the role {role}; this needs ingest or admin")
    assert [] == sink.stored


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_revoked_token_is_refused_at_the_next_request(
    receivers: Receivers, issue: Callable[..., str], sink: Any, payload: bytes, transport: str
) -> None:
    """On a connection that stays, too: each request is asked."""
    shown = issue()
    assert 0 == receivers.send(transport, payload, shown).code
    tokens.revoke(receivers.data, tokens.token_id(shown.removeprefix("Bearer ")))
    receivers.access.reload()
    assert code_pb2.UNAUTHENTICATED == receivers.send(transport, payload, shown).code
    assert 1 == len(sink.stored)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("rate", [Rate(items_per_s=0.01), Rate(bytes_per_s=1)])
def test_who_sends_more_than_agreed_is_told_to_wait(
    receivers: Receivers, issue: Callable[..., str], sink: Any, payload: bytes, *, transport: str, rate: Rate
) -> None:
    """429 with Retry-After, RESOURCE_EXHAUSTED with RetryInfo in both trailers: retryable, 1 to 3 seconds; other tokens go on."""
    shown, other = issue(rate=rate), issue()
    assert 0 == receivers.send(transport, payload, shown).code
    answer = receivers.send(transport, payload, shown)
    assert code_pb2.RESOURCE_EXHAUSTED == answer.code
    info = error_details_pb2.RetryInfo()
    assert answer.status.details[0].Unpack(info)
    assert 1 <= info.retry_delay.seconds <= 3
    if transport == "http":
        assert (429, str(info.retry_delay.seconds)) == (answer.http_status, answer.headers["retry-after"])
    else:
        assert info == error_details_pb2.RetryInfo.FromString(answer.headers["google.rpc.retryinfo-bin"])
    assert 0 == receivers.send(transport, payload, other).code
    assert 2 == len(sink.stored)


def test_http_refuses_before_the_body_is_read(receivers: Receivers, sink: Any) -> None:
    """The answer is there although nothing of the announced 60 MB was sent."""
    head = f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: 60000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", receivers.http_port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")
    assert 0 == sink.most_held


def test_a_token_that_is_revoked_before_the_body_comes_stores_nothing(
    receivers: Receivers, issue: Callable[..., str], sink: Any, payload: bytes
) -> None:
    """Heads that wait with a valid token would else be let in later, whatever their number."""
    shown = issue()
    head = f"POST /v1/traces HTTP/1.1\r\nhost: x\r\nauthorization: {shown}\r\n"
    head += f"content-type: {PROTOBUF}\r\ncontent-length: {len(payload)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", receivers.http_port), timeout=10) as connection:
        connection.sendall(head.encode() + payload[:1])
        time.sleep(0.3)
        tokens.revoke(receivers.data, tokens.token_id(shown.removeprefix("Bearer ")))
        receivers.access.reload()
        connection.sendall(payload[1:])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")
    assert not sink.stored


def test_grpc_refuses_before_the_message_is_read(receivers: Receivers, sink: Any) -> None:
    """A message of 60 MiB reaches nothing that would hold it."""
    assert code_pb2.UNAUTHENTICATED == receivers.send("grpc", b"\0" * 60 * 2**20, None).code
    assert 0 == sink.most_held


@pytest.mark.parametrize("scheme", ["bearer {}", "BEARER {}", "Bearer   {}"])
def test_the_schemes_name_has_no_case(receivers: Receivers, issue: Callable[..., str], payload: bytes, scheme: str) -> None:
    """As RFC 9110 wants."""
    shown = scheme.format(issue().removeprefix("Bearer "))
    assert 200 == receivers.send("http", payload, shown).http_status
    assert 0 == receivers.send("grpc", payload, shown).code


def test_two_tokens_are_none(receivers: Receivers, issue: Callable[..., str], payload: bytes) -> None:
    """Which of them counts would be a guess that a proxy in front may make otherwise."""
    fields = [("authorization", issue("shop")), ("authorization", issue("bank")), ("content-type", PROTOBUF)]
    assert 401 == httpx.post(f"http://127.0.0.1:{receivers.http_port}/v1/traces", content=payload, headers=fields).status_code


@pytest.mark.parametrize(
    ("allowed", "role", "status"),
    [(False, Role.INGEST, 401), (True, Role.INGEST, 200), (True, Role.ADMIN, 403), (True, Role.VIEWER, 403)],
)
def test_a_beacon_shows_its_token_in_the_query_where_that_is_allowed(
    tmp_path: Path, sink: Any, http_receiver: Receiver, payload: bytes, *, allowed: bool, role: Role, status: int
) -> None:
    """And only one that may do nothing but send, as URLs end up in logs."""
    text, _ = tokens.create(tmp_path, "web", role)
    with http_receiver(sink, authentication=Authentication(Access(tmp_path), token_in_query=allowed)) as port:
        url = f"http://127.0.0.1:{port}/v1/traces"
        answer = httpx.post(f"{url}?token={quote(text)}", content=payload, headers={"content-type": PROTOBUF})
        assert status == answer.status_code
        assert text.encode() not in answer.content
        twice = httpx.post(f"{url}?token={quote(text)}&token=x", content=payload, headers={"content-type": PROTOBUF})
        assert 401 == twice.status_code
    assert ["web"] * (status == 200) == [tenant for tenant, _, _ in sink.stored]


def test_browsers_ask_without_a_token_and_may_read_the_refusal(tmp_path: Path, sink: Any, http_receiver: Receiver) -> None:
    """A preflight has no token; it allows the field that carries one, and a 401 says its origin, else a page sees only an error."""
    tokens.create(tmp_path, "web", Role.INGEST)
    page = "https://shop.example"
    with http_receiver(sink, authentication=Authentication(Access(tmp_path)), cors_allowed_origins=[page]) as port:
        url = f"http://127.0.0.1:{port}/v1/traces"
        asks = {"origin": page, "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
        preflight = httpx.options(url, headers=asks)
        assert preflight.is_success
        assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
        refused = httpx.post(url, json={}, headers={"origin": page})
        assert (401, page) == (refused.status_code, refused.headers["access-control-allow-origin"])
