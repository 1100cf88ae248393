"""What is removed and what stays: the part's settings, and the ones that hold in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..settings import setting

REMOVED = "[removed]"
"""Stands for what was removed."""


@dataclass(frozen=True)
class PrivacySettings:
    """What can be set about privacy."""

    remove: tuple[str, ...] = setting(
        (), "OTELPOND_PRIVACY_REMOVE", says="Names whose values are removed too, by their words: `home address` is `homeAddress` as well."
    )
    keep: tuple[str, ...] = setting((), "OTELPOND_PRIVACY_KEEP", says="Whole names whose values stay as they are, whatever they hold.")
    patterns: tuple[str, ...] = setting(
        ("cards", "emails", "ibans", "secrets"),
        "OTELPOND_PRIVACY_PATTERNS",
        says="What is removed wherever it stands in a text: `cards`, `emails`, `ibans`, `secrets` (tokens, keys, passwords).",
    )
    headers: tuple[str, ...] = setting(
        (), "OTELPOND_PRIVACY_HEADERS", says="The only headers whose values are sent. Unless set, all that hold no secret."
    )
    address: str = setting(
        "truncated",
        "OTELPOND_CLIENT_ADDRESS",
        choices=("truncated", "hashed", "removed", "whole"),
        says="What is sent of a client's IP address: its network (/24, /48 of IPv6), a keyed hash of that, nothing, or all of it.",
    )
    address_key: str = setting(
        "", "OTELPOND_CLIENT_ADDRESS_KEY", says="The key of hashed addresses. Unless set, random: other processes hash differently."
    )


_in_force = PrivacySettings()
_caches: list[Callable[[], None]] = []


def in_force() -> PrivacySettings:
    """The settings that hold here: the defaults until the part is started."""
    return _in_force


def enforce(settings: PrivacySettings) -> None:
    """Have other settings hold, and forget what was found under the ones before."""
    global _in_force  # noqa: PLW0603 - one policy a process
    _in_force = settings
    for clear in _caches:
        clear()


def forget_with(clear: Callable[[], None]) -> None:
    """Have a cache cleared when other settings hold."""
    _caches.append(clear)
