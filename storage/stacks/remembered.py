"""Answers about names that stacks repeat, kept in bounded memory."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final, TypeVar

_Answer = TypeVar("_Answer")
_MOST: Final = 8_192
_LONGEST: Final = 256
"""Characters of a name whose answer is kept: no name that an author wrote is much longer."""


def remembered(answer: Callable[[str], _Answer]) -> Callable[[str], _Answer]:
    """The same function, which keeps its answers for the names asked last; a long name is worked out each time."""
    known = functools.lru_cache(maxsize=_MOST)(answer)

    @functools.wraps(answer)
    def ask(name: str) -> _Answer:
        return known(name) if len(name) <= _LONGEST else answer(name)

    return ask
