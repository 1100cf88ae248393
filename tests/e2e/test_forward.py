"""Passing on, seen from outside: a chain of two collectors holds the same rows, and a destination is never in the way of the tables."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from socket import create_server
from typing import Any

import httpx
import psutil
import pytest

SPANS_A_REQUEST = 5


def forward_to(endpoint: str, protocol: str = "grpc", **options: Any) -> dict[str, str]:
    """The setting that passes everything on to one endpoint."""
    return {"OTELPOND_FORWARD": json.dumps([{"name": "next", "endpoint": endpoint, "protocol": protocol, **options}])}


def forwarder(collector: Any) -> psutil.Process | None:
    """The process that passes on, where it runs."""
    for child in psutil.Process(collector.process.pid).children(recursive=True):
        with suppress(psutil.Error):
            if "otelpond.config.collector.forward_process" in child.cmdline():
                return child
    return None


def sent(collector: Any) -> dict[str, float]:
    """The collector's own metrics of the destination."""
    lines = httpx.get(f"http://{collector.admin}/metrics", timeout=10).text.splitlines()
    of_destination = [line for line in lines if 'exporter="forward/next"' in line]
    return {line.partition("{")[0].removesuffix("_total"): float(line.rpartition(" ")[2]) for line in of_destination}


def kept(collector: Any) -> list[Path]:
    """The segments that the inbox holds no more and the destination has not passed."""
    return list((collector.data / "forward" / ".kept").glob("*/*.segment"))


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_chain_of_two_holds_every_span_once_through_kills(
    new_collector: Any, server_spans: Any, eventually: Callable[..., Any], protocol: str
) -> None:
    """Forwarder, first and second collector are killed in between: both ponds hold the same spans, each once."""
    second = new_collector().start()
    first = new_collector(**forward_to(f"http://{second.grpc if protocol == 'grpc' else second.http}", protocol)).start()
    spans: list[str] = []

    def send(requests: int) -> None:
        for _ in range(requests):
            request = server_spans(SPANS_A_REQUEST)
            first.accept("/v1/traces", request.SerializeToString())
            spans.extend(span.span_id.hex() for span in request.resource_spans[0].scope_spans[0].spans)

    def arrived() -> bool:
        return len(spans) == second.published("select count(*) from spans")[0][0]

    send(40)
    eventually(arrived, "all spans are in the second pond")
    for _ in range(2):
        send(20)
        os.kill(eventually(lambda: forwarder(first), "the forwarder runs").pid, signal.SIGKILL)
        send(20)
    second.kill()
    send(20)
    first.publish()
    first.kill()
    first.start()
    send(20)
    second.start()
    eventually(arrived, "all spans are in the second pond, in spite of the kills")
    sql = "select span_id from spans order by span_id"
    assert sorted(spans) == [row[0] for row in first.published(sql)]
    assert sorted(spans) == [row[0] for row in second.rows(sql)]
    assert (0, 0) == (first.stop(), second.stop())
    assert [] == kept(first)


@pytest.mark.long
def test_a_destination_that_hangs_costs_the_tables_nothing(new_collector: Any, server_spans: Any, eventually: Callable[..., Any]) -> None:
    """Rows are published as ever, the inbox is emptied, and what waits is kept; at the end nobody waits for the destination."""
    with closing(create_server(("127.0.0.1", 0))) as silent:
        collector = new_collector(**forward_to(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.5)).start()
        for _ in range(3):
            collector.accept("/v1/traces", server_spans(10).SerializeToString())
        assert [(30,)] == collector.published("select count(*) from spans")
        eventually(lambda: sent(collector).get("otelpond_forward_put_off_requests"), "requests are put off")
        assert 0 == collector.stop()
        collector.start()
        collector.accept("/v1/traces", server_spans(10).SerializeToString())
        assert [(40,)] == collector.published("select count(*) from spans")
        assert ["0000000001.segment"] == [path.name for path in kept(collector)]
        assert not (collector.data / "inbox" / "receiver" / "0000000001.segment").exists()


@pytest.mark.long
def test_what_a_destination_refuses_is_in_the_tables_and_counted(
    new_collector: Any, server_spans: Any, eventually: Callable[..., Any]
) -> None:
    """A second collector that wants smaller bodies refuses for good: it is told once, and what follows goes on."""
    second = new_collector(OTELPOND_MAX_BODY_BYTES="20000").start()
    first = new_collector(**forward_to(f"http://{second.http}", "http", compression="none")).start()
    for count in (1000, 1, 1000, 2):
        first.accept("/v1/traces", server_spans(count).SerializeToString())
    eventually(lambda: sent(first).get("otelcol_exporter_sent_spans") == 3, "the small requests have arrived")
    assert 2000 == sent(first)["otelcol_exporter_send_failed_spans"]
    assert [(2003,)] == first.published("select count(*) from spans")
    assert [(3,)] == second.published("select count(*) from spans")
    assert 1 == first.log.read_text().count("refuses a request for good")
