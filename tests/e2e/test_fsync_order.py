"""What the operating system is told, and when: everything published is on the medium before the inbox forgets it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

STRACE = shutil.which("strace")
CALLS = "trace=fsync,fdatasync,unlink,unlinkat,rename,truncate"


@pytest.mark.long
@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
@pytest.mark.timeout(180)
def test_everything_is_fsynced_before_a_segment_is_forgotten(
    new_collector: Any, server_spans: Any, eventually: Any, tmp_path: Path
) -> None:
    """A system-call trace shows fsync of the Parquet file, the log entry and both folders before the segment is removed."""
    trace = tmp_path / "trace"
    collector = new_collector()
    collector.wrapper = (str(STRACE), "--follow-forks", "--seccomp-bpf", "--decode-fds=path", "-o", str(trace), "-e", CALLS)
    collector.start()

    def forgotten() -> bool:
        collector.accept("/v1/traces", server_spans().SerializeToString())
        collector.publish()
        return not any(path.stat().st_size for path in (collector.data / "inbox").rglob("0000000001.*"))

    eventually(forgotten, "the inbox has forgotten its first segment")  # it is sealed when it is ten seconds old
    collector.kill()
    lines = trace.read_text().splitlines()
    removed = next(
        at
        for at, line in enumerate(lines)
        if re.search(r"(unlink|truncate).*/inbox/.*/0000000001\.|rename.*/inbox/.*/0000000001\.spare", line)
    )
    before = [line for line in lines[:removed] if "sync(" in line or "sync resumed" in line]
    table = re.escape(str(collector.data / "lake" / "spans"))
    for what in (r"/dt=[^/]+/[^/]+\.parquet>", r"/dt=[^/>]+>", r"/_delta_log/0+1\.json>", r"/_delta_log>"):
        assert [line for line in before if re.search(f"sync\\(\\d+<{table}{what}", line)], f"no fsync of {what} before line {removed}"
