"""Values in lists, tuples and objects, as programs print them: `['a', 'b']`, `('a',)`, `{'old': ['a'], new: [b, c]}`.

`otelpond.storage.scrubbing.lists` and `otelpond.instrumentation.privacy.lists` are one file twice, as services and collector share no
code; a test compares them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PART = re.compile(
    r"""\s{0,64}+(?:(?P<mark>\[[a-z_]{3,20}\])|(?P<open>[\[({])|(?P<close>[\])}])|(?P<comma>[,;])|(?P<join>=>|[:=])
    |[bBuUrR]{0,2}(?P<quote>\\{0,3}["'`])|(?P<word>[^\s,;:=\[\](){}"'`\\]++))""",
    re.VERBOSE,
)
_SENTENCE = re.compile(r"(?=[^ \r\n]*+ [^ \r\n]*+ )[A-Z][^\r\n]*+(?<=[.!])")
_TELLING = frozenset("code ctx detail error errors field hint input kind label loc message msg reason rule string text type url".split())  # noqa: SIM905 - names read better as text
"""Names under which something is told about a value."""


@dataclass(frozen=True, slots=True)
class Item:
    """One value: where it stands in the text, without its quotes."""

    begin: int
    end: int
    quoted: bool


class Listed:
    """The list that opens at `begin`, read to its end, to `limit`, or to what no list has; in time linear in what is read.

    Keys are no values, nor are sentences and what stands under a name such as `message`.

    Attributes:
        items: the values, also those of what the list holds.
        end: the position up to which was read.
    """

    def __init__(self, text: str, begin: int, limit: int) -> None:
        self.items: list[Item] = []
        self.end = begin
        self._text, self._limit = text, limit
        self._depth, self._key = 0, ""
        self._value: Item | None = None  # that may be a key or the name of a call
        while (part := _PART.match(text, self.end, limit)) and self._take(part):
            if part["close"] and self._depth == 0:
                return
        if self._value is not None and self._value.quoted:
            self._finish()

    def __bool__(self) -> bool:
        """Whether it is a list: closed, or with values."""
        return bool(self.items) or (self._depth == 0 and self._text[self.end - 1] in ")]}")

    def _take(self, part: re.Match[str]) -> bool:
        """Goes on by a part; False where none may stand there."""
        if part["quote"] or part["word"] or part["mark"]:
            if self._value is not None:
                return False
            self._value = _value(self._text, part, self._limit)
            self.end = self._value.end + len(part["quote"] or "")
            return True
        if part["open"]:
            if self._value is not None and (self._value.quoted or part["open"] != "("):
                return False
            self._depth, self._key, self._value = self._depth + 1, "", None
        elif part["join"]:
            self._key, self._value = self._text[self._value.begin : self._value.end] if self._value else "", None
        else:
            self._finish()
            self._depth -= part["close"] is not None
        self.end = part.end()
        return True

    def _finish(self) -> None:
        """Notes a value, now that what follows tells that it is one."""
        if (value := self._value) is not None and self._key.lower() not in _TELLING and not self._is_sentence(value):
            self.items.append(value)
        self._key, self._value = "", None

    def _is_sentence(self, value: Item) -> bool:
        return value.quoted and _SENTENCE.fullmatch(self._text, value.begin, value.end) is not None


def _value(text: str, part: re.Match[str], limit: int) -> Item:
    """A word, or what stands in quotes: to their end, else to the end of the line."""
    if not part["quote"]:
        return Item(part.start("mark" if part["mark"] else "word"), part.end(), quoted=False)
    begin, quote = part.end(), part["quote"]
    end = text.find(quote, begin, limit)
    while len(quote) == 1 and end > begin and _is_escaped(text, begin, end):
        end = text.find(quote, end + 1, limit)
    if end < 0:
        line_end = text.find("\n", begin, limit)
        end = line_end if line_end >= 0 else limit
    return Item(begin, end, quoted=True)


def _is_escaped(text: str, begin: int, position: int) -> bool:
    before = text[max(begin, position - 16) : position]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1
