"""What an operator sees of a running collector: readiness, a scrape, the log, and payloads that were rejected and then mended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

SENT = "sent-by-somebody"
"""Stands in names, headers, tokens and broken bodies, and must stand in no line of the log."""


def _scrape(collector: Any) -> dict[str, float]:
    """The collector's metrics as the client library reads them, each under its name and its labels' values."""
    text = httpx.get(f"http://{collector.admin}/metrics", timeout=10).raise_for_status().text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {" ".join([sample.name, *(sample.labels[key] for key in sorted(sample.labels))]): sample.value for sample in samples}


def test_a_scrape_tells_what_came_in_and_what_became_of_it(collector: Any, server_spans: Any) -> None:
    """Accepted and refused at the receiver, a retry left out, rows by table, rejected by reason, nothing waiting afterwards."""
    request = server_spans(5)
    request.resource_spans[0].scope_spans[0].spans[0].span_id = b"bad"
    body = request.SerializeToString()
    assert collector.post("/v1/traces", body).is_success
    collector.publish()
    assert collector.post("/v1/traces", body).is_success
    assert httpx.codes.BAD_REQUEST == collector.post("/v1/traces", b"\x0a\xff\xff\xff").status_code
    collector.publish()

    values = _scrape(collector)
    assert (8, 2) == (values["otelcol_receiver_accepted_spans_total otlp http"], values["otelcol_receiver_refused_spans_total otlp http"])
    assert (2, 1) == tuple(values[f"otelcol_receiver_requests_total {outcome} otlp http"] for outcome in ("success", "refused"))
    assert (4, 4, 1) == tuple(
        values[f"otelpond_rows_total {table} default"] for table in ("spans", "api_performance_metrics", "rejected_records")
    )
    assert 1 == values["otelpond_rejected_rows_total span_id has N bytes, N expected spans default"]
    assert 1 == values["otelpond_retries_left_out_total default"]
    assert (0, 0) == (values["otelcol_exporter_queue_size pond"], values["otelpond_commit_lag_seconds default"])
    assert 1 == values["otelpond_live_files spans default"]
    assert values["otelcol_process_memory_rss"] > 50e6


@pytest.mark.long
def test_ready_only_when_the_disk_takes_data(collector: Any, eventually: Any) -> None:
    """The inbox's folder is taken away, and given back: nobody had to lose a request to find out."""

    def readiness() -> tuple[int, list[str]]:
        answer = httpx.get(f"http://{collector.admin}/readyz", timeout=10)
        return answer.status_code, answer.json()["reasons"]

    assert (200, []) == readiness()
    folder = collector.data / "inbox" / "receiver"
    away = collector.data / "away"
    folder.rename(away)
    eventually(lambda: readiness()[0] == httpx.codes.SERVICE_UNAVAILABLE, "the collector is not ready")
    assert ["the inbox cannot be written: No such file or directory"] == readiness()[1]
    assert httpx.get(f"http://{collector.admin}/healthz").is_success
    away.rename(folder)
    eventually(lambda: readiness() == (200, []), "the collector is ready again")


def _otelpond(collector: Any, *arguments: str) -> str:
    """What `otelpond` prints about that collector's pond."""
    command = [sys.executable, "-m", "otelpond.config.cli", *arguments, "--data", str(collector.data)]
    ended = subprocess.run(command, env=os.environ | collector.environment, capture_output=True, text=True, check=False, timeout=120)
    assert 0 == ended.returncode, ended.stderr
    return ended.stdout


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_quarantined_payload_is_replayed_once_beside_the_collector_and_no_log_tells_of_it(
    new_collector: Callable[..., Any], server_spans: Any, eventually: Any
) -> None:
    """A decoder fails on it, is mended, and the payload is stored; the log, all JSON, never shows what was sent."""
    faults = os.pathsep.join(filter(None, (str(Path(__file__).parent / "faults"), os.environ.get("PYTHONPATH"))))
    collector = new_collector(PYTHONPATH=faults, INJECTED_FAULTS=f"raise:{SENT}", OTELPOND_LOG_FORMAT="json").start()
    headers = {"content-type": "application/x-protobuf", "authorization": f"Bearer {SENT}", "x-secret": SENT}
    collector.accept("/v1/traces", server_spans(3, SENT).SerializeToString(), headers)
    collector.post("/v1/traces", SENT.encode(), headers)
    collector.post("/v1/traces", json.dumps({"resourceSpans": SENT}).encode(), headers | {"content-type": "application/json"})

    def listed() -> list[dict[str, Any]]:
        httpx.post(f"http://{collector.admin}/publish", timeout=60)
        if not (collector.data / "pond.duckdb").exists():
            return []
        found: list[dict[str, Any]] = json.loads(_otelpond(collector, "rejected", "list", "--format", "json"))["rejected"]
        return found

    (group,) = eventually(listed, "the payload is rejected")
    assert ("spans", "payload", True) == (group["table"], group["kind"], group["replayable"])
    assert SENT in _otelpond(collector, "rejected", "show", group["id"])

    del collector.environment["INJECTED_FAULTS"]
    for told in ("1 replayed, 0 had been", "0 replayed, 1 had been"):
        assert _otelpond(collector, "rejected", "replay", group["id"]).startswith(told)
    assert [(3,)] == collector.published(f"select count(*) from spans where service_name = '{SENT}'")
    assert [(3,)] == collector.rows("select count(*) from api_performance_metrics")
    assert 0 == collector.stop()

    log = collector.log.read_text(encoding="utf-8")
    assert {"collector", "pipeline"} <= {json.loads(line)["process"] for line in log.splitlines()}
    assert SENT not in log


@pytest.mark.timeout(180)
def test_a_collector_stores_its_own_metrics_where_it_is_told_to(new_collector: Callable[..., Any], eventually: Any) -> None:
    """As any service's, once an interval, and it does not count them as traffic."""
    collector = new_collector(OTELPOND_SELF_TELEMETRY="pond", OTELPOND_SELF_TELEMETRY_INTERVAL_S="1").start()
    query = "select count(distinct time_unix_nano) from metric_points where service_name = 'otelpond' and metric_name = 'otelpond_rows'"
    eventually(lambda: collector.published(query)[0][0] >= 2, "two exports are stored")
    assert 0 == _scrape(collector)["otelcol_receiver_accepted_metric_points_total otlp http"]
