"""Which addresses may be connected to, whatever a name says."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from otelpond.exporters.notifications import guard
from otelpond.exporters.notifications.time_limit import TimeLimit

PRIVATE = """
    127.0.0.1 127.8.9.10 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 169.254.170.2 100.64.0.1 100.100.100.200
    192.0.0.192 168.63.129.16 198.18.0.1 203.0.113.7 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
    ::1 :: fe80::1 fe80::1%lo fd00:ec2::254 fc00::1 fec0::1 ff02::1 2001:db8::1 2001::1
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 2002:7f00:1:: 2002:a9fe:a9fe::
    64:ff9b:1::1
""".split()  # noqa: SIM905 - addresses read better as text
PUBLIC = "1.1.1.1 8.8.8.8 93.184.215.14 172.32.0.1 192.169.0.1 2606:4700:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808".split()  # noqa: SIM905


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_of_the_internet_are_refused(address: str) -> None:
    """Private, loopback, link-local, metadata services, and IPv4 inside IPv6."""
    assert not guard.is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_not(address: str) -> None:
    """Of both kinds."""
    assert guard.is_public(address)


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str], port: int = 0) -> list[str]:
    """Have a name lead to these addresses, another list each time it is looked up; the list of looks."""
    looks: list[str] = []

    def look(host: str, _: int, **__: Any) -> list[Any]:
        looks.append(host)
        found = answers[min(len(looks), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", look)
    return looks


def test_a_name_of_private_addresses_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which address, and what would allow it."""
    names(monkeypatch, ["127.0.0.1", "10.0.0.1"])
    with pytest.raises(guard.PrivateAddressError, match=r"hook.example is 10.0.0.1, .*allow_private = true"):
        guard.connect("hook.example", 443, TimeLimit(1), allow_private=False)


def test_the_address_that_was_judged_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that changes between a look and a connection (DNS rebinding) is looked up once."""
    connected: list[Any] = []
    looks = names(monkeypatch, ["93.184.215.14"], ["127.0.0.1"], port=443)
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: connected.append(address))
    with TimeLimit(1) as limit:
        guard.connect("hook.example", 443, limit, allow_private=False).close()
    assert (["hook.example"], [("93.184.215.14", 443)]) == (looks, connected)


def test_a_private_address_beside_a_public_one_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the public one does not answer."""
    connected: list[Any] = []

    def fail(_: socket.socket, address: Any) -> None:
        connected.append(address)
        raise ConnectionRefusedError("nobody there")

    names(monkeypatch, ["10.0.0.1", "93.184.215.14", "127.0.0.1"], port=443)
    monkeypatch.setattr(socket.socket, "connect", fail)
    with pytest.raises(ConnectionRefusedError):
        guard.connect("hook.example", 443, TimeLimit(1), allow_private=False)
    assert [("93.184.215.14", 443)] == connected


def test_what_is_allowed_is_connected_to() -> None:
    """This machine, where the settings say so."""
    with socket.create_server(("127.0.0.1", 0)) as server, TimeLimit(5) as limit:
        guard.connect("127.0.0.1", server.getsockname()[1], limit, allow_private=True).close()


def test_a_limit_that_is_over_connects_to_nothing() -> None:
    """Looking the name up may have taken all of it."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(TimeoutError):
        guard.connect("127.0.0.1", server.getsockname()[1], TimeLimit(0), allow_private=True)


def test_a_name_that_no_resolver_takes_cannot_be_connected_to() -> None:
    """A label has 63 characters at most."""
    with pytest.raises(OSError, match="is no name of a host"):
        guard.connect(f"{'a' * 64}.example", 443, TimeLimit(1), allow_private=False)
