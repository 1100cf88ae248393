"""What was acknowledged survives: the collector is killed under load, and every span is in its tables exactly once."""

from __future__ import annotations

import os
import random
import signal
from typing import Any

import pytest

from .clients import REQUESTS_BETWEEN_KILLS, load, wait_for_requests


def _end_pipeline(collector: Any) -> None:
    """Kill the pipeline alone; the collector keeps accepting, and starts another."""
    if (pipeline := collector.pipeline()) is not None:
        os.kill(pipeline.pid, signal.SIGKILL)


@pytest.mark.long
@pytest.mark.timeout(180)
def test_every_acknowledged_span_is_stored_once_through_kills(new_collector: Any, server_spans: Any) -> None:
    """Killing receiver, pipeline or both in the middle of load loses nothing and doubles nothing, in any table."""
    collector = new_collector().start()
    with load(collector, server_spans) as clients:
        for what in ("all", "receiver", "pipeline", "all", "pipeline", "all"):
            wait_for_requests(clients, REQUESTS_BETWEEN_KILLS + random.randrange(20))
            if what == "pipeline":
                _end_pipeline(collector)
            else:
                collector.kill(children=what == "all")
                collector.start()
        wait_for_requests(clients, REQUESTS_BETWEEN_KILLS)
    acknowledged = sorted(span for client in clients for span in client.acknowledged)
    assert acknowledged == [row[0] for row in collector.published("select span_id from spans order by span_id")]
    assert acknowledged == [row[0] for row in collector.rows("select span_id from api_performance_metrics order by span_id")]
    assert [] == collector.rows("select * from rejected_records")
    assert sum(client.retries for client in clients) > 0, "no request met a kill: the load was too light"
