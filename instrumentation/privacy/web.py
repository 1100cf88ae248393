"""What HTTP carries: headers, query strings, URLs and bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

from . import policy
from .addresses import address
from .names import Kind, holds_secret, is_kept, kind
from .nested import parsed
from .patterns import looks_random
from .texts import cut, text

MAX_URL = 8192
MAX_BODY = 65_536
"""Bytes of a body that are read; what is longer is cut, and then no JSON any more."""
MAX_BODY_TEXT = 16_384
MAX_HEADERS = 128
_CACHED = 1024
LONGEST_CACHED = 512
"""Characters of a query string or URL that is remembered: so the caches stay below 3 MB, whatever clients send."""
_USERINFO = re.compile(r"^(?P<scheme>[A-Za-z][\w+.-]{0,30}:)?//(?P<userinfo>[^/?#]*)@")
_ADDRESS_HEADERS = frozenset(
    {
        "x-forwarded-for",
        "x-real-ip",
        "x-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "fastly-client-ip",
        "fly-client-ip",
        "x-cluster-client-ip",
    }
)
_URL_HEADERS = frozenset({"referer", "location", "origin", "content-location", "x-original-url", "x-rewrite-url", "x-forwarded-uri"})
_FORWARDED = re.compile(r'(?i)\b(for|by)=("[^"]*"|[^;,\s]*)')
_IDENTIFIED = re.compile(
    r"(?i)(?:^|-)(?:id|etag|trace|traceparent|tracestate|match|digest|version|date|since|agent|b3|correlation|boundary|type)(?:-|$)"
)
_SIGNED = frozenset({"sig", "signature", "x-amz-signature", "x-goog-signature", "awsaccesskeyid", "x-amz-credential", "x-goog-credential"})
_MULTIPART_NAME = re.compile(rb'name="([^"\r\n]{0,128})"')
_TEXTS = re.compile(r"(?i)(?:text/|application/(?:[\w.-]{1,64}\+)?(?:xml|javascript|graphql|yaml|x-yaml|x-ndjson|jsonl?)|$)")


def headers(pairs: Iterable[tuple[bytes | str, bytes | str]]) -> dict[str, str]:
    """Headers by lower-case name; values of the same name joined by commas, as HTTP has it.

    Names that speak of secrets keep only the name; so does a long random value under a name that is not known to identify something.
    Where the settings list headers, all others do.
    """
    cleaned: dict[str, str] = {}
    for name, value in pairs:
        key = _latin(name).lower()[:256]
        one = header(key, _latin(value))
        if key in cleaned:
            cleaned[key] = f"{cleaned[key]}, {one}"[:MAX_URL]
        elif len(cleaned) < MAX_HEADERS:
            cleaned[text(key)] = one
    return cleaned


def header(name: str, value: str) -> str:  # noqa: PLR0911 - a return a kind
    """The value of one header; its name in lower case."""
    allowed = policy.in_force().headers
    if name in allowed or is_kept(name):
        return value[:MAX_URL]
    if allowed or holds_secret(name):
        return policy.REMOVED
    if name in _ADDRESS_HEADERS:
        return ", ".join(address(part.strip()) for part in value[:MAX_URL].split(","))
    if name == "forwarded":
        return _FORWARDED.sub(lambda found: f"{found[1]}={address(found[2].strip(chr(34)))}", value[:MAX_URL])
    if name in _URL_HEADERS:
        return url(value)
    if looks_random(value, at_least=20) and _IDENTIFIED.search(name) is None:
        return policy.REMOVED
    return text(value[:MAX_URL])


def _latin(value: bytes | str) -> str:
    return value if isinstance(value, str) else bytes(value).decode("latin-1")


def query(value: str) -> str:
    """A query string, without its `?`, and without the values of suspicious names; the rest stays as it was written."""
    if not value:
        return ""
    if len(value) <= LONGEST_CACHED:
        return _cached_query(value)
    return _query(value) if len(value) <= MAX_URL else _query(value[:MAX_URL].rpartition("&")[0]) + "&[cut]"


def _query(value: str) -> str:
    pairs = [pair.partition("=") for pair in value.split("&")]
    names = [unquote_plus(name) for name, _, _ in pairs]
    of_oauth = {"code", "state"} <= set(names)
    return "&".join(
        f"{name}={policy.REMOVED}" if _is_removed(plain, unquote_plus(given), of_oauth=of_oauth) else f"{_kept(name)}{equals}{given}"
        for plain, (name, equals, given) in zip(names, pairs, strict=True)
    )


_cached_query = lru_cache(_CACHED)(_query)
policy.forget_with(_cached_query.cache_clear)


def _kept(name: str) -> str:
    """What stands alone, without `=`, may be a secret too."""
    plain = unquote_plus(name)
    return name if text(plain) == plain else policy.REMOVED


def _is_removed(name: str, value: str, *, of_oauth: bool) -> bool:
    if not value or is_kept(name) or value == policy.REMOVED:
        return False
    if holds_secret(name) or name.lower() in _SIGNED or (of_oauth and name == "code"):
        return True
    if kind(name) is Kind.KEYED and looks_random(value, at_least=20):
        return True
    return text(value) != value


def url(value: str) -> str:
    """A URL, whole or from its path on: user and password, and what is suspicious in path, query and fragment removed."""
    if len(value) <= LONGEST_CACHED:
        return _cached_url(value)
    return _url(value) if len(value) <= MAX_URL else _url(value[:MAX_URL]) + "[cut]"


def _url(value: str) -> str:
    value = _USERINFO.sub(lambda found: f"{found['scheme'] or ''}//{policy.REMOVED}@", value)
    rest, hash_mark, fragment = value.partition("#")
    path, question_mark, asked = rest.partition("?")
    plain = unquote(path)
    if (cleaned := text(plain)) != plain:
        path = cleaned
    return path + question_mark + query(asked) + hash_mark + (query(fragment) if "=" in fragment else text(fragment))


_cached_url = lru_cache(_CACHED)(_url)
policy.forget_with(_cached_url.cache_clear)


def body(data: bytes, content_type: str) -> str:
    """A request's or response's body as text: JSON and forms by their names, other texts by patterns, of anything else its size."""
    try:
        cleaned = _body(bytes(data[:MAX_BODY]), content_type.partition(";")[0].strip().lower())
    except Exception:  # noqa: BLE001 - whatever a client sends
        return f"{policy.REMOVED} {len(data)} bytes"
    return cleaned if len(cleaned) <= MAX_BODY_TEXT else cut(cleaned, MAX_BODY_TEXT)


def _body(data: bytes, content_type: str) -> str:
    if content_type == "multipart/form-data":
        names = ", ".join(text(name.decode("utf-8", "replace")) for name in _MULTIPART_NAME.findall(data)[:100])
        return f"{policy.REMOVED} fields: {names}"
    written = data.decode("utf-8", "replace")
    if content_type == "application/x-www-form-urlencoded":
        return query(written)
    if content_type.endswith("json") or (not content_type and written.lstrip()[:1] in {"{", "["}):
        try:
            return _json(json.loads(written, parse_constant=str))
        except (ValueError, RecursionError):  # cut, or no JSON
            return text(written)
    return f"{policy.REMOVED} {len(data)} bytes" if _TEXTS.match(content_type) is None or "\0" in written else text(written)


def _json(value: object) -> str:
    """JSON text, of a shortened value where it would be too long."""
    for max_entries, max_string in ((1000, 4096), (200, 256), (50, 64)):
        written = json.dumps(parsed(value, max_entries=max_entries, max_string=max_string), ensure_ascii=False, separators=(",", ":"))
        if len(written) <= MAX_BODY_TEXT:
            break
    return written
