"""Texts of any length and origin as the lines that a reader gets: bounded, without colours, with real line breaks."""

from __future__ import annotations

import re
from typing import Final

LONGEST_TEXT: Final = 65_536
LONGEST_LINE: Final = 2_048
_SEEN: Final = 4 * LONGEST_TEXT
_LINE_HEAD: Final = 1_536
_ESCAPED: Final = re.compile(r'\\([nrt"\\/])')
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]{0,16}m")


def bounded(text: str) -> str:
    """A text of LONGEST_TEXT at most, of which a reader reads the same."""
    return text if len(text) <= LONGEST_TEXT else "\n".join(lines_of(text)[0])


def lines_of(text: str) -> tuple[list[str], tuple[str, ...]]:
    r"""The lines of a text, and what was left out: of a long text LONGEST_TEXT are read, half at each end, of a long line its ends.

    A text that lost its line breaks to an escaping (`\n` as two characters) gets them back.
    """
    notes: tuple[str, ...] = ()
    is_escaped = "\n" not in text and "\\n" in text
    if len(text) > _SEEN:
        seen = f"{text[: _SEEN // 2]}\\n{text[-_SEEN // 2 :]}" if is_escaped else _ends(text, _SEEN)
        text, notes = seen, (f"{len(text) - LONGEST_TEXT} characters in the middle were not read",)
    if is_escaped:
        text = _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), text)
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > LONGEST_TEXT:
        notes = notes or (f"{len(text) - LONGEST_TEXT} characters in the middle were not read",)
        text = _ends(text, LONGEST_TEXT)
    return [line if len(line) <= LONGEST_LINE else _line_ends(line) for line in text.split("\n")], notes


def _ends(text: str, longest: int) -> str:
    """Head and tail, both of whole lines where these are not longer than a line may be."""
    head, tail = text[: longest // 2], text[-longest // 2 :]
    end, begin = head.rfind("\n"), tail.find("\n")
    if len(head) - end <= LONGEST_LINE:
        head = head[:end]
    return head + (tail[begin:] if begin >= 0 else "\n")


def _line_ends(line: str) -> str:
    return line[:_LINE_HEAD] + line[_LINE_HEAD - LONGEST_LINE :]
