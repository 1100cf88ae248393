"""Version 1 of a message's pattern: its variable parts replaced in one linear pass; frozen, a change is a new version."""

from __future__ import annotations

import re
from typing import Final

from .v1_codes import CODE, WORDS

READ: Final = 4_096
"""Characters of a message that are looked at."""
KEPT: Final = 300
"""Characters of its pattern that count."""

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:\s?[AaPp]\.?[Mm]\b\.?)?(?:\s?(?:Z|UTC|GMT|CES?T|[+-]\d{2}:?\d{2})\b)?"
_DATE = (
    rf"\d{{4}}-\d{{2}}-\d{{2}}|\d{{4}}/\d{{1,2}}/\d{{1,2}}|\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}"
    rf"|(?:{_DAY},?\s)?(?:\d{{1,2}}[ -]{_MONTH}|{_MONTH}[ -]\d{{1,2}},?)[ -]\d{{4}}"
    rf"|(?:{_DAY}\s)?{_MONTH}\s{{1,2}}\d{{1,2}}(?=\s\d{{1,2}}:)"
)
_UNIT = (
    r"(?:ns|us|\u00b5s|ms|msecs?|s|secs?|seconds?|milliseconds?|microseconds?|mins?|minutes?|m|h|hrs?|hours?|d|days?"
    r"|[kKMGT]i?[bB]|bytes?|B|%)"
)
_NUMBER = r"\d{1,3}(?:[,.'\u2019\u202f\u00a0]\d{3}){1,8}(?:[.,]\d{1,20})?|\d+(?:[.,]\d+)?(?:[eE][+-]?\d{1,4})?"

_VARIABLE: Final = re.compile(
    rf"(?P<code>{CODE})"
    r"|(?P<url>\b[A-Za-z][A-Za-z0-9+.-]{1,14}://[^\s\"'<>`)\]}]{1,2048})"
    r"|(?P<email>(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})"
    rf"|(?P<date>(?<![\w.])(?:{_DATE})(?:(?:,?\s|T|\sat\s){_CLOCK})?(?:\s\d{{4}})?(?!\w)|(?<![\w:.]){_CLOCK}(?![\w:]))"
    r"|(?P<address>(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d{1,5})?(?![\w.]*\w)"
    r"|(?<![\w:])\[?(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])(?:\](?::\d{1,5})?)?)"
    r"|(?P<name>\b(?i:relation|table|column|constraint|module named|attribute|reading) "
    r"(?:\"[A-Za-z_][A-Za-z_.$]{0,63}\"|'[A-Za-z_][A-Za-z_.$]{0,63}'))"
    r"|(?P<text>(?<!\\)\"(?:[^\"\\\n]|\\.){0,1024}\"|(?<![\w\\])'(?:[^'\\\n]|\\.){0,1024}'(?!\w)|(?<!\w)[\"'][^\"'\n]{64,4096}\Z"
    r"|`[^`\n]{0,1024}`|\u201c[^\u201c\u201d\n]{0,1024}\u201d"
    r"|\u2018[^\u2018\u2019\n]{0,1024}\u2019(?!\w)|\u00ab[^\u00ab\u00bb\n]{0,1024}\u00bb|\u201e[^\u201c\u201d\u201e\n]{0,1024}[\u201c\u201d])"
    r"|(?P<value>(?<![^\W_])(?:[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}|0[xX][0-9A-Fa-f]{1,64}|[0-9a-f]{8,128}|[0-9A-F]{8,128})"
    r"(?![^\W_])|(?<=[a-z0-9]-)(?=[a-z]{0,9}\d)[a-z0-9]{8,10}-[a-z0-9]{5}(?!\w)|(?<=\\Users\\)[^\\\s]{1,64}|(?<=/home/)[^/\s]{1,64}"
    r"|(?<=/Users/)[^/\s]{1,64}|(?<!\w)\+\d{1,3}(?:[ .-]?\(?\d{2,5}\)?){2,5}(?!\w)"
    r"|(?<![\w.])v?\d{1,5}(?:\.\d{1,5}){2,3}(?:[-+][0-9A-Za-z.-]{1,40})?(?!\w)"
    rf"|(?<![\w.])[+-]?(?:{_NUMBER})(?:\s?{_UNIT})?(?!\w))"
    r"|(?P<word>(?<![^\W_])(?=[^\W\d_]{0,64}\d|[^\W\d_]{16})[^\W_]+)"
)
_REPEATED: Final = re.compile(r"(<(?:url|email|date|address|text|value)>)(?:(?:\s?[,;|]\s?|[-._:])\1)+")
_PLURAL: Final = re.compile(r"(<value> [A-Za-z]{3,32}?)s\b")
_PADDING: Final = re.compile(r"<value>={1,2}(?!\S)")
_SPACE: Final = re.compile(r"\s+")
_UNPRINTED: Final = re.compile(r"\x1b\[[0-9;]{0,16}[A-Za-z]|[\x00-\x08\x0e-\x1f\x7f]")
_ID: Final = 6
"""A word of letters and digits that is at least so long is an id, as is one of two numbers and more; else its digits are a number."""
_DIGITS: Final = re.compile(r"\d+")
_RANDOM: Final = 16
"""A word of letters alone that is at least so long may be random."""

_PROPERTY: Final = re.compile(r"((?:reading|setting|property) )['\"]([\w$]{1,64})['\"]")
_MINIFIED: Final = re.compile(r"\b[A-Za-z_$]{1,2}\b")


def pattern(message: str) -> str:
    """The message with what varies replaced: `<url>`, `<email>`, `<date>`, `<address>`, `<text>` (quoted) or `<value>` (numbers, ids)."""
    replaced = _VARIABLE.sub(_replacement, _UNPRINTED.sub("", message[:READ]))
    joined = _REPEATED.sub(r"\1", _SPACE.sub(" ", replaced)).strip()
    return _PLURAL.sub(r"\1", _PADDING.sub("<value>", joined))[:KEPT]


def nameless_pattern(message: str) -> str:
    """The pattern of a message that stands in for names: properties that an engine tells stay, names that a minifier chose do not."""
    return _MINIFIED.sub("<name>", pattern(_PROPERTY.sub(r"\1\2", message[:READ])))


def _replacement(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    if kind in {"code", "name"}:
        return found[0]
    return _word(found[0]) if kind == "word" else f"<{kind}>"


def _word(word: str) -> str:
    if word.isalpha():
        return "<value>" if _is_random(word) else word
    if word.lower() in WORDS:
        return word
    replaced, numbers = _DIGITS.subn("<value>", word)
    return "<value>" if len(word) >= _ID or numbers > 1 else replaced


def _is_random(word: str) -> bool:
    """Whether letters alone look drawn by lot: long, and of both cases in equal shares, which camel case is not."""
    return len(word) >= _RANDOM and len(word) < 3 * sum(letter.isupper() for letter in word) < 2 * len(word)
