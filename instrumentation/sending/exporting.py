"""The exporters: which ones the settings name, made when something is first sent, and one line in the log when they fail.

Making one imports an HTTP client: not before the service has set itself up (gevent patches what comes later), and not at all where
nothing is sent.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Sequence
from contextvars import ContextVar
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Protocol

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - what every batch processor of the SDK sets
    attach,
    detach,
    set_value,
)

from ..guard import say, skipped
from ..settings import Settings

HTTP = {
    "traces": "opentelemetry.exporter.otlp.proto.http.trace_exporter:OTLPSpanExporter",
    "metrics": "opentelemetry.exporter.otlp.proto.http.metric_exporter:OTLPMetricExporter",
    "logs": "opentelemetry.exporter.otlp.proto.http._log_exporter:OTLPLogExporter",
}
"""OTLP over http/protobuf, our default: gRPC channels do not survive a fork."""
PROTOCOLS = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
HTTP_LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry")
IMPORT_S = 10.0
"""How long a fork waits for the imports of an exporter, which take a fraction of it."""
SILENCE_S = 60.0
"""A failing exporter is mentioned once in this time."""


_making = threading.Lock()
_held = threading.local()
"""What a thread that forks has held: two may fork at once."""


def hold() -> None:
    """Before a fork: a child would find what is imported just now half-made, and its locks held by a thread that it does not have."""
    _held.making = _making.acquire(timeout=IMPORT_S)
    if not _held.making:
        say("a process is forked while an exporter is being made")


def release(*, in_child: bool) -> None:
    """After it: what this thread has held, and not what the thread holds that makes exporters."""
    global _making  # noqa: PLW0603 - a thread that held it does not exist in the child
    held = _held.__dict__.pop("making", False)
    if in_child:
        _making = threading.Lock()
    elif held:
        _making.release()


class Exporter(Protocol):
    """What the SDK's exporters of all three signals have in common."""

    def export(self, batch: Any, /) -> Any: ...  # noqa: D102
    def shutdown(self) -> None: ...  # noqa: D102


class Exporting:
    """The exporters of one signal (`traces`, `metrics`, `logs`) in this process."""

    def __init__(self, signal: str, names: Sequence[str], settings: Settings) -> None:
        self._signal = signal
        self._names = tuple(name for name in names if name != "none")
        self._settings = settings
        self._exporters: list[Exporter] | None = None
        self._mentioned_at = -math.inf
        self._hurried = False
        self.is_first = False
        """Whether the first export is under way, which imports what it needs as it goes."""
        self._has_exported = False

    def made(self) -> list[Exporter]:
        """The exporters, made where they are not yet; one that cannot be made is left out."""
        if self._exporters is None:
            exporters: list[Exporter] = []
            with _making:
                for name in self._names:
                    with skipped(f"the exporter {name} of {self._signal}"):
                        exporters.append(self._make(name))
            self._exporters = exporters
            if self._hurried:
                self.hurry()
        return self._exporters

    def _make(self, name: str) -> Exporter:
        protocol = os.environ.get(f"OTEL_EXPORTER_OTLP_{self._signal.upper()}_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        if name == "otlp":
            protocol = (protocol or "http/protobuf").strip()
            if protocol not in PROTOCOLS:
                raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol} is not one of {', '.join(PROTOCOLS)}")
            name = PROTOCOLS[protocol]
        if name == "otlp_proto_http":
            module, _, attribute = HTTP[self._signal].partition(":")
            kind = getattr(import_module(module), attribute)
        else:
            (found,) = entry_points(group=f"opentelemetry_{self._signal}_exporter", name=name)
            kind = found.load()
        exporter: Exporter = kind(**(self._destination() if name == "otlp_proto_http" else {}))
        for logger in (*HTTP_LOGGERS, *(base.__module__ for base in kind.__mro__)):
            logging.getLogger(logger).addFilter(_is_not_ours)
        return exporter

    def _destination(self) -> dict[str, Any]:
        """What our own variables say, where OpenTelemetry's say nothing."""
        own: dict[str, Any] = {}
        told = any(os.environ.get(name) for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{self._signal.upper()}_ENDPOINT"))
        if self._settings.endpoint and not told:
            own["endpoint"] = f"{self._settings.endpoint.rstrip('/')}/v1/{self._signal}"
        headers = any(os.environ.get(name) for name in ("OTEL_EXPORTER_OTLP_HEADERS", f"OTEL_EXPORTER_OTLP_{self._signal.upper()}_HEADERS"))
        if self._settings.token and not headers:
            own["headers"] = {"authorization": f"Bearer {self._settings.token}"}
        return own

    def export(self, batch: Any) -> bool:
        """Hand one batch to every exporter; False where one of them failed."""
        done = True
        self.is_first = not self._has_exported
        said: list[str] = []
        token, hushed = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True)), _said.set(said)
        try:
            for exporter in self.made():
                said.clear()
                try:
                    failed = exporter.export(batch).name != "SUCCESS"
                    reason = said[0].partition(", retrying")[0] if said else "it does not say why"
                except Exception as error:  # noqa: BLE001 - an exporter may be anybody's
                    failed, reason = True, f"{type(error).__name__}: {error}"
                if failed:
                    self._mention(str(getattr(exporter, "_endpoint", type(exporter).__name__)), reason)
                    done = False
        finally:
            self.is_first, self._has_exported = False, True
            _said.reset(hushed)
            detach(token)
        return done

    def _mention(self, destination: str, reason: str) -> None:
        now = time.monotonic()
        if now - self._mentioned_at >= SILENCE_S:
            self._mentioned_at = now
            from .. import privacy  # noqa: PLC0415 - it needs the providers, and they this

            told = f"{self._signal} are not delivered to {privacy.url(destination)}"
            say(f"{told}, the service goes on without: {privacy.text(reason)}")

    def hurry(self) -> None:
        """Have the exporters try once and not wait and try again: the process ends.

        The SDK knows no public way short of `shutdown`, which would not send at all what still waits.
        """
        self._hurried = True
        for exporter in self._exporters or ():
            event = getattr(getattr(exporter, "_client", None), "_shutdown_event", None)
            if event is not None:
                event.set()

    def close(self) -> None:
        """Close sockets and channels; the next export makes new exporters."""
        for exporter in self._exporters or ():
            with skipped(f"closing the exporter of {self._signal}"):
                exporter.shutdown()
        self._exporters = None

    def abandon(self) -> None:
        """Let another process's exporters alone: their locks may be held by a thread that does not exist here."""
        _ABANDONED.append(self._exporters)
        self._exporters = None


_ABANDONED: list[object] = []
"""Kept, so that nothing of them is closed or waited for when they would be collected."""


_said: ContextVar[list[str] | None] = ContextVar("otelpond_said", default=None)
"""What exporters have logged in the export of ours that runs here; None where none runs."""


def _is_not_ours(record: logging.LogRecord) -> bool:
    """A filter of loggers: what our own exports log, several lines for each try, is not written; the first one is the reason in our line.

    A service may export with the same classes: what they log for it is written.
    """
    said = _said.get()
    if said is None:
        return True
    if record.levelno >= logging.WARNING:
        said.append(record.getMessage())
    return False
