"""Keyed hashes that stand for client addresses, so that no table holds a raw one; the decoders are handed `AddressHasher`.

An address is truncated (IPv4 to /24, IPv6 to /48), then HMAC-SHA256'd with the random key of the UTC day on which its payload was
accepted. Two clients are told apart within a day; maintenance forgets the keys of the days before yesterday, and then nobody can tell
which address a hash stood for.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from .durable import fsync_folder, make_folder, sync

_DAY_NS: Final = 86_400 * 1_000_000_000
_KEY_BYTES: Final = 32
_REMEMBERED: Final = 65_536
_LONGEST_REMEMBERED: Final = 256
_DAYS_AND_KINDS: Final = 4
_FORWARDED_FOR: Final = re.compile(r'(?:^|;)\s*for\s*=\s*"?([^;"]*)', re.IGNORECASE)
_MIGHT_BE_ADDRESS: Final = re.compile(r"[0-9a-f:.]*[0-9a-f:][.:]", re.IGNORECASE)


class HashesOfDay(OrderedDict[bytes, str]):
    """Hashes by text in UTF-8, of payloads accepted on one UTC day; with `maybe` a text is hashed only where it looks like an address.

    Each is made when it is asked for; empty for a text that stays as it is. Senders may send ever new texts, and long ones: the last
    65,536 are remembered that have 256 bytes at most.
    """

    def __init__(self, hash_address: Callable[[str, int], str], day: int, *, maybe: bool) -> None:
        super().__init__()
        self._hash_address, self._accepted_unix_nano, self._maybe = hash_address, day * _DAY_NS, maybe

    def __missing__(self, content: bytes) -> str:
        """Make and remember it."""
        text = content.decode()
        made = "" if self._maybe and not looks_like_address(text) else self._hash_address(text, self._accepted_unix_nano)
        if len(content) <= _LONGEST_REMEMBERED:
            self[content] = made
            if len(self) > _REMEMBERED:
                self.popitem(last=False)
        return made


class Hashes(OrderedDict[tuple[int, bool], HashesOfDay]):
    """Hashes by UTC day since 1970, and whether a text is hashed only where it looks like an address; of the last two days of both."""

    def __init__(self, hash_address: Callable[[str, int], str]) -> None:
        super().__init__()
        self._hash_address = hash_address

    def __missing__(self, key: tuple[int, bool]) -> HashesOfDay:
        """Begin to remember."""
        day, maybe = key
        begun = self[key] = HashesOfDay(self._hash_address, day, maybe=maybe)
        if len(self) > _DAYS_AND_KINDS:
            self.popitem(last=False)
        return begun


class AddressHasher:
    """Hashes addresses with a key a day, kept in a folder as `<date>.key`.

    Attributes:
        hashes: those that it remembers.
    """

    def __init__(self, keys_folder: Path) -> None:
        make_folder(keys_folder)
        self._folder = keys_folder
        self._key = lru_cache(8)(self._key_of_day)
        self.hashes = Hashes(self._hash)

    def __call__(self, address: str, accepted_unix_nano: int) -> str:
        """`ip:` and 16 hex digits for an address, or for any text, as its payload's day of acceptance has it."""
        return self.hashes[accepted_unix_nano // _DAY_NS, False][address.encode()]

    def _hash(self, address: str, accepted_unix_nano: int) -> str:
        text = _truncated(address) or address
        return "ip:" + hmac.digest(self._key(accepted_unix_nano // _DAY_NS), text.encode(), hashlib.sha256).hex()[:16]

    def _key_of_day(self, day: int) -> bytes:
        path = self._folder / f"{date(1970, 1, 1) + timedelta(days=day)}.key"
        if not path.exists():
            _create_key(path)
        key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise ValueError(f"{path} holds {len(key)} bytes, {_KEY_BYTES} expected: remove it, addresses of its day then get another hash")
        return key


def forget_keys(folder: Path, today: date) -> None:
    """Remove the keys of the days before yesterday, for ever. What of such a day is decoded later gets other hashes than before."""
    for path in folder.glob("*.key"):
        with contextlib.suppress(ValueError):  # not a key of ours
            if date.fromisoformat(path.stem) < today - timedelta(days=1):
                path.unlink(missing_ok=True)
                fsync_folder(folder)


def hashes_of(hash_address: Callable[[str, int], str]) -> Hashes:
    """What a hasher remembers; of any other function nothing is."""
    return hash_address.hashes if isinstance(hash_address, AddressHasher) else Hashes(hash_address)


def looks_like_address(text: str) -> bool:
    """Whether a text is an IP address, also with port, brackets, `for=` or more addresses behind a comma."""
    return _truncated(text) is not None


def _create_key(path: Path) -> None:
    """Write a new key under its name, durable before anybody uses it; another process may have been first, then its key stays."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_KEY_BYTES))
        sync(descriptor)
    finally:
        os.close(descriptor)
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(temporary)
    temporary.unlink()
    fsync_folder(path.parent)


def _truncated(text: str) -> str | None:
    """The network of the first address in a text; None where there is none."""
    first = text.partition(",")[0]
    if forwarded := _FORWARDED_FOR.search(first):
        first = forwarded[1]
    first = _without_port(first.strip().strip('"'))
    if not _MIGHT_BE_ADDRESS.match(first):
        return None
    try:
        address = ipaddress.ip_address(first.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    prefix = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, prefix), strict=False))


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
