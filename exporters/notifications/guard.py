"""Connects to public addresses only: what a URL names is looked up once, and the very address that was judged is connected to.

A webhook's URL may come from somebody who must not reach the services around the collector, or a name's address may change between a
check and a request (DNS rebinding): so the judgement is about addresses, made where the connection is.
"""

from __future__ import annotations

import socket
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

from .time_limit import TimeLimit

_METADATA: Final = tuple(map(ip_network, ("192.0.0.0/24", "168.63.129.16/32", "192.88.99.0/24")))
"""Not private by their registration: Oracle's old metadata service, Azure's platform service, and relays of 6to4."""
_GLOBAL_UNICAST: Final = ip_network("2000::/3")
_NAT64: Final = ip_network("64:ff9b::/96")
_MOST_ADDRESSES: Final = 8


class PrivateAddressError(OSError):
    """A name leads to private addresses only; the text names one."""


def is_public(address: str) -> bool:
    """Whether an address is one of the internet: not private, loopback, link-local, shared, multicast, reserved or a cloud's metadata."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip_address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        if inner is not None:
            return is_public(str(inner))
        return ip in _GLOBAL_UNICAST and ip.is_global and ip.teredo is None
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not any(ip in network for network in _METADATA)


def connect(host: str, port: int, limit: TimeLimit, *, allow_private: bool) -> socket.socket:
    """A TCP connection to the first address of a host that may be and can be reached, watched by the limit.

    Raises:
        PrivateAddressError: it has private addresses only, and they are not allowed.
        OSError: it has no address, or none can be reached in time.
    """
    failure: OSError | None = None
    refused: str | None = None
    for family, kind, protocol, _, address in _addresses(host, port):
        if not allow_private and not is_public(str(address[0])):
            refused = str(address[0])
            continue
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(limit.left_s())
            connection.connect(address)
            limit.watch(connection)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    if failure is None and refused is not None:
        raise PrivateAddressError(f"{host} is {refused}, which is no public address; `allow_private = true` would allow it")
    raise failure or OSError(f"{host} has no address")


def _addresses(host: str, port: int) -> list[tuple[Any, ...]]:
    try:
        return [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[:_MOST_ADDRESSES]]
    except UnicodeError:  # a label over 63 characters
        raise OSError(f"{host} is no name of a host") from None
