"""OpenTelemetry's own SDKs for Node, Go and Java deliver exact counts while the collector is stopped, killed, and without room on its disk.

Each over every protocol it speaks, each signal; those whose toolchain is missing are skipped. `tests/interop/run.sh` builds the senders.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..e2e.conftest import Collector
from ..e2e.outages import Sender, judge, through_outages

pytestmark = pytest.mark.long
HERE = Path(__file__).parent
NODE = HERE / "node" / "node_modules"
GO = HERE / "go" / "interop"
JAVA = HERE / "java" / "target"
COMMANDS = {
    "node": ["node", str(HERE / "node" / "outage.mjs")],
    "go": [str(GO)],
    "java": ["java", "-Xmx256m", "-cp", os.pathsep.join((str(JAVA / "classes"), str(JAVA / "lib" / "*"))), "Interop"],
}
MISSING = {
    "node": "" if shutil.which("node") and NODE.is_dir() else "needs node, and its packages: tests/interop/run.sh",
    "go": "" if GO.is_file() else "needs go, and what it builds: tests/interop/run.sh",
    "java": "" if shutil.which("java") and (JAVA / "lib").is_dir() else "needs java and mvn, and what they build: tests/interop/run.sh",
}
SENDERS = [
    *(("node", protocol) for protocol in ("grpc", "http/json", "http/protobuf")),
    *(("go", protocol) for protocol in ("grpc", "http/protobuf")),
    *(("java", protocol) for protocol in ("grpc", "http/protobuf")),
]


@pytest.fixture(scope="module")
def outages(tmp_path_factory: pytest.TempPathFactory, kernel_cache: str) -> Iterator[tuple[Collector, dict[str, Sender]]]:
    """What every sender said that could be started, all in the same outages; and the collector."""
    folder = tmp_path_factory.mktemp("outages")
    full = folder / "full"
    path = os.pathsep.join(filter(None, (str(HERE.parent / "e2e" / "faults"), os.environ.get("PYTHONPATH"))))
    environment = {"OTELPOND_BATCH_INTERVAL_S": "0.2", "OTELPOND_CACHE_DIR": kernel_cache, "PYTHONPATH": path, "DISK_FULL_WHILE": str(full)}
    collector = Collector(folder / "pond", environment).start()
    commands = {
        f"{language}-{protocol}": [
            *COMMANDS[language],
            protocol,
            collector.grpc if protocol == "grpc" else collector.http,
            f"{language}-{protocol}",
        ]
        for language, protocol in SENDERS
        if not MISSING[language]
    }
    try:
        yield collector, {sender.service: sender for sender in through_outages(collector, commands, full)}
    finally:
        collector.kill()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("language", "protocol"),
    [
        pytest.param(language, protocol, marks=pytest.mark.skipif(bool(MISSING[language]), reason=MISSING[language]))
        for language, protocol in SENDERS
    ],
)
def test_nothing_acknowledged_is_missing_and_nothing_is_twice(
    outages: tuple[Collector, dict[str, Sender]], language: str, protocol: str
) -> None:
    """By the SDK's own reports, for spans, log records and metric points."""
    collector, senders = outages
    judge(collector, senders[f"{language}-{protocol}"])


def test_the_disk_was_full(outages: tuple[Collector, dict[str, Sender]]) -> None:
    """The collector met it, and said so."""
    if not outages[1]:
        pytest.skip("nobody sends: tests/interop/run.sh says what it needs")
    assert "No space left on device" in outages[0].log.read_text()
