"""One text without secrets: by the names that stand in it and by the form of values; of JSON, member by member, and it stays JSON."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from .encoded import without_encoded_values
from .names import Kind, Meaning, Names
from .pairs import is_secret_member, without_named_values
from .patterns import without_cards, without_credentials

_MAX_CACHED: Final = 4096
_LONGEST_CACHED: Final = 16_384
_CACHE_CHARACTERS: Final = 8_000_000
_DEEPEST: Final = 3
"""Documents in texts of documents that are read as such."""
_PART: Final = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*+")(?P<key>\s*+:)?|[\[\]{}]|[^\s"\[\]{}:,]++', re.DOTALL)


class Texts:
    """Scrubs texts; remembers the ones seen last, for stacks repeat. To be used from one thread."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._seen: OrderedDict[str, str] = OrderedDict()
        self._characters = 0

    def scrubbed(self, text: str) -> str:
        """The text without secrets, in time linear in its length."""
        if len(text) > _LONGEST_CACHED:
            return self._scrubbed(text, 0)
        if (known := self._seen.get(text)) is None:
            known = self._remember(text, self._scrubbed(text, 0))
        return known

    def _remember(self, text: str, scrubbed: str) -> str:
        self._seen[text] = scrubbed
        self._characters += len(text)
        while len(self._seen) > _MAX_CACHED or self._characters > _CACHE_CHARACTERS:
            self._characters -= len(self._seen.popitem(last=False)[0])
        return scrubbed

    def _scrubbed(self, text: str, depth: int) -> str:
        if depth < _DEEPEST and text.startswith(("{", "[", '"')) and _is_json(text):
            return _Document(text, self._names, lambda inner: self._scrubbed(inner, depth + 1)).scrubbed()
        return without_cards(without_named_values(without_encoded_values(without_credentials(text), self._names), self._names))


class _Document:
    """One pass over the JSON text of a document: what is not removed stays as it was written."""

    def __init__(self, text: str, names: Names, inner: Callable[[str], str]) -> None:
        self._text, self._names, self._inner = text, names, inner
        self._kept: list[str] = []
        self._done = 0

    def scrubbed(self) -> str:
        """The document without secrets. What stands in a list or an object under a name is judged by that name too."""
        own: Meaning | None = None
        around: list[Meaning | None] = [None]
        for part in _PART.finditer(self._text):
            written = part[0]
            if part["key"]:
                own = self._names.meaning(_read(part["text"]))
                continue
            if written in {"[", "{"}:
                around.append(own or around[-1])
            elif written in {"]", "}"}:
                around.pop()
            elif part["text"]:
                self._of_text(part, own or around[-1])
            else:
                self._of_number(part, own)
            own = None
        return "".join((*self._kept, self._text[self._done :])) if self._kept else self._text

    def _of_text(self, part: re.Match[str], meaning: Meaning | None) -> None:
        value = _read(part[0])
        cleaned = meaning.mark if meaning is not None and is_secret_member(meaning, value) else self._inner(value)
        if cleaned != value:
            self._replace(part, cleaned)

    def _of_number(self, part: re.Match[str], meaning: Meaning | None) -> None:
        if part[0][0] not in "-0123456789":
            return
        if meaning is not None and meaning.kind is Kind.PASSWORD:
            self._replace(part, meaning.mark)
        elif (cleaned := without_cards(part[0])) != part[0]:
            self._replace(part, cleaned)

    def _replace(self, part: re.Match[str], value: str) -> None:
        # half a surrogate pair can be escaped in JSON, and is no UTF-8
        self._kept += (self._text[self._done : part.start()], json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode())
        self._done = part.end()


def _read(written: str) -> str:
    return str(json.loads(written, strict=False)) if "\\" in written else written[1:-1]


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str, strict=False)  # of any length
    except (ValueError, RecursionError):
        return False
    return True
