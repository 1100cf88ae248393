"""Reads Python's tracebacks: chains, groups and their members, repeated lines, syntax errors, and what `faulthandler` leaves.

A traceback tells the innermost call last, and of a chain the reported exception last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from . import python_dump
from .in_app import InApp
from .python_frames import FRAME, frame_of
from .trace import Error, Frame, folded

_HEADERS: Final = frozenset({"Traceback (most recent call last):", "Exception Group Traceback (most recent call last):"})
_REPEATED: Final = re.compile(r" {2,4}\[Previous line repeated ([0-9]{1,9}) more times?\]")
_TYPED: Final = re.compile(r"([^\W\d]\w*+(?:\.(?:\w++|<\w++>))*+)(?:: ?(.*))?$")
_RELATIONS: Final = {
    "The above exception was the direct cause of the following exception:": "cause",
    "During handling of the above exception, another exception occurred:": "context",
}
_CUT: Final = "  ..."
"""Where an instrumentation has cut a text: the line behind it is the end of one."""
_REMOTE: Final = ("RemoteTraceback", "RemoteError")
"""Their message is the traceback of another process, as `multiprocessing` sends it."""

_GROUP: Final = "Exception Group Traceback (most recent call last):"
_MARGIN: Final = re.compile(r"(?P<indent> *)(?:\|(?: (?P<inside>.*))?|\+ (?P<header>Exception Group .*))$")
_RULE: Final = re.compile(r"( *)\+(-\+)?-{3,}+( (?:[0-9]+|\.\.\.) -+)?$")
_DEEPEST: Final = 100


@dataclass(slots=True)
class _Told:
    """An exception as far as it is read; `link` is its relation to the one that is printed after it."""

    is_traced: bool
    is_typed: bool = False
    type: str | None = None
    message: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    link: str = ""
    members: list[list[_Told]] = field(default_factory=list)


def read(lines: Sequence[str], in_app: InApp) -> tuple[Error, ...]:
    """The exceptions of a traceback; none where the lines hold no traceback."""
    if python_dump.is_dump(lines):
        return python_dump.read(lines, in_app)
    reader = _Reader(in_app)
    take = reader.take_in_group if any(line.endswith(_GROUP) for line in lines) else reader.take
    for line in lines:
        take(line)
    return tuple(_flat(reader.chain, ""))


class _Reader:
    """Takes a traceback line by line.

    `_told` is the exception that is being told, None between two. `_chains` holds, from the outermost group inwards, the chains of
    exceptions that are being told, each with the column of its margin.
    """

    def __init__(self, in_app: InApp) -> None:
        self.chain: list[_Told] = []
        self._in_app = in_app
        self._chains: list[tuple[int, list[_Told]]] = [(-1, self.chain)]
        self._told: _Told | None = None
        self._wants_source = False
        self._skips = False

    def take_in_group(self, line: str) -> None:
        """A line of a text with groups, whose lines have a margin of `|`, and `+` where a member begins or all have been told."""
        rule = _RULE.match(line)
        if rule is not None:
            self._turn(len(rule[1]), is_first=rule[2] is not None, is_end=rule[3] is None)
            return
        margin = _MARGIN.match(line)
        self._leave(len(margin["indent"]) + 1 if margin else 0)
        self.take(line if margin is None else margin["header"] or margin["inside"] or "")

    def _leave(self, column: int) -> None:
        """The members whose margin is at that column or further right have been told; the last of a group's may end others with it."""
        while len(self._chains) > 1 and self._chains[-1][0] >= column:
            self._chains.pop()
            self._told = None

    def _turn(self, column: int, *, is_first: bool, is_end: bool) -> None:
        """A member begins at that column, or a group ends there."""
        self._told = None
        own = column + 2 if is_first else column
        self._leave(own)
        above = self._chains[-1][1]
        if not is_end and above and len(self._chains) < _DEEPEST:
            member: list[_Told] = []
            above[-1].members.append(member)
            self._chains.append((own, member))

    def take(self, line: str) -> None:
        """A line without margin."""
        relation = _RELATIONS.get(line)
        told = self._told
        if relation is not None:
            self._link(relation)
        elif told is None:
            self._begin(line)
        elif told.is_typed:
            self._go_on(told, line)
        else:
            self._trace(told, line)

    def _link(self, relation: str) -> None:
        chain = self._chains[-1][1]
        if chain:
            chain[-1].link = relation
        self._told = None

    def _begin(self, line: str) -> None:
        """A line between two exceptions: the next may have no traceback, and is then told by its type alone."""
        chain = self._chains[-1][1]
        if line in _HEADERS:
            self._start(is_traced=True)
        elif FRAME.match(line):
            self._trace(self._start(is_traced=True), line)
        elif (not chain or chain[-1].link) and _TYPED.match(line):
            self._type(self._start(is_traced=False), line)

    def _start(self, *, is_traced: bool) -> _Told:
        self._told = told = _Told(is_traced)
        self._chains[-1][1].append(told)
        return told

    def _go_on(self, told: _Told, line: str) -> None:
        """A line behind the type: of the message, but where that was no exception's, or is the traceback of another process."""
        is_header = line in _HEADERS
        stands_alone = not told.is_traced and (is_header or FRAME.match(line) is not None)
        if stands_alone or (is_header and (told.type or "").endswith(_REMOTE)):
            self._chains[-1][1].pop()
            self._begin(line)
        else:
            told.message.append(line)

    def _trace(self, told: _Told, line: str) -> None:
        """A line between the header and the type."""
        frame = frame_of(line, self._in_app) if line.startswith("  ") else None
        wanted, self._wants_source = self._wants_source, frame is not None
        skipped, self._skips = self._skips, line == _CUT
        if frame is not None:
            told.frames.append(frame)
        elif line.startswith(" ") or not line:
            if wanted and line.startswith("    "):
                told.frames[-1] = replace(told.frames[-1], source=line.strip())
            elif told.frames and (repeated := _REPEATED.match(line)):
                told.frames[-1] = replace(told.frames[-1], repeated=int(repeated[1]))
        elif not skipped:
            self._type(told, line)

    @staticmethod
    def _type(told: _Told, line: str) -> None:
        typed = _TYPED.match(line)
        told.is_typed = True
        told.type = typed[1] if typed else None
        told.message.append((typed[2] or "") if typed else line)


def _flat(chain: Sequence[_Told], relation: str) -> Iterator[Error]:
    for told in reversed(chain):
        yield Error(told.type, _message(told), folded(told.frames), told.link or relation)
        for member in told.members:
            yield from _flat(member, "member")


def _message(told: _Told) -> str:
    message = "\n".join(told.message).rstrip()
    return message.removesuffix('\n"""').rstrip() if message.endswith('\n"""') and message.count('"""') == 1 else message
