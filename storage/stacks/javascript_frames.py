"""A line of a JavaScript stack, as V8, SpiderMonkey or JavaScriptCore write it, and whose code that is."""

from __future__ import annotations

import re
from typing import Final

from .in_app import InApp
from .paths import plain_path, without_digest
from .remembered import remembered
from .trace import Frame

_PLACE: Final = re.compile(r":([0-9]{1,9})(?::([0-9]{1,9}))?$")
_EVALUATED: Final = re.compile(r"\(([^()]*):([0-9]{1,9}):([0-9]{1,9})\)")
_GECKO_EVALUATED: Final = re.compile(r" line ([0-9]{1,9}) > .*")
_ALIAS: Final = re.compile(r" \[as [^\]]*\]$")
_NATIVE: Final = frozenset({"<anonymous>", "native", "native code", "[native code]", "(native)", "unknown location"})
_NAMELESS: Final = frozenset({"<anonymous>", "anonymous", "global code", "module code", "?", "{anonymous}()", "anonymous function"})
_RECEIVERS: Final = (
    "Object.",
    "Function.",
    "Module.",
    "Window.",
    "global.",
    "exports.",
    "module.exports.",
    "async ",
    "new ",
    "get ",
    "set ",
)
_QUEUED: Final = re.compile(r"[A-Za-z][A-Za-z. ]{0,60}\*")
"""How Firefox says that a call has waited: `async*`, `setTimeout handler*`, `EventListener.handleEvent*`."""

_LIBRARY: Final = re.compile(
    r".*/(?:node_modules|bower_components|jspm_packages|~|@vite|@id|@react-refresh|\(webpack\)|webpack/(?:bootstrap|runtime))/"
)
_RUNTIME: Final = re.compile(
    r"(?:node:|internal/|ext:|deno:|bun:|chrome:|resource:|[a-z-]{1,20}-extension:|wasm:|\(?webpack\)?/(?:bootstrap|runtime|buildin))"
)
_VENDOR: Final = re.compile(
    r"(?:.*[/.~-])?(?:vendors?|polyfills?|framework|chunk-vendors|webpack-runtime|jquery|zone)(?:[.~-][A-Za-z0-9_.~-]*)?\.[cm]?js$"
)
_NODE_CORE: Final = re.compile(
    r"(?:_[a-z_]+|assert|async_hooks|buffer|child_process|cluster|crypto|dgram|dns|domain|events|fs|http|http2|https|module|net|path|process"
    r"|querystring|readline|repl|stream|timers|tls|url|util|vm|zlib|bootstrap_node|worker_threads)\.js$"
)


def v8_frame(line: str, in_app: InApp) -> Frame | None:
    """The call of a line `at total (/app/orders.js:12:5)`; None where it is none."""
    text = line.strip().removesuffix(" {").removesuffix(",")
    if not text.startswith("at "):
        return None
    function, space, place = text[3:].partition(" (") if text.endswith(")") else ("", " ", text[3:].removeprefix("async "))
    place = place.removesuffix(")") if function else place
    if not space or not (place in _NATIVE or place.startswith("index ") or _PLACE.search(place)):
        return None
    return _frame(function, place.removeprefix("address at "), in_app)


def gecko_frame(line: str, in_app: InApp) -> Frame | None:
    """The call of a line `total@https://host/orders.js:12:5`, as Firefox and Safari write it; None where it is none."""
    text = line.strip()
    function, at, place = text.partition("@")
    if not at or "://" in function or function.startswith("/"):
        function, place = "", text
    if not (place in _NATIVE or (_PLACE.search(place) and " " not in place.partition(" line ")[0])):
        return None
    if not at and "/" not in place:
        return None
    return _frame(function, _GECKO_EVALUATED.sub(r":\1", place), in_app)


def _frame(function: str, place: str, in_app: InApp) -> Frame:
    file, line, column = _located(place)
    module, usually = _place(file) if file else (None, False)
    return Frame(_named(function), module, file, line, column, in_app=in_app.judge(module, file, usually))


def _located(place: str) -> tuple[str | None, int | None, int | None]:
    """File, line and column; of evaluated code, where it was evaluated."""
    if place.startswith("eval at ") and (outer := _EVALUATED.search(place)):
        return outer[1], int(outer[2]), int(outer[3])
    found = _PLACE.search(place)
    if found is None:
        return None, None, None
    return place[: found.start()] or None, int(found[1]), int(found[2]) if found[2] else None


def _named(function: str) -> str | None:
    """A function's name without what only one engine adds; None where it has none."""
    if not function:
        return None
    name = _ALIAS.sub("", _QUEUED.sub("", function))
    for _ in range(3):
        for receiver in _RECEIVERS:
            name = name.removeprefix(receiver)
    name = name.replace(".prototype.", ".").rpartition("/")[2]
    return None if not name or name in _NAMELESS or name.endswith(("<", "<anonymous>")) else name


@remembered
def _place(file: str) -> tuple[str, bool]:
    """Module of a file, and whether that is usually the service's own."""
    path = file.replace("\\", "/")
    if _RUNTIME.match(path) or _NODE_CORE.match(path):
        return path, False
    library = _LIBRARY.match("/" + path)
    if library is not None:
        return without_digest(path[library.end() - 1 :].partition("?")[0]), False
    return plain_path(file), not path.startswith("<") and _VENDOR.match(path.partition("?")[0]) is None
