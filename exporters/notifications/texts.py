"""Texts as channels show them: whatever a sender wrote is plain text of bounded length, and steers nobody's screen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from .notification import Message, Notification

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
"""Control characters but tab and line feed, marks that turn the direction of text, spaces without width, and halves of surrogate pairs."""
_TITLE: Final = 150
_FIELD: Final = 100
_MOST_FIELDS: Final = 10
_ROOM: Final = ((20, 1500), (20, 400), (20, 150), (10, 150), (5, 100), (1, 100))
"""Alerts in full and characters of each text, in the order in which it is tried to make a message fit."""


def one_line(text: str, longest: int) -> str:
    """Without control characters and line breaks, cut to so many characters."""
    line = " ".join(_CONTROLS.sub(" ", text[: 4 * longest]).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def lines(text: str, longest: int) -> str:
    """Without control characters, cut to so many characters; line breaks stay."""
    kept = _CONTROLS.sub(" ", text[: 4 * longest].replace("\r\n", "\n")).strip()
    return kept if len(kept) <= longest else f"{kept[: longest - 1]}…"


def title(message: Message, longest: int = _TITLE) -> str:
    """One line for a whole message."""
    return one_line(message.title, longest)


def headline(notification: Notification) -> str:
    """One line for one alert, such as `[error] ValueError: no price`."""
    return one_line(f"[{notification.severity}] {notification.title}", _TITLE)


def facts(notification: Notification) -> str:
    """One line of what else is known: `service: shop · events: 12 · rule: new-issues · 2026-11-21T22:00:00Z`."""
    shown = [f"{one_line(name, _FIELD)}: {one_line(value, _FIELD)}" for name, value in list(notification.fields.items())[:_MOST_FIELDS]]
    if notification.issue_id:
        shown.append(f"issue: {one_line(notification.issue_id, _FIELD)}")
    return " · ".join([*shown, f"rule: {one_line(notification.rule, _FIELD)}", utc(notification.fired_at)])


def rest(others: Mapping[str, int]) -> str:
    """What is told by number only: `7 more alerts: 5 of new-issues, 2 of slow-queries`; empty where nothing is."""
    if not others:
        return ""
    count = sum(others.values())
    rules = ", ".join(f"{number} of {one_line(rule, _FIELD)}" for rule, number in list(others.items())[:_MOST_FIELDS])
    return f"{count} more alert{'s' * (count > 1)}: {rules}" + ", ..." * (len(others) > _MOST_FIELDS)


def utc(moment: datetime) -> str:
    """Such as `2026-11-21T22:00:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def fitting(message: Message, most_bytes: int, document: Callable[[Message, int], dict[str, Any]]) -> bytes:
    """A message as JSON that is not larger than a channel takes: texts are shortened first, then alerts told by their number only.

    `document` makes it of a message and the number of characters that each text may have.
    """
    body = b""
    for most, longest in _ROOM:
        told, left = message.notifications[:most], message.notifications[most:]
        shorter = replace(message, notifications=told, summarised=(*left, *message.summarised))
        body = json.dumps(document(shorter, longest), ensure_ascii=False, separators=(",", ":")).encode()
        if len(body) <= most_bytes:
            break
    return body
