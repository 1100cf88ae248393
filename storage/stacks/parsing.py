"""Reads the text of a stack trace, in whichever language's form it is; `parse` is what the other rooms call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from . import dotnet, golang, java, javascript, php, python, ruby
from .in_app import USUAL, InApp
from .lines import lines_of
from .trace import Error, Trace

Reader: TypeAlias = Callable[[Sequence[str], InApp], tuple[Error, ...]]

_READERS: Final[Mapping[str, Reader]] = {
    "python": python.read,
    "javascript": javascript.read,
    "java": java.read,
    "go": golang.read,
    "dotnet": dotnet.read,
    "ruby": ruby.read,
    "php": php.read,
}
_MARKS: Final = re.compile(
    r'(?P<python>^[ |]*+File ".*", line [0-9])'
    r"|(?P<go>^goroutine [0-9]+ .*\[.*\]:$|^\t[^\s:]+:[0-9]+(?: \+0x|$))"
    r"|(?P<ruby>^[ \t]*+(?:from )?[^\s:][^\n:]*+:[0-9]+:in [`'])"
    r"|(?P<php>^#0 .*(?:: |\{main\})|^[ \t]*+at [^\s(]+\([^\s()]+\.php(?::[0-9]+)?\))"
    r"|(?P<java>^[ \t]*+at [^\s(]+\((?:[\w$.-]+\.\w+:[0-9]+|Native Method|Unknown Source|SourceFile(?::[0-9]+)?)\))"
    r"|(?P<javascript>^[ \t]*+at (?:[^\n]*[:(])?(?:[0-9]+:[0-9]+\)?|<anonymous>\)?)$"
    r"|^[^@\n]*+@(?:[\w.+-]++:/|/|\[native code\]|[^@\n/]*:[0-9]+:[0-9]+$))"
    r"|(?P<dotnet>^ +(?:at|bei|à|en|em) [^\s(][^\n(]*\([^\n)]*\)(?: \S+ .+:\S+ [0-9]+\.?| \[0x[0-9a-f]+\] in .*)?$)",
    re.MULTILINE,
)
_LANGUAGES: Final = {"nodejs": "javascript", "webjs": "javascript", "javascript": "javascript"}


def parse(text: str, language: str | None = None, in_app: InApp = USUAL) -> Trace | None:
    """What a stack trace says, None where its form is not known; it takes time linear in 65,536 characters at most, and never raises.

    Args:
        text: as `exception.stacktrace` has it.
        language: `telemetry.sdk.language`, which is tried first; else the text tells.
        in_app: which frames are the service's own, where settings say.
    """
    lines, notes = lines_of(text)
    for name in _candidates("\n".join(lines), language):
        errors = _READERS[name](lines, in_app)
        if any(error.frames for error in errors):
            return Trace(name, errors, notes)
    return None


def _candidates(text: str, language: str | None) -> list[str]:
    """The readers to ask, the most likely first."""
    found = _MARKS.search(text)
    told = _LANGUAGES.get(language or "", language)
    return [name for name in dict.fromkeys((told, found.lastgroup if found else None)) if name is not None and name in _READERS]
