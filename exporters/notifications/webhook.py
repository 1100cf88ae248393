"""The body of a generic webhook; README.md of this folder documents it."""

from __future__ import annotations

import json
from typing import Any, Final

from .notification import Message, Notification
from .texts import lines, one_line, title, utc

VERSION: Final = 1
_TITLE, _TEXT, _FIELD, _MOST_FIELDS = 300, 4000, 500, 20


def body(channel: str, message: Message) -> bytes:
    """UTF-8 JSON; every attempt at a message has the same."""
    document = {
        "version": VERSION,
        "message_id": message.message_id,
        "channel": channel,
        "title": title(message, _TITLE),
        "alerts": [_alert(each) for each in message.notifications],
        "not_shown": message.others,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _alert(notification: Notification) -> dict[str, Any]:
    fields = list(notification.fields.items())[:_MOST_FIELDS]
    return {
        "alert_id": notification.alert_id,
        "rule": notification.rule,
        "kind": notification.kind,
        "severity": notification.severity,
        "title": one_line(notification.title, _TITLE),
        "text": lines(notification.text, _TEXT),
        "fields": {one_line(name, _FIELD): one_line(value, _FIELD) for name, value in fields},
        "issue_id": notification.issue_id,
        "fired_at": utc(notification.fired_at),
    }
