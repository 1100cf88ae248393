"""Sampling that never drops errors."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags
from otelpond.instrumentation.requests.sampling import MAX_TRACES, Waiting, sampler


def _provider(rate: float, sent: list[ReadableSpan]) -> tuple[trace.Tracer, Waiting]:
    provider = TracerProvider(sampler=sampler(rate), shutdown_on_exit=False)
    waiting = Waiting(sent.append)
    provider.add_span_processor(waiting)
    return provider.get_tracer("test"), waiting


@pytest.mark.parametrize("failing", ["request", "query", None])
def test_a_request_that_fails_is_sent_with_all_it_did(failing: str | None) -> None:
    """Whatever failed in it; the others are not."""
    sent: list[ReadableSpan] = []
    tracer, waiting = _provider(0, sent)
    with tracer.start_as_current_span("request", kind=SpanKind.SERVER) as request:
        with tracer.start_as_current_span("query") as query:
            if failing == "query":
                query.set_status(StatusCode.ERROR)
        if failing == "request":
            request.set_status(StatusCode.ERROR)
    assert (["query", "request"] if failing else []) == [span.name for span in sent]
    assert all(span.context is not None and span.context.trace_flags.sampled for span in sent)
    assert {} == waiting._traces == waiting._failed


def test_a_caller_that_sampled_is_followed() -> None:
    """Such spans do not wait: they are sent as ever."""
    sent: list[ReadableSpan] = []
    tracer, waiting = _provider(0, sent)
    caller = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    with tracer.start_as_current_span("request", trace.set_span_in_context(trace.NonRecordingSpan(caller))) as span:
        assert span.get_span_context().trace_flags.sampled
    assert ([], {}) == (sent, waiting._traces)


def test_a_share_is_chosen_by_trace_id() -> None:
    """All services choose alike."""
    tracer, _ = _provider(0.5, [])
    chosen = sum(tracer.start_span("request").get_span_context().trace_flags.sampled for _ in range(2000))
    assert 800 < chosen < 1200


def test_what_waits_is_bounded() -> None:
    """Traces whose request never ends are forgotten."""
    tracer, waiting = _provider(0, [])
    for _ in range(MAX_TRACES + 50):
        with trace.use_span(tracer.start_span("never ends")):
            tracer.start_span("query").end()
    assert MAX_TRACES >= len(waiting._traces)
