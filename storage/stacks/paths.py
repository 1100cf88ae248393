r"""Paths of source files without what only the deployment decides; the readers ask once a distinct path.

`/srv/releases/20261120/shop/orders.py`, `C:\work\shop\orders.py` and `/app/shop/orders.py` are all `shop/orders.py`, and
`https://host/assets/main.3f2a9c.js` is `main.js`, so that a path means the same on every host and in every release.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from .remembered import remembered

_LONGEST: Final = 2_048
_LONGEST_FOLDER: Final = 255
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:/{2,3}")
_WITHOUT_HOST: Final = frozenset({"file", "app", "webpack", "webpack-internal", "node"})
_DRIVE: Final = re.compile(r"[A-Za-z]:/|//[^/]+/[^/]+/")

_DATE: Final = r"20[0-9]{2}[-_.]?[01][0-9][-_.]?[0-3][0-9](?:[-_.T]?[0-9]{1,12}){0,4}Z?"
_VERSION: Final = r"v?[0-9]{1,9}(?:\.[0-9]{1,9}){1,4}(?:[-+.][A-Za-z0-9.+-]{1,40})?"
_HASH: Final = r"(?=[a-f]{0,63}[0-9])(?=[0-9]{0,63}[a-f])[0-9a-f]{7,64}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_RELEASE: Final = re.compile(
    rf"current|(?:[A-Za-z][A-Za-z0-9_.]{{0,80}}[-_])?(?:{_DATE}|{_VERSION}|{_HASH}|[0-9]{{8,20}})|_MEI[0-9A-Za-z]{{5,8}}"
)
"""A folder that is another for each release, or a link to it."""

_ROOT: Final = re.compile(
    r"(?:/private)?(?:/var)?/tmp/tmp[a-z0-9_]{4,12}/"
    r"|/home/site/wwwroot/|/home/runner/work/[^/]+/[^/]+/|/builds/[^/]+/[^/]+/|/a/[0-9]+/s/|/github/workspace/"
    r"|/var/lib/jenkins/workspace/[^/]+/|/var/(?:task|runtime)/|/var/www/(?:html/)?|/nix/store/[^/]+/|/usr/(?:local/)?(?:src/)?(?:app/)?"
    r"|/(?:home|Users|workspaces|Documents and Settings|apps)/[^/]+/|/inetpub/(?:wwwroot/)?"
    r"|/(?:app|code|root|srv|opt|source|build|data|tmp|private|mnt|www|web|workspace|work|service|deploy|function|project)/|/"
)
_SHELVES: Final = re.compile(
    r"(?:(?<=/)|\A)(?:(?:[Pp]rojects?|repos?|repositories|[Cc]ode|dev|git|work|workspace|source|Documents|Desktop|sites|public_html)/){1,4}[^/]+/(?=[^/]+/)"
)
"""Folders that hold projects, and a project's own where there are folders in it."""
_PUBLIC: Final = re.compile(r"(?:(?<=/)|\A)(?:(?:assets|static|js|dist|build|public|_next|_nuxt|chunks|bundles?|scripts|packs)/)+")

_SCRIPT: Final = re.compile(r"\.(?:[cm]?[jt]sx?|vue|svelte|wasm)\Z")
_ID: Final = re.compile(
    r"(?:(?<=/)|\A)(?:[0-9]{1,40}|(?=[a-f]{0,63}[0-9])[0-9a-f]{8,64}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})(?=/|\Z)"
)
"""A folder of a page's address that is another for each page."""

_NAME_HASH: Final = re.compile(
    r"[.-](?:(?=[a-f]{0,63}[0-9])(?=[0-9]{0,63}[a-f])[0-9a-f]{6,64}|[0-9]{8,20}"
    r"|(?=[A-Za-z_-]{0,7}[0-9_]|(?:[a-z_-]{0,7}[A-Z]){3})[A-Za-z0-9_-]{8}"
    r"|(?<=-)(?=[a-z_-]{0,6}[A-Z][a-z_-]{0,6}[A-Z])[A-Za-z_-]{8}(?=\.js)"
    r"|(?<=chunk-)[A-Z0-9]{8}|v?[0-9]{1,6}(?:\.[0-9]{1,6}){1,3})"
    r"(?=\.)"
)
"""What bundlers put into names: hexadecimal digests, eight characters of base 64 or 32, and versions."""


@remembered
def plain_path(path: str) -> str:
    """The path without scheme, host, query, drive, deployment folders and digests in its name; with `/` between its parts."""
    path = path[:_LONGEST]
    path, of_host = _without_scheme(path.replace("\\", "/"))
    path = _without_drive(path)
    folders, slash, name = path.rpartition("/")
    if not of_host:
        return _within(folders + slash) + without_digest(name)
    return _PUBLIC.sub("", _loaded(folders + slash, name), count=1)


def _loaded(folders: str, name: str) -> str:
    """Folders and name of what a host sent: scripts without their release, pages without ids."""
    if not _SCRIPT.search(name):
        return _ID.sub("{id}", folders + name)
    below = _below_release([part[:_LONGEST_FOLDER] for part in folders.split("/")])
    return (folders if below is None else below) + without_digest(name)


def without_digest(name: str) -> str:
    """A file's name without what a bundler put into it."""
    return _NAME_HASH.sub("", name)


def _without_scheme(path: str) -> tuple[str, bool]:
    """A URL's path, and whether it came from a host, as what browsers load does. What a blob is called is drawn by lot."""
    if path.startswith("blob:"):
        return "blob", True
    found = _SCHEME.match(path)
    if found is None:
        return _relative(path), False
    scheme = found[0].partition(":")[0]
    rest = path[found.end() :].partition("?")[0].partition("#")[0]
    if scheme in {"webpack", "webpack-internal"}:
        _, dot, inner = rest.partition("./")
        return (inner if dot else rest).lstrip("./"), False
    if scheme in _WITHOUT_HOST:
        return rest if scheme == "file" and _DRIVE.match(rest) else "/" + rest, False
    return rest.partition("/")[2], True


def _relative(path: str) -> str:
    while path.startswith(("./", "../")):
        path = path.partition("/")[2]
    return path.partition("?")[0]


def _without_drive(path: str) -> str:
    found = _DRIVE.match(path)
    return path if found is None else path[found.end() - 1 :]


def _within(folders: str) -> str:
    """Folders below the one in which the service was put, and below `src`, which is how a repository is laid out."""
    if folders.startswith("/"):
        folders = _deployed(folders)
    return ("/" + folders).rpartition("/src/")[2].lstrip("/")


def _deployed(folders: str) -> str:
    parts = [part[:_LONGEST_FOLDER] for part in folders.split("/")]
    below = _below_release(parts)
    if below is not None:
        return below
    if "/app.asar" in folders:
        return folders.rpartition("/app.asar")[2].partition("/")[2]
    folders = "/".join(parts)
    root = _ROOT.match(folders)
    below = folders[root.end() :] if root is not None else folders
    return _without_project(_SHELVES.sub("", below, count=1))


def _below_release(parts: Sequence[str]) -> str | None:
    """What is below the innermost folder that is named by a release; None where there is none."""
    for at in range(len(parts) - 2, -1, -1):
        if _RELEASE.fullmatch(parts[at]):
            return "/".join(parts[at + 1 :])
    return None


def _without_project(folders: str) -> str:
    """Without a project's folder in which lies the package that gave it its name, as in `shop-server/shop/`."""
    parts = folders.split("/")
    for at, (folder, inner) in enumerate(pairwise(parts)):
        if inner and folder.startswith(inner):
            return "/".join(parts[:at] + parts[at + 1 :])
    return folders
