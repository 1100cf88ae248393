"""Named values as services hold them: properties, local variables, parsed bodies; nested, and bounded in depth, number and length."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import pathlib
import uuid
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from . import policy
from .names import MAX_NAME, Kind, holds_secret, is_kept, kind
from .patterns import looks_random
from .texts import clean, cut, text

MAX_DEPTH = 8
MAX_ENTRIES = 1000
"""Of all containers together."""
MAX_STRING = 4096
_LARGEST_CARD = 10**16
_AS_TEXT = (dt.date, dt.time, dt.timedelta, decimal.Decimal, uuid.UUID, pathlib.PurePath, complex, range)
"""Types of the standard library whose text is short and has no side effects."""
_MORE = "[more]"


def values(mapping: Mapping[str, object]) -> dict[str, object]:
    """The mapping without secrets: of suspicious names the whole value, of others what is one by its form.

    Gives None, bool, int, float, str, dict and list only. Of an object of another type its type is given, of an exception the plain ones of
    its arguments too: to ask an object for its text could run anything. An entry that raises is removed. Beyond depth, number or length
    stands `[more]`, or the text ends with `[cut]`.
    """
    try:
        return _Copy(MAX_ENTRIES, MAX_STRING).of_mapping(mapping, 0)
    except Exception:  # noqa: BLE001 - a mapping of the service's own may raise anything
        return {policy.REMOVED: policy.REMOVED}


def parsed(value: object, *, max_entries: int = MAX_ENTRIES, max_string: int = MAX_STRING) -> object:
    """The same for any value of a parsed body."""
    return _Copy(max_entries, max_string).of(value, 0)


class _Copy:
    """One copy under way."""

    def __init__(self, max_entries: int, max_string: int) -> None:
        self._left = max_entries
        self._max_string = max_string

    def of_mapping(self, mapping: Mapping[str, object], depth: int) -> dict[str, object]:
        copied: dict[str, object] = {}
        for name, value in mapping.items():
            if self._left <= 0:
                copied[_MORE] = _MORE
                break
            self._left -= 1
            shown = policy.REMOVED
            try:
                key = name if isinstance(name, str) else str(name) if isinstance(name, int | float) else f"<{type(name).__name__}>"
                shown = text(key[:MAX_NAME])
                copied[shown] = self._named(key, value, depth)
            except Exception:  # noqa: BLE001 - an object of the service's own may raise anything
                copied[shown] = policy.REMOVED
        return copied

    def _named(self, name: str, value: object, depth: int) -> object:
        if value is None or isinstance(value, bool):
            return value
        if is_kept(name):
            return value if isinstance(value, str | int | float) else self.of(value, depth)
        if holds_secret(name):
            return value if isinstance(value, str | int) and not value else policy.REMOVED
        if isinstance(value, str) and kind(name) is Kind.KEYED and looks_random(value, at_least=20):
            return policy.REMOVED
        return self.of(value, depth)

    def of(self, value: object, depth: int) -> object:  # noqa: PLR0911 - a return a kind
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, enum.Enum):
            return self.of(value.value, depth)
        if isinstance(value, int):
            return self._integer(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return f"<{type(value).__name__} of {len(value)}>"
        if isinstance(value, _AS_TEXT):
            return self._text(str(value))
        if isinstance(value, BaseException):
            arguments = ", ".join(str(each) for each in value.args if isinstance(each, str | int | float))
            return self._text(f"{type(value).__name__}: {arguments}")
        if isinstance(value, Mapping):
            return self.of_mapping(value, depth + 1) if depth < MAX_DEPTH else _MORE
        if isinstance(value, Sequence | AbstractSet):
            return self._items(value, depth + 1) if depth < MAX_DEPTH else _MORE
        return f"<{type(value).__module__}.{type(value).__qualname__}>"

    def _text(self, value: str) -> str:
        cleaned = clean(value, 4 * MAX_STRING)
        return cleaned if len(cleaned) <= self._max_string else cut(cleaned, self._max_string)

    def _integer(self, value: int) -> int | str:
        if abs(value) < _LARGEST_CARD:
            return value if text(digits := str(value)) == digits else policy.REMOVED
        return value if abs(value) < 2**63 else f"<int of {value.bit_length()} bits>"

    def _items(self, items: Sequence[object] | AbstractSet[object], depth: int) -> list[object]:
        copied: list[object] = []
        for item in items:
            if self._left <= 0:
                copied.append(_MORE)
                break
            self._left -= 1
            copied.append(self.of(item, depth))
        return copied
