"""A payload that breaks the decoder or ends its process is isolated and put into quarantine; everything else is served.

The faults are injected from outside, by `faults/sitecustomize.py` on the collector's PYTHONPATH.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

FAULTS = "kernel:awkward-service,raise:poisoned-service,exit:deadly-service,derive-raise:unlucky-service,derive-exit:sinister-service"
GUILTY = {2: "awkward-service", 6: "poisoned-service", 9: "deadly-service", 13: "unlucky-service", 17: "sinister-service"}
SERVED = "select service_name, count(*) from spans group by all order by all"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_guilty_payload_is_alone_in_its_fate(
    new_collector: Callable[..., Any], server_spans: Any, eventually: Any, tmp_path: Path
) -> None:
    """Kernel fault: decoded plainly. Fault in decode or derive, or the process's end there: quarantined, rejected. Others: stored."""
    path = os.pathsep.join(filter(None, (str(Path(__file__).parent / "faults"), os.environ.get("PYTHONPATH"))))
    collector = new_collector(PYTHONPATH=path, INJECTED_FAULTS=FAULTS, INJECTED_KILLS=str(tmp_path)).start()
    expected = {"awkward-service": 3}
    for number in range(20):
        service = f"innocent-{number}"
        collector.accept("/v1/traces", server_spans(5, service).SerializeToString())
        expected[service] = 5
        guilty = GUILTY.get(number)
        if guilty:
            collector.accept("/v1/traces", server_spans(3, guilty).SerializeToString())

    def served() -> bool:
        answer = httpx.post(f"http://{collector.admin}/publish", timeout=60)
        return answer.is_success and len(collector.rows(SERVED)) >= len(expected)

    eventually(served, "everything but the guilty payloads is stored", deadline_s=150)
    assert sorted(expected.items()) == collector.rows(SERVED)

    def quarantined() -> bool:
        return len([path for path in (collector.data / "quarantine").rglob("*") if path.is_file()]) >= 4

    eventually(quarantined, "four payloads are in quarantine", deadline_s=150)
    kept = b"".join(path.read_bytes() for path in (collector.data / "quarantine").rglob("*") if path.is_file())
    assert all(service.encode() in kept for service in GUILTY.values() if service not in expected)
    assert 4 == collector.published("select count(*) from rejected_records")[0][0]
    assert collector.process.poll() is None
    pipeline = collector.pipeline()
    collector.accept("/v1/traces", server_spans(1, "afterwards").SerializeToString())
    assert [(1,)] == collector.published("select count(*) from spans where service_name = 'afterwards'")
    assert pipeline.pid == collector.pipeline().pid, "the pipeline still dies after the guilty payload is gone"
