"""Where settings come from: defaults, then otelpond.toml, then the environment, then the command line; commands call `load`.

A wrong setting is an error that names its key, its file and line (or variable, or option), and what was expected.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource
from pydantic_settings.exceptions import SettingsError as UnreadableVariableError

from .errors import CommandError
from .settings import Settings
from .toml_lines import Location, line_of

FILE_NAME = "otelpond.toml"
PREFIX = "OTELPOND_"
OTHER_VARIABLES = frozenset({"OTELPOND_CONFIG", "OTELPOND_CACHE_DIR", "OTELPOND_TRACEBACK"})
"""Variables of ours that are no settings: which file to read, where compiled kernels are kept, whether a fault shows its traceback."""

EXPECTATIONS = {
    "path_type": "a path",
    "byte_size": "bytes, such as 67108864 or '64 MiB'",
    "byte_size_unit": "bytes, such as 67108864 or '64 MiB'",
    "bool_parsing": "true or false",
}
"""Where the checker's own words would not tell a user what to write."""

Values = dict[str, Any]


class SettingsError(CommandError):
    """The configuration is wrong; the text has one line a mistake: where, which key, what was expected."""

    def __init__(self, text: str) -> None:
        super().__init__(text, exit_code=2)


@dataclass(frozen=True)
class Sources:
    """The values of each source, weakest first, before they are checked.

    Attributes:
        file: the configuration file, where there is one.
        lines: that file's lines.
        in_file, in_documents, in_environment, in_options: what each source says, by setting.
        mistakes: what is wrong with the sources themselves, a line each.
    """

    file: Path | None = None
    lines: tuple[str, ...] = ()
    in_file: Values = field(default_factory=dict)
    in_documents: Values = field(default_factory=dict)
    in_environment: Values = field(default_factory=dict)
    in_options: Values = field(default_factory=dict)
    mistakes: tuple[str, ...] = ()

    def merged(self) -> Values:
        """All values; the stronger source wins key by key."""
        values: Values = {}
        for source in (self.in_file, self.in_documents, self.in_environment, self.in_options):
            values = _merge(values, source)
        return values

    def origin(self, location: Location) -> str:
        """Where a setting was given, for people: file and line, variable, option, or default."""
        name = str(location[0])
        if name in self.in_options:
            return f"--{name.replace('_', '-')}"
        if _holds(self.in_environment, location):
            return _variable(location)
        if name in self.in_documents:
            return next(variable for variable, setting in Settings.document_variables.items() if setting == name)
        if self.file is not None and _holds(self.in_file, location[:1]):
            return f"{self.file}:{line_of(self.lines, location)}"
        return "default"


def load(file: Path | None = None, options: Mapping[str, Any] = MappingProxyType({})) -> Settings:
    """The settings from every source.

    Args:
        file: a configuration file; None takes OTELPOND_CONFIG, else ./otelpond.toml where it exists.
        options: settings given on the command line; None means not given.

    Raises:
        SettingsError: a source cannot be read, or a setting is unknown or wrong.
    """
    return check(read(file, options))


def read(file: Path | None = None, options: Mapping[str, Any] = MappingProxyType({})) -> Sources:
    """The values of every source, as `load` takes them, not checked yet."""
    named = file or (Path(os.environ["OTELPOND_CONFIG"]) if os.environ.get("OTELPOND_CONFIG") else None)
    path = named or Path(FILE_NAME)
    text = _text(path) if named or path.exists() else None
    environment, unreadable = _environment()
    variables = Settings.document_variables.items()
    return Sources(
        file=None if text is None else path,
        lines=() if text is None else tuple(text.splitlines()),
        in_file={} if text is None else _from_folder(_parse(path, text), path.parent),
        in_documents={setting: os.environ[variable] for variable, setting in variables if os.environ.get(variable)},
        in_environment=environment,
        in_options={name: value for name, value in options.items() if value is not None},
        mistakes=(*_unknown_variables(), *unreadable),
    )


def check(sources: Sources) -> Settings:
    """The checked settings of those sources.

    Raises:
        SettingsError: with one line a mistake.
    """
    mistakes = list(sources.mistakes)
    try:
        settings = Settings(**sources.merged())
    except ValidationError as error:
        mistakes += [_describe(sources, detail) for detail in error.errors()]
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return settings


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path}: the configuration cannot be read: {reason}") from None


def _parse(path: Path, text: str) -> Values:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        line = re.search(r"at line (\d+)", message)
        where = f"{path}:{line[1]}" if line else str(path)
        raise SettingsError(f"{where}: not TOML: {re.sub(r' [(]at .*[)]$', '', message)}") from None


def _from_folder(values: Values, folder: Path) -> Values:
    """Relative paths in a file are relative to that file."""
    result = dict(values)
    for name in ("data", "tls_cert", "tls_key", "tls_client_ca", "page_slugs"):
        if isinstance(result.get(name), str):
            result[name] = folder / result[name]
    for name in ("tables", "events_folders"):
        if isinstance(result.get(name), list):
            result[name] = [folder / each if isinstance(each, str) else each for each in result[name]]
    for name in ("forward", "notify"):
        if isinstance(result.get(name), list):
            result[name] = [_files_from_folder(one, folder) if isinstance(one, dict) else one for one in result[name]]
    return result


def _files_from_folder(values: Values, folder: Path) -> Values:
    return {name: folder / value if name.endswith("_file") and isinstance(value, str) else value for name, value in values.items()}


def _unknown_variables() -> Iterator[str]:
    known = [PREFIX + setting.upper() for setting in Settings.model_fields]
    for variable in sorted(os.environ):
        name = variable.removeprefix(PREFIX).lower().split("__")[0]
        if variable.startswith(PREFIX) and variable not in OTHER_VARIABLES and name not in Settings.model_fields:
            yield f"{variable}: no such setting{_suggestion(variable, known)}"


def _environment() -> tuple[Values, list[str]]:
    """What the variables say, and which of them cannot be read; those of each setting by themselves, so that one hides no other."""
    try:
        return EnvSettingsSource(Settings, env_ignore_empty=True)(), []
    except UnreadableVariableError:
        unreadable = [name for name in Settings.model_fields if not _readable(name)]
    complaint = "expected JSON, as a whole table or list is given here"
    return {}, [f"{_variable((name,))}: {complaint}" for name in unreadable]


def _readable(setting: str) -> bool:
    value = os.environ.get(PREFIX + setting.upper())
    source = EnvSettingsSource(Settings, env_ignore_empty=True)
    field_info = Settings.model_fields[setting]
    try:
        source.prepare_field_value(setting, field_info, value, source.field_is_complex(field_info))
    except ValueError:
        return False
    return True


def _merge(weak: Values, strong: Values) -> Values:
    both = {name for name in strong if isinstance(strong[name], dict) and isinstance(weak.get(name), dict)}
    return weak | {name: _merge(weak[name], value) if name in both else value for name, value in strong.items()}


def _holds(values: Any, location: Location) -> bool:
    """Whether a source gives that setting, or a whole that it would be part of."""
    for part in location:
        if not isinstance(values, dict):
            return True
        if part not in values:
            return False
        values = values[part]
    return True


def _variable(location: Location) -> str:
    """The variable that gives a setting: the one for the part, where it is set, else the one for the whole."""
    part = PREFIX + "__".join(str(name) for name in location).upper()
    return part if part in os.environ else f"{PREFIX}{location[0]}".upper()


def _describe(sources: Sources, detail: ErrorDetails) -> str:
    location = detail["loc"]
    key = ".".join(str(part) for part in location)
    if detail["type"] == "extra_forbidden":
        complaint = f"no such setting{_suggestion(str(location[-1]), _siblings(location))}"
    elif detail["type"] == "missing":
        complaint = "is needed and not given"
    else:
        expected = EXPECTATIONS.get(detail["type"]) or re.sub(r"^(Value error, |Input should be )", "", detail["msg"])
        complaint = f"expected {expected}" + ("" if _may_hold_secret(location) else f", got {_shown(detail['input'])}")
    return f"{sources.origin(location)}: {key}: {complaint}"


def _may_hold_secret(location: Location) -> bool:
    """Whether what was given there, or is part of it, is not for logs."""
    if location[0] not in {"forward", "notify"}:
        return False
    return len(location) < 3 or not {"headers", "url", "smtp_password"}.isdisjoint(location)


def _shown(value: Any) -> str:
    return repr(str(value) if isinstance(value, Path) else value)


def _siblings(location: Location) -> list[str]:
    """The names that could stand where an unknown one stands."""
    model: type[BaseModel] = Settings
    for part in location[:-1]:
        inner = model.model_fields[part].annotation if isinstance(part, str) else model
        inner = next((a for a in getattr(inner, "__args__", ()) if isinstance(a, type)), inner)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return list(model.model_fields)


def _suggestion(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}" if len(known) < 10 else "; see `otelpond check`"
