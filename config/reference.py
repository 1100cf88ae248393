"""Writes the references that repeat the program into the READMEs of config, instrumentation and, in storage, tables, recipes and events.

`python -m otelpond.config.reference` in a checkout writes them anew, with `--check` it only says which are stale.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ..instrumentation import parts
from ..instrumentation.settings import Settings as InstrumentationSettings
from ..storage.events.catalogue import CATALOGUE_FOLDER, load_catalogue
from ..storage.events.documentation import catalogue_reference
from ..storage.query import VIEWS_FOLDER
from ..storage.recipes import load_recipes
from ..storage.schema import TableSchema, load_tables
from .alerts import AlertRule
from .cli import app
from .notify import Notify
from .operations.metrics import METRICS
from .recipes_reference import recipes_reference
from .settings import Drop, Forward, Grouping, KeepDays, Redact, Settings
from .sources import PREFIX

ROOT = Path(__file__).parent.parent
TABLES = ROOT / "storage" / "tables" / "README.md"
EVENTS = CATALOGUE_FOLDER / "README.md"
RECIPES = ROOT / "storage" / "recipes" / "README.md"
HALL = ROOT / "config" / "README.md"
ELSEWHERE = ROOT / "instrumentation" / "README.md"
DEPLOYMENT = ROOT / "config" / "deployment"
NESTED: Mapping[str, type[BaseModel]] = {
    "keep_days": KeepDays,
    "forward": Forward,
    "notify": Notify,
    "alerts": AlertRule,
    "grouping": Grouping,
    "drop": Drop,
    "redact": Redact,
}


def main() -> None:
    """Write the references, or say which are stale and end with 1."""
    tables = load_tables()
    views = [path for path in sorted(VIEWS_FOLDER.glob("*.sql")) if path.stem not in tables]
    wanted = {
        HALL: _replaced(
            HALL.read_text(encoding="utf-8"),
            {
                "settings": settings_reference(),
                "commands": commands_reference(),
                "metrics": metrics_reference(),
                "systemd": _shown(DEPLOYMENT / "otelpond.service", "ini"),
                "docker": _shown(DEPLOYMENT / "Dockerfile", "dockerfile"),
            },
        ),
        ELSEWHERE: _replaced(ELSEWHERE.read_text(encoding="utf-8"), {"instrumentation": instrumentation_reference()}),
        TABLES: tables_reference(tables),
        EVENTS: catalogue_reference(load_catalogue()),
        RECIPES: recipes_reference(load_recipes(), load_catalogue(), views),
    }
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" in sys.argv:
            typer.echo(f"{path.relative_to(ROOT)} is stale: run `make docs`")
        else:
            path.write_text(wanted[path], encoding="utf-8")
            typer.echo(f"{path.relative_to(ROOT)} is written")
    sys.exit(1 if stale and "--check" in sys.argv else 0)


def settings_reference() -> str:
    """Every setting as a row: name, default, variable, sentence."""
    lines = ["| Setting | Default | Variable | Meaning |", "|---|---|---|---|"]
    for name, setting in Settings.model_fields.items():
        others = [variable for variable, target in Settings.document_variables.items() if target == name]
        variables = ", ".join(f"`{variable}`" for variable in [PREFIX + name.upper(), *others])
        if name in NESTED:
            lines += list(_nested_rows(name, NESTED[name], setting))
        else:
            lines.append(f"| `{name}` | {_default(setting)} | {variables} | {setting.description} |")
    return "\n".join(lines)


def _nested_rows(table: str, model: type[BaseModel], setting: FieldInfo) -> Iterator[str]:
    listed = setting.default_factory is list
    for name, part in model.model_fields.items():
        variable = "" if listed else f"`{PREFIX}{table.upper()}__{name.upper()}`"
        yield f"| `{f'[[{table}]]' if listed else f'[{table}]'} {name}` | {_default(part)} | {variable} | {part.description} |"


def _default(setting: FieldInfo) -> str:
    value: Any = setting.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "must be given"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if str(value) and value not in ([], (), None) else ""


def _shown(file: Path, language: str) -> str:
    return f"```{language}\n{file.read_text(encoding='utf-8').rstrip()}\n```"


def instrumentation_reference() -> str:
    """Every setting of the instrumentation as a row: variables, default, sentence."""
    lines = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for kind in (InstrumentationSettings, *parts.settings()):
        for each in dataclasses.fields(kind):
            variables = ", ".join(f"`{variable}`" for variable in each.metadata["variables"])
            default = ",".join(each.default) if isinstance(each.default, tuple) else str(each.default)
            default = default.lower() if isinstance(each.default, bool) else default
            lines.append(f"| {variables} | {f'`{default}`' if default else ''} | {each.metadata['says']} |")
    return "\n".join(lines)


def metrics_reference() -> str:
    """Every metric as a row: name, kind, labels, unit, sentence."""
    lines = ["| Metric | Kind | Labels | Unit | Meaning |", "|---|---|---|---|---|"]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.unit} | {metric.meaning} |")
    return "\n".join(lines)


def commands_reference() -> str:
    """Every command: its sentence, arguments and options."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)  # noqa: S101 - an application with several commands is one
    return "\n\n".join("\n".join(_command_lines(name, command)) for name, command in _commands(group))


def _commands(group: typer.core.TyperGroup, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its name, those of a group behind the group's."""
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from _commands(command, f"{name} ")
        else:
            yield prefix + name, command


def _command_lines(name: str, command: Any) -> Iterator[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    usage = " ".join(["otelpond", name, *(a.metavar if a.required else f"[{a.metavar}]" for a in arguments), "[OPTIONS]"])
    yield f"#### `{usage}`\n"
    yield f"{command.help}\n"
    for parameter in arguments:
        yield f"- `{parameter.metavar}`: {parameter.help}"
    for parameter in options:
        metavar = f" {parameter.metavar}" if parameter.metavar else ""
        yield f"- `{', '.join(parameter.opts)}{metavar}`: {parameter.help}"


def tables_reference(tables: Mapping[str, TableSchema]) -> str:
    """Every documented table with its columns."""
    head = (
        "# Tables\n\nEvery documented table, generated from the `.sql` file of its name in this folder: do not edit, run `make docs`.\n"
        "Times are UTC. A generated column is computed when it is read and takes no space.\n"
    )
    contents = "\n".join(f"- [`{table.name}`](#{table.name}): {table.comment.splitlines()[0]}" for table in tables.values())
    return "\n".join([head, contents, *(_table_section(table) for table in tables.values())]) + "\n"


def _table_section(table: TableSchema) -> str:
    rows = [
        f"| `{column.name}` | {column.sql_type}{'' if column.nullable else ' not null'} | {_cell(column.comment)} |"
        for column in table.columns
    ]
    return "\n".join([f"\n## {table.name}\n", table.comment + "\n", "| Column | Type | Meaning |", "|---|---|---|", *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _replaced(text: str, parts: Mapping[str, str]) -> str:
    """The text with what stands between the marks of each part replaced."""
    for name, part in parts.items():
        begin, end = f"<!-- {name}: generated, run `make docs` -->", f"<!-- /{name} -->"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"{HALL}: expected the marks {begin} and {end}")
        text = f"{before}{begin}\n\n{part}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    main()
