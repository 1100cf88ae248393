"""The model of a strict disk: only what was fsynced is sure to survive, and what a model forgives no figure of a power loss can show."""

from __future__ import annotations

import os
import random
import shutil
import sys
from pathlib import Path

import pytest

from .disk import Disk, Fate, File, Folder
from .record import STRACE, Found, Player, Renamed, calls, record, untold

CHANCE = random.Random(1)


def written(disk: Disk, path: str, content: bytes) -> File:
    """A file that a program makes and writes."""
    disk.add(path, file := File())
    disk.write(file, 0, content)
    return file


def fsync(disk: Disk, node: File | Folder) -> None:
    """An fsync that begins now."""
    node.fsync(disk.now + 1)


@pytest.fixture
def folder_of_two() -> Player:
    """Two files, all of them safe."""
    return Player(Disk({"1.open": b"promised", "2.open": b"too"}), "/pond", "/acks")


def test_a_file_needs_an_fsync_of_its_own_and_one_of_its_folder() -> None:
    """Either alone leaves nothing, or a name without bytes."""
    disk = Disk()
    fsync(disk, written(disk, "bytes only", b"x"))
    assert {} == disk.after_power_loss(Fate.LOST, CHANCE)
    fsync(disk, disk.root)
    written(disk, "name only", b"x")
    fsync(disk, disk.root)
    assert {"bytes only": b"x", "name only": b""} == disk.after_power_loss(Fate.LOST, CHANCE)


def test_an_fsync_covers_what_was_there_when_it_began() -> None:
    """A write that meets it may be lost."""
    disk = Disk()
    file = written(disk, "a", b"x")
    fsync(disk, disk.root)
    began = disk.now + 1
    disk.write(file, 1, b"y")
    file.fsync(began)

    assert {"a": b"x"} == disk.after_power_loss(Fate.LOST, CHANCE)
    assert {"a": b"xy"} == disk.shown()


def test_a_renaming_is_undone_until_the_folder_is_fsynced() -> None:
    """Within a folder it is one step: the name shows the old file or the new one."""
    disk = Disk({"old": b"1", "new": b"2"})
    disk.rename("old", "new")
    assert {"old": b"1", "new": b"2"} == disk.after_power_loss(Fate.LOST, CHANCE)
    seen = {tuple(sorted(disk.after_power_loss(Fate.SUBSET, CHANCE).items())) for _ in range(100)}
    assert {(("new", b"1"),), (("new", b"2"), ("old", b"1"))} == seen


def test_removed_and_cut_off_files_come_back() -> None:
    """Until their folder, or they themselves, are fsynced."""
    disk = Disk({"gone": b"1", "empty": b"2"})
    disk.remove("gone")
    file = disk.file("empty")
    assert file is not None
    disk.write(file, 0, None)
    assert {"gone": b"1", "empty": b"2"} == disk.after_power_loss(Fate.LOST, CHANCE)
    fsync(disk, disk.root)
    fsync(disk, file)
    assert {"empty": b""} == disk.after_power_loss(Fate.LOST, CHANCE)


def test_some_of_what_was_not_fsynced_survives_torn_or_as_zeros() -> None:
    """By chance; a journal keeps the order, a disk alone does not."""
    disk = Disk({"a": b""})
    file = disk.file("a")
    assert file is not None
    disk.write(file, 0, b"1" * 10)
    disk.write(file, 10, b"2" * 10)
    subset = {disk.after_power_loss(Fate.SUBSET, CHANCE)["a"] for _ in range(500)}
    prefix = {disk.after_power_loss(Fate.PREFIX, CHANCE)["a"] for _ in range(500)}

    assert {b"", b"1" * 10 + b"2" * 10, bytes(10) + b"2" * 10, b"1" * 4} <= subset
    assert {b"", b"1" * 10, b"1" * 10 + b"2" * 10, b"1" * 10 + b"2" * 3} <= prefix
    assert bytes(10) + b"2" * 10 not in prefix


PROGRAM = """
import os, shutil, sys
root = sys.argv[1]
descriptor = os.open(f"{root}/a", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.writev(descriptor, [b"abc", bytes(2), b"d"])
os.fdatasync(descriptor)
shutil.copyfile(f"{root}/a", f"{root}/b c")
os.rename(f"{root}/b c", f"{root}/d")
os.mkdir(f"{root}/m")
os.link(f"{root}/a", f"{root}/m/x")
os.mkdir(f"{root}/n")
open(f"{root}/n/y", "w").write("hello")
shutil.rmtree(f"{root}/n")
os.truncate(f"{root}/d", 2)
with open(f"{root}/m/z", "wb") as file:
    file.write(b"12345")
    file.seek(1)
    file.write(b"6")
    file.flush()
    os.pwritev(file.fileno(), [b"7", b"8"], 2)
os.pwrite(descriptor, b"end", 0)
folder = os.open(root, os.O_DIRECTORY)
os.fsync(folder)
os.write(os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT), b"7\\n8\\n")
"""


def test_a_renaming_whose_end_nobody_told_leaves_safe_what_was(folder_of_two: Player) -> None:
    """A program that ends within it leaves the new name alone: the bytes behind it are those of the old one, fsynced and promised."""
    ends = list(untold(folder_of_two.disk.shown(), {"1.segment": b"promised", "2.open": b"too"}))
    assert [Renamed("1.open", "1.segment")] == ends

    for end in ends:
        folder_of_two.play(end)
    fsync(folder_of_two.disk, folder_of_two.disk.root)

    assert {"1.segment": b"promised", "2.open": b"too"} == folder_of_two.disk.after_power_loss(Fate.LOST, CHANCE)


def test_a_write_whose_end_nobody_told_adds_to_what_is_safe(folder_of_two: Player) -> None:
    """And what is gone for good is gone once the folder is fsynced."""
    ends = list(untold(folder_of_two.disk.shown(), {"2.open": b"too late"}))
    assert [Found("1.open", None), Found("2.open", b"too late")] == ends

    for end in ends:
        folder_of_two.play(end)

    left = [folder_of_two.disk.after_power_loss(Fate.SUBSET, CHANCE) for _ in range(50)]
    assert all(tree["2.open"].startswith(b"too") and tree.get("1.open", b"promised") == b"promised" for tree in left)


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_a_record_played_to_the_model_shows_what_the_folder_holds(tmp_path: Path) -> None:
    """Whatever calls a program makes; and what of it was fsynced."""
    root, acks, trace = tmp_path / "root", tmp_path / "acks", tmp_path / "trace"
    root.mkdir()
    assert 0 == record([sys.executable, "-c", PROGRAM, str(root), str(acks)], trace, environment=dict(os.environ), seconds=60)
    player = Player(Disk(), str(root), str(acks))
    for event in calls(trace):
        player.play(event)

    assert {7, 8} == player.acknowledged
    there = {str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in root.rglob("*")}
    assert there == player.disk.shown()
    assert {"a": b"abc\0\0d", "d": b"", "m": None} == player.disk.after_power_loss(Fate.LOST, CHANCE)
    shutil.rmtree(root)
