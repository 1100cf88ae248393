"""Who acts: user, roles and session of the current request, on its spans and log records, and, if set so, on to other services.

A request (SERVER or CONSUMER span) opens a scope that everything it runs shares, threads and tasks included, so that `set_user` in a
dependency that runs in another thread reaches the request's own span. Outside of requests what is set is local to its task or thread.

To other services it goes as W3C baggage, which is plain text that anybody can write: hence only to hosts that the settings name, and it
is believed only where the settings say so. What strangers send under these names goes no further.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import baggage, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators import textmap
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from . import breadcrumbs
from .guard import harmless
from .scopes import Scopes, innermost_open
from .sending.providers import Providers
from .settings import Settings
from .unrecorded import Unrecorded

USER_ID, USER_ROLES, SESSION_ID = "user.id", "user.roles", "session.id"
KEYS = (USER_ID, USER_ROLES, SESSION_ID)
SERVER, CONSUMER = trace.SpanKind.SERVER, trace.SpanKind.CONSUMER
CLIENT, PRODUCER = trace.SpanKind.CLIENT, trace.SpanKind.PRODUCER
PRIVATE = (".internal", ".local", ".localhost", ".svc")
"""Names under which no stranger can have a host."""


class Identity:
    """Who acts in a scope; `span` is the request's, until it ends."""

    __slots__ = ("attributes", "outer", "span")

    def __init__(
        self, attributes: dict[str, str | tuple[str, ...]] | None = None, span: Span | None = None, outer: Identity | None = None
    ) -> None:
        self.attributes = attributes or {}
        self.span = span
        self.outer = outer

    @property
    def is_open(self) -> bool:
        """Whether it is a request's that has not ended."""
        return self.span is not None

    def entries(self) -> dict[str, str]:
        """As baggage, whose values are strings: roles separated by commas."""
        return {key: value if isinstance(value, str) else ",".join(value) for key, value in self.attributes.items()}


_current: ContextVar[Identity | None] = ContextVar("otelpond_identity", default=None)
_unrecorded: list[Unrecorded] = []
observers: list[Callable[[], object]] = []
"""Called where it has been said who acts; they must be quick and must not raise."""


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
    for observe in observers:
        observe()


@harmless
def _forget() -> None:
    """A request begins that no span tells of: here acts nobody but in a request around it."""
    breadcrumbs.begin_anew()
    identity = _current.get()
    if identity is not None and not identity.is_open:
        _current.set(innermost_open(identity))
        for observe in observers:
            observe()


class _SpanIdentity(SpanProcessor):
    """Opens and closes the scopes of requests, and puts the identity on every span."""

    def __init__(self, *, accept: bool) -> None:
        self._accept = accept
        self._identities: Scopes[Identity] = Scopes("identity")

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """A request begins with what its caller says of the user, else with nobody: its thread may have served another."""
        identity = _current.get()
        kind = span.kind
        if kind is SERVER or kind is CONSUMER:  # a set would hash enums, in Python
            identity = Identity(self._received(parent_context), span, innermost_open(identity))
            _current.set(identity)
            self._identities.keep(span, identity)
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
        """A request's scope ends with it, wherever that is."""
        kind = span.kind
        if kind is SERVER or kind is CONSUMER:
            identity = self._identities.take(span)
            if identity is not None:
                identity.span = None
                if identity is _current.get():
                    _current.set(innermost_open(identity.outer))


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
    """The service's own propagator, given the identity as baggage when it injects into what goes to one of `hosts`."""

    def __init__(self, inner: textmap.TextMapPropagator, hosts: Sequence[str]) -> None:
        self.inner = inner
        self._is_named = _matcher(hosts)

    def inject(self, carrier: Any, context: Context | None = None, setter: textmap.Setter[Any] = textmap.default_setter) -> None:
        """Inject with who acts here in the baggage, and nobody else."""
        for key in KEYS:
            if baggage.get_baggage(key, context) is not None:
                context = baggage.remove_baggage(key, context)
        identity = _current.get()
        if identity is not None and identity.attributes and self._goes_to_named(context):
            for key, value in identity.entries().items():
                context = baggage.set_baggage(key, value, context)
        self.inner.inject(carrier, context, setter)

    def _goes_to_named(self, context: Context | None) -> bool:
        """As far as the span of the call says where it goes; messages go to the service's own broker."""
        span = trace.get_current_span(context)
        kind = getattr(span, "kind", None)
        if kind is PRODUCER:
            return True
        attributes = getattr(span, "attributes", None) or {}
        host = attributes.get("server.address") or attributes.get("net.peer.name")
        url = attributes.get("url.full") or attributes.get("http.url")
        if kind is not CLIENT or not (host or url):
            return self._is_named("")
        return self._is_named(str(host) if host else urlsplit(str(url)).hostname or "")

    def extract(self, carrier: Any, context: Context | None = None, getter: textmap.Getter[Any] = textmap.default_getter) -> Context:
        """As the service's own does."""
        return self.inner.extract(carrier, context, getter)

    @property
    def fields(self) -> set[str]:
        """As the service's own."""
        return self.inner.fields


def _matcher(hosts: Sequence[str]) -> Callable[[str], bool]:
    """Whether a host is one of those; the empty one, which is any, only where all are."""
    names = {host.lower() for host in hosts}
    under = tuple(name[1:] for name in names if name.startswith("*."))

    @functools.lru_cache(maxsize=256)
    def is_named(host: str) -> bool:
        name = host.lower().rstrip(".")
        if "*" in names or not name:
            return "*" in names
        return name in names or name.endswith(under) or ("private" in names and _is_private(name))

    return is_named


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return "." not in host or host.endswith(PRIVATE)


def start(settings: Settings, providers: Providers) -> None:
    """Put the identity on spans, log records and outgoing requests."""
    mode = settings.identity_baggage
    providers.add_span_processor(_SpanIdentity(accept=mode in {"both", "accept"}))
    providers.add_log_record_processor(_LogIdentity())
    _unrecorded.append(Unrecorded(_forget))
    _unrecorded[-1].begin()
    if mode != "off":
        hosts = settings.identity_hosts if mode in {"both", "send"} else ()
        propagate.set_global_textmap(IdentityPropagator(propagate.get_global_textmap(), hosts))


def stop() -> None:
    """Give the service its own propagator back, and leave the libraries as they were."""
    while _unrecorded:
        _unrecorded.pop().end()
    propagator = propagate.get_global_textmap()
    if isinstance(propagator, IdentityPropagator):
        propagate.set_global_textmap(propagator.inner)
