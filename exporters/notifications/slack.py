"""The body of Slack's incoming webhooks: blocks of plain text, in which neither mentions nor links nor emoji are read."""

from __future__ import annotations

from typing import Any, Final

from .notification import Message, Notification
from .texts import facts, fitting, headline, lines, rest, title

_MOST_BYTES: Final = 12_000
"""Slack takes 50 blocks of 3,000 characters, and refuses a message whose blocks are too long together, without saying at what length."""
_ESCAPED: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def body(channel: str, message: Message) -> bytes:
    """UTF-8 JSON."""
    del channel  # the URL says it
    return fitting(message, _MOST_BYTES, _document)


def _document(message: Message, longest: int) -> dict[str, Any]:
    blocks = [block for each in message.notifications for block in _blocks(each, longest)]
    if others := rest(message.others):
        blocks.append(_context(others))
    return {
        "text": title(message).translate(_ESCAPED),  # what notifications on a phone show
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _blocks(notification: Notification, longest: int) -> list[dict[str, Any]]:
    text = lines(notification.text, longest)
    shown = f"{headline(notification)}\n{text}" if text else headline(notification)
    return [{"type": "section", "text": _plain(shown)}, _context(facts(notification))]


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [_plain(text)]}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
