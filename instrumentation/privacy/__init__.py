"""Takes secrets and personal data out of what is sent, and marks it with `[removed]`.

The functions are for the parts: usable at once, with defaults; they raise nothing, give back bounded text and take linear time, whatever
they are given. As a part it has everything sanitised that leaves the process, also what OpenTelemetry's own packages record.
"""

from __future__ import annotations

from ..sending.providers import Providers
from ..settings import Settings, read
from . import policy
from .addresses import address
from .nested import values
from .policy import REMOVED, PrivacySettings
from .processors import Attributes, CleanLogRecords, CleanSpans
from .statements import statement
from .texts import text
from .web import body, headers, query, url

__all__ = ["REMOVED", "SETTINGS", "address", "body", "headers", "query", "start", "statement", "stop", "text", "url", "values"]

SETTINGS = PrivacySettings


def start(settings: Settings, providers: Providers) -> None:
    """Have the settings hold, and spans and log records sanitised before they wait to be sent."""
    del settings
    policy.enforce(read(PrivacySettings))
    attributes = Attributes()
    providers.add_span_processor(CleanSpans(attributes))
    providers.add_log_record_processor(CleanLogRecords(attributes))


def stop() -> None:
    """Nothing is held; what still is recorded stays sanitised."""
