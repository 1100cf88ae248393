"""Values beside their names in percent-encoded text, such as a URL in a query: `next=%2Flogin%3Fpassword%3Dabc%26page%3D1`."""

from __future__ import annotations

import re
from urllib.parse import unquote

from .names import Kind, kind
from .pairs import SHORTEST_SECRET, is_secret_member
from .policy import REMOVED

_PERCENT = "%(?:25)?"  # encoded once or twice
_PAIR = re.compile(
    rf"""(?:(?<![\w.%-])|(?<=%[0-9a-f]{{2}})|(?<=%25[0-9a-f]{{2}}))(?P<name>[a-z_][\w.-]{{1,63}}+)
    (?:{_PERCENT}2[27]{_PERCENT}3a(?:{_PERCENT}20)?|(?:{_PERCENT}5d)?{_PERCENT}3d)(?:{_PERCENT}2[27])?
    (?P<value>(?:[^\s&"'`<>,;(){{}}\[\]%\#]|%(?!(?:25)?(?:0a|2[2367c]|3[bce]|5d|7d)))++)""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


def encoded_values(text: str) -> str:
    """The text without encoded values whose names say that they are secret."""
    return _PAIR.sub(_without_value, text) if "%3" in text or "%253" in text else text


def _without_value(pair: re.Match[str]) -> str:
    known, value = kind(pair["name"]), unquote(pair["value"])
    if known is Kind.PLAIN or not is_secret_member(known, value):
        return pair[0]
    if known is not Kind.PASSWORD and value.isdigit() and len(value) < SHORTEST_SECRET:
        return pair[0]
    return pair[0][: pair.start("value") - pair.start()] + REMOVED
