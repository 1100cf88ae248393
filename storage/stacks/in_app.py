"""Whose code a frame is: the service's own, or somebody else's; the readers ask with what is usual, settings may say otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class InApp:
    """The settings `in_app_include` and `in_app_exclude`: prefixes of modules or paths. The longest that fits decides.

    Attributes:
        include: what is the service's own though it looks like a library, such as `acme_platform` or `/opt/acme/`.
        exclude: what is not, though it looks like it.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def judge(self, module: str | None, file: str | None, usually: bool) -> bool:
        """Whether a frame of that module and file is the service's own; `usually` where no prefix fits."""
        if not self.include and not self.exclude:
            return usually
        included = max((len(prefix) for prefix in self.include if _fits(prefix, module, file)), default=0)
        excluded = max((len(prefix) for prefix in self.exclude if _fits(prefix, module, file)), default=0)
        return usually if included == excluded == 0 else included > excluded


USUAL: Final = InApp()


def _fits(prefix: str, module: str | None, file: str | None) -> bool:
    return any(text is not None and text.startswith(prefix) and _ends_there(prefix, text) for text in (module, file))


def _ends_there(prefix: str, text: str) -> bool:
    """Whether a prefix ends where a name ends: `shop` begins `shop.orders` and `shop/orders.py`, not `shopping`."""
    return not prefix[-1:].isalnum() or not (text[len(prefix) : len(prefix) + 1].isalnum() or text[len(prefix) : len(prefix) + 1] == "_")
