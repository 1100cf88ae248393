"""When an event happened, as senders of JSON write it: RFC 3339, or milliseconds since 1970; pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

EXPECTED: Final = "expected RFC 3339, or milliseconds since 1970 and after 2000"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LAST_UNIX_NANO: Final = 2**63 - 1
_FIRST_UNIX_MS: Final = 946_684_800_000  # 2000-01-01: a smaller number counts seconds
_MILLISECONDS: Final = re.compile(r"[0-9]{12,15}")
_BEYOND_MICROSECONDS: Final = re.compile(r"(?<=[.,][0-9]{6})[0-9]+")


def unix_nano(value: object) -> int | None:
    """A time in nanoseconds since 1970; a text without an offset is in UTC. None where the value is no time that a record can hold."""
    if isinstance(value, str):
        time = _of_text(value.strip())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        time = _of_milliseconds(value)
    else:
        time = None
    return time if time is not None and 0 < time <= _LAST_UNIX_NANO else None


def _of_milliseconds(value: float) -> int | None:
    if not _FIRST_UNIX_MS <= value <= _LAST_UNIX_NANO:  # neither is NaN
        return None
    return value * 1_000_000 if isinstance(value, int) else round(value * 1000) * 1000


def _of_text(text: str) -> int | None:
    if _MILLISECONDS.fullmatch(text):
        return _of_milliseconds(int(text))
    finest = _BEYOND_MICROSECONDS.search(text) if len(text) > 26 else None
    nanoseconds = int(finest[0][:3].ljust(3, "0")) if finest else 0
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - _EPOCH) // _MICROSECOND * 1000 + nanoseconds
