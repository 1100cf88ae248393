"""One inbox a tenant: payloads reach their own tenant's pond and no other, and no tenant holds up another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from otelpond.config.collector.inboxes import LARGEST_SHARE, Inboxes, inbox_name, open_inboxes
from otelpond.config.settings import Settings
from otelpond.storage import durable
from otelpond.storage.access.tenants import TenantError, tenants
from otelpond.storage.inbox import open_segment
from otelpond.storage.inbox.log import Limits
from otelpond.storage.inbox.reading import read_chunk
from otelpond.storage.inbox.segments import BEGINNING, Position
from otelpond.storage.signals import Inspection, Signal, UnavailableError

ONE = Inspection(items=1)


@pytest.fixture
def inboxes(tmp_path: Path) -> Iterator[Inboxes]:
    """The inboxes of a process, closed after the test."""
    inboxes = Inboxes(tmp_path, "receiver", Limits())
    yield inboxes
    inboxes.close()


def append(inboxes: Inboxes, tenant: str, payload: bytes) -> None:
    """Append a payload and wait until it is durable."""
    inboxes.append(tenant, Signal.TRACES, payload, ONE).result(timeout=10)


def payloads(folder: Path) -> list[bytes]:
    """What an inbox holds."""
    chunk = read_chunk(folder, BEGINNING, max_items=1000, max_bytes=1 << 20)
    return [chunk.wire[frame.payload_start : frame.end].tobytes() for frame in chunk.frames] if chunk else []


def test_each_tenant_has_an_inbox_in_its_own_pond(inboxes: Inboxes, tmp_path: Path) -> None:
    """The default tenant's is in the data directory; a tenant's pond is there as soon as its first payload is acknowledged."""
    append(inboxes, "default", b"ours")
    assert ["default"] == tenants(tmp_path)
    append(inboxes, "acme", b"theirs")
    append(inboxes, "acme", b"theirs too")

    assert ["default", "acme"] == tenants(tmp_path)
    assert [b"ours"] == payloads(tmp_path / "inbox" / "receiver")
    assert [b"theirs", b"theirs too"] == payloads(tmp_path / "tenants" / "acme" / "inbox" / "receiver")


@pytest.mark.parametrize("tenant", ["../acme", "", "Acme", "-acme", "a/b", "a" * 65, "acme\n"])
def test_a_name_that_is_no_tenants_never_becomes_a_path(inboxes: Inboxes, tmp_path: Path, tenant: str) -> None:
    """Whatever a token's list may say: it is an error, and no folder is made."""
    with pytest.raises(TenantError, match="is no tenant's name"):
        inboxes.append(tenant, Signal.TRACES, b"x", ONE)
    assert not (tmp_path / "tenants").exists()


def test_a_full_inbox_refuses_its_own_tenant_only(tmp_path: Path) -> None:
    """A tenant whose pond stands still fills its own inbox."""
    inboxes = Inboxes(tmp_path, "receiver", Limits(max_bytes=200))
    append(inboxes, "acme", b"x" * 400)
    with inboxes.admit(10), pytest.raises(UnavailableError, match="its limit is 200"):
        append(inboxes, "acme", b"more")
    append(inboxes, "globex", b"first")
    inboxes.note_read("acme", {"receiver": Position(2, 0)})
    inboxes.close()


def test_a_slow_tenant_leaves_room_for_others(inboxes: Inboxes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Beyond its share of the requests that wait a tenant is told to try later, so that some can always wait for others."""
    append(inboxes, "default", b"there are two tenants")
    append(inboxes, "acme", b"first")
    allowed, slow = threading.Event(), str(tmp_path / "tenants" / "acme")

    def sync(descriptor: int) -> None:
        if slow in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            assert allowed.wait(10)
        durable.sync(descriptor)

    monkeypatch.setattr(open_segment, "sync", sync)
    waiting = [inboxes.append("acme", Signal.TRACES, b"%d" % number, ONE) for number in range(LARGEST_SHARE)]
    with pytest.raises(UnavailableError, match="wait already"):
        append(inboxes, "acme", b"one more")
    append(inboxes, "default", b"not held up")
    allowed.set()
    for future in waiting:
        future.result(timeout=10)
    append(inboxes, "acme", b"room again")


def test_what_cannot_be_opened_is_answered_with_try_later(inboxes: Inboxes, tmp_path: Path) -> None:
    """A pond whose folder is a file, for one; the next payload tries again."""
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants" / "acme").touch()
    with pytest.raises(UnavailableError, match="cannot store data now"):
        append(inboxes, "acme", b"x")
    append(inboxes, "default", b"y")
    (tmp_path / "tenants" / "acme").unlink()
    append(inboxes, "acme", b"x")


def test_an_inbox_that_is_opened_late_knows_how_far_it_was_read(tmp_path: Path) -> None:
    """What a process before this one wrote and the pipeline has read does not count as waiting."""
    before = Inboxes(tmp_path, "receiver", Limits())
    append(before, "acme", b"x" * 1000)
    before.close()
    after = Inboxes(tmp_path, "receiver", Limits())
    after.note_read("acme", {"receiver": Position(1, 10_000), "receiver-1": Position(9, 9)})
    append(after, "acme", b"y")
    assert 500 > after.states()["acme"].unread_bytes
    after.close()


def test_processes_share_what_the_settings_allow(tmp_path: Path) -> None:
    """Each has inboxes of its own names, and its part of the limits."""
    settings = Settings(data=tmp_path, workers=4, inbox_soft_bytes=400, inbox_max_bytes=4000)
    first, second = open_inboxes(settings, 0), open_inboxes(settings, 1)
    assert ["receiver", "receiver-1"] == [inbox_name(0), inbox_name(1)]
    append(first, "acme", b"x")
    append(second, "acme", b"y")
    assert [b"x"] == payloads(tmp_path / "tenants" / "acme" / "inbox" / "receiver")
    assert [b"y"] == payloads(tmp_path / "tenants" / "acme" / "inbox" / "receiver-1")
    assert (100, 1000) == (first._limits.soft_bytes, first._limits.max_bytes)
    first.close()
    second.close()
