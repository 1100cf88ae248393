"""Libraries are instrumented when the service imports them, not before: what it does not use costs it nothing at the start."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from types import ModuleType

from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts
from packaging.requirements import Requirement
from wrapt import register_post_import_hook

from .guard import say_once, skipped


def when_imported(module: str, act: Callable[[ModuleType], object], what: str = "") -> None:
    """Call `act` with a module as soon as it has been imported, at once where it was before; what goes wrong in it is said once.

    Args:
        module: its whole name, as `sqlalchemy` or `celery.app`.
        act: what to do then, in the thread that imports it.
        what: what the line is about where it fails; the module unless given.
    """

    def guarded(imported: ModuleType) -> None:
        with skipped(what or f"the instrumentation of {module}"):
            act(imported)

    register_post_import_hook(guarded, module)


def libraries(instrumentor: Distribution) -> list[str] | None:
    """The modules an instrumentation package is for, of those installed; None where it does not say what it is for."""
    wanted = [Requirement(line) for line in instrumentor.requires or () if "instruments" in line]
    if not wanted:
        return None
    modules: list[str] = []
    for requirement in wanted:
        modules += _modules(requirement.name)
    return modules


def fits(instrumentor: Distribution, name: str) -> bool:
    """Whether the library is installed, in a version that the package takes; one that it does not take is said."""
    conflict = get_dist_dependency_conflicts(instrumentor)
    if conflict is not None and (conflict.found or conflict.found_any):
        say_once(f"the instrumentation of {name} is skipped: {conflict}")
    return conflict is None


def _modules(name: str) -> list[str]:
    """The top-level modules of an installed distribution."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return []
    listed = installed.read_text("top_level.txt")
    if listed:
        return [line for line in listed.split() if not line.startswith("_")]
    folders = {file.parts[0].removesuffix(".py") for file in installed.files or () if file.suffix == ".py" and ".." not in file.parts}
    return sorted(folder for folder in folders if folder.isidentifier() and not folder.startswith("_"))
