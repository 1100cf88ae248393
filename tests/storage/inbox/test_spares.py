"""Files of forgotten segments are written over: what they held is never read again, nor reported, whatever ends the writer."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from otelpond.storage.inbox import log, open_segment, spares
from otelpond.storage.inbox.leftovers import seal_abandoned
from otelpond.storage.inbox.log import Inbox, Limits
from otelpond.storage.inbox.reading import Damage, read_chunk
from otelpond.storage.inbox.segments import BEGINNING, Position, end_position, forget, oldest_unread_unix_nano, segments, unread_bytes
from otelpond.storage.signals import Inspection, Signal, UnavailableError

ONE = Inspection(items=1)
OLD = [b"old %03d " % number * 50 for number in range(20)]
NEW = [b"new 0", b"new 1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an inbox lies."""
    return tmp_path / "inbox" / "receiver"


def append(inbox: Inbox, *payloads: bytes) -> None:
    """Append payloads and wait until they are durable."""
    for payload in payloads:
        inbox.append("default", Signal.TRACES, payload, ONE).result(timeout=10)


def read(folder: Path) -> tuple[list[bytes], list[Damage]]:
    """The payloads that an inbox holds, and what of it is damaged."""
    payloads, damages, after = [], [], BEGINNING
    while (chunk := read_chunk(folder, after, max_items=1000, max_bytes=1 << 20)) is not None:
        payloads += [chunk.wire[frame.payload_start : frame.end].tobytes() for frame in chunk.frames]
        damages += chunk.damages
        after = chunk.after
    return payloads, damages


def names(folder: Path, pattern: str) -> list[str]:
    """The files of an inbox that are called like that."""
    return sorted(path.name for path in folder.glob(pattern))


@pytest.fixture
def written_over(folder: Path) -> Inbox:
    """An inbox whose open segment, the third, lies over the first, which was longer."""
    inbox = Inbox(folder, Limits(segment_bytes=sum(map(len, OLD))))
    append(inbox, *OLD)
    append(inbox, b"second")
    files = [segment.path.stat().st_ino for segment in segments(folder)]
    forget(folder, Position(2, 0))
    assert ["0000000001.spare"] == names(folder, "*.spare")
    append(inbox, b"second " * 2000)
    append(inbox, NEW[0])
    forget(folder, Position(3, 0))
    append(inbox, NEW[1])
    (segment,) = segments(folder)
    assert (3, files[0]) == (segment.number, segment.path.stat().st_ino)
    assert segment.path.stat().st_size > 5000
    return inbox


def test_only_what_was_written_is_there(written_over: Inbox, folder: Path) -> None:
    """To readers, in figures, and when the segment is sealed: its file is cut then."""
    end = end_position(folder, BEGINNING)

    assert (NEW, []) == read(folder)
    assert 500 > end.offset == unread_bytes(segments(folder), BEGINNING)
    assert 0 == oldest_unread_unix_nano(folder, end)
    written_over.close()
    assert (NEW, []) == read(folder)
    assert end == end_position(folder, BEGINNING)
    assert end.offset == segments(folder)[0].path.stat().st_size
    assert [] == names(folder, "*.spare")


def test_before_its_first_frame_it_holds_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that comes when the file has its new name sees none of the old frames."""
    inbox = Inbox(folder, Limits(segment_bytes=1))
    append(inbox, *OLD[:3])
    seen = []

    def look(_folder: Path) -> None:
        seen.append((segments(folder)[-1].path.stat().st_size, read(folder), oldest_unread_unix_nano(folder, BEGINNING)))
        raise OSError(errno.EIO, "Input/output error")

    while not names(folder, "0000000003.segment"):
        time.sleep(0.01)
    (folder / "0000000004.open").touch()
    forget(folder, Position(4, 0))
    (folder / "0000000004.open").unlink()
    assert 3 == len(names(folder, "*.spare"))
    monkeypatch.setattr(open_segment, "fsync_folder", look)
    with pytest.raises(UnavailableError):
        append(inbox, b"refused")
    inbox.close()

    (size, found, oldest) = seen[0]
    assert size > 300
    assert (([], []), 0) == (found, oldest)


@pytest.mark.parametrize("note", ["kept", "lost", "torn", "older"])
@pytest.mark.parametrize("torn", [b"", "in part"])
def test_a_writer_that_is_killed_leaves_its_frames(written_over: Inbox, folder: Path, tmp_path: Path, note: str, torn: object) -> None:
    """And neither half a frame nor what stood there before; also where the power failed and the note of the end did not survive."""
    copy = tmp_path / "copy" / "receiver"
    shutil.copytree(folder, copy)
    if torn:
        append(written_over, b"torn")
        whole = (folder / "0000000003.open").read_bytes()
        (copy / "0000000003.open").write_bytes(whole[: end_position(folder, BEGINNING).offset - 2] + b"xx" + whole[-3000:])
    written_over.close()
    edit: dict[str, Callable[[Path], object]] = {
        "kept": Path.exists,
        "lost": Path.unlink,
        "torn": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"),
        "older": lambda path: path.write_bytes(bytes(32)),
    }
    edit[note](copy / "end")
    seal_abandoned(copy)

    assert ["0000000003.segment"] == names(copy, "0*")
    assert (NEW, []) == read(copy)
    inbox = Inbox(copy)
    append(inbox, b"after")
    inbox.close()
    assert ([*NEW, b"after"], []) == read(copy)


def test_what_a_plan_holds_is_read_whatever_is_left_of_the_note(folder: Path) -> None:
    """A power loss may leave an old note; a replay must not take that for the end while a starting writer is about to seal."""
    inbox = Inbox(folder)
    append(inbox, b"a")
    old = (folder / "end").read_bytes()
    append(inbox, b"b", b"c")
    end = end_position(folder, BEGINNING)
    for note in (old, b"", bytes(32)):
        (folder / "end").write_bytes(note)
        chunk = read_chunk(folder, BEGINNING, max_items=9, max_bytes=1 << 20, until=end)
        assert chunk is not None
        assert (3, end) == (len(chunk.frames), chunk.after)
    inbox.close()


def test_what_was_acknowledged_and_is_damaged_is_reported(written_over: Inbox, folder: Path) -> None:
    """Also where it is the last frame, and its mark is what is damaged: it was noted as durable."""
    path = folder / "0000000003.open"
    whole = path.read_bytes()
    written_over.close()
    path.with_suffix(".segment").rename(path)
    content = bytearray(whole)
    content[content.index(NEW[1]) - 60] ^= 1
    path.write_bytes(content)
    seal_abandoned(folder)
    payloads, damages = read(folder)

    assert NEW[:1] == payloads
    assert [content.index(NEW[1]) + len(NEW[1])] == [damage.end for damage in damages]


def test_a_copy_that_is_taken_meanwhile_holds_what_was_there(written_over: Inbox, folder: Path, tmp_path: Path) -> None:
    """Its note is of another file, and later than its segment: no bytes of an older one are taken for damaged frames."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("0000000003.open", "mark.key", "end"):
        shutil.copy(folder / name, copy / name)
        append(written_over, b"later" * 100)
    written_over.close()
    seal_abandoned(copy)

    assert (NEW, []) == read(copy)


def test_a_file_that_somebody_reads_is_not_written_over(folder: Path) -> None:
    """Such as a backup that has it open since before it was forgotten."""
    inbox = Inbox(folder, Limits(segment_bytes=sum(map(len, OLD))))
    append(inbox, *OLD)
    append(inbox, b"second")
    whole = (folder / "0000000001.segment").read_bytes()
    with (folder / "0000000001.segment").open("rb", buffering=0) as copying:
        content = copying.read(4000)
        forget(folder, Position(2, 0))
        append(inbox, b"second " * 2000)
        append(inbox, *NEW)
        assert whole == content + copying.read()
    inbox.close()
    assert [] == names(folder, "*.spare")


def test_an_end_that_cannot_be_cut_off_keeps_the_next_segment_waiting(
    written_over: Inbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else readers would take all of the file for the segment."""

    def fail(*_arguments: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "ftruncate", fail)
        with broken.context() as worse:
            worse.setattr(os, "fdatasync", fail)
            with pytest.raises(UnavailableError):
                append(written_over, b"refused")
        with pytest.raises(UnavailableError, match="Input/output error"):
            append(written_over, b"refused too")
        assert (NEW, []) == read(folder)
    append(written_over, b"after")
    written_over.close()

    assert ([*NEW, b"after"], []) == read(folder)


def test_a_full_disk_gets_the_room_of_spares(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is needed to publish, after which there is more."""
    inbox = Inbox(folder)
    append(inbox, b"before")
    (folder / "0000000000.spare").write_bytes(b"x" * 100)

    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwritev", full)
    with pytest.raises(UnavailableError):
        append(inbox, b"refused")
    inbox.close()

    assert [] == names(folder, "*.spare")


def test_a_file_of_another_name_too_is_left_alone(folder: Path, tmp_path: Path) -> None:
    """Such as what is kept for a destination, and a snapshot by hard links, also of what was forgotten this moment."""
    inbox = Inbox(folder, Limits(segment_bytes=1))
    append(inbox, OLD[0], OLD[1])
    (folder / "0000000009.open").touch()
    forget(folder, Position(9, 0))
    os.link(folder / "0000000001.spare", tmp_path / "kept")
    before = (tmp_path / "kept").read_bytes()
    append(inbox, *NEW)
    inbox.close()

    assert before == (tmp_path / "kept").read_bytes()


def test_as_many_are_kept_as_are_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And none where nobody writes."""
    monkeypatch.setattr(spares, "_MOST", 2)
    inbox = Inbox(folder, Limits(segment_bytes=1))
    append(inbox, *OLD)
    (folder / "0000000099.open").touch()
    forget(folder, Position(5, 0))
    assert ["0000000001.spare", "0000000002.spare"] == names(folder, "*.spare")
    inbox.close()
    (folder / "0000000099.open").unlink()
    assert [] == names(folder, "*.spare")
    forget(folder, Position(15, 0))
    assert [] == names(folder, "*.spare")


@pytest.mark.parametrize(("age_s", "size"), [(0.1, 1 << 20), (100.0, 1)], ids=["a segment is sealed for its age", "nothing comes"])
def test_an_inbox_that_is_written_to_slowly_keeps_none(folder: Path, monkeypatch: pytest.MonkeyPatch, age_s: float, size: int) -> None:
    """Nor one that is written to no more, after a while."""
    monkeypatch.setattr(log, "_SPARES_KEPT_S", 0.1)
    inbox = Inbox(folder, Limits(segment_age_s=age_s, segment_bytes=size))
    append(inbox, b"one")
    (folder / "0000000000.spare").write_bytes(b"x" * 100)
    (folder / "0000000001.spare").write_bytes(b"x" * 100)
    while names(folder, "*.spare"):
        time.sleep(0.01)
    inbox.close()

    assert ([b"one"], []) == read(folder)


def test_nobody_needs_the_spares_of_a_dead_writer(folder: Path) -> None:
    """Whoever finds the inbox abandoned removes them."""
    folder.mkdir(parents=True)
    (folder / "0000000001.spare").touch()
    seal_abandoned(folder)
    assert [] == names(folder, "*.spare")


@pytest.mark.parametrize("failing", ["open", "pwrite", "fdatasync", "fcntl"])
def test_a_spare_that_cannot_be_written_over_is_done_without(folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    """It is removed, and the segment gets a new file."""
    inbox = Inbox(folder, Limits(segment_age_s=100.0))
    (folder / "0000000000.spare").write_bytes(b"x" * 100)
    module: Any = fcntl if failing == "fcntl" else os
    whole = getattr(module, failing)

    def fail(*arguments: Any) -> Any:
        if names(folder, "*.spare") and (failing != "open" or Path(arguments[0]).suffix == ".spare"):
            raise OSError(errno.EIO, "Input/output error")
        return whole(*arguments)

    monkeypatch.setattr(module, failing, fail)
    append(inbox, b"one")

    assert [] == names(folder, "*.spare")
    inbox.close()
    assert ([b"one"], []) == read(folder)


def test_an_end_that_is_being_noted_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader may come while it is half written."""
    inbox = Inbox(folder)
    append(inbox, b"one")
    whole = Path.read_bytes
    torn = [b"torn"]
    monkeypatch.setattr(Path, "read_bytes", lambda path: torn.pop() if torn and path.name == "end" else whole(path))

    assert ([b"one"], []) == read(folder)
    assert [] == torn
    inbox.close()
