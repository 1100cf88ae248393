"""The columns of `decoded_events`: those of `decoded_logs`, as far as events do not say them better, and those that only events have."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from ..decode.columns import LOGS

OWN: Final = (
    pa.field("event_id", pa.string(), nullable=False),
    pa.field("event_type", pa.string(), nullable=False),
    pa.field("event_name", pa.string(), nullable=False),  # aliases resolved
    pa.field("event_category", pa.string(), nullable=False),
    pa.field("priority", pa.string(), nullable=False),  # low normal high critical
    pa.field("properties", pa.string()),  # JSON object: the attributes that are no columns here, under our names
    pa.field("metadata", pa.string()),  # JSON
    pa.field("version", pa.string()),
    pa.field("source", pa.string()),
    pa.field("user_id", pa.string()),
    pa.field("user_role", pa.string(), nullable=False),  # role_of
    pa.field("anonymous_id", pa.string()),
    pa.field("session_id", pa.string()),
    pa.field("session_previous_id", pa.string()),
    pa.field("organization_id", pa.string(), nullable=False),
    pa.field("workflow_id", pa.string()),
    pa.field("execution_id", pa.string()),
    pa.field("context_id", pa.string()),
    pa.field("page_slug", pa.string()),
    pa.field("page_path", pa.string()),
    pa.field("page_title", pa.string()),
    pa.field("url", pa.string()),
    pa.field("referrer", pa.string()),
    pa.field("referrer_class", pa.string()),  # direct internal search social campaign referral
    pa.field("utm_source", pa.string()),
    pa.field("utm_medium", pa.string()),
    pa.field("utm_campaign", pa.string()),
    pa.field("utm_term", pa.string()),
    pa.field("utm_content", pa.string()),
    pa.field("device_type", pa.string()),  # desktop mobile tablet bot other
    pa.field("browser", pa.string()),
    pa.field("browser_version", pa.string()),
    pa.field("os", pa.string()),
    pa.field("os_version", pa.string()),
    pa.field("is_bot", pa.bool_()),
    pa.field("device_attributes", pa.string()),  # JSON object
    pa.field("ip_address", pa.string()),  # hashed
    pa.field("user_agent", pa.string()),
    pa.field("is_known", pa.bool_(), nullable=False),
    pa.field("validation_error", pa.string()),
    pa.field("enrich_status", pa.string(), nullable=False),  # complete partial none
    pa.field("sample_rate", pa.float64(), nullable=False),
    pa.field("event_key", pa.int64(), nullable=False),
)

COPIED: Final = tuple(field for field in LOGS if field.name not in {own.name for own in OWN})
EVENTS: Final = pa.schema([*COPIED, *OWN])
"""One row a log record with an event name that is not refused, `row_id` that of its log record."""
