"""What wakes the sending thread is ours alone, also where a service closes descriptors that it does not know."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest
from otelpond.instrumentation.sending.wakeups import Wakeups

OTELPOND = (sys.executable, "-m", "otelpond.config.cli")


def test_a_knock_before_and_during_the_wait_is_heard() -> None:
    """And so is the number of a signal that Python writes there."""
    wakeups = Wakeups()
    assert b"" == wakeups.wait(0.001)
    wakeups.knock()
    os.write(wakeups.fd, bytes([signal.SIGTERM]))
    assert bytes([0, signal.SIGTERM]) == wakeups.wait(None)
    wakeups.renew()
    assert b"" == wakeups.wait(0.001)
    wakeups.close()


def test_what_a_service_opens_under_our_numbers_is_neither_read_nor_written_nor_closed() -> None:
    """Our own are made anew beside it."""
    wakeups = Wakeups()
    ours = (wakeups._reading.fileno(), wakeups.fd)
    here, there = socket.socketpair()
    there.setblocking(False)
    for number in ours:
        os.close(number)
        os.dup2(here.fileno(), number)
    there.send(b"for the service")
    wakeups.knock()
    assert b"" == wakeups.wait(None)
    assert wakeups.are_lost()
    wakeups.renew()
    wakeups.knock()
    assert b"\0" == wakeups.wait(None)
    assert not {wakeups._reading.fileno(), wakeups.fd} & {*ours}
    assert b"for the service" == os.read(ours[0], 100)
    with pytest.raises(BlockingIOError):
        there.recv(1)
    wakeups.close()
    here.close()
    there.close()
    for number in ours:
        os.close(number)


def test_where_no_socket_can_be_had_the_thread_goes_on_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process may open no more: it neither spins nor dies, and as soon as there is room it hears again."""
    wakeups = Wakeups()
    slept: list[float] = []

    def refuse() -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socketpair", refuse)
        patch.setattr("otelpond.instrumentation.sending.wakeups._sleep", slept.append)
        wakeups.renew()
        wakeups.knock()
        assert wakeups.are_lost()
        assert [b"", b""] == [wakeups.wait(None), wakeups.wait(0.01)]
    assert [0.1, 0.01] == slept
    wakeups.renew()
    wakeups.knock()
    assert b"\0" == wakeups.wait(None)
    wakeups.close()


def test_a_daemon_that_closes_everything_is_still_told_of_and_ended_by_sigterm(collector: Any, run: Callable[..., Any]) -> None:
    """What was connected before is left alone, none of its own sockets hears a byte of ours, and its last spans arrive."""
    ended = run(*OTELPOND, "run", "--service", "daemon", "--endpoint", f"http://{collector.http}", "--", sys.executable, "daemon.py")
    assert (-15, "quiet\n", "") == (ended.returncode, ended.stdout, ended.stderr)
    rows = collector.published("select name, count(*) from spans where service_name = 'daemon' group by all order by all")
    assert [("after", 601), ("before", 1), ("last", 1)] == rows
