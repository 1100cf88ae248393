"""What a service is called and which release of it runs, where nobody said so; pure but for reading files of the working directory."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PLATFORM_VARIABLES = (
    "SENTRY_RELEASE",
    "HEROKU_RELEASE_VERSION",
    "HEROKU_SLUG_COMMIT",
    "SOURCE_VERSION",
    "K_REVISION",
    "RENDER_GIT_COMMIT",
    "RAILWAY_GIT_COMMIT_SHA",
    "VERCEL_GIT_COMMIT_SHA",
    "CODEBUILD_RESOLVED_SOURCE_VERSION",
    "GIT_COMMIT",
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
)
"""Where platforms say which release they run."""

RUNNERS = frozenset({"uvicorn", "gunicorn", "hypercorn", "granian", "daphne", "celery", "flask", "fastapi", "waitress-serve", "uwsgi"})
UNTOLD = frozenset({"", "-", "__main__", "main", "app", "manage", "run", "server", "wsgi", "asgi"})
"""Names of files that do not say what a service is: the folder's name does."""


def working_directory() -> Path:
    """That of this process; the root where it has been removed."""
    try:
        return Path.cwd()
    except OSError:
        return Path("/")


def service_name(command: Sequence[str], directory: Path) -> str:
    """What a command runs: `uvicorn shop:app` is `shop`, `python -m shop.worker` is `shop.worker`, `python jobs/mail.py` is `mail`."""
    words = [word for word in command if word]
    if words and re.fullmatch(r"(python|pypy)[\d.]*(\.exe)?", Path(words[0]).name):
        words = words[1:]
        while words and words[0].startswith("-") and words[0] not in {"-m", "-c"}:
            words = words[2:] if words[0] in {"-X", "-W"} else words[1:]
        if words[:1] == ["-c"]:
            words = []
        elif words[:1] == ["-m"]:
            words = words[1:]
    if not words:
        return directory.name or "python"
    name = Path(words[0]).name.removesuffix(".exe").removesuffix(".py")
    if name in RUNNERS:
        name = _application(words[1:]) or ""
    return (directory.name or name) if name in UNTOLD else name


def _application(words: Sequence[str]) -> str | None:
    """The module of the application that a server runs, from its arguments."""
    for option in ("-A", "--app"):
        for place, word in enumerate(words):
            if word == option and place + 1 < len(words):
                return _module(words[place + 1])
            if word.startswith(f"{option}="):
                return _module(word.partition("=")[2])
    named = next((word for word in words if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*(\(.*\))?", word)), None)
    named = named or next((word for word in words if word.endswith(".py") and not word.startswith("-")), None)
    return _module(named) if named else None


def _module(application: str) -> str:
    path = application.partition(":")[0].removesuffix(".py").replace("/", ".").strip(".")
    words = [word for word in path.split(".") if word not in UNTOLD]
    return words[0] if words else ""


def service_version(service: str, directory: Path, environment: Mapping[str, str] | None = None) -> str:
    """The release: from the platform, the installed package of that name, `pyproject.toml`, or Git; else `unknown`."""
    given = os.environ if environment is None else environment
    told = next((given[name] for name in PLATFORM_VARIABLES if given.get(name)), None)
    return told or _of_package(service) or _of_project(directory) or _of_git(directory) or "unknown"


def _of_package(name: str) -> str | None:
    with suppress(PackageNotFoundError, ValueError):
        return version(name)
    return None


def _of_project(directory: Path) -> str | None:
    with suppress(OSError, ValueError, AttributeError):
        project = tomllib.loads((directory / "pyproject.toml").read_text(encoding="utf-8"))
        found = project.get("project", {}).get("version") or project.get("tool", {}).get("poetry", {}).get("version")
        return str(found) if found else None
    return None


def _of_git(directory: Path) -> str | None:
    """The commit that is checked out, read from the files: Git itself may not be there."""
    with suppress(OSError, ValueError):
        folder = next((parent / ".git" for parent in (directory, *directory.parents) if (parent / ".git").is_dir()), None)
        if folder is None:
            return None
        head = (folder / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head[:40]
        name = head.removeprefix("ref: ")
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8").strip()[:40]
        packed = (folder / "packed-refs").read_text(encoding="utf-8")
        return next((line.split()[0][:40] for line in packed.splitlines() if line.endswith(f" {name}")), None)
    return None
