"""The inbox: durable before answered, one fsync for many, nothing lost by failures of the disk."""

from __future__ import annotations

import dataclasses
import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from otelpond.storage import durable
from otelpond.storage.inbox import frames, open_segment
from otelpond.storage.inbox import log as inbox_module
from otelpond.storage.inbox.log import Inbox, Limits
from otelpond.storage.inbox.reading import Chunk, read_chunk
from otelpond.storage.inbox.segments import BEGINNING, Position, Segment, forget, oldest_unread_unix_nano, segments
from otelpond.storage.signals import Inspection, Signal, UnavailableError

ONE = Inspection(items=1)
OTHER_MARK = frames.mark(bytes(frames.KEY_BYTES), 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an inbox lies."""
    return tmp_path / "inbox" / "receiver"


@pytest.fixture
def inbox(folder: Path) -> Iterator[Inbox]:
    """An inbox that is closed after the test."""
    inbox = Inbox(folder)
    yield inbox
    inbox.close()


def chunks(folder: Path, after: Position = BEGINNING, *, max_items: int = 1000, max_bytes: int = 1 << 20) -> Iterator[Chunk]:
    """Everything that an inbox holds after a position."""
    while (chunk := read_chunk(folder, after, max_items=max_items, max_bytes=max_bytes)) is not None:
        yield chunk
        after = chunk.after


def payloads(folder: Path, after: Position = BEGINNING) -> list[bytes]:
    """The payloads that an inbox holds after a position."""
    return [chunk.wire[frame.payload_start : frame.end].tobytes() for chunk in chunks(folder, after) for frame in chunk.frames]


def append(inbox: Inbox, payload: bytes) -> None:
    """Append a payload and wait until it is durable."""
    inbox.append("default", Signal.TRACES, payload, ONE).result(timeout=10)


def test_what_was_answered_is_read_again(inbox: Inbox, folder: Path) -> None:
    """An answered payload is in the inbox, in order."""
    for payload in (b"a", b"b", b"c"):
        append(inbox, payload)

    assert [b"a", b"b", b"c"] == payloads(folder)


def test_the_answer_comes_after_the_fsync(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the fsync is under way, nobody is answered."""
    allowed, begun = threading.Event(), threading.Event()

    def slow_sync(descriptor: int) -> None:
        begun.set()
        assert allowed.wait(10)
        durable.sync(descriptor)

    monkeypatch.setattr(open_segment, "sync", slow_sync)
    inbox = Inbox(folder)
    future = inbox.append("default", Signal.TRACES, b"a", ONE)
    assert begun.wait(10)

    assert not future.done()

    allowed.set()
    future.result(timeout=10)
    inbox.close()


def test_many_waiting_clients_share_one_fsync(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What queued up during one fsync goes down with the next: group commit."""
    allowed, begun, syncs = threading.Event(), threading.Event(), []

    def slow_sync(descriptor: int) -> None:
        begun.set()
        assert allowed.wait(10)
        syncs.append(descriptor)

    monkeypatch.setattr(open_segment, "sync", slow_sync)
    inbox = Inbox(folder)
    first = inbox.append("default", Signal.TRACES, b"first", ONE)
    assert begun.wait(10)
    others = [inbox.append("default", Signal.TRACES, b"%d" % number, ONE) for number in range(600)]
    allowed.set()
    for future in (first, *others):
        future.result(timeout=10)
    inbox.close()

    assert 2 == len(syncs)
    assert 601 == len(payloads(folder))


def test_a_copy_of_a_waiting_payload_shares_its_fate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same payload sent twice at the same moment is stored once, and both are answered."""
    allowed = threading.Event()
    monkeypatch.setattr(open_segment, "sync", lambda _: allowed.wait(10))
    inbox = Inbox(folder)
    futures = [inbox.append("default", Signal.TRACES, b"same", ONE) for _ in range(2)]
    allowed.set()
    for future in futures:
        future.result(timeout=10)
    inbox.close()

    assert [b"same"] == payloads(folder)


def test_timeless_copies_are_stored_each_time(folder: Path) -> None:
    """A request in which nothing has a time is never taken for a retry."""
    inbox = Inbox(folder)
    for _ in range(2):
        inbox.append("default", Signal.TRACES, b"same", Inspection(items=1, timeless=True)).result(timeout=10)
    inbox.close()

    assert [b"same", b"same"] == payloads(folder)


@pytest.mark.parametrize("call", ["pwritev", "fdatasync"])
def test_a_failing_disk_is_answered_with_try_later_and_the_next_one_succeeds(
    inbox: Inbox, folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """A full disk or a failing fsync acknowledges nothing; later payloads go to a new segment and are found."""
    append(inbox, b"before")

    def fail(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, call, fail)
        with pytest.raises(UnavailableError, match="No space left on device") as refusal:
            append(inbox, b"refused")
    append(inbox, b"after")

    assert 1 <= refusal.value.retry_after_s <= 3
    assert [b"before", b"after"] == [payload for payload in payloads(folder) if payload != b"refused"]
    assert 2 == len(segments(folder))


def test_a_torn_write_costs_only_what_was_not_answered(inbox: Inbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a frame at the end of a segment is taken away, and kept nowhere; what came before and after is read."""
    append(inbox, b"before")
    whole_pwritev = os.pwritev

    def half(descriptor: int, parts: list[bytes], at: int) -> int:
        whole_pwritev(descriptor, [b"".join(parts)[:20]], at)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "pwritev", half)
        with pytest.raises(UnavailableError):
            append(inbox, b"torn")
    append(inbox, b"after")

    assert [b"before", b"after"] == payloads(folder)
    assert [] == [damage for chunk in chunks(folder) for damage in chunk.damages]


def test_nothing_of_a_group_that_failed_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody was promised it, though some of its frames were written whole: they go with the torn one, and their senders try again."""
    whole_pwritev = os.pwritev
    began, queued = threading.Event(), threading.Event()

    def cut_off(descriptor: int, parts: list[bytes], at: int) -> int:
        if not began.is_set():
            began.set()
            assert queued.wait(10)
            return whole_pwritev(descriptor, parts, at)
        whole_pwritev(descriptor, [b"".join(parts)[:-3]], at)
        raise OSError(errno.ENOSPC, "No space left on device")

    inbox = Inbox(folder)
    monkeypatch.setattr(os, "pwritev", cut_off)
    futures = [inbox.append("default", Signal.TRACES, b"first", ONE)]
    assert began.wait(10)
    futures += [inbox.append("default", Signal.TRACES, payload, ONE) for payload in (b"second", b"third")]
    queued.set()
    assert [False, True, True] == [future.exception(timeout=10) is not None for future in futures]
    inbox.close()

    assert [b"first"] == payloads(folder)
    assert [] == [damage for chunk in chunks(folder) for damage in chunk.damages]


def test_a_flipped_bit_is_reported_and_the_rest_is_read(inbox: Inbox, folder: Path) -> None:
    """A damaged frame in the middle is stepped over, with its place named."""
    for payload in (b"one", b"two", b"three"):
        append(inbox, payload)
    path = segments(folder)[0].path
    content = bytearray(path.read_bytes())
    flipped = content.index(b"two")
    content[flipped] ^= 1
    path.write_bytes(content)

    assert [b"one", b"three"] == payloads(folder)
    (damage,) = [damage for chunk in chunks(folder) for damage in chunk.damages]
    assert damage.start < flipped < damage.end
    assert not damage.torn


@pytest.mark.parametrize("mark", [OTHER_MARK, frames.OLD_MARK, b"opf2"], ids=["another mark", "the old mark", "no mark"])
@pytest.mark.parametrize("flipped", [0, 5, 13, 80], ids=["magic", "mark", "length", "payload"])
def test_what_looks_like_frames_in_a_damaged_payload_is_none(folder: Path, mark: bytes, flipped: int) -> None:
    """No sender knows what a segment's frames begin with; what follows the damage is read, also where the mark itself is damaged."""
    inner = frames.digest("victim", Signal.LOGS, b"forged")
    head = frames.encode("victim", Signal.LOGS, b"forged", payload_digest=inner, accepted_unix_nano=1, items=1, timeless=False)
    inbox = Inbox(folder)
    for payload in (b"x" * 50 + (mark + head + b"forged") * 3, b"second", b"third"):
        append(inbox, payload)
    inbox.close()
    path = segments(folder)[0].path
    content = bytearray(path.read_bytes())
    content[flipped] ^= 1
    path.write_bytes(content)

    assert [b"second", b"third"] == payloads(folder)
    assert 1 == len([damage for chunk in chunks(folder) for damage in chunk.damages])


@pytest.mark.parametrize("damaged", [b"", frames.OLD_MARK, OTHER_MARK], ids=["zeros", "the old mark", "another mark"])
@pytest.mark.parametrize("size", [12, 24, 512])
def test_a_damaged_head_costs_the_frames_it_damages(folder: Path, damaged: bytes, size: int) -> None:
    """Whatever a medium gives for its first sector: the other frames are read, and no payload gives frames."""
    digest = frames.digest("victim", Signal.LOGS, b"forged")
    head = frames.encode("victim", Signal.LOGS, b"forged", payload_digest=digest, accepted_unix_nano=1, items=1, timeless=False)
    forged = b"".join(mark + head + b"forged" for mark in (frames.OLD_MARK, OTHER_MARK))
    inbox = Inbox(folder)
    for payload in (b"x" * 600 + forged, b"second", b"third " + forged, b"fourth"):
        append(inbox, payload)
    inbox.close()
    path = segments(folder)[0].path
    path.write_bytes(damaged.ljust(size, b"\0") + path.read_bytes()[size:])

    assert [b"second", b"third " + forged, b"fourth"] == payloads(folder)
    assert 1 == len([damage for chunk in chunks(folder) for damage in chunk.damages])


@pytest.mark.parametrize("key", [None, b"", bytes(100)], ids=["lost", "empty", "too long"])
def test_an_inbox_that_lost_its_key_is_read_by_its_heads(folder: Path, key: bytes | None) -> None:
    """Also segments of an inbox that another has taken the place of; it has a new one for what follows."""
    inbox = Inbox(folder)
    append(inbox, b"first")
    inbox.close()
    if key is None:
        (folder / "mark.key").unlink()
    else:
        (folder / "mark.key").write_bytes(key)
    assert [b"first"] == payloads(folder)
    inbox = Inbox(folder)
    append(inbox, b"second")
    inbox.close()

    assert [b"first", b"second"] == payloads(folder)
    assert 0o600 == (folder / "mark.key").stat().st_mode & 0o777


def test_a_segment_of_an_older_release_is_read(folder: Path) -> None:
    """Its frames have another mark; the next segment has its own."""
    folder.mkdir(parents=True)
    digest = frames.digest("default", Signal.TRACES, b"old")
    head = frames.encode("default", Signal.TRACES, b"old", payload_digest=digest, accepted_unix_nano=7, items=1, timeless=False)
    (folder / "0000000001.segment").write_bytes((frames.OLD_MARK + head + b"old") * 2)
    assert 7 == oldest_unread_unix_nano(folder, BEGINNING)
    inbox = Inbox(folder)
    append(inbox, b"new")
    inbox.close()

    assert [b"old", b"old", b"new"] == payloads(folder)


def test_a_new_writer_never_touches_what_an_old_one_left(folder: Path) -> None:
    """After a restart the next payload goes to a new segment, whatever the old one ends with."""
    first = Inbox(folder)
    append(first, b"first")
    first.close()
    with segments(folder)[-1].path.open("ab") as torn:
        torn.write(b"opf1 torn")
    second = Inbox(folder)
    append(second, b"second")
    second.close()

    assert [b"first", b"second"] == payloads(folder)


def test_numbers_are_not_used_again_after_everything_was_forgotten(folder: Path) -> None:
    """The plan's positions stay valid when an inbox was emptied and restarted."""
    first = Inbox(folder)
    append(first, b"first")
    first.close()
    (chunk,) = chunks(folder)
    forget(folder, chunk.after)
    second = Inbox(folder)
    append(second, b"second")
    second.close()

    assert [b"second"] == payloads(folder, chunk.after)
    assert 0 == segments(folder)[0].path.stat().st_size


def test_an_inbox_has_one_writer(inbox: Inbox, folder: Path) -> None:
    """A second process is told so, instead of mixing its frames in."""
    assert 0 == inbox.state().unread_bytes
    with pytest.raises(BlockingIOError):
        Inbox(folder)


def test_bodies_in_flight_are_bounded(inbox: Inbox) -> None:
    """Beyond the budget the answer is try-later; what was reserved is given back."""
    with inbox.admit(200_000_000), pytest.raises(UnavailableError, match="in flight"), inbox.admit(100_000_000):
        pass
    with inbox.admit(256_000_000):
        pass


def test_a_full_inbox_is_answered_with_try_later(folder: Path) -> None:
    """Beyond `max_bytes` on disk nothing more is admitted until the pipeline has forgotten some."""
    inbox = Inbox(folder, Limits(max_bytes=10, segment_age_s=0.0))
    append(inbox, b"more than ten bytes")
    with pytest.raises(UnavailableError, match="its limit is 10"), inbox.admit(1):
        pass
    while not list(folder.glob("*.segment")):  # it is being sealed this moment
        time.sleep(0.01)
    forget(folder, next(chunks(folder)).after)
    inbox.note_read(Position(1, 1000))
    with inbox.admit(1):
        pass
    inbox.close()


def test_answers_are_paced_to_the_pipeline(folder: Path) -> None:
    """Above the soft limit an answer waits until the pipeline has read."""
    inbox = Inbox(folder, Limits(soft_bytes=10))
    future = inbox.append("default", Signal.TRACES, b"more than ten bytes", ONE)
    while not payloads(folder):
        pass
    assert not future.done()

    inbox.note_read(next(chunks(folder)).after)

    future.result(timeout=10)
    inbox.close()


def test_closing_writes_what_is_queued_and_then_refuses(folder: Path) -> None:
    """A drain loses nothing, and later senders are told to try again."""
    inbox = Inbox(folder)
    futures = [inbox.append("default", Signal.LOGS, b"%d" % number, ONE) for number in range(100)]
    inbox.close()

    assert all(future.done() for future in futures)
    assert 100 == len(payloads(folder))
    with pytest.raises(UnavailableError, match="shutting down"):
        append(inbox, b"late")


def test_a_limit_within_a_frame_never_cuts_it(folder: Path) -> None:
    """Where reading is asked to end in a frame that was being written meanwhile, the frame waits whole for the next reading."""
    inbox = Inbox(folder)
    for payload in (b"first", b"second"):
        append(inbox, payload)
    inbox.close()
    (whole,) = chunks(folder)
    limit = Position(whole.segment, whole.frames[1].start + 20)

    limited = read_chunk(folder, BEGINNING, max_items=1000, max_bytes=1 << 20, until=limit)

    assert limited is not None
    assert (1, [], whole.frames[0].end) == (len(limited.frames), limited.damages, limited.after.offset)
    assert read_chunk(folder, limited.after, max_items=1000, max_bytes=1 << 20, until=limit) is None
    assert [b"second"] == payloads(folder, limited.after)


def test_its_state_says_what_waits_and_since_when(inbox: Inbox, folder: Path) -> None:
    """Bytes unread, stored and in flight; the acceptance of the oldest payload that the pipeline has not read."""
    assert (0, 0, 0, 0, "") == dataclasses.astuple(inbox.state())
    append(inbox, b"first")
    append(inbox, b"second")
    with inbox.admit(7):
        state = inbox.state()
    first, second = next(chunks(folder)).frames
    assert (second.end, second.end, 7, first.accepted_unix_nano, "") == dataclasses.astuple(state)
    inbox.note_read(Position(1, first.end))
    assert (second.end - first.end, second.accepted_unix_nano) == (inbox.state().unread_bytes, inbox.state().oldest_unread_unix_nano)


def test_its_state_says_why_it_takes_nothing(folder: Path) -> None:
    """Full, or no memory left, or closed."""
    inbox = Inbox(folder, Limits(max_bytes=10, in_flight_bytes=100))
    with inbox.admit(100):
        assert "100 bytes of requests are in flight, the limit is 100" == inbox.state().problem
    append(inbox, b"a longer one")
    assert inbox.state().problem.endswith("its limit is 10")
    inbox.close()
    assert "the collector is shutting down" == inbox.state().problem


def test_a_disk_that_takes_nothing_shows_in_the_state_without_any_request(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was written lately, a small file is; an fsync that failed is remembered until one succeeds."""
    clock = [100.0]
    monkeypatch.setattr(inbox_module.time, "monotonic", lambda: clock[0])
    inbox = Inbox(folder)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(durable, "sync", full)
        broken.setattr(open_segment, "sync", full)
        assert "the inbox cannot be written: No space left on device" == inbox.state().problem
        with pytest.raises(UnavailableError):
            append(inbox, b"a")
    assert "the inbox cannot be written: No space left on device" == inbox.state().problem
    append(inbox, b"a")
    assert "" == inbox.state().problem
    inbox.close()


def test_a_full_disk_does_not_fill_up_with_segments(inbox: Inbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often clients try again: no segment is begun before the disk takes a file of the group's size."""
    append(inbox, b"before")

    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "pwritev", full)
        broken.setattr(os, "write", full)
        for _ in range(50):
            with pytest.raises(UnavailableError):
                append(inbox, b"refused")
        assert 1 == len(segments(folder))
    append(inbox, b"after")
    inbox.close()

    assert [b"before", b"after"] == payloads(folder)
    assert ["0000000001.segment", "0000000002.segment", "end", "identity", "lock", "mark.key"] == sorted(
        path.name for path in folder.iterdir()
    )


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), MemoryError()])
def test_whatever_fails_the_writer_goes_on_and_everybody_is_answered(
    inbox: Inbox, folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """A close that fails after a failed write, or a lack of memory, must not leave clients without an answer for ever."""
    append(inbox, b"before")

    def fail(*_arguments: object) -> None:
        raise error

    def close(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "pwritev", fail)
        broken.setattr(os, "close", close)
        with pytest.raises(UnavailableError):
            append(inbox, b"refused")
    append(inbox, b"after")

    assert [b"before", b"after"] == payloads(folder)


def test_a_folder_that_cannot_be_fsynced_leaves_no_descriptor_open(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new segment whose name is not durable is given up like any other, for as long as it lasts."""

    def fail(_folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    open_before = len(list(Path("/dev/fd").iterdir()))
    with monkeypatch.context() as broken:
        broken.setattr(open_segment, "fsync_folder", fail)
        for _ in range(20):
            with pytest.raises(UnavailableError):
                append(inbox, b"refused")
    assert len(list(Path("/dev/fd").iterdir())) <= open_before
    append(inbox, b"after")


def test_a_client_that_goes_away_cancels_nothing(inbox: Inbox, folder: Path) -> None:
    """What another one may wait for too, and the writer will answer, cannot be cancelled."""
    future = inbox.append("default", Signal.TRACES, b"left alone", ONE)

    assert not future.cancel()
    future.result(timeout=10)
    append(inbox, b"after")
    assert [b"left alone", b"after"] == payloads(folder)


def test_a_segment_that_is_sealed_between_listing_and_reading_is_read_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a plan's frames would else be seen where there is none, and the plan replayed without them."""
    inbox = Inbox(folder)
    append(inbox, b"one")
    whole = Segment.durable_bytes

    def sealed_meanwhile(segment: Segment) -> int:
        monkeypatch.setattr(Segment, "durable_bytes", whole)
        inbox.close()
        return whole(segment)

    monkeypatch.setattr(Segment, "durable_bytes", sealed_meanwhile)

    chunk = read_chunk(folder, BEGINNING, max_items=10, max_bytes=1 << 20)
    assert chunk is not None
    assert 1 == len(chunk.frames)


def test_a_segment_that_a_listing_leaves_out_is_not_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large folder is listed in parts: one that is renamed meanwhile may be in none of them."""
    for payload in (b"one", b"two", b"three"):
        inbox = Inbox(folder)
        append(inbox, payload)
        inbox.close()
    first = next(chunks(folder))
    whole = Path.iterdir

    with monkeypatch.context() as racing:
        racing.setattr(Path, "iterdir", lambda path: (entry for entry in whole(path) if entry.stem != "0000000002"))
        assert read_chunk(folder, first.after, max_items=10, max_bytes=1 << 20) is None

    assert [b"two", b"three"] == payloads(folder, first.after)


def test_a_segment_that_is_renamed_meanwhile_is_forgotten_the_next_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new writer seals what a dead one left, while the dead one's pipeline still publishes."""
    for payload in (b"one", b"two"):
        inbox = Inbox(folder)
        append(inbox, payload)
        inbox.close()
    first, second = segments(folder)
    renamed = [first.path.rename(first.path.with_suffix(".open")), second.path]
    end = Position(2, second.path.stat().st_size)
    whole = Path.iterdir

    with monkeypatch.context() as racing:
        racing.setattr(Path, "iterdir", lambda path: iter([first.path, second.path, *(e for e in whole(path) if e not in renamed)]))
        forget(folder, end)
    assert 0 == second.path.stat().st_size
    forget(folder, end)

    assert [2] == [segment.number for segment in segments(folder)]


def test_an_inbox_that_somebody_removed_is_empty(folder: Path) -> None:
    """Such as that of a receiver process that is no more, though plans still name it."""
    assert read_chunk(folder, Position(3, 7), max_items=10, max_bytes=10, until=Position(4, 0)) is None
    assert [] == segments(folder)


def sizes(folder: Path, *, max_items: int, max_bytes: int = 1 << 20) -> list[int]:
    """The frames of each chunk that a reader with these limits gets."""
    return [len(chunk.frames) for chunk in chunks(folder, max_items=max_items, max_bytes=max_bytes)]


@pytest.mark.parametrize(
    ("appended", "while_open", "sealed"),
    [(5, [5], [5]), (6, [5, 1], [6]), (7, [5, 2], [5, 2]), (11, [5, 5, 1], [5, 6])],
)
def test_less_than_a_quarter_of_a_batch_is_not_left_over_in_a_sealed_segment(
    folder: Path, appended: int, while_open: list[int], sealed: list[int]
) -> None:
    """A batch of its own would cost nearly as much; what is still written to may grow to a whole one."""
    inbox = Inbox(folder)
    for number in range(appended):
        append(inbox, b"%02d" % number)
    assert while_open == sizes(folder, max_items=5)
    whole = sum(path.stat().st_size for path in folder.glob("*.open"))
    inbox.close()

    assert sealed == sizes(folder, max_items=5)
    assert [appended] == sizes(folder, max_items=100, max_bytes=whole * 9 // 10)


def test_little_by_bytes_is_left_over_where_it_holds_many_items(folder: Path) -> None:
    """A batch is bounded by its items: a quarter more is the most that comes with it."""
    inbox = Inbox(folder)
    for number in range(5):
        append(inbox, b"%d" % number * 2000)
    for number in range(5, 9):
        append(inbox, b"%d" % number)
    inbox.close()

    assert [7, 2] == sizes(folder, max_items=5)
