"""Reads stacks once for all messages that they come with; the grouper hands it what rows say."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import xxhash

from ..stacks.in_app import USUAL, InApp
from ..stacks.lines import bounded
from ..stacks.parsing import parse
from ..stacks.trace import Trace
from .report import Stack

_REMEMBERED_BYTES: Final = 32_000_000
_ENTRY_BYTES: Final = 600
_MESSAGE: Final = "\u2026"
_MARK: Final = f": {_MESSAGE}"
_HEADER: Final = re.compile(r"^((?:[ |]{0,60}\|[ ]{1,4})?(?:Caused by: |panic: )?[A-Za-z_$][\w.$\\]{0,300}: )[^\n]{2,}$", re.MULTILINE)
"""The line that tells type and message of an error, also of one that caused another."""
_BEHIND: Final = re.compile(r" in [^\n]{1,300}:[0-9]{1,9}\Z| ---> [^\n]*\Z")
"""What stands behind a message in its line: where PHP threw, and the cause of an exception of .NET Framework."""
_VARYING: Final = re.compile(
    r"^(\S{1,500}:[0-9]{1,9}:in [`'][^'\n]{1,300}': )[^\n]*(?= \([A-Z][\w:]{0,200}\)$)"
    r"|^(#[0-9]{1,5} [^\s(]{1,400}\([0-9]{1,9}\): [^\s(]{1,300}\()[^\n]*$"
    r"|^([^\s(#]\S{0,300}\()[0-9a-fx?,{}. ]*\)$"
    r"|^(goroutine )[0-9]{1,20}(?= \[)|^(\t\S{1,500}:[0-9]{1,9} )\+0x[0-9a-f]{1,16}$|^(created by \S{1,500} in goroutine )[0-9]{1,20}$"
    r"|(?<=[jt]s)(\?v=)[\w.-]{1,64}(?=:[0-9]{1,9}:[0-9])",
    re.MULTILINE,
)
"""Ruby's messages, PHP's arguments, Go's arguments, goroutines and addresses, versions in queries: they count nowhere."""
_LONGEST_BEHIND: Final = 2_000


class Recent:
    """What was read of the stacks used last, of so many bytes in all at most."""

    def __init__(self, most_bytes: int = _REMEMBERED_BYTES) -> None:
        self._left = most_bytes
        self._known: OrderedDict[bytes, Stack | None] = OrderedDict()

    def get(self, key: bytes, make: Callable[[], Stack | None]) -> Stack | None:
        """The stack of that key, made where it is not remembered."""
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        stack = self._known[key] = make()
        self._left -= _weight(stack)
        while self._left < 0:
            self._left += _weight(self._known.popitem(last=False)[1])
        return stack


def _weight(stack: Stack | None) -> int:
    """About the bytes that remembering it takes: its parts stand in the column's document too."""
    return _ENTRY_BYTES + (0 if stack is None else 2 * sum(map(len, stack.grouping.parts)) + sum(map(len, stack.paths)))


class StackReader:
    """Reads stacks, and remembers the ones read last; to be used from one thread.

    Messages are taken out of a text before it is looked up and read: what a stack says does not depend on them, and of 5,000 errors
    that differ in the id that their message names, one stack is read.

    Args:
        read: what counts of a trace, given the exception's type as sent.
        in_app: which frames are the service's own.
    """

    def __init__(self, read: Callable[[str, Trace], Stack], in_app: InApp = USUAL) -> None:
        self._counted, self._in_app = read, in_app
        self._known = Recent()
        self._bare = Recent()

    def read(self, name: str, language: str, stack: str, message: str) -> Stack | None:
        """What counts of a report's stack; None where it has none, or a text that nobody reads.

        Args:
            name: the exception's type as sent.
            language: telemetry.sdk.language.
            stack: its text.
            message: as sent.
        """
        if not stack:
            return None
        parts = _around_message(stack, message)
        return self._known.get(_key(name, language, *parts), lambda: self._read(name, language, bounded(_MARK.join(parts))))

    def _read(self, name: str, language: str, marked: str) -> Stack | None:
        text = _HEADER.sub(_without_text, marked)

        def parsed() -> Stack | None:
            trace = parse(text, language or None, self._in_app)
            return self._counted(name, trace) if trace else None

        return self._bare.get(_key(name, language, _VARYING.sub(_kept, text)), parsed)


def _kept(varying: re.Match[str]) -> str:
    return varying[varying.lastindex or 0]


def _without_text(header: re.Match[str]) -> str:
    said = header[0][len(header[1]) :]
    behind = _BEHIND.search(said, max(0, len(said) - _LONGEST_BEHIND))
    return header[1] + _MESSAGE + (behind[0] if behind else "")


def _around_message(stack: str, message: str) -> tuple[str, ...]:
    """The stack before the message and behind it, where it first ends a line behind a type, or ends the text; also if it has many lines.

    The whole stack where the message stands nowhere so. Once: the wrapper of an error has that error's type and message for its
    message, and they stand behind `Caused by` once more.
    """
    if not message:
        return (stack,)
    said, bare = f": {message}", stack.rstrip()
    if bare.endswith(said):
        return bare[: -len(said)], ""
    before, found, behind = stack.partition(f"{said}\n")
    return (before, f"\n{behind}") if found else (stack,)


def _key(name: str, language: str, *parts: str) -> bytes:
    """Of a text in parts; a mark between them that is no ASCII would double what it takes."""
    told = "\0".join((name, language, str(len(parts[0])), *parts))
    return xxhash.xxh3_128_digest(told.encode("utf-8", "surrogatepass"))
