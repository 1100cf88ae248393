"""Exporters: what ours log while they export is our own affair, what the service's log is the service's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from otelpond.instrumentation import guard
from otelpond.instrumentation.process import lifecycle
from otelpond.instrumentation.sending import exporting
from otelpond.instrumentation.sending.exporting import HTTP, Exporting
from otelpond.instrumentation.settings import Settings


def _spans() -> list[ReadableSpan]:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("unheard")
    span.end()
    assert isinstance(span, ReadableSpan)
    return [span]


def test_the_line_says_why_at_the_first_try(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, free_address: Callable[[], str]
) -> None:
    """And not that the last one was the last."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    ours = Exporting("traces", ("otlp",), Settings(endpoint=f"http://{free_address()}"))
    assert not ours.export(_spans())
    (line,) = capsys.readouterr().err.splitlines()
    assert "Connection refused" in line
    assert "retrying" not in line


def test_the_line_holds_no_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, free_address: Callable[[], str]
) -> None:
    """Where the endpoint names one."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    ours = Exporting("traces", ("otlp",), Settings(endpoint=f"http://ada:hunter2@{free_address()}"))
    ours.hurry()
    assert not ours.export(_spans())
    (line,) = capsys.readouterr().err.splitlines()
    assert "not delivered to http://[removed]@127.0.0.1" in line
    assert "hunter2" not in line


def test_only_our_own_exports_are_hushed(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, free_address: Callable[[], str]
) -> None:
    """One line of ours with the reason; a service's exporter of the same class logs as ever, and so does its HTTP client."""
    monkeypatch.setattr(guard, "_said", set())
    caplog.set_level(logging.DEBUG)
    ours = Exporting("traces", ("otlp",), Settings(endpoint=f"http://{free_address()}"))
    ours.hurry()
    assert not ours.export(_spans())
    assert [] == caplog.records
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("otelpond: traces are not delivered to http://")
    assert "Failed to export" in line
    for logger in (HTTP["traces"].partition(":")[0], "urllib3.connectionpool"):
        logging.getLogger(logger).warning("of the service")
    assert ["of the service"] * 2 == caplog.messages


def test_a_fork_releases_what_it_has_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what the thread holds that makes exporters, for which it has waited in vain; and in the child everything."""
    monkeypatch.setattr(exporting, "IMPORT_S", 0.01)
    monkeypatch.setattr(exporting, "_making", threading.Lock())
    exporting.hold()
    assert exporting._making.locked()
    exporting.release(in_child=False)
    assert not exporting._making.locked()
    with exporting._making:
        exporting.hold()
        exporting.release(in_child=False)
        assert exporting._making.locked()
    exporting.hold()
    exporting.release(in_child=True)
    assert not exporting._making.locked()


def test_a_fork_releases_what_it_has_held_where_the_end_came_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread ends the process's providers while this one forks."""
    monkeypatch.setattr(exporting, "_making", threading.Lock())
    monkeypatch.setattr(lifecycle, "_state", lifecycle._State())
    exporting.hold()
    lifecycle._after_fork_in_parent()
    assert not exporting._making.locked()
