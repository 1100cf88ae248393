"""Counters grow from many threads, and those of several processes add up."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from otelpond.storage.counters import Counters, Received, summed
from otelpond.storage.signals import Inspection, Signal

GRPC = (("receiver", "otlp"), ("transport", "grpc"))


def test_nothing_is_lost_between_threads() -> None:
    """Eight threads add at once."""
    counters = Counters()
    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(lambda: [counters.add("fish", 2) for _ in range(1_000)])
    assert [("fish", (), 16_000)] == counters.samples()


def test_processes_add_up_after_json() -> None:
    """What a process sends as JSON counts together with one's own."""
    mine, other = Counters(), Counters()
    mine.add("fish", 1, GRPC)
    other.add("fish", 2, GRPC)
    other.add("boats", 3)
    assert {("fish", GRPC): 3, ("boats", ()): 3} == {
        (name, labels): value for name, labels, value in summed([mine.samples(), json.loads(json.dumps(other.samples()))])
    }


def test_requests_count_under_the_collectors_names() -> None:
    """Accepted, refused and failed items, and requests by outcome; all that a transport may count stands at 0 from the start."""
    counters = Counters()
    received = Received(counters, Signal.METRICS, "grpc")
    assert [0] * 6 == [value for _, _, value in counters.samples()]
    received.accepted(Inspection(items=5, rejected=2))
    received.refused(items=7)
    received.failed(items=0)
    samples = {(name.removeprefix("otelcol_receiver_"), *labels[2:]): value for name, labels, value in counters.samples()}
    assert {
        ("accepted_metric_points",): 3,
        ("refused_metric_points",): 9,
        ("failed_metric_points",): 0,
        ("requests", ("outcome", "success")): 1,
        ("requests", ("outcome", "refused")): 1,
        ("requests", ("outcome", "failure")): 1,
    } == samples
