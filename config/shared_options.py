"""Options that a group of commands has, declared once as the fields of a dataclass, each with typer's annotation and its default."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Options = TypeVar("Options", bound=DataclassInstance)
Own = ParamSpec("Own")


def with_options(options: type[Options]) -> Callable[[Callable[Concatenate[Options, Own], None]], Callable[..., None]]:
    """Gives a command these options behind its own; it is handed them as one value, first."""
    hints = get_type_hints(options, include_extras=True)
    shared = [_option(each.name, each.default, hints[each.name]) for each in fields(options)]

    def decorate(command: Callable[Concatenate[Options, Own], None]) -> Callable[..., None]:
        _, *own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *shared]

        call: Callable[..., None] = command  # typer hands over what `parameters` says

        @wraps(command)
        def run(**given: Any) -> None:
            call(options(**{name: given.pop(name) for name in hints}), **given)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # typer asks `inspect.signature`
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def _option(name: str, default: object, annotation: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
