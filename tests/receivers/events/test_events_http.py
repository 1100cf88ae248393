"""POST /v1/events over real sockets: what is taken, what is answered, and who may send."""

from __future__ import annotations

import gzip
import json
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from otelpond.receivers.authentication import Authentication
from otelpond.receivers.events.handler import PATH, handler
from otelpond.storage.access import Access
from otelpond.storage.access.tokens import Role, create
from otelpond.storage.counters import COUNTERS
from otelpond.storage.signals import Signal, UnavailableError

from ..conftest import MemorySink, http_receiver
from .conftest import SmallCatalogue

EVENT = b'{"type": "user.page_view", "user_id": "u"}'
INVALID = b'{"type": "user.login"}'


@pytest.fixture(scope="module")
def receiver() -> Iterator[tuple[int, MemorySink]]:
    """A receiver that knows the small catalogue and lets one page in: its port, and where it stores."""
    sink = MemorySink()
    events = handler(sink, SmallCatalogue(), max_body_bytes=100_000)
    with http_receiver(sink, others={PATH: events}, cors_allowed_origins=["https://shop.example"]) as port:
        yield port, sink


@pytest.fixture
def sink(receiver: tuple[int, MemorySink]) -> MemorySink:
    """Its sink, empty."""
    receiver[1].stored.clear()
    receiver[1].disk = None
    return receiver[1]


@pytest.fixture
def port(receiver: tuple[int, MemorySink], sink: MemorySink) -> int:
    """Its port, the sink in order."""
    del sink
    return receiver[0]


def post(port: int, body: bytes, media: str = "application/json", *, query: str = "", **headers: str) -> httpx.Response:
    """One request; header names are written with underscores."""
    fields = {"content-type": media, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.post(f"http://127.0.0.1:{port}{PATH}{query}", content=body, headers=fields)


@pytest.mark.parametrize("name", ["page_view", "action", "error", "user_action", "therapy_session", "base_event", "track_event"])
def test_the_documents_payloads_are_taken_with_curl(
    port: int, sink: MemorySink, records_of: Callable[[bytes], list[Any]], sample: Callable[[str], bytes], name: str
) -> None:
    """Verbatim: 202, an id for each, and a record in the sink."""
    url = f"http://127.0.0.1:{port}/v1/events"
    command = ["curl", "-sS", "-w", "\n%{http_code}", url, "-H", "Content-Type: application/json", "-d", "@-"]
    said = subprocess.run(command, input=sample(name), capture_output=True, check=True, timeout=20).stdout.decode()
    body, _, status = said.rpartition("\n")
    answer = json.loads(body)
    assert ("202", 1, 0, "accepted") == (status, answer["accepted"], answer["rejected"], answer["events"][0]["status"])
    ((tenant, signal, payload),) = sink.stored
    assert ("default", Signal.LOGS) == (tenant, signal)
    assert [answer["events"][0]["event_id"]] == [record.attributes["log.record.uid"] for record in records_of(payload)]


def test_each_event_is_answered(port: int, sink: MemorySink, records_of: Callable[[bytes], list[Any]]) -> None:
    """Accepted ones with their warning, rejected ones with the error; all of them are stored."""
    response = post(port, b'{"events": [' + EVENT + b", " + INVALID + b', {"type": "mine", "event_id": "e"}]}')
    answer = response.json()
    first, second = (event.pop("event_id") for event in answer["events"][:2])
    assert 202 == response.status_code
    assert {
        "accepted": 2,
        "rejected": 1,
        "events": [
            {"status": "accepted"},
            {"status": "rejected", "error": "user_id: is missing"},
            {"event_id": "e", "status": "accepted", "warning": 'event_name: "mine" is not in the catalogue'},
        ],
    } == answer
    assert {first, second, "e"} == {record.attributes["log.record.uid"] for record in records_of(sink.stored[0][2])}


def test_where_nothing_is_accepted_the_answer_is_400(port: int, sink: MemorySink) -> None:
    """It says why, also as a Status; what was sent is kept."""
    response = post(port, INVALID)
    assert (400, 3, "no event was accepted; the first: user_id: is missing") == (
        response.status_code,
        response.json()["code"],
        response.json()["message"],
    )
    assert (1, 1) == (response.json()["rejected"], len(sink.stored))


def test_what_is_no_json_is_400_and_says_where(port: int, sink: MemorySink) -> None:
    """With a BadRequest, as every answer of the receivers; nothing is stored."""
    response = post(port, b'{"type": }')
    assert (400, 3) == (response.status_code, response.json()["code"])
    assert "line 1 column 10" in response.json()["message"]
    assert "type.googleapis.com/google.rpc.BadRequest" == response.json()["details"][0]["@type"]
    assert [] == sink.stored


def test_no_event_is_no_mistake(port: int, sink: MemorySink) -> None:
    """An empty batch is answered, and not stored."""
    response = post(port, b"[]")
    assert (202, {"accepted": 0, "rejected": 0, "events": []}, []) == (response.status_code, response.json(), sink.stored)


def test_what_beacons_send_is_taken(port: int) -> None:
    """Text, with and without its charset, and bytes without a type; other types are 415."""
    assert [202, 202, 202] == [post(port, EVENT, media).status_code for media in ("text/plain;charset=UTF-8", "text/plain", "")]
    response = post(port, EVENT, "application/x-www-form-urlencoded")
    assert (415, "application/json, text/plain") == (response.status_code, response.headers["accept"])


@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstandard.compress), ("identity", bytes)]
)
def test_compressed_bodies_are_taken(port: int, coding: str, compress: Callable[[bytes], bytes]) -> None:
    """As for OTLP; a long body too, which is understood in a thread."""
    body = b"[" + b", ".join([EVENT] * 1000) + b"]"
    assert 1000 == post(port, compress(body), content_encoding=coding).json()["accepted"]


def test_limits_are_those_of_otlp(port: int, sink: MemorySink) -> None:
    """A long body is 413, as it comes and decompressed; other methods are 405."""
    assert [413, 413] == [
        post(port, b" " * 100_001).status_code,
        post(port, gzip.compress(b" " * 200_000), content_encoding="gzip").status_code,
    ]
    response = httpx.get(f"http://127.0.0.1:{port}/v1/events")
    assert (405, "POST") == (response.status_code, response.headers["allow"])
    assert (0, []) == (sink.held, sink.stored)


def test_no_success_is_answered_before_the_disk_has_it(port: int, sink: MemorySink) -> None:
    """A failing disk is try-later."""
    sink.disk = UnavailableError("the disk is full")
    response = post(port, EVENT)
    assert (503, "2") == (response.status_code, response.headers["retry-after"])


def test_scripts_of_a_named_page_may_send(port: int) -> None:
    """The preflight is answered, and the answer can be read."""
    url, origin = f"http://127.0.0.1:{port}/v1/events", {"origin": "https://shop.example"}
    preflight = httpx.options(
        url, headers=origin | {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    )
    assert (204, "https://shop.example") == (preflight.status_code, preflight.headers["access-control-allow-origin"])
    assert "https://shop.example" == httpx.post(url, content=EVENT, headers=origin).headers["access-control-allow-origin"]


def test_tokens_are_asked_for(tmp_path: Path) -> None:
    """In the field, or in the query as beacons need it; the token says whose events they are."""
    secret, _ = create(tmp_path, "acme", Role.INGEST)
    sink = MemorySink()
    events = handler(sink, SmallCatalogue(), authentication=Authentication(Access(tmp_path), token_in_query=True))
    with http_receiver(sink, others={PATH: events}) as port:
        assert [401, 202, 202] == [
            post(port, EVENT).status_code,
            post(port, EVENT, authorization=f"Bearer {secret}").status_code,
            post(port, EVENT, "text/plain", query=f"?token={secret}").status_code,
        ]
    assert ["acme", "acme"] == [tenant for tenant, _, _ in sink.stored]


def test_requests_are_counted_apart(port: int) -> None:
    """Events that the catalogue refuses are refused records."""
    labels = (("receiver", "events"), ("transport", "http"))
    before = {(name, at): value for name, at, value in COUNTERS.samples()}
    post(port, b"[" + EVENT + b", " + INVALID + b"]")
    grown = {name: value - before.get((name, at), 0) for name, at, value in COUNTERS.samples() if at == labels}
    assert (1, 1) == (grown["otelcol_receiver_accepted_log_records"], grown["otelcol_receiver_refused_log_records"])
