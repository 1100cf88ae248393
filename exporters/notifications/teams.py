"""The body of Teams' workflow webhooks: an adaptive card of rich text blocks, which read no markdown."""

from __future__ import annotations

from typing import Any, Final

from .notification import Message, Notification, Severity
from .texts import facts, fitting, headline, lines, rest, title

_MOST_BYTES: Final = 25_000
"""Teams refuses messages above 28 kB."""
_COLORS: Final[dict[Severity, str]] = {"critical": "attention", "error": "attention", "warning": "warning", "info": "accent"}


def body(channel: str, message: Message) -> bytes:
    """UTF-8 JSON."""
    del channel  # the URL says it
    return fitting(message, _MOST_BYTES, _document)


def _document(message: Message, longest: int) -> dict[str, Any]:
    blocks = [block for each in message.notifications for block in _blocks(each, longest)]
    if others := rest(message.others):
        blocks.append(_block(others, isSubtle=True))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": title(message),
        "msteams": {"width": "Full"},
        "body": blocks,
    }
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}],
    }


def _blocks(notification: Notification, longest: int) -> list[dict[str, Any]]:
    blocks = [_block(headline(notification), weight="bolder", color=_COLORS[notification.severity])]
    if text := lines(notification.text, longest):
        blocks.append(_block(text))
    return [*blocks, _block(facts(notification), isSubtle=True, size="small")]


def _block(text: str, **style: str | bool) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}
