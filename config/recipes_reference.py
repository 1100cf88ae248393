"""The text of storage/recipes/README.md, made from the recipes and the catalogue's named usages; `config.reference` writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path

from ..storage.events.catalogue import Catalogue
from ..storage.recipes import Recipe

HEAD = """# Recipes

Statements that answer one question each, generated from the `.sql` files in this folder: do not edit, run `make docs`.

`otelpond recipes run NAME` asks one, `otelpond recipes show NAME` prints it, to be changed and pasted wherever the pond is open. `--since`
and `--until` choose the UTC days that it looks at: what goes back further, such as the first visit of a person, is then looked for in
those days alone. `--timezone` says in which days and hours are told, `--set` sets parameters. In a shell of DuckDB that is
`set timezone = 'Europe/Berlin'; set variable top = 5;`.

What is counted is what is stored: where events are sampled, by session and therefore whole, shares and averages are right and numbers
of people and events are those of the sample.
"""


def recipes_reference(recipes: Mapping[str, Recipe], catalogue: Catalogue, views: Iterable[Path]) -> str:
    """Every recipe with its definitions, what the views that several of them read hold, and which recipes answer which named usage.

    Args:
        recipes: by name.
        catalogue: whose usages are listed.
        views: files of views that are no documented tables.
    """
    contents = "\n".join(f"- [`{recipe.name}`](#{recipe.name}): {recipe.title}" for recipe in recipes.values())
    sections = "".join(_section(recipe) for recipe in recipes.values())
    usages = "\n".join(_usages(recipes, catalogue))
    read = "".join(_view(path) for path in views if any(path.stem in recipe.sql for recipe in recipes.values()))
    sections += f"\n## Views that several of them read\n{read}"
    return f"{HEAD}\n{contents}\n{sections}\n## Named usages of the catalogue\n\n| Usage | | Recipes |\n|---|---|---|\n{usages}\n"


def _section(recipe: Recipe) -> str:
    parameters = ", ".join(f"`{name}` ({default})" for name, default in recipe.parameters.items())
    return f"\n## {recipe.name}\n\n{recipe.comment}\n" + (f"\nParameters, with their defaults: {parameters}.\n" if parameters else "")


def _view(path: Path) -> str:
    comment = "\n".join(line[2:].strip() for line in takewhile(_is_comment, path.read_text(encoding="utf-8").splitlines()))
    return f"\n### {path.stem}\n\n{comment}\n"


def _is_comment(line: str) -> bool:
    return line.startswith("--")


def _usages(recipes: Mapping[str, Recipe], catalogue: Catalogue) -> Iterator[str]:
    for event in catalogue.events.values():
        for number, text in enumerate(event.usages, 1):
            usage = f"U-{event.name}-{number}"
            names = ", ".join(f"[`{recipe.name}`](#{recipe.name})" for recipe in recipes.values() if usage in recipe.usages)
            yield f"| `{usage}` | {text} | {names} |"
