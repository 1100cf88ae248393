"""`otelpond import` as a user calls it: every kind of file, twice, and files that are something else."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from otelpond.receivers.otlp_json import to_protobuf
from otelpond.storage.query import connect
from otelpond.storage.signals import Signal


def line(number: int) -> bytes:
    """One Export request of one span, as a line."""
    span = {"traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": "work", "startTimeUnixNano": "1700000000000000000"}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode() + b"\n"


def import_files(data: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "otelpond.config.cli", "import", "--data", str(data), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def spans(data: Path) -> list[str]:
    """The ids of the stored spans."""
    with connect(data) as con:
        return [span_id for (span_id,) in con.execute("select span_id from spans order by all").fetchall()]


def test_every_kind_of_file_is_imported_once(tmp_path: Path) -> None:
    """JSON lines and length-prefixed protobuf, plain and compressed; a second run adds nothing."""
    message = to_protobuf(Signal.TRACES, line(4))
    files = {
        "plain.jsonl": line(1),
        "zipped.jsonl.gz": gzip.compress(line(2)),
        "packed.jsonl.zst": zstandard.compress(line(3)),
        "messages.binpb": len(message).to_bytes(4, "big") + message,
    }
    paths = [tmp_path / name for name in files]
    for path, content in zip(paths, files.values(), strict=True):
        path.write_bytes(content)
    data = tmp_path / "pond"

    first, second = import_files(data, *paths), import_files(data, *paths)

    assert (0, 0) == (first.returncode, second.returncode)
    assert [f"{number:016x}" for number in range(1, 5)] == spans(data)
    assert 4 == second.stderr.count("is in the pond already")


def test_a_bad_line_is_named_by_its_number_and_kept(tmp_path: Path) -> None:
    """It costs no other line."""
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(line(1) + b'{"resourceSpans": 5}\n' + line(3))
    data = tmp_path / "pond"

    done = import_files(data, path)

    assert 0 == done.returncode
    assert f"{path}:2: " in done.stderr
    assert ["0000000000000001", "0000000000000003"] == spans(data)
    with connect(data) as con:
        ((reason,),) = con.execute("select reason from rejected_records").fetchall()
    assert reason.startswith("record 2: ")


@pytest.mark.parametrize(
    ("name", "content", "told"), [("missing", None, "no such file"), ("poem.txt", b"no OTLP\n", "holds no OTLP record")]
)
def test_what_is_no_otlp_file_is_told_in_one_line(tmp_path: Path, name: str, content: bytes | None, told: str) -> None:
    """Never a traceback; the exit code says that nothing was imported."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    done = import_files(tmp_path / "pond", path)

    assert 0 != done.returncode
    assert told in done.stderr
    assert "Traceback" not in done.stderr
