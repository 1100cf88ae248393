"""Ports for the demo's child processes."""

from __future__ import annotations

import socket

import pytest
from otelpond.config.demo import processes
from otelpond.config.demo.processes import free_port
from otelpond.config.errors import CommandError


def test_a_free_port_is_given_once_and_is_none_of_the_systems() -> None:
    """Linux hands out ports from 32768 on to who asks for any, the others higher ones."""
    ports = {free_port() for _ in range(50)}
    assert 50 == len(ports)
    assert max(ports) < 32768


def test_a_port_that_is_listened_on_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all are, it says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(processes, "_PORTS", range(port, port + 1))
        with pytest.raises(CommandError, match=f"no port of this machine from {port} to {port} is free"):
            free_port()
