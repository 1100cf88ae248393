"""Who acts: user, roles and session of the current request, on its spans and log records, and on to other services as W3C baggage.

A request (SERVER or CONSUMER span) opens a scope that everything it runs shares, threads and tasks included, so that `set_user` in a
dependency that runs in another thread reaches the request's own span. Outside of requests what is set is local to its task or thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from opentelemetry import baggage, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators import textmap
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from .guard import harmless
from .providers import Providers
from .settings import Settings

USER_ID, USER_ROLES, SESSION_ID = "user.id", "user.roles", "session.id"
SERVER, CONSUMER = trace.SpanKind.SERVER, trace.SpanKind.CONSUMER


class Identity:
    """Who acts in a scope; `span` is the request's, until it ends."""

    __slots__ = ("attributes", "outer", "span")

    def __init__(
        self, attributes: dict[str, str | tuple[str, ...]] | None = None, span: Span | None = None, outer: Identity | None = None
    ) -> None:
        self.attributes = attributes or {}
        self.span = span
        self.outer = outer

    def entries(self) -> dict[str, str]:
        """As baggage, whose values are strings: roles separated by commas."""
        return {key: value if isinstance(value, str) else ",".join(value) for key, value in self.attributes.items()}


_current: ContextVar[Identity | None] = ContextVar("otelpond_identity", default=None)


def current() -> dict[str, str | tuple[str, ...]]:
    """The attributes user.id, user.roles and session.id of who acts here, as far as they are known."""
    identity = _current.get()
    return dict(identity.attributes) if identity is not None else {}


@harmless
def set_user(id: object, role: str | Sequence[str] | None = None) -> None:  # noqa: A002 - the documented name
    """Say who the user of this request (or task, or thread) is; None is nobody. A role is one name or several."""
    roles = (role,) if isinstance(role, str) else tuple(str(name) for name in role or ())
    _change({USER_ID: None if id is None else str(id), USER_ROLES: roles if id is not None else ()})


@harmless
def set_session(id: object) -> None:  # noqa: A002 - the documented name
    """Say which session this request (or task, or thread) belongs to; None is none."""
    _change({SESSION_ID: None if id is None else str(id)})


def _change(values: dict[str, str | tuple[str, ...] | None]) -> None:
    identity = _current.get()
    attributes = {key: value for key, value in {**(identity.attributes if identity else {}), **values}.items() if value}
    if identity is not None and identity.span is not None:
        identity.attributes = attributes
    else:  # others may share what is there now
        identity = Identity(attributes)
        _current.set(identity)
    for span in {identity.span, trace.get_current_span()}:
        if span is not None and span.is_recording():
            span.set_attributes(attributes)


class _SpanIdentity(SpanProcessor):
    """Opens and closes the scopes of requests, and puts the identity on every span."""

    def __init__(self, *, accept: bool) -> None:
        self._accept = accept

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """A request begins with what its caller says of the user, else with nobody: its thread may have served another."""
        identity = _current.get()
        kind = span.kind
        if kind is SERVER or kind is CONSUMER:  # a set would hash enums, in Python
            outer = identity if identity is not None and identity.span is not None else None
            identity = Identity(self._received(parent_context), span, outer)
            _current.set(identity)
        if identity is not None and identity.attributes:
            span.set_attributes(identity.attributes)

    def _received(self, context: Context | None) -> dict[str, str | tuple[str, ...]]:
        entries = baggage.get_all(context) if self._accept else None
        if not entries:
            return {}
        received: dict[str, str | tuple[str, ...]] = {}
        for key in (USER_ID, SESSION_ID):
            if entries.get(key):
                received[key] = str(entries[key])
        if entries.get(USER_ROLES):
            received[USER_ROLES] = tuple(part for part in str(entries[USER_ROLES]).split(",") if part)
        return received

    def on_end(self, span: ReadableSpan) -> None:
        """A request's scope ends with it."""
        kind = span.kind
        if kind is SERVER or kind is CONSUMER:
            identity = _current.get()
            if identity is not None and identity.span is not None and identity.span.get_span_context() is span.context:
                _current.set(identity.outer)
                identity.span = None


class _LogIdentity(LogRecordProcessor):
    """Puts the identity on every log record; one that names another user keeps that one, without these roles."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Add what is missing."""
        identity = _current.get()
        attributes: Any = log_record.log_record.attributes
        if identity is None or attributes is None:
            return
        named = USER_ID in attributes and attributes[USER_ID] != identity.attributes.get(USER_ID)
        for key, value in identity.attributes.items():
            if key not in attributes and not (named and key == USER_ROLES):
                attributes[key] = value

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held."""
        del timeout_millis
        return True


class IdentityPropagator(textmap.TextMapPropagator):
    """The service's own propagator, given the identity as baggage when it injects."""

    def __init__(self, inner: textmap.TextMapPropagator) -> None:
        self.inner = inner

    def inject(self, carrier: Any, context: Context | None = None, setter: textmap.Setter[Any] = textmap.default_setter) -> None:
        """Inject with who acts here added to the baggage."""
        identity = _current.get()
        if identity is not None:
            for key, value in identity.entries().items():
                context = baggage.set_baggage(key, value, context)
        self.inner.inject(carrier, context, setter)

    def extract(self, carrier: Any, context: Context | None = None, getter: textmap.Getter[Any] = textmap.default_getter) -> Context:
        """As the service's own does."""
        return self.inner.extract(carrier, context, getter)

    @property
    def fields(self) -> set[str]:
        """As the service's own."""
        return self.inner.fields


def start(settings: Settings, providers: Providers) -> None:
    """Put the identity on spans, log records and outgoing requests."""
    providers.add_span_processor(_SpanIdentity(accept=settings.identity_baggage in {"both", "accept"}))
    providers.add_log_record_processor(_LogIdentity())
    if settings.identity_baggage in {"both", "send"}:
        propagate.set_global_textmap(IdentityPropagator(propagate.get_global_textmap()))


def stop() -> None:
    """Give the service its own propagator back."""
    propagator = propagate.get_global_textmap()
    if isinstance(propagator, IdentityPropagator):
        propagate.set_global_textmap(propagator.inner)
