"""OpenTelemetry's own Python SDK sends while the collector is stopped, killed, and without room on its disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .outages import judge, through_outages

HERE = Path(__file__).parent


@pytest.mark.long
@pytest.mark.timeout(240)
def test_the_python_sdk_delivers_exact_counts_through_outages(new_collector: Callable[..., Any], tmp_path: Path) -> None:
    """Over both protocols, each signal: nothing acknowledged is missing, nothing is there twice."""
    full = tmp_path / "full"
    path = os.pathsep.join(filter(None, (str(HERE / "faults"), os.environ.get("PYTHONPATH"))))
    collector = new_collector(PYTHONPATH=path, DISK_FULL_WHILE=str(full)).start()
    command = [sys.executable, str(HERE / "outage_sender.py")]
    senders = through_outages(
        collector,
        {
            "python-grpc": [*command, "grpc", collector.grpc, "python-grpc"],
            "python-http": [*command, "http/protobuf", collector.http, "python-http"],
        },
        full,
    )
    for sender in senders:
        judge(collector, sender)
    assert "No space left on device" in collector.log.read_text()
