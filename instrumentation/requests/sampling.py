"""Sampling that never drops errors: of a share of requests everything is sent, of the others only when they fail.

A trace that is not chosen is recorded all the same, unsampled: its spans wait here until the request (or whatever began the trace in this
process) has ended, and are sent if one of them failed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags, TraceState
from opentelemetry.util.types import Attributes

from ..guard import harmless

MAX_TRACES = 2000
MAX_SPANS = 200
"""Of one trace; beyond them the oldest go."""


class Recording(Sampler):
    """Records what another sampler would drop."""

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner

    def should_sample(  # noqa: PLR0917 - the SDK's
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """As the inner sampler says, but never nothing."""
        result = self._inner.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state) if result.decision is Decision.DROP else result

    def get_description(self) -> str:
        """For logs of the SDK."""
        return f"Recording{{{self._inner.get_description()}}}"


def sampler(rate: float) -> Sampler:
    """By trace id, so that all services of a trace choose alike; a caller's choice stands."""
    return Recording(ParentBased(TraceIdRatioBased(rate)))


class Waiting(SpanProcessor):
    """Unsampled spans, until it is known whether their trace failed."""

    def __init__(self, send: Callable[[ReadableSpan], None]) -> None:
        self._send = send
        self._traces: dict[int, list[ReadableSpan]] = {}
        self._failed: dict[int, None] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do."""

    @harmless
    def on_end(self, span: ReadableSpan) -> None:
        """Keep it, and decide when the last one comes."""
        context = span.context
        if context is None or context.trace_flags.sampled:
            return
        trace_id = context.trace_id
        spans = self._traces.setdefault(trace_id, [])
        spans.append(span)
        if span.status.status_code is StatusCode.ERROR:
            self._failed[trace_id] = None
        if span.parent is None or span.parent.is_remote:
            self._traces.pop(trace_id, None)
            if trace_id in self._failed:
                del self._failed[trace_id]
                for each in spans:
                    self._send(sampled(each))
        elif len(spans) > MAX_SPANS:
            del spans[0]
        elif len(self._traces) > MAX_TRACES:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = next(iter(self._traces), None)
        if oldest is not None:
            self._traces.pop(oldest, None)
            self._failed.pop(oldest, None)

    def clear(self) -> None:
        """What waits is another process's."""
        self._traces, self._failed = {}, {}


def sampled(span: ReadableSpan) -> ReadableSpan:
    """The same span, marked as one that is sent."""
    chosen = copy.copy(span)
    context = span.context
    if context is not None:
        flags = TraceFlags(context.trace_flags | TraceFlags.SAMPLED)
        chosen._context = SpanContext(context.trace_id, context.span_id, context.is_remote, flags, context.trace_state)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the SDK has no other way
    return chosen
