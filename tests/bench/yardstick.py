"""How fast this machine is today, for rented machines of one name differ by half, and from one hour to the next.

The official protobuf runtime parses the benchmark's own spans (0.4-0.7 us each where the figures of the design were set), and pages of
memory are touched for the first time: how often a collector does that is a figure of `run`, what it costs is up to the machine's host.
"""

from __future__ import annotations

import mmap
import statistics
import time

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from payloads import templates

_RUNS = 9
_TOUCHED_BYTES = 256 << 20


def parse_us() -> float:
    """CPU microseconds of a parse, per span: the median run, for the collector does not get the machine's best moments either."""
    spans = [template for template in templates(512, 2) if template.signal == "traces"]
    bodies = [bytes(template.request.refresh(time.time_ns())) for template in spans]
    runs = []
    for _ in range(_RUNS):
        start = time.process_time()
        for body in bodies:
            ExportTraceServiceRequest.FromString(body)
        runs.append(time.process_time() - start)
    return statistics.median(runs) / sum(template.items for template in spans) * 1e6


def page_us() -> float:
    """Microseconds of the first touch of a page of memory."""
    with mmap.mmap(-1, _TOUCHED_BYTES) as fresh:
        start = time.perf_counter()
        for at in range(0, _TOUCHED_BYTES, mmap.PAGESIZE):
            fresh[at] = 1
        return (time.perf_counter() - start) / (_TOUCHED_BYTES // mmap.PAGESIZE) * 1e6
