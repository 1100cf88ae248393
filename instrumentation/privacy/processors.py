"""Sanitises spans as they end and log records as they are emitted, also what OpenTelemetry's own packages have put there.

What to do with an attribute is a matter of its key, and remembered: of the semantic conventions' own attributes a handful hold what a
user may have typed; all others are passed by at the price of one look into a dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.trace import Link, SpanKind, Status

from . import policy
from .addresses import address
from .names import Kind, holds_secret, is_kept, kind
from .nested import values
from .statements import statement
from .texts import text
from .web import header, query, url

Action = Callable[[Any, Mapping[str, Any]], Any]
"""Gives the value that is sent, from the value and all attributes beside it."""

_MAX_KEYS = 4096
_HEADERS = ("http.request.header.", "http.response.header.")
_BY_NAME = ("db.query.parameter", "db.operation.parameter", "db.statement.parameters", "process.environment_variable.")
_HARMLESS = frozenset(
    """
    client.port context.id error.type event.domain event.name exception.escaped exception.type session.id user.id user.role user.roles
    """.split()  # noqa: SIM905 - names read better as text
)
"""Keys that instrumentation sets from what it knows itself, or that say who acts, which is their meaning."""
_HARMLESS_GROUPS = tuple(
    """
    aws. browser. cloud. code. container. db. deployment. destination. device. dns. enduser. faas. feature_flag. gen_ai.usage. host. http.
    k8s. log. messaging. net. network. os. otel. otelpond. process. rpc. server. service. source. telemetry. thread. tls. url. user_agent.
    """.split()  # noqa: SIM905 - names read better as text
)
"""Beginnings of such keys; one whose name is a secret's is none."""


def _of_text(value: Any, _others: Mapping[str, Any]) -> Any:
    return text(value) if isinstance(value, str) else value


def _of_arguments(value: Any, others: Mapping[str, Any]) -> Any:
    """A command line, also as the list of its words: what follows `--password` is removed."""
    if not isinstance(value, tuple | list):
        return _of_text(value, others)
    return tuple(
        policy.REMOVED if before.startswith("-") and "=" not in before and holds_secret(before) else text(each)
        for before, each in pairwise(("", *map(str, value)))
    )


def _of_statement(value: Any, others: Mapping[str, Any]) -> Any:
    system = others.get("db.system.name") or others.get("db.system") or ""
    return statement(value, system) if isinstance(value, str) and isinstance(system, str) else value


def _of_url(value: Any, _others: Mapping[str, Any]) -> Any:
    return url(value) if isinstance(value, str) else value


def _of_query(value: Any, _others: Mapping[str, Any]) -> Any:
    return query(value) if isinstance(value, str) else value


def _of_address(value: Any, _others: Mapping[str, Any]) -> Any:
    return address(value) if isinstance(value, str) else value


def _of_header(name: str, value: Any, _others: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return header(name, value)
    return tuple(header(name, str(each)) for each in value) if isinstance(value, tuple | list) else value


def _of_name(key: str, value: Any, _others: Mapping[str, Any]) -> Any:
    """An attribute of the service's own."""
    if isinstance(value, str) and kind(key) is Kind.PLAIN:
        return text(value)
    if isinstance(value, str | int | Mapping | tuple | list):
        (cleaned,) = values({key: value}).values()
        return tuple(cleaned) if isinstance(value, tuple) and isinstance(cleaned, list) else cleaned
    return value


_KNOWN: dict[str, Action] = {
    **dict.fromkeys(("exception.message", "exception.stacktrace", "url.path", "error.message", "db.response.message"), _of_text),
    **dict.fromkeys(("log.record.original", "code.stacktrace", "otel.status_description"), _of_text),
    **dict.fromkeys(("process.command_line", "process.command_args", "container.command_line", "container.command_args"), _of_arguments),
    **dict.fromkeys(("db.query.text", "db.statement"), _of_statement),
    **dict.fromkeys(("url.full", "http.url", "http.target", "url.original"), _of_url),
    **dict.fromkeys(("url.query", "url.fragment"), _of_query),
    **dict.fromkeys(("client.address", "http.client_ip"), _of_address),
}
_OF_CALLERS = ("network.peer.address", "net.peer.ip", "net.sock.peer.addr")
"""Addresses of clients where a span serves one, of servers elsewhere."""


class Attributes:
    """Sanitises attributes in place, by what is remembered of their keys."""

    def __init__(self) -> None:
        self._actions: dict[str, Action | None] = {}

    def clean(self, attributes: dict[str, Any], *, serving: bool = False) -> None:
        """Replace the values that may not be sent. No key is added or taken away: others may iterate over them."""
        actions = self._actions
        for key, value in attributes.items():
            try:
                action = actions[key]
            except KeyError:
                action = self._remember(key)
            if action is not None:
                attributes[key] = self._done(action, value, attributes)
        if serving:
            for key in _OF_CALLERS:
                if key in attributes:
                    attributes[key] = self._done(_of_address, attributes[key], attributes)

    def _remember(self, key: str) -> Action | None:
        if len(self._actions) >= _MAX_KEYS:
            self._actions.clear()
        action = self._actions[key] = _action(key)
        return action

    @staticmethod
    def _done(action: Action, value: Any, attributes: Mapping[str, Any]) -> Any:
        try:
            return action(value, attributes)
        except Exception:  # noqa: BLE001 - what could not be looked at is not sent
            return policy.REMOVED


def _action(key: str) -> Action | None:
    """What is done with an attribute of that key; None for nothing."""
    if is_kept(key):
        return None
    if key in _KNOWN:
        return _KNOWN[key]
    for prefix in _HEADERS:
        if key.startswith(prefix):
            return partial(_of_header, key[len(prefix) :].replace("_", "-"))
    if key in _HARMLESS or (key.startswith(_HARMLESS_GROUPS) and not key.startswith(_BY_NAME) and not holds_secret(key)):
        return None
    return partial(_of_name, key)


class CleanSpans(SpanProcessor):
    """Sanitises a span when it has ended: attributes, events, links, the description of its status."""

    def __init__(self, attributes: Attributes) -> None:
        self._attributes = attributes

    def on_end(self, span: ReadableSpan) -> None:
        """In place: its attributes are immutable by the public way, and the public properties copy them all each time."""
        attributes = getattr(span._attributes, "_dict", None)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        if attributes:
            self._attributes.clean(attributes, serving=span._kind is SpanKind.SERVER)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        if span._events:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            for event in span.events:
                self._clean_part(event)
        if span._links:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            for link in span.links:
                self._clean_part(link)
        status = span._status  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        if status.description:
            span._status = Status(status.status_code, text(status.description))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def _clean_part(self, part: Event | Link) -> None:
        attributes = getattr(part._attributes, "_dict", None)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        if attributes:
            self._attributes.clean(attributes)


class CleanLogRecords(LogRecordProcessor):
    """Sanitises a log record before it waits to be sent: body and attributes."""

    def __init__(self, attributes: Attributes) -> None:
        self._attributes = attributes

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """In place."""
        record = log_record.log_record
        body = record.body
        if isinstance(body, str):
            record.body = text(body)
        elif body is not None:
            (record.body,) = values({"body": body}).values()  # type: ignore[assignment] # plain values, as a body has them
        attributes = getattr(record.attributes, "_dict", None)
        if attributes:
            self._attributes.clean(attributes)

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held."""
        del timeout_millis
        return True
