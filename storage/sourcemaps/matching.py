"""Which of a release's source maps is that of a file in a stack, given by address or path; `mapping` asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import unquote

from .store import StoredMap

_FOREIGN: Final = "node_modules"
"""The folder of what others have built."""


class ReleaseMaps:
    """The source maps of one release, for one service."""

    def __init__(self, maps: Iterable[StoredMap], service: str) -> None:
        self._by_base: dict[str, list[StoredMap]] = {}
        for stored in maps:
            if stored.service in {"", service}:
                self._by_base.setdefault(_parts(stored.name)[-1], []).append(stored)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._by_base)

    def map_of(self, file: str) -> StoredMap | None:
        """The one whose name has the most folders in common with the file's, counted from its end; the service's own before any's.

        Where a release is served from, and where it was built, need not be told: `https://cdn.example/v2/assets/main.js` and
        `/app/dist/assets/main.js` are `~/assets/main.js`; `https://other.example/v3/main.js` is not. None where two fit equally.
        """
        parts = _parts(file)
        ranked = sorted(
            ((common, bool(stored.service), stored) for stored in self._by_base.get(parts[-1], ()) if (common := _fit(parts, stored))),
            key=lambda found: found[:2],
            reverse=True,
        )
        if not ranked or (len(ranked) > 1 and ranked[0][:2] == ranked[1][:2]):
            return None
        return ranked[0][2]


def _parts(file: str) -> list[str]:
    """Folders and name of `https://host/a/b.js?v=1`, `file:///a/b.js`, `/a/b.js` or `~/a/b.js`."""
    _, is_address, path = file.partition("://")
    path = (path.partition("/")[2] if is_address else file).partition("?")[0].partition("#")[0]
    return [unquote(part) for part in path.replace("\\", "/").removeprefix("~").strip("/").split("/")]


def _fit(parts: Sequence[str], stored: StoredMap) -> int:
    """How many parts a file has in common with a map's name; 0 where it is another file: the shorter of the two is the other's end."""
    name = _parts(stored.name)
    common = _common(parts, name)
    is_foreign = _FOREIGN in parts and _FOREIGN not in name
    return 0 if is_foreign or common < min(len(parts), len(name)) else common


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many parts are equal, from the end."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next((count for count, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))
