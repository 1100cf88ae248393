"""The pond's own views over its recent rows only: what they cost follows from the window, and not from the age of the pond."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import duckdb

from .measures import SESSIONS, sessions_sql
from .pond import Pond, quiet_connection

WHOLE: Final = frozenset({"issue_activity"})
"""Tables of which all rows are shown: what people did to issues holds until they do something else, and is little."""
_WORD: Final = re.compile(r"\w+")
_TEXT: Final = re.compile(r"'(?:[^']|'')*'")
_OF_FILES: Final = re.compile(r'\bfiles\."?(\w+)')


class Recent:
    """A database whose views are the pond's, over the files that were written since some moment.

    Args:
        relations: what is asked for; it is made with what it reads, and nothing else is.
    """

    def __init__(self, relations: Iterable[str]) -> None:
        self._relations = {*relations}
        self._digest = ""
        self._shown: dict[str, tuple[str, ...]] = {}
        self._tables: dict[str, list[str]] = {}
        self.con = quiet_connection()

    def show(self, pond: Pond, since_unix_s: float, relations: Iterable[str]) -> None:
        """Have these relations show what that pond holds of them in files written since."""
        if pond.digest != self._digest:
            self._begin(pond)
        for name in dict.fromkeys(table for relation in relations for table in self._tables[relation]):
            files = pond.files[name]
            paths = files.paths if name in WHOLE else (files.paths[0], *files.modified_since(since_unix_s))
            if paths != self._shown[name]:
                self.con.execute(files.view_over(paths))
                self._shown[name] = paths

    def _begin(self, pond: Pond) -> None:
        views = {**pond.views, SESSIONS: f"create view {SESSIONS} as {sessions_sql()}"}
        needed = _needed(views, self._relations)
        self.con.close()
        self.con = quiet_connection()
        self.con.execute("create schema files")
        self._tables = {relation: _tables_of(_needed(views, {relation}), views) for relation in self._relations}
        self._shown = {name: pond.files[name].paths[:1] for name in _tables_of(needed, views)}
        for name, paths in self._shown.items():
            self.con.execute(pond.files[name].view_over(paths))
        for macro in pond.macros:
            self.con.execute(macro)
        _make({view: views[view] for view in sorted(needed)}, self.con)
        self._digest = pond.digest


def _tables_of(needed: Iterable[str], views: Mapping[str, str]) -> list[str]:
    """The tables whose files views are made of."""
    return sorted({name for view in needed for name in _OF_FILES.findall(views[view])})


def _needed(views: Mapping[str, str], relations: set[str]) -> set[str]:
    """The views that these relations are made of, themselves among them: every name in their statements."""
    needed: set[str] = set()
    asked = relations
    while asked:
        needed |= asked
        words = {word for view in asked for word in _WORD.findall(_OF_FILES.sub("", _TEXT.sub("", views[view])))}
        asked = (words & views.keys()) - needed
    return needed


def _make(views: Mapping[str, str], con: duckdb.DuckDBPyConnection) -> None:
    """Make views, each as soon as those are there that it reads."""
    while views:
        left: dict[str, str] = {}
        for name, statement in views.items():
            try:
                con.execute(statement)
            except duckdb.CatalogException:
                left[name] = statement
                if len(left) == len(views):
                    raise
        views = left
