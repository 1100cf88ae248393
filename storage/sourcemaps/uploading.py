"""Stores the source maps of a release: `otelpond sourcemaps upload` hands over what a build has left."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from .artifacts import Artifact, debug_id
from .compiler import Compiled, Compiler, SourceMapError
from .store import SourceMapStore, StoredMap

_FORM: Final = b"1"
"""Of the files of places; part of their digests, so that those of another form are made anew."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What became of an upload.

    Attributes:
        stored: maps that the release has now.
        problems: of each artifact that was left out, or whose functions have no names: what and why; and what is damaged of the store.
        failed: how many were left out.
    """

    stored: list[StoredMap] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def upload(
    store: SourceMapStore,
    artifacts: Sequence[Artifact],
    release: str,
    service: str,
    *,
    now: datetime,
    tell: Callable[[str], None] = lambda _: None,
) -> Upload:
    """Make maps ready and let a release have them, durably when this returns; what cannot be used is left out and costs nothing else.

    Args:
        store: of the pond.
        artifacts: of one build.
        release: the `service.version` that it reports.
        service: whose it is; empty: any service's.
        now: when it is uploaded.
        tell: is told each artifact's name before it is read.

    Raises:
        TooManyMapsError: the release would have too many maps; none of these is kept.
    """
    done = Upload()
    with store.changing(), Compiler() as compiler:
        known = {stored.digest: stored for stored in store.all()}
        for artifact in artifacts:
            tell(artifact.name)
            try:
                made = _made(store, compiler, artifact, known)
            except (SourceMapError, OSError) as error:
                done.failed.append(str(error))
                continue
            stored = replace(
                made.stored, release=release, service=service, name=artifact.name, uploaded_at=now.isoformat(timespec="seconds")
            )
            known[stored.digest] = stored
            if stored.positions:
                done.stored.append(stored)
            if made.problem:
                done.problems.append(f"{artifact.name}: {made.problem}")
        damaged = store.damaged()
        store.add(done.stored)
        left = store.damaged()
        done.problems.extend(f"{path} was damaged: it has the maps of this upload only" for path in damaged.keys() - left.keys())
        done.problems.extend(left.values())
    return done


@dataclass(frozen=True, slots=True)
class _Made:
    stored: StoredMap
    problem: str = ""


def _made(store: SourceMapStore, compiler: Compiler, artifact: Artifact, known: dict[str, StoredMap]) -> _Made:
    """Places of an artifact, made or found; without release, service and name."""
    source_map, minified = artifact.contents()
    digest = hashlib.sha256(b"\0".join((_FORM, hashlib.sha256(source_map).digest(), minified or b""))).hexdigest()[:32]
    if digest in known and store.places(digest).exists():
        return _Made(known[digest])
    attempt = secrets.token_hex(4)  # the child of an upload that was killed may still be writing
    target, read = store.folder / f".{digest}.{attempt}.tmp", artifact.source_map
    if read is None:
        read = store.folder / f".{digest}.{attempt}.map.tmp"
        read.write_bytes(source_map)
    compiled = compiler.compile(read, artifact.minified, target)
    store.keep(target, digest)
    counts = {"positions": compiled.positions, "sources": compiled.sources, "functions": compiled.functions}
    stored = StoredMap("", "", "", digest, debug_id(source_map, minified), len(source_map), **counts, uploaded_at="")
    return _Made(stored, _problem(compiled))


def _problem(compiled: Compiled) -> str:
    """What its uploader should know; empty where nothing is wrong."""
    if not compiled.positions:
        return "left out: its map tells the source of no place"
    return f"functions have no names: {compiled.problem}" if compiled.problem else ""
