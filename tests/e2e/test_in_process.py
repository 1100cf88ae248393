"""A process writes the pond of a running collector by itself: both publish, and every row is there once."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

JOB = """
    import sys
    from opentelemetry.sdk.trace import TracerProvider
    from otelpond.exporters.sdk import PondSpanExporter, PondSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(PondSpanProcessor(PondSpanExporter(sys.argv[1])))
    tracer = provider.get_tracer("job")
    for turn in range(3):
        for _ in range(100):
            tracer.start_span("job").end()
        assert provider.force_flush()
"""


@pytest.mark.long
def test_a_process_and_a_collector_write_the_same_pond(collector: Any, server_spans: Callable[..., ExportTraceServiceRequest]) -> None:
    """At the same time; a flush waits for neither the collector nor its interval."""
    job = subprocess.Popen([sys.executable, "-c", textwrap.dedent(JOB), str(collector.data)])
    for _ in range(20):
        collector.accept("/v1/traces", server_spans(10).SerializeToString())
    assert 0 == job.wait(90)
    assert [("job", 300)] == collector.rows("select name, count(*) from spans where name = 'job' group by all")
    assert [(500,)] == collector.published("select count(*) from spans")
    collector.stop()
    assert [(500, 500)] == collector.rows("select count(*), count(distinct span_id) from spans")
