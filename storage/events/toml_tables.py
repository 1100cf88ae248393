"""Checks a table of a TOML file against the dataclass that it is to become; `catalogue.py` hands it the events' files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from typing import Any, Final


class WrongKeyError(ValueError):
    """A key of the file is wrong.

    Attributes:
        key: where it stands, as `properties.login_method.type`.
        problem: what was expected.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


def checked(prefix: str, table: Mapping[str, Any], declares: type[Any], added: frozenset[str]) -> dict[str, Any]:
    """The table's values, each of the type of the dataclass's field, lists as tuples.

    Args:
        prefix: where the table stands in the file, with its dot.
        table: as tomllib reads it.
        declares: the dataclass.
        added: its fields that the file does not hold.

    Raises:
        WrongKeyError: a key is unknown, missing or of another type.
    """
    known = {each.name: each for each in fields(declares) if each.name not in added}
    for key in table:
        if key not in known:
            close = get_close_matches(key, known, n=1)
            raise WrongKeyError(
                f"{prefix}{key}", f"no such key; {f'did you mean {close[0]}?' if close else 'expected ' + ', '.join(known)}"
            )
    for name, each in known.items():
        if name not in table and _is_required(each):
            raise WrongKeyError(f"{prefix}{name}", "is missing")
    return {key: _value(f"{prefix}{key}", value, str(known[key].type)) for key, value in table.items()}


def check_among(key: str, given: Iterable[str], allowed: Sequence[str]) -> None:
    """Raise WrongKeyError for the first text that is not allowed there."""
    for value in given:
        if value not in allowed:
            raise WrongKeyError(key, f"expected {'one of ' + ', '.join(allowed) if allowed else 'none'}, not {value!r}")


def _is_required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value)) and len(set(value)) == len(value)


_KINDS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "str": (_is_text, "a text"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "float": (_is_number, "a number"),
    "tuple[str, ...]": (_is_list, "a list of texts, each once"),
}
"""Annotation of a field to what is its value in a file, and the words for it; anything else is a table."""


def _value(key: str, value: Any, annotation: str) -> Any:
    is_kind, expected = _KINDS.get(annotation.removesuffix(" | None"), (lambda given: isinstance(given, dict), "a table"))
    if not is_kind(value):
        raise WrongKeyError(key, f"expected {expected}, not {value!r}")
    return tuple(value) if isinstance(value, list) else value
