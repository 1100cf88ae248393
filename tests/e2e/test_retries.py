"""Equal bytes are one request: a retry is stored once, whenever and however it comes, unless nothing tells it from a new one."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from otelpond.storage.inbox.log import Inbox
from otelpond.storage.signals import Inspection, Signal

GZIPPED = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}


def count(collector: Any, service: str) -> int:
    """Spans of a service in the tables."""
    return int(collector.published(f"select count(*) from spans where service_name = '{service}'")[0][0])


@pytest.mark.timeout(120)
def test_a_retry_is_stored_once(collector: Any, server_spans: Any) -> None:
    """The same payload at once eight times, after a publish, gzipped, and after a kill and restart is one payload."""
    body = server_spans(3, "retried").SerializeToString()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: collector.post("/v1/traces", body).status_code, range(8)))
    assert [httpx.codes.OK] * 8 == answers
    assert 3 == count(collector, "retried")
    collector.accept("/v1/traces", body)
    collector.accept("/v1/traces", gzip.compress(body), GZIPPED)
    assert 3 == count(collector, "retried")
    collector.kill()
    collector.start()
    collector.accept("/v1/traces", gzip.compress(body), GZIPPED)
    collector.accept("/v1/traces", body)
    assert 3 == count(collector, "retried")


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_retry_across_a_kill_before_any_publish_is_stored_once(new_collector: Callable[..., Any], server_spans: Any) -> None:
    """A payload that only the inbox has when the collector dies is recognised after the restart."""
    collector = new_collector(OTELPOND_COMMIT_INTERVAL_S="3600", OTELPOND_BATCH_INTERVAL_S="3600").start()
    body = server_spans(3, "unpublished").SerializeToString()
    collector.accept("/v1/traces", body)
    collector.kill()
    collector.start()
    collector.accept("/v1/traces", body)
    assert 3 == count(collector, "unpublished")


@pytest.mark.timeout(120)
def test_a_payload_without_times_is_stored_each_time(collector: Any, server_spans: Any) -> None:
    """Equal bytes in which no item carries a time may be two requests, and are kept as two."""
    body = server_spans(2, "timeless", timeless=True).SerializeToString()
    collector.accept("/v1/traces", body)
    collector.accept("/v1/traces", body)
    assert 4 == count(collector, "timeless")
    collector.accept("/v1/traces", body)
    assert 6 == count(collector, "timeless")


@pytest.mark.timeout(120)
def test_equal_payloads_of_two_tenants_are_two(new_collector: Callable[..., Any], server_spans: Any) -> None:
    """What one tenant sends is never taken for a retry of another's."""
    collector = new_collector()
    body = server_spans(2, "shared").SerializeToString()
    inbox = Inbox(collector.data / "inbox" / "tenants")
    for tenant in ("acme", "globex", "acme"):
        inbox.append(tenant, Signal.TRACES, body, Inspection(items=2)).result(timeout=30)
    inbox.close()
    collector.start()
    expected = [("acme", 2), ("globex", 2)]
    assert expected == collector.published("select tenant_id, count(*) from spans group by all order by all")
