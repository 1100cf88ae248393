"""Functions that are observed: ours is called beside the service's own, which is what it always was, and put back at the end."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..guard import say_once, skipped

_MISSING = object()


class Hooks:
    """The functions observed by this part."""

    def __init__(self) -> None:
        self._placed: list[tuple[Any, str, object, Any]] = []
        self._active = True

    def before(self, owner: Any, name: str, observe: Callable[..., object]) -> None:
        """Have `observe` called with the same arguments before each call of a function of a module or class."""

        def place(original: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(original)
            def observed(*args: Any, **kwargs: Any) -> Any:
                if self._active:
                    try:
                        observe(*args, **kwargs)
                    except Exception as error:  # noqa: BLE001 - a context manager costs a microsecond, and logging comes through here
                        say_once(f"observing {name} failed", error)
                return original(*args, **kwargs)

            return observed

        self.replace(owner, name, place)

    def after(self, owner: Any, name: str, observe: Callable[..., object]) -> None:
        """The same, after each call, whether it raised or not."""

        def place(original: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(original)
            def observed(*args: Any, **kwargs: Any) -> Any:
                try:
                    return original(*args, **kwargs)
                finally:
                    if self._active:
                        with skipped(f"observing {name}"):
                            observe(*args, **kwargs)

            return observed

        self.replace(owner, name, place)

    def replace(self, owner: Any, name: str, place: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """Put `place(original)` where the function is."""
        ours = place(getattr(owner, name))
        self._placed.append((owner, name, vars(owner).get(name, _MISSING), ours))
        setattr(owner, name, ours)

    @property
    def active(self) -> bool:
        """False once they are taken away; one that somebody has wrapped meanwhile stays in place, and does nothing."""
        return self._active

    def take_away(self) -> None:
        """Put back what was there."""
        self._active = False
        for owner, name, before, ours in reversed(self._placed):
            if vars(owner).get(name) is not ours:
                continue
            if before is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, before)
        self._placed.clear()
