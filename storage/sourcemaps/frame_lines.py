"""Lines of JavaScript stacks that name a place, of V8, Gecko and WebKit; `mapping` reads them and writes others in their stead.

    at async total (https://shop.example/assets/main.js:1:2345)      V8
total@https://shop.example/assets/main.js:1:2345                     Gecko and WebKit
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LONGEST_LINE: Final = 2_000
_LARGEST: Final = 2**31 - 1
_DIGITS: Final = 10
_NUMBERS: Final = 2


@dataclass(frozen=True, slots=True)
class FrameLine:
    """What a line says.

    Attributes:
        function: as reported, `new ` and ` [as other]` with it; empty where it has no name.
        is_async: whether V8 came back to it after an await.
        file: address or path.
        line: counted from 1.
        column: counted from 1.
    """

    function: str
    is_async: bool
    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """As V8 writes it."""
        place = f"{self.file}:{self.line}:{self.column}"
        start = "    at async " if self.is_async else "    at "
        return f"{start}{self.function} ({place})" if self.function else f"{start}{place}"


def frame_line(text: str) -> FrameLine | None:
    """What a line of a stack says; None where it names no place in a file. Takes time linear in its length."""
    if len(text) > LONGEST_LINE:
        return None
    stripped = text.strip()
    said = stripped.removeprefix("at ")
    if said != stripped:
        waited = said.removeprefix("async ")
        function, place = _of_v8(waited)
        return _frame(function, place, is_async=waited != said)
    function, at, place = stripped.partition("@")
    return _frame(function, place, is_async=False) if at else None


def _of_v8(said: str) -> tuple[str, str]:
    """Function and place of `total (main.js:1:2)` or `main.js:1:2`."""
    if not said.endswith(")"):
        return "", said
    function, _, place = said[:-1].rpartition(" (")
    return function, place


def _frame(function: str, place: str, *, is_async: bool) -> FrameLine | None:
    file, *numbers = place.rsplit(":", 2)
    if len(numbers) != _NUMBERS or not file or file.endswith("<anonymous>"):  # of code that eval was given
        return None
    line, column = map(_number, numbers)
    return FrameLine(function, is_async, file, line, column) if line and column else None


def _number(digits: str) -> int:
    """What it says, from 1; 0 where it is no number that a place can have."""
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS else 0
    return number if number <= _LARGEST else 0
