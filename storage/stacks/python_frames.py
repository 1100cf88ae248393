"""A line of a Python traceback that names a call, and whose code that is."""

from __future__ import annotations

import re
from typing import Final

from .in_app import InApp
from .paths import plain_path
from .remembered import remembered
from .trace import Frame

FRAME: Final = re.compile(r' {0,4}File "(.*)", line ([0-9]{1,9})(?:,? in (.*))?$')

_LIBRARY: Final = re.compile(
    r".*/(?:(?:site|dist)-packages|lib(?:64)?/(?:python|pypy)[0-9.]{1,5}t?|Python[0-9-]{1,6}/Lib|python[0-9]{2,3}\.zip|lib-python/[0-9.]{1,4})/",
    re.IGNORECASE,
)
_SUFFIX: Final = re.compile(r"(?:/__(?:init|main)__)?\.py[cwx]?$")
_NO_FILE: Final = re.compile(r"<(frozen |ipython)?([^>]*)>$")
_NUMBER: Final = re.compile(r"(?:[- ][0-9a-f]+)+$")
_CELL: Final = re.compile(r".*/ipykernel_[0-9]+/[0-9]+\.py$")


def frame_of(line: str, in_app: InApp) -> Frame | None:
    """The call that a line names, None where it names none; its source stands in the line after it."""
    found = FRAME.match(line)
    if found is None:
        return None
    file, number, function = found.groups()
    module, usually = _place(file)
    return Frame(function, module, file, int(number), in_app=in_app.judge(module, file, usually))


@remembered
def _place(file: str) -> tuple[str, bool]:
    """Module of a file, and whether that is usually the service's own."""
    path = file.replace("\\", "/")
    if path.startswith("<"):
        return _without_file(path)
    if _CELL.match(path):
        return "<ipython>", True
    library = _LIBRARY.match(path)
    return _module(path[library.end() :] if library else plain_path(path)), library is None


def _module(path: str) -> str:
    bare = _SUFFIX.sub("", path)
    return bare.replace("/", ".") if bare != path else path


def _without_file(name: str) -> tuple[str, bool]:
    """Of what has no file: `<frozen importlib._bootstrap>`, `<string>`, `<ipython-input-3-6a1b>`, `<decorator-gen-12>`."""
    found = _NO_FILE.match(name)
    if found is None:
        return name, True
    kind, rest = found.groups()
    if kind == "frozen ":
        return rest, False
    if kind:
        return "<ipython>", True
    return f"<{_NUMBER.sub('', rest)}>", rest in {"stdin", "string", "console"}
