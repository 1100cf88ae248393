"""What a build has left: minified files and the source map of each, found among files and folders; `uploading` stores them.

Nothing is opened but what was named or lies in a folder that was: a file that says its map is elsewhere is not followed there.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from .compiler import SourceMapError

MOST_BYTES: Final = 64 << 20
"""Of a map or a minified file; the largest applications' are of 30 MB."""
MOST_FILES: Final = 20_000
_SCRIPTS: Final = (".js", ".mjs", ".cjs")
_SKIPPED: Final = frozenset({"node_modules", ".git"})
_MAP_COMMENT: Final = re.compile(rb"\s{0,9}(?://|/\*)[#@] sourceMappingURL=([^\s*]+)")
_LAST_LINES: Final = 5
"""Of a minified file; the comment that names its map is one of them."""
_DEBUG_ID: Final = re.compile(rb"# debugId=([0-9a-fA-F-]{32,36})")
_DEBUG_ID_OF_MAP: Final = re.compile(rb'"debug_?[iI]d"\s{0,4}:\s{0,4}"([0-9a-fA-F-]{32,36})"')
_TAIL: Final = 1_024
ANY_PREFIX: Final = "~/"
"""Of names where nobody says where the files are served."""
_NEXT_BUILT: Final = (".next", "static")
NEXT_SERVED: Final = "_next/static"
"""Where Next.js serves what it has built into `.next/static`."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A minified file of a build.

    Attributes:
        name: prefix and path below what was named, as `~/assets/main.js`.
        source_map: its map's file; None where the minified file itself holds it.
        minified: the file; None where only its map was named.
        is_of_next: whether the name is the one under which Next.js serves the file.
    """

    name: str
    source_map: Path | None
    minified: Path | None
    is_of_next: bool = False

    def contents(self) -> tuple[bytes, bytes | None]:
        """Of map and minified file.

        Raises:
            SourceMapError: one of them is too large, or the map in it is none.
        """
        minified = None if self.minified is None else _read(self.minified)
        if self.source_map is not None:
            return _read(self.source_map), minified
        return _inline(self.name, _said_map(minified or b"")), minified


def debug_id(source_map: bytes, minified: bytes | None) -> str:
    """The id that a bundler has put into both, lower case; empty where it has not."""
    ends = (source_map[:_TAIL], source_map[-_TAIL:])
    found = _DEBUG_ID.search(minified[-_TAIL:]) if minified else None
    found = found or next(filter(None, map(_DEBUG_ID_OF_MAP.search, ends)), None)
    return found[1].decode().lower() if found else ""


def find(paths: Sequence[Path], prefix: str) -> list[Artifact]:
    """The minified files that have a map, in order of name, each with it.

    Args:
        paths: files, and folders that are searched.
        prefix: of the names; `ANY_PREFIX` lets files of Next.js have the names that they are served under.

    Raises:
        SourceMapError: a path is not there, or there are too many files.
    """
    names = dict(_files(paths))
    if len(names) > MOST_FILES:
        raise SourceMapError(f"{len(names)} files; {MOST_FILES} at most are looked at: name the folder of the build")
    maps = {path for path in names if path.suffix == ".map"}
    found, taken = [], set()
    for script in (path for path in names if path.suffix in _SCRIPTS):
        source_map, is_inline = _map_of(script, maps)
        if source_map is not None or is_inline:
            found.append(_artifact(prefix, names[script], source_map, script))
            taken.add(source_map)
    for alone in maps - taken:
        name = names[alone].removesuffix(".map")
        if name.endswith(_SCRIPTS):
            found.append(_artifact(prefix, name, alone, None))
    return sorted(found, key=lambda artifact: artifact.name)


def _artifact(prefix: str, name: str, source_map: Path | None, minified: Path | None) -> Artifact:
    parts = (minified or source_map or Path()).parts
    built = next((place for place in range(len(parts) - 2, 0, -1) if parts[place - 1 : place + 1] == _NEXT_BUILT), 0)
    if prefix == ANY_PREFIX and built:
        below = "/".join((*parts[built + 1 : -1], name.rpartition("/")[2]))
        return Artifact(f"{prefix}{NEXT_SERVED}/{below}", source_map, minified, is_of_next=True)
    return Artifact(f"{prefix}{name}" if prefix.endswith("/") else f"{prefix}/{name}", source_map, minified)


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Scripts and maps, and what each is called below the path that was named; links in folders are not followed."""
    for path in paths:
        if path.is_dir():
            for folder, folders, files in os.walk(path):
                folders[:] = sorted(set(folders) - _SKIPPED)
                for file in (Path(folder, name) for name in files if name.endswith((*_SCRIPTS, ".map"))):
                    if file.is_file() and not file.is_symlink():
                        yield file.absolute(), file.relative_to(path).as_posix()
        elif path.is_file():
            yield path.absolute(), path.name
        else:
            raise SourceMapError(f"{path}: there is no such file or folder")


def _map_of(script: Path, maps: set[Path]) -> tuple[Path | None, bool]:
    """The file of a script's map among those that were named, and whether the script holds it itself, or cannot be read to know."""
    beside = script.with_name(f"{script.name}.map")
    try:
        said = _said_map(_end(script))
    except OSError:
        return (beside, False) if beside in maps else (None, True)
    if said.startswith("data:"):
        return (beside, False) if beside in maps and not _is_map(said) else (None, True)
    told = script.parent / unquote(said.partition("?")[0].rpartition("://")[2]) if said else beside
    for path in (Path(os.path.normpath(told)), script.parent / told.name, beside):
        if path in maps:
            return path, False
    return None, False


def _said_map(minified: bytes) -> str:
    """Where a minified file says its map is; empty where it does not."""
    lines = minified.rstrip().rsplit(b"\n", _LAST_LINES)[-_LAST_LINES:]
    found = next(filter(None, map(_MAP_COMMENT.match, reversed(lines))), None)
    return found[1].decode("utf-8", "replace") if found else ""


def _is_map(said: str) -> bool:
    """Whether what a minified file holds can be decoded."""
    try:
        return bool(_inline("", said))
    except SourceMapError:
        return False


def _end(path: Path) -> bytes:
    """As much of a file's end as is read of any."""
    with path.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - MOST_BYTES, 0))
        return file.read(MOST_BYTES)


def _inline(name: str, said: str) -> bytes:
    head, _, content = said.partition(",")
    try:
        return base64.b64decode(content, validate=True) if head.endswith(";base64") else unquote(content).encode()
    except (binascii.Error, ValueError):
        raise SourceMapError(f"{name}: the source map that it holds is no base64") from None


def _read(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise SourceMapError(f"{path}: {size:,} bytes; {MOST_BYTES:,} at most are read")
    return path.read_bytes()
