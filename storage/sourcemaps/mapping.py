"""Minified stacks to stacks of the sources: the grouping asks for each distinct one, before it groups; `late` for those already stored.

A mapped stack is written as V8 writes stacks, whichever browser reported it, and the line of the source follows each frame that has one:

    TypeError: Cannot read properties of undefined (reading 'reduce')
        at total (src/orders.ts:2:22)
            const sums = items.reduce((sum, item) => sum + item.price, 0);
        at Cart.checkout (src/cart.ts:5:26)
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, Generic, TypeVar

import pyarrow as pa

from ..access.tenants import pond_folder
from ..log_lines import fault
from .compiler import SourceMapError
from .frame_lines import FrameLine, frame_line
from .matching import ReleaseMaps
from .places import Place, Places
from .store import SourceMapStore

MOST_LINES: Final = 500
LONGEST_STACK: Final = 200_000
LOOKS_EVERY_S: Final = 0.1
_OPEN_MAPS: Final = 64
_RELEASES: Final = 64
_STACKS: Final = 4_096
_PREFIX: Final = re.compile(r"^(?:(?:webpack(?:-internal)?|turbopack)://(?:@[^/]{0,200}/)?[^/]{0,200}/|vite:/+|\.{1,2}/|/(?=\.{1,2}/))")
"""What bundlers put before the path of a source."""
_log = logging.getLogger(__name__)
Key = TypeVar("Key")
Value = TypeVar("Value")


class _Recent(Generic[Key, Value]):
    """The values that were made last; the one used longest ago makes room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value of a key, made where it is not kept."""
        if key not in self._kept:
            self._kept[key] = make()
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


class SourceMaps:
    """The source maps of one pond, as they are at each moment; to be used from one thread.

    Args:
        pond: the pond's directory; it need not have any.
    """

    def __init__(self, pond: Path) -> None:
        self._store = SourceMapStore(pond)
        self._state = (0, 0)
        self._forget()

    def _forget(self) -> None:
        self._releases: _Recent[tuple[str, str], ReleaseMaps | None] = _Recent(_RELEASES)
        self._places: _Recent[str, Places | None] = _Recent(_OPEN_MAPS)
        self._stacks: _Recent[tuple[str, str, str], str | None] = _Recent(_STACKS)

    def state(self) -> tuple[int, int]:
        """Another one whenever maps have come or gone, so that what was resolved before may be resolved otherwise now."""
        state = self._store.state()
        if state != self._state:
            self._forget()
            self._state = state
        return state

    def knows(self, service: str, release: str | None) -> bool:
        """Whether there are maps for what a service's release reports, as of the last `state`."""
        return release is not None and self._state != (0, 0) and self._of_release(service, release) is not None

    def mapped(self, service: str, release: str | None, stack: str | None) -> str | None:
        """A stack with the places of the sources; None where no frame of it is known. Takes time linear in its length, and is bounded.

        Args:
            service: `service.name`.
            release: `service.version`.
            stack: as V8, Gecko or WebKit write it.
        """
        if not stack or release is None or not self.knows(service, release):
            return None
        return self._stacks.get((service, release, stack), lambda: self._mapped(service, release, stack))

    def _of_release(self, service: str, release: str) -> ReleaseMaps | None:
        def read() -> ReleaseMaps | None:
            try:
                return ReleaseMaps(self._store.of_release(release), service) or None
            except (SourceMapError, OSError) as error:
                _log.error("source maps are not used: %s", fault(error))
                return None

        return self._releases.get((service, release), read)

    def _mapped(self, service: str, release: str, stack: str) -> str | None:
        maps = self._of_release(service, release)
        if maps is None:
            return None
        head, rest = stack[:LONGEST_STACK], stack[LONGEST_STACK:]
        lines, is_mapped = head.split("\n"), False
        for number, line in enumerate(lines[:MOST_LINES]):
            frame = frame_line(line)
            if frame is None:
                continue
            place = self._place(maps, frame)
            is_mapped = is_mapped or place is not None
            lines[number] = str(frame) if place is None else _written(frame, place)
        return "\n".join(lines) + rest if is_mapped else None

    def _place(self, maps: ReleaseMaps, frame: FrameLine) -> Place | None:
        stored = maps.map_of(frame.file)
        places = self._places.get(stored.digest, lambda: self._open(stored.digest)) if stored is not None else None
        return places.at(frame.line, frame.column) if places is not None else None

    def _open(self, digest: str) -> Places | None:
        try:
            return Places(self._store.places(digest))
        except (OSError, pa.ArrowException) as error:
            _log.error("%s is gone or damaged (%s): upload that source map again", self._store.places(digest), fault(error))
            return None


class TenantsSourceMaps:
    """The source maps of all ponds of a data directory, looked for anew ten times a second at most; to be used from one thread.

    Args:
        data: the data directory, or where only one pond is told of, that pond's.
    """

    def __init__(self, data: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._data = data
        self._clock = clock
        self._ponds: dict[str, SourceMaps] = {}
        self._next = 0.0

    def mapped(self, tenant: str, service: str, release: str, stack: str) -> str | None:
        """A stack with the places of the sources; None where no frame of it is known."""
        if self._clock() >= self._next:
            self._next = self._clock() + LOOKS_EVERY_S
            for maps in self._ponds.values():
                maps.state()
        if tenant not in self._ponds:
            self._ponds[tenant] = SourceMaps(pond_folder(self._data, tenant))
            self._ponds[tenant].state()
        return self._ponds[tenant].mapped(service, release, stack)


def _written(frame: FrameLine, place: Place) -> str:
    """The line of a frame at its source's place, and the source's own line behind it."""
    function = place.function or ""
    shown = str(replace(frame, function=function, file=source_path(place.source), line=place.line, column=place.column))
    return f"{shown}\n        {place.text}" if place.text else shown


def source_path(source: str) -> str:
    """A source's path as a reader knows it: without what bundlers put before it, and without a query."""
    path = source.partition("?")[0][:500].strip().replace("\n", " ")
    while shorter := _PREFIX.match(path):
        path = path[shorter.end() :]
    return path or "unknown"
