"""What a request does is given the user whom the service has found by then, where `set_user` was not called: its own span is told last."""

from __future__ import annotations

from typing import Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import Span, SpanProcessor

from .. import context
from ..guard import harmless
from .exchange import current


class ChildIdentity(SpanProcessor):
    """Spans within a request."""

    @harmless
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Looks again only where something was put on the request since."""
        del parent_context
        exchange = current.get()
        if exchange is not None and exchange.identify(early=True):
            span.set_attributes(context.current())


class ErrorIdentity(LogRecordProcessor):
    """Log records, where an error is reported: at others nobody asks who it was."""

    @harmless
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Add what is missing."""
        exchange = current.get()
        record = log_record.log_record
        attributes: Any = record.attributes
        if exchange is None or attributes is None or context.USER_ID in attributes:
            return
        if (record.severity_number or SeverityNumber.UNSPECIFIED).value >= SeverityNumber.ERROR.value or "exception.type" in attributes:
            exchange.identify(early=True)
            for key, value in context.current().items():
                if key not in attributes:
                    attributes[key] = value

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held."""
        del timeout_millis
        return True
