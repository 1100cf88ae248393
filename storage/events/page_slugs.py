"""The map from paths of pages to slugs that a team keeps in a file (setting `page_slugs`); the event reader asks it for a batch's paths.

    [pages]
    "/audits/{id}" = "audit-form"      # a name in braces stands for one segment of a path
    "/help/*" = "help"                 # /* at the end for whatever lies below, and the page itself

A path that is written out wins over a pattern, an earlier pattern over a later one.
"""

from __future__ import annotations

import re
import tomllib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_REMEMBERED: Final = 16_384
_LONGEST: Final = 2_048
_HOLE: Final = re.compile(r"\{[^{}/]*\}|\*$")


class PageSlugsError(ValueError):
    """The file cannot be used; the text names file and key, and says what was expected."""


class PageSlugs:
    """A map of pages.

    Args:
        pages: paths and patterns to slugs.
    """

    def __init__(self, pages: Mapping[str, str]) -> None:
        self._exact = {_trimmed(path): slug for path, slug in pages.items() if not _HOLE.search(path)}
        patterns = [path for path in pages if _HOLE.search(path)]
        self._patterns = [(re.compile(_pattern(path)), pages[path]) for path in patterns]
        self._known: OrderedDict[str, str | None] = OrderedDict()

    def slug(self, path: str | None) -> str | None:
        """The slug of a path; None where the map does not name it."""
        if not path:
            return None
        looked_at = path[:_LONGEST]
        if looked_at not in self._known:
            self._known[looked_at] = self._found(_trimmed(looked_at))
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return self._known[looked_at]

    def _found(self, path: str) -> str | None:
        return self._exact.get(path) or next((slug for pattern, slug in self._patterns if pattern.fullmatch(path)), None)


def load_page_slugs(file: Path) -> PageSlugs:
    """Read a map of pages.

    Raises:
        PageSlugsError: the file cannot be read, or breaks a rule.
    """
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PageSlugsError(f"{file}: {error}") from None
    pages = written.get("pages")
    if set(written) != {"pages"} or not isinstance(pages, dict):
        raise PageSlugsError(f'{file}: expected one table, [pages], of paths and slugs: "/audits/{{id}}" = "audit-form"')
    for path, slug in pages.items():
        if not path.startswith("/") or not isinstance(slug, str) or not slug:
            raise PageSlugsError(f"{file}: pages.{path!r}: expected a path that begins with / and a slug, not {slug!r}")
    return PageSlugs(pages)


def _trimmed(path: str) -> str:
    return path.rstrip("/") or "/"


def _pattern(path: str) -> str:
    parts = [part for part in re.split(r"(\{[^{}/]*\}|/?\*$)", path) if part]
    return "".join(
        "(?:/.*)?" if part == "/*" else ".*" if part == "*" else "[^/]+" if part[0] == "{" else re.escape(part) for part in parts
    )
