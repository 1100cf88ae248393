"""What is said of a failure, without the secrets of its channel: servers repeat a request's path, mail servers who logs in."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from .target import MailServer, Target
from .texts import one_line

_SHORTEST: Final = 3
"""Characters of a secret that is looked for; shorter ones are in every text."""
_SEGMENT: Final = re.compile(r"(?=.*[0-9])[^/]{8,}|[^/]{16,}")
"""A part of a URL's path that is no word such as `services`, and may be repeated without the others."""
_LONGEST_REASON: Final = 200


class Concealing:
    """Knows one channel's secrets: path and query of its URL, values of its headers, the mail server's account."""

    def __init__(self, target: Target) -> None:
        secrets = {form for secret in _secrets(target) for form in _forms(secret) if len(form) >= _SHORTEST}
        alternatives = "|".join(map(re.escape, sorted(secrets, key=len, reverse=True)))
        self._secret = re.compile(alternatives, re.IGNORECASE) if secrets else None

    def reason(self, said: str) -> str:
        """One line of what was said, with *** for each secret."""
        return one_line(self._secret.sub("***", said) if self._secret else said, _LONGEST_REASON)


def _secrets(target: Target) -> Iterator[str]:
    url = urlsplit(target.url)
    path = f"{url.path}?{url.query}" if url.query else url.path
    yield from (target.url, path, url.path, path.removeprefix("/"), url.path.strip("/"), url.query)
    yield from (segment for segment in url.path.split("/") if _SEGMENT.fullmatch(segment))
    yield from (value for _, value in parse_qsl(url.query))
    for value in target.headers.values():
        yield value
        yield from value.split()[1:]  # as of `Bearer TOKEN`
    if target.mail is not None:
        yield from _of_account(target.mail)


def _of_account(server: MailServer) -> Iterator[str]:
    yield from (server.user, server.password)
    for text in (server.user, server.password, f"\0{server.user}\0{server.password}"):
        yield base64.b64encode(text.encode()).decode()


def _forms(secret: str) -> Iterator[str]:
    """As it stands, decoded, encoded, and as HTML or JSON repeats it."""
    for text in (secret, unquote(secret), quote(secret), quote(secret, safe="")):
        yield from (text, html.escape(text), text.replace("/", r"\/"), json.dumps(text)[1:-1])
