"""Addresses of clients: their network only, or a keyed hash of that, as the settings say."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from functools import lru_cache

from . import policy

MAX_ADDRESS = 256
_HASHED = "ip:"
_process_key = secrets.token_bytes(32)
"""Made before a server forks its workers, so that they hash alike."""


def address(value: str) -> str:
    """What is sent of a client's IP address.

    Truncated it is an address still (`203.0.113.0`, `2001:db8:1::`), from which the collector makes the same hash as from the whole one.
    Anything else (a socket's path, a host's name) stays, unless addresses are hashed or removed.
    """
    return _reduced(value[:MAX_ADDRESS])


@lru_cache(4096)
def _reduced(value: str) -> str:
    settings = policy.in_force()
    if settings.address == "whole" or not value or value.startswith(_HASHED):
        return value
    if settings.address == "removed":
        return policy.REMOVED
    network = _network(value)
    if settings.address == "truncated":
        return value if network is None else network
    key = settings.address_key.encode() or _process_key
    return _HASHED + hmac.digest(key, (network or value).encode("utf-8", "replace"), hashlib.sha256).hex()[:16]


policy.forget_with(_reduced.cache_clear)


def _network(value: str) -> str | None:
    """The first address of the network that an address, also with port or brackets, lies in; None where it is none."""
    if value.startswith("["):
        value = value[1:].partition("]")[0]
    elif value.count(":") == 1:
        value = value.partition(":")[0]
    try:
        found = ipaddress.ip_address(value.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    prefix = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network((found, prefix), strict=False).network_address)
