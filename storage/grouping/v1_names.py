"""Version 1 of names of functions and modules: without what compilers, bundlers and proxies put into them; frozen with v1.py."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Final

ANONYMOUS: Final = "<anonymous>"
_LONGEST: Final = 200

_LAST_PART: Final = re.compile(r"[^.:/\\]*\Z")

WRAPPERS: Final[Mapping[str, frozenset[str]]] = {
    "python": frozenset(
        {"wrapper", "_wrapper", "wrapped", "_wrapped", "inner", "_inner", "decorated", "decorator", "sync_wrapper", "async_wrapper"}
    ),
    "javascript": frozenset(
        {
            *("__awaiter", "fulfilled", "rejected", "step", "asyncGeneratorStep", "_asyncToGenerator", "_next", "_throw", "__generator"),
            *("tryCatch", "Generator.next", "Generator.throw", "next", "generatorStep", "wrapper", "wrapped", "__async"),
        }
    ),
    "dotnet": frozenset({"lambda_method"}),
}
"""Functions that only call another: a decorator's, and what compilers make of `async` and expressions. They count where they raised."""

NEXT: Final[Mapping[str, re.Pattern[str]]] = {
    "javascript": re.compile(r".* (?:\w+\.)?next|(?:.*/)?(?:koa|hono|router|connect)\b.* (?:\w+\.)?dispatch"),
    "java": re.compile(r".* (?:doFilter|doFilterInternal|internalDoFilter|proceed)"),
    "go": re.compile(r".*\.(?:ServeHTTP|Next)"),
    "dotnet": re.compile(r".* <?Invoke(?:Async)?\b.*"),
    "ruby": re.compile(r".*[ #.]call"),
    "php": re.compile(r".*\{closure.*|.* handle"),
}
"""How frameworks name what a middleware calls, to hand a request on: module and function. A store's `dispatch` is none of these."""

MIDDLEWARES: Final[Mapping[str, re.Pattern[str]]] = {
    "ruby": re.compile(r"(?:.*[#.])?call"),
    "php": re.compile(r"handle|__invoke|process"),
    "dotnet": re.compile(r"(?:<?Invoke(?:Async)?\b).*"),
}
"""How middlewares themselves are named, where frameworks say so; others may be named as they like."""

_OF_RUNTIME: Final[Mapping[str, re.Pattern[str]]] = {
    "javascript": re.compile(r"(?:node:|internal/|<anonymous>|native\b|\[native code\])"),
    "java": re.compile(r"(?:java|javax|jdk|sun|kotlin)\."),
    "dotnet": re.compile(r"System\."),
}
_NAMELESS: Final = frozenset({"", "<anonymous>", "anonymous", "(anonymous)", "<lambda>", "{closure}", "{lambda}", "<unknown>", "<eval>"})
_COMPREHENSIONS: Final = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>"})
"""Frames of their own up to Python 3.11."""

_JAVA_LAMBDA: Final = re.compile(r"lambda\$(?:([^$]+?)(?:\$[0-9]+)?|[0-9]+)")
_JAVA_NUMBER: Final = re.compile(r"\$(?:[0-9]+|(?:\$|HibernateProxy\$|ByteBuddy\$|Proxy[0-9]).*)(?=\$|\Z)")
_GO_CLOSURE: Final = re.compile(r"\.(?:func[0-9]*|gowrap[0-9]+|deferwrap[0-9]+|[0-9]+)(?=\.|\Z)|-fm\Z|-range[0-9]+|\[\.\.\.\]")
_GO_AUTHOR: Final = re.compile(r"(?:\(\*?\w+\)\.)?\w+\Z")
"""The function that a closure was written in: where it was inlined, those that it was inlined into stand before it."""
_DOTNET_MADE: Final = re.compile(r"(?:.*[.+/])?<(\w+)>[a-z]__[\w|]*(?:\.MoveNext)?")
_RUBY_TEMPLATE: Final = re.compile(r"_{2,3}[0-9]+_[0-9]+\Z")
_DOTNET_NUMBER: Final = re.compile(r"(?<=\blambda_method)[0-9]+")
_RUBY_BLOCK: Final = re.compile(r"(?:block|rescue|ensure)(?: \([0-9]+ levels\))? in ")
_JS_MADE: Final = re.compile(r"_?callee[0-9]*\$[0-9$]*|_callee[0-9]*|\$[0-9]*|_on(?:Timeout|Immediate)")
_CHUNK: Final = re.compile(r"(?:(?<=/)|\A)[0-9]{1,9}(?=[.-])")
_VERSION: Final = re.compile(r"(?:(?<=/)|\A)v?[0-9]{1,9}(?:\.[0-9]{1,9}){1,3}/")

_PARAMETER: Final = (
    r"(?<![\w.)\]])(?:self\.|cls\.)?_{0,2}(?:(?:original|wrapped|inner|view|user|next|call|target)_)?"
    r"(?:f|fn|fun|func|function|method|view|call|callable|callback|cb|handler|wrapped|inner|target|task|coro|coroutine|endpoint|next"
    r"|decorated|original|orig)_?"
)
"""What decorators call the function that they were given."""
_PASSED_ON: Final = re.compile(
    rf"{_PARAMETER}\((?:\w{{1,40}}, ?){{0,4}}\*\w{{1,40}}, ?\*\*\w{{1,40}}\)|\(scope, ?receive, ?send\)"
    r"|\(environ(?:ment)?, ?start_response\)|\b(?:call_next|get_response)\(\w{1,40}\)"
)
_COMMENT: Final = re.compile(r"\s(?:#|//)(?:\s.*|\Z)")


def short_type(name: str) -> str:
    """The type without its module, package or namespace: reports of one error differ in them. At most 200 characters."""
    found = _LAST_PART.search(name[-2 * _LONGEST :])
    return (found[0] if found else "")[:_LONGEST]


def function_name(name: str | None, language: str, enclosing: str = "") -> str:
    """The function's name as its author wrote it, ANONYMOUS where there is none.

    Args:
        name: as the trace has it.
        language: of the trace.
        enclosing: name of the frame that called it, whose a comprehension is.
    """
    return _function_name((name or "").strip()[:_LONGEST], language, enclosing)


@functools.lru_cache(maxsize=16_384)
def _function_name(given: str, language: str, enclosing: str) -> str:
    if given in _COMPREHENSIONS and enclosing:
        return enclosing
    return _CLEANED.get(language, str)(given) if given not in _NAMELESS else ANONYMOUS


def module_name(name: str, language: str) -> str:
    """The module without the numbers that compilers and proxies give."""
    return _module_name(name[-_LONGEST:], language)


@functools.lru_cache(maxsize=16_384)
def _module_name(name: str, language: str) -> str:
    if language == "java":
        return _JAVA_NUMBER.sub("", name)
    if language == "javascript":
        return _CHUNK.sub("0", _VERSION.sub("", name))
    return _GO_CLOSURE.sub("", name) if language == "go" else name


def passes_on(source: str) -> bool:
    """Whether a line of Python only hands on what it was called with, as decorators and middlewares do."""
    return _PASSED_ON.search(source) is not None


def bare_source(source: str) -> str:
    """A source line without its comment, white space made one."""
    return " ".join(_COMMENT.sub("", source[: 2 * _LONGEST]).split())[:_LONGEST]


def is_of_runtime(module: str | None, language: str) -> bool:
    """Whether that is the runtime itself, which fails alike for many reasons, and not a library that the service may be installed as."""
    pattern = _OF_RUNTIME.get(language)
    return pattern is not None and pattern.match(module or "<anonymous>") is not None


def is_minified_name(name: str) -> bool:
    """Whether a name is so short that a minifier may have chosen it, which another build calls otherwise."""
    return len(name) <= 3


def _javascript(name: str) -> str:
    """The last part: engines differ in what stands before it."""
    last = name.rpartition(".")[2].partition("/")[0].rstrip("<")
    return ANONYMOUS if last in _NAMELESS or _JS_MADE.fullmatch(last) else last


def _java(name: str) -> str:
    found = _JAVA_LAMBDA.fullmatch(name)
    return (found[1] or ANONYMOUS) if found else _JAVA_NUMBER.sub("", name)


def _go(name: str) -> str:
    written = _GO_CLOSURE.sub("", name)
    author = _GO_AUTHOR.search(written) if ".func" in name else None
    return (author[0] if author else written) or ANONYMOUS


def _dotnet(name: str) -> str:
    found = _DOTNET_MADE.fullmatch(name)
    return found[1] if found else _DOTNET_NUMBER.sub("", name.partition("(")[0])


def _ruby(name: str) -> str:
    return _RUBY_TEMPLATE.sub("", _RUBY_BLOCK.sub("", name)) or ANONYMOUS


def _php(name: str) -> str:
    return ANONYMOUS if "{closure" in name else name


_CLEANED: Final = {"javascript": _javascript, "java": _java, "go": _go, "dotnet": _dotnet, "ruby": _ruby, "php": _php}
