"""The source maps of a pond, `DATA/sourcemaps/`: which release has which, and where their places are.

`<digest>.places` holds what a map tells, `releases/<md5 of the release>.json` which of them are a release's, under which service and
name. A release is written in one durable step behind its places, so that whoever reads it finds them; what no release names is removed
by the next who changes anything. Readers need no lock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ..durable import fsync_file, fsync_folder, hand_over, make_folder, write_file
from ..locks import locked
from .compiler import SourceMapError

MOST_OF_A_RELEASE: Final = 5_000
"""Maps. The largest applications have some hundred chunks; each is looked through for every new stack."""


class TooManyMapsError(ValueError):
    """A release would have more maps than one may."""


@dataclass(frozen=True, slots=True)
class StoredMap:
    """A source map of a release.

    Attributes:
        release: the `service.version` that its service reports.
        service: whose it is; empty: any service's.
        name: of the minified file, as `~/assets/main.js`.
        digest: of map and minified file, 32 hex digits.
        debug_id: of the minified file, lower case; empty where it has none. It is shown, and files are found by release and name.
        bytes: of the map.
        positions: that it tells the source of.
        sources: how many there are.
        functions: how many names of functions are known.
        uploaded_at: ISO 8601, UTC.
    """

    release: str
    service: str
    name: str
    digest: str
    debug_id: str
    bytes: int
    positions: int
    sources: int
    functions: int
    uploaded_at: str


class SourceMapStore:
    """The folder of a pond.

    Args:
        pond: the pond's directory.
    """

    def __init__(self, pond: Path) -> None:
        self._pond = pond
        self.folder = pond / "sourcemaps"
        self._releases = self.folder / "releases"
        self._changes = self.folder / "changed"

    def state(self) -> tuple[int, int]:
        """Another one whenever a release has changed; (0, 0) while there never was any. Costs one look at one file."""
        try:
            status = self._changes.stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_ino, status.st_mtime_ns

    def of_release(self, release: str) -> list[StoredMap]:
        """Its maps, in order of service and name.

        Raises:
            SourceMapError: what is noted of the release is damaged.
        """
        return _read(self._path(release))

    def all(self) -> list[StoredMap]:
        """Every map, the release that was uploaded last at the end; those of a damaged release are left out."""
        found = [maps for path in self._paths() if (maps := _readable(path))]
        return [stored for maps in sorted(found, key=lambda maps: max(stored.uploaded_at for stored in maps)) for stored in maps]

    def damaged(self) -> dict[Path, str]:
        """The files of releases that cannot be read, and what is to be said of each."""
        said: dict[Path, str] = {}
        for path in self._paths():
            try:
                _read(path)
            except SourceMapError as error:
                said[path] = str(error)
        return said

    def places(self, digest: str) -> Path:
        """Where what a map tells is."""
        return self.folder / f"{digest}.places"

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile, and what no release names is removed."""
        make_folder(self._releases)
        hand_over(self.folder, self._pond)
        hand_over(self._releases, self._pond)
        with locked(self.folder / ".lock"):
            self._sweep()
            yield

    def keep(self, written: Path, digest: str) -> None:
        """Take a finished file of places in, durably."""
        hand_over(written, self._pond)
        fsync_file(written)
        written.replace(self.places(digest))
        fsync_folder(self.folder)

    def add(self, maps: Collection[StoredMap]) -> None:
        """Let a release have these maps, instead of those of the same service and name; durably. What is damaged of it is replaced.

        Raises:
            TooManyMapsError: they would be too many.
        """
        for release in {stored.release for stored in maps}:
            of_release = {(stored.service, stored.name): stored for stored in _readable(self._path(release))}
            of_release |= {(stored.service, stored.name): stored for stored in maps if stored.release == release}
            if len(of_release) > MOST_OF_A_RELEASE:
                raise TooManyMapsError(f"release {release} would have {len(of_release)} source maps, {MOST_OF_A_RELEASE} at most are kept")
            self._write(release, of_release.values())
        self._note()

    def remove(self, maps: Collection[StoredMap]) -> None:
        """Have these maps no more; stacks that they resolved stay as they are."""
        for release in {stored.release for stored in maps}:
            kept = [stored for stored in self.of_release(release) if stored not in maps]
            if kept:
                self._write(release, kept)
            else:
                self._path(release).unlink(missing_ok=True)
                fsync_folder(self._releases)
        self._note()
        self._sweep()

    def _write(self, release: str, maps: Iterable[StoredMap]) -> None:
        ordered = sorted(maps, key=lambda stored: (stored.service, stored.name))
        write_file(self._path(release), json.dumps([asdict(stored) for stored in ordered]).encode())
        hand_over(self._path(release), self._pond)

    def _note(self) -> None:
        """Let readers see that something has changed: the time of a folder may stay the same over two changes."""
        write_file(self._changes, datetime.now(UTC).isoformat().encode())
        hand_over(self._changes, self._pond)

    def _sweep(self) -> None:
        """Remove the places that no release names; all stay while a damaged one may name them."""
        named = {self.places(stored.digest) for stored in self.all()}
        places = set() if self.damaged() else {*self.folder.glob("*.places")}
        for path in {*places, *self.folder.glob(".*.tmp")} - named:
            path.unlink()

    def _path(self, release: str) -> Path:
        return self._releases / f"{hashlib.md5(release.encode(), usedforsecurity=False).hexdigest()}.json"

    def _paths(self) -> list[Path]:
        return sorted(self._releases.glob("[0-9a-f]*.json"))


def _read(path: Path) -> list[StoredMap]:
    """The maps of a release; none where there are none."""
    try:
        return [_stored(noted) for noted in json.loads(path.read_bytes())]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SourceMapError(f"{path} is damaged ({type(error).__name__}): remove it, and upload the maps of that release again") from None


def _readable(path: Path) -> list[StoredMap]:
    """The same; none where the file is damaged."""
    try:
        return _read(path)
    except SourceMapError:
        return []


def _stored(noted: Any) -> StoredMap:
    """What is noted of a map; what a later version has noted beside it is left out."""
    values = {field.name: noted[field.name] for field in fields(StoredMap)}
    if any(type(values[field.name]).__name__ != field.type for field in fields(StoredMap)):
        raise TypeError("a value of another type")
    return StoredMap(**values)
