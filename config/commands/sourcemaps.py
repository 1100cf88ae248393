"""`otelpond sourcemaps`: the source maps of releases, which give minified JavaScript stacks the places of their sources."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...storage.lake.parquet import LakeError
from ...storage.query import POND
from ...storage.sourcemaps.artifacts import NEXT_SERVED, find
from ...storage.sourcemaps.compiler import SourceMapError
from ...storage.sourcemaps.late import remap
from ...storage.sourcemaps.mapping import LOOKS_EVERY_S
from ...storage.sourcemaps.store import SourceMapStore, StoredMap, TooManyMapsError
from ...storage.sourcemaps.uploading import Upload
from ...storage.sourcemaps.uploading import upload as store_maps
from ..errors import CommandError
from ..issues.texts import line
from ..pond import open_grouper, open_lake
from ..settings import Settings
from ..sources import load
from .freshness import publish, running_collector
from .tenant import pond_of

_LONGEST_RELEASE: Final = 250
_SHOWN: Final = ("release", "service", "name", "positions", "sources", "functions", "bytes", "debug_id", "uploaded_at")


def upload(
    paths: Sequence[Path], config: Path | None, options: Mapping[str, Any], tenant: str, *, release: str, service: str, prefix: str
) -> None:
    """Keep the maps of a build for a release; stacks of it that are stored already are resolved too.

    Args:
        paths: files, and folders that are searched.
        config: the configuration file.
        options: settings given on the command line.
        tenant: whose pond it is.
        release: the `service.version` that the service reports.
        service: whose it is; empty: any service's.
        prefix: of the names, as `~/`.

    Raises:
        CommandError: no map was found, or one of them cannot be used; the others are kept.
    """
    _check_release(release)
    store = _store(config, options, tenant)
    try:
        artifacts = find(paths, prefix)
    except SourceMapError as error:
        raise CommandError(str(error), exit_code=2) from None
    if not artifacts:
        where = ", ".join(map(str, paths))
        raise CommandError(f"{where}: no source map; expected such as main.js with main.js.map beside it, as bundlers write on request")
    try:
        with Console(file=sys.stderr).status("") as status:
            done = store_maps(store, artifacts, release, service, now=datetime.now(UTC), tell=lambda name: status.update(Text(line(name))))
    except TooManyMapsError as error:
        raise CommandError(str(error)) from None
    if of_next := sum(artifact.is_of_next for artifact in artifacts):
        print(f"{of_next} files of .next/static are named {NEXT_SERVED}, where Next.js serves them; --url-prefix says otherwise")
    resolved = _resolved(load(config, options), tenant, release, service) if done.stored else 0
    _tell(done, release, resolved)


def _store(config: Path | None, options: Mapping[str, Any], tenant: str) -> SourceMapStore:
    """Of a pond that is there.

    Raises:
        CommandError: it is not.
    """
    pond = pond_of(load(config, options).data.absolute(), tenant)
    if not pond.is_dir():
        raise CommandError(f"{pond}: there is no such directory; --data names that of the collector")
    return SourceMapStore(pond)


def _resolved(settings: Settings, tenant: str, release: str, service: str) -> int:
    """Resolve what is stored already; how many stacks that are. A running collector publishes first what it read before it saw the maps."""
    pond = pond_of(settings.data.absolute(), tenant)
    if running_collector(settings.data) is not None:
        time.sleep(2 * LOOKS_EVERY_S)
        publish(settings.data, tenant)
    if not (pond / POND).is_file():
        return 0
    try:
        return remap(open_lake(settings, tenant), open_grouper(settings), release, service)
    except LakeError as error:
        raise CommandError(f"the source maps are kept, but stacks that are stored already are not resolved: {error}") from None


def _check_release(release: str) -> None:
    if not release.strip() or len(release) > _LONGEST_RELEASE or not release.isprintable():
        raise CommandError(f"--release {release!r}: expected what the service reports as service.version, such as 1.4.2", exit_code=2)


def _tell(done: Upload, release: str, resolved: int) -> None:
    for problem in done.problems:
        print(f"otelpond: {line(problem, 1_000)}", file=sys.stderr)
    print(f"{len(done.stored)} source maps of release {release} are kept, {resolved} stored stacks are resolved")
    if done.failed:
        raise CommandError("\n".join([*(line(failed, 1_000) for failed in done.failed), f"{len(done.failed)} source maps were left out"]))


def list_all(config: Path | None, options: Mapping[str, Any], tenant: str, release: str | None, form: str) -> None:
    """Print the maps that a pond has, or a release, by release, service and name.

    Args:
        config: the configuration file.
        options: settings given on the command line.
        tenant: whose pond it is.
        release: the only one that is shown; None: all.
        form: table or json.

    Raises:
        CommandError: there is no pond, or what is noted of a release is damaged; the others are printed.
    """
    store = _store(config, options, tenant)
    try:
        found = store.all() if release is None else store.of_release(release)
    except SourceMapError as error:
        raise CommandError(str(error)) from None
    if form == "json":
        print(json.dumps([asdict(stored) for stored in found], indent=2))
    else:
        _print(found)
    if release is None and (damaged := store.damaged()):
        raise CommandError("\n".join(line(said, 1_000) for said in damaged.values()))


def _print(found: Iterable[StoredMap]) -> None:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for header in _SHOWN:
        grid.add_column(header, justify="right" if header in {"positions", "sources", "functions", "bytes"} else "left", overflow="fold")
    for stored in found:
        grid.add_row(*(f"{value:,}" if isinstance(value, int) else line(value) for value in (getattr(stored, name) for name in _SHOWN)))
    console = Console(file=sys.stdout, highlight=False, markup=False, width=None if sys.stdout.isatty() else 200)
    console.print(grid if found else "there are no source maps: `otelpond sourcemaps upload --release R FOLDER` keeps those of a build")


def delete(
    config: Path | None, options: Mapping[str, Any], tenant: str, *, release: str, service: str | None, names: Iterable[str]
) -> None:
    """Have maps of a release no more; what they resolved stays resolved.

    Raises:
        CommandError: there is no pond, or there are none of these.
    """
    store = _store(config, options, tenant)
    wanted = set(names)
    with store.changing():
        try:
            of_release = store.of_release(release)
        except SourceMapError as error:
            raise CommandError(str(error)) from None
        removed = [stored for stored in of_release if service in {None, stored.service} and (not wanted or stored.name in wanted)]
        _check_found(removed, wanted, release)
        store.remove(removed)
    print(f"{len(removed)} source maps of release {release} are deleted")


def _check_found(removed: Iterable[StoredMap], wanted: set[str], release: str) -> None:
    found = {stored.name for stored in removed}
    if missing := sorted(wanted - found):
        raise CommandError(
            f"{', '.join(missing)}: release {release} has no such source map; `otelpond sourcemaps list` shows them", exit_code=2
        )
    if not found:
        raise CommandError(f"release {release} has no such source maps; `otelpond sourcemaps list` shows all", exit_code=2)
