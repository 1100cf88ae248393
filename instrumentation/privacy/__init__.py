"""Takes secrets and personal data out of what the parts send, and marks it. Usable at once, raises nothing, bounds everything."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

from ..providers import Providers
from ..settings import Settings

REMOVED = "[removed]"
MAX_TEXT = 8192
_NAME = re.compile(r"pass(?:word|wd|phrase)?$|secret|token$|authorization|cookie|api.?key|ssn$", re.IGNORECASE)
_BEARER = re.compile(r"\b(bearer|basic) [\w.~+/=-]{8,}", re.IGNORECASE)
_LITERAL = re.compile(r"'(?:[^']|'')*+'|\b\d[\w.]*+")


def text(value: str) -> str:
    """A message without what looks like a secret or personal."""
    return _BEARER.sub(rf"\1 {REMOVED}", value[:MAX_TEXT])


def headers(pairs: Iterable[tuple[bytes | str, bytes | str]]) -> dict[str, str]:
    """Headers with lower-case names; of those that hold secrets only the names."""
    decoded = ((_latin(name).lower(), _latin(value)) for name, value in pairs)
    return {name: REMOVED if _NAME.search(name) else text(value) for name, value in decoded}


def _latin(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def query(value: str) -> str:
    """A query string (without `?`), values of suspicious names removed."""
    pairs = (pair.partition("=") for pair in value[:MAX_TEXT].split("&"))
    return "&".join(f"{name}={REMOVED}" if equals and _NAME.search(name) else name + equals + rest for name, equals, rest in pairs)


def url(value: str) -> str:
    """A URL without user, password and suspicious values in its query."""
    try:
        parts = urlsplit(value[:MAX_TEXT])
    except ValueError:
        return REMOVED
    userinfo, at, host = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, f"{REMOVED}@{host}" if at and userinfo else host, parts.path, query(parts.query), ""))


@lru_cache(1024)
def statement(sql: str) -> str:
    """A statement with `?` for its literals."""
    return _LITERAL.sub("?", sql[:MAX_TEXT])


def body(data: bytes, content_type: str) -> str:
    """A body as text."""
    del content_type
    return text(data[:MAX_TEXT].decode("utf-8", "replace"))


def values(mapping: Mapping[str, object]) -> dict[str, object]:
    """Named values, nested ones too."""
    return {str(name): REMOVED if _NAME.search(str(name)) else _value(value) for name, value in mapping.items()}


def _value(value: object) -> object:
    if isinstance(value, Mapping):
        return values(value)
    return value if value is None or isinstance(value, bool | int | float) else text(str(value))


def address(value: str) -> str:
    """A client's address, truncated to its network."""
    try:
        prefix = 24 if ipaddress.ip_address(value).version == 4 else 48
        return str(ipaddress.ip_network((value, prefix), strict=False).network_address)
    except ValueError:
        return value


def start(settings: Settings, providers: Providers) -> None:
    """Nothing yet."""


def stop() -> None:
    """Nothing is held."""
