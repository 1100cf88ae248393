"""A pond written from inside one process: what is exported is on disk, what is flushed is in the tables, and once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otelpond.exporters.in_process import InProcessPond, PondClosedError
from otelpond.exporters.sdk import (
    PondLogExporter,
    PondLogRecordProcessor,
    PondMetricExporter,
    PondSpanExporter,
    PondSpanProcessor,
)
from otelpond.storage import connect
from otelpond.storage.pipeline.plans import PlanStore
from otelpond.storage.signals import Signal, UndecodableError


def _rows(data: Path, statement: str) -> list[Any]:
    with connect(data) as connection:
        return connection.execute(statement).fetchall()


def _names(data: Path) -> list[str]:
    return [name for (name,) in _rows(data, "select name from spans order by name")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Where the pond is to be."""
    return tmp_path / "pond"


@pytest.fixture
def tracing(data: Path) -> Iterator[Callable[[], TracerProvider]]:
    """Makes tracer providers that write the pond."""
    made: list[TracerProvider] = []

    def make() -> TracerProvider:
        made.append(TracerProvider(shutdown_on_exit=False))
        made[-1].add_span_processor(PondSpanProcessor(PondSpanExporter(data)))
        return made[-1]

    yield make
    for provider in made:
        provider.shutdown()


def test_force_flush_publishes_all_signals(data: Path) -> None:
    """Of the providers; three exporters share one pond."""
    tracing = TracerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(PondSpanProcessor(PondSpanExporter(data)))
    logging = LoggerProvider(shutdown_on_exit=False)
    logging.add_log_record_processor(PondLogRecordProcessor(PondLogExporter(data)))
    metering = MeterProvider([PeriodicExportingMetricReader(PondMetricExporter(data))], shutdown_on_exit=False)
    with tracing.get_tracer("job").start_as_current_span("nightly"):
        logging.get_logger("job").emit(body="half done", severity_number=SeverityNumber.INFO)
        metering.get_meter("job").create_counter("rows").add(7)
    assert (True, True, True) == (tracing.force_flush(), logging.force_flush(), metering.force_flush())
    assert ["nightly"] == _names(data)
    assert [("half done",)] == _rows(data, "select body from logs")
    assert [(7,)] == _rows(data, "select value_int from metric_points where metric_name = 'rows'")
    assert ["0"] == [path.name for path in (data / "processes").iterdir()]
    for provider in (tracing, logging, metering):
        provider.shutdown()
    assert 0 == sum(path.stat().st_size for path in data.glob("processes/0/inbox/own/*.sealed"))


def test_shutdown_publishes_what_no_flush_did(data: Path) -> None:
    """With the SDK's own processor too."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(PondSpanExporter(data)))
    provider.get_tracer("job").start_span("one").end()
    assert not (data / "pond.duckdb").exists() or [] == _names(data)
    provider.shutdown()
    assert ["one"] == _names(data)


def test_the_end_of_the_process_publishes(data: Path) -> None:
    """The SDK shuts its providers down then."""
    code = textwrap.dedent(CHILD).format(end="").replace("shutdown_on_exit=False", "")
    ended = subprocess.run([sys.executable, "-c", code, str(data), "one"], capture_output=True, text=True, timeout=60, check=False)
    assert ("", ["one"]) == (ended.stderr, _names(data))


def test_a_retry_is_stored_once(data: Path) -> None:
    """Before and after a publish."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    provider.get_tracer("job").start_span("one").end()
    exporter = PondSpanExporter(data)
    for _ in range(2):
        assert [SpanExportResult.SUCCESS] * 2 == [exporter.export(kept.get_finished_spans()) for _ in range(2)]
        assert exporter.force_flush()
    exporter.shutdown()
    assert ["one"] == _names(data)
    assert SpanExportResult.FAILURE is exporter.export(kept.get_finished_spans())


CHILD = """
    import os, signal, sys
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from otelpond.exporters.sdk import PondSpanExporter
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(PondSpanExporter(sys.argv[1])))
    provider.get_tracer("job").start_span(sys.argv[2]).end()
    {end}
"""


def _child(data: Path, name: str, end: str) -> int:
    code = textwrap.dedent(CHILD).format(end=textwrap.dedent(end))
    return subprocess.run([sys.executable, "-c", code, str(data), name], timeout=60, check=False).returncode


@pytest.mark.long
def test_what_a_killed_process_exported_the_next_one_publishes(data: Path, tracing: Callable[[], TracerProvider]) -> None:
    """Once, also where the kill came between the plan and its tables."""
    assert -signal.SIGKILL == _child(data, "killed", "os.kill(os.getpid(), signal.SIGKILL)")
    broken = "import otelpond.storage.lake.lake as l; l.Lake.publish = lambda *_: os._exit(9); provider.shutdown()"
    assert 9 == _child(data, "broken", broken)
    provider = tracing()
    provider.get_tracer("job").start_span("next").end()
    assert provider.force_flush()
    assert ["broken", "killed", "next"] == _names(data)


@pytest.mark.long
def test_processes_write_one_pond_side_by_side(data: Path, tracing: Callable[[], TracerProvider]) -> None:
    """Each has an inbox of its own; what a living one has not published stays its own affair."""
    here = tracing()
    here.get_tracer("job").start_span("here").end()
    assert 0 == _child(data, "there", "provider.shutdown()")
    assert ["there"] == _names(data)
    assert here.force_flush()
    assert ["here", "there"] == _names(data)
    assert {"0", "1"} == {path.name for path in (data / "processes").iterdir()}


@pytest.mark.long
def test_what_a_forked_child_stores_its_parent_publishes(data: Path) -> None:
    """With an inbox of its own, and without the parent's locks; delta-rs does not work in the child."""
    end = """
    if os.fork() == 0:
        provider.get_tracer("job").start_span("child").end()
        provider.shutdown()
        os._exit(0)
    assert os.wait()[1] == 0
    provider.shutdown()
    """
    assert 0 == _child(data, "parent", end)
    assert ["child", "parent"] == _names(data)


@pytest.mark.parametrize("stores", ["before", pytest.param("after", marks=pytest.mark.long)])
def test_a_living_child_keeps_nothing_of_a_killed_parent(data: Path, tracing: Callable[[], TracerProvider], stores: str) -> None:
    """The parent's rows are published while the child lives, whenever it begins to store; the child's own when it has ended."""
    end = """
    told, tell = os.pipe()
    if os.fork() == 0:
        os.close(tell)
        os.read(told, 1) if sys.argv[3] == "after" else None
        provider.get_tracer("job").start_span("child").end()
        os.write(1, b"stored")
        sys.stdin.read()
        os._exit(0)
    os.close(told)
    while sys.argv[3] == "before" and not os.path.exists(os.path.join(sys.argv[1], "processes", "1", "inbox", "own", "0000000001.open")):
        pass
    os.kill(os.getpid(), signal.SIGKILL)
    """
    code = textwrap.dedent(CHILD).format(end=textwrap.dedent(end))
    command = [sys.executable, "-c", code, str(data), "parent", stores]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as family:
        assert family.stdin is not None
        assert family.stdout is not None
        assert b"stored" == family.stdout.read(6)
        family.wait(10)
        provider = tracing()
        assert provider.force_flush()
        assert ["parent"] == _names(data)
        family.stdin.close()
        assert b"" == family.stdout.read()  # the child has ended
    assert provider.force_flush()
    assert ["child", "parent"] == _names(data)


def test_a_pond_of_ones_own_takes_export_requests(data: Path) -> None:
    """And says what it does not take."""
    pond = InProcessPond(data)
    pond.store(Signal.TRACES, b"")
    with pytest.raises(UndecodableError):
        pond.store(Signal.TRACES, b"\xff")
    assert pond.close()
    assert pond.close()
    with pytest.raises(PondClosedError):
        pond.store(Signal.TRACES, b"")


def test_a_pond_that_cannot_be_written_is_an_error_at_once_and_a_failure_later(
    data: Path, tracing: Callable[[], TracerProvider], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is raised into the service; what is stored is published when it can be."""
    data.write_text("a file")
    with pytest.raises(OSError, match=str(data)):
        PondSpanExporter(data)
    data.unlink()
    provider = tracing()
    provider.get_tracer("job").start_span("one").end()
    with monkeypatch.context() as patched:
        patched.setattr(PlanStore, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        assert not provider.force_flush()
    assert "No space left" in caplog.text
    assert provider.force_flush()
    assert ["one"] == _names(data)


def test_a_damaged_plan_is_said_and_not_raised(data: Path, tracing: Callable[[], TracerProvider], caplog: pytest.LogCaptureFixture) -> None:
    """By name: nobody can know what was published."""
    provider = tracing()
    for name in ("one", "two"):
        provider.get_tracer("job").start_span(name).end()
        assert (name == "one") == provider.force_flush()
        for plan in data.glob("processes/0/plans/*.plan"):
            plan.write_bytes(b"{")
    assert "plan is damaged" in caplog.text


def test_the_readmes_example_works(tmp_path: Path) -> None:
    """As it stands there."""
    readme = (Path(__file__).parents[2] / "exporters" / "README.md").read_text(encoding="utf-8")
    (example,) = [block for block in re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL) if "PondLogExporter" in block]
    ended = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False)
    assert ("", "[('half done',), ('import prices',)]\n") == (ended.stderr, ended.stdout)
    assert [(7,)] == _rows(tmp_path / "pond", "select distinct value_int from metric_points where metric_name = 'prices.imported'")


def test_without_the_collector_extra_one_line_says_what_to_install() -> None:
    """In the light install."""
    code = "import sys; sys.modules['duckdb'] = None; import otelpond.exporters.sdk"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))
    assert "pip install 'otelpond[collector]'" in ended.stderr.splitlines()[-1]
