"""Memory that segments are read into: used again when nobody sees it any more, and never before."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from otelpond.storage.blocks import Blocks, give_back

Bytes = NDArray[np.uint8]
Read = Callable[[bytes], Bytes]

HOLDERS: dict[str, Callable[[Bytes], Any]] = {
    "itself": lambda read: read,
    "a slice": lambda read: read[10:20],
    "a slice of a slice": lambda read: read[5:][5:],
    "a view": lambda read: read.view(),
    "another type": lambda read: read[:96].view(np.complex128),
    "another shape": lambda read: read.reshape(2, -1),
    "a contiguous view, as the kernels have it": lambda read: np.ascontiguousarray(read).view(),
    "a memoryview": memoryview,
    "a part of its memoryview": lambda read: read.data[10:20],
    "an array over its buffer": lambda read: np.frombuffer(read, np.uint8),
    "an array over its memoryview": lambda read: np.asarray(read.data),
    "an Arrow buffer": pa.py_buffer,
    "a slice of an Arrow buffer": lambda read: pa.py_buffer(read).slice(10, 10),
    "an Arrow array": pa.array,
    "string views": lambda read: pa.Array.from_buffers(pa.string_view(), 1, [None, pa.py_buffer(b"\x01" + bytes(15)), pa.py_buffer(read)]),
    "a table of string views": lambda read: pa.table({"n": pa.array(read)}).slice(10, 10),
}
"""What may be made of an array, by all of which its bytes are seen."""


@pytest.fixture
def blocks() -> Blocks:
    """Blocks of 1,000 bytes, taken for 100 bytes and more."""
    return Blocks(1000, least=100)


@pytest.fixture
def read(blocks: Blocks, tmp_path: Path) -> Read:
    """Reads a file of that content."""
    path = tmp_path / "file"

    def of(content: bytes) -> Bytes:
        path.write_bytes(content)
        return blocks.read(path, 0, len(content))

    return of


def place(array: Bytes) -> int:
    """Where its first byte lies."""
    return int(array.__array_interface__["data"][0])


@pytest.mark.parametrize("count", [1, 99, 100, 1000, 1001, 5000])
@pytest.mark.parametrize("start", [0, 7, 2900, 2999, 3000, 4000])
def test_bytes_are_those_of_the_file(blocks: Blocks, tmp_path: Path, start: int, count: int) -> None:
    """Wherever it ends, into memory of its own or into a block that held others."""
    content = np.random.default_rng(1).bytes(3000)
    path = tmp_path / "file"
    path.write_bytes(b"\xff" * 1000)
    blocks.read(path, 0, 1000)
    path.write_bytes(content)

    assert content[start : start + count] == blocks.read(path, start, count).tobytes()


def test_a_file_that_is_gone_is_an_error_and_costs_no_block(blocks: Blocks, tmp_path: Path) -> None:
    """The next read is as if there had been none."""
    with pytest.raises(FileNotFoundError):
        blocks.read(tmp_path / "none", 0, 100)


def test_a_block_is_used_again(read: Read) -> None:
    """When what was read is gone, whatever sizes both have."""
    first = read(b"a" * 100)
    at = place(first)
    del first

    assert at == place(read(b"b" * 1000))


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_block_is_not_used_again_while_its_bytes_are_seen(read: Read, holder: str) -> None:
    """By anything that was made of the array, also when the array itself is gone."""
    first = read(b"a" * 960)
    at = place(first)
    held = HOLDERS[holder](first)
    del first
    gc.collect()
    others = [read(b"b" * 960) for _ in range(3)]

    assert at not in [place(other) for other in others]

    del held
    gc.collect()

    assert at == place(read(b"c" * 960))


def test_of_free_blocks_one_is_kept(read: Read) -> None:
    """Others are given back: after a backlog the memory of all its batches would stay."""
    arrays = [read(b"a" * 100) for _ in range(3)]
    blocks: list[Any] = [weakref.ref(array.base.base.obj) for array in arrays if array.base is not None]
    del arrays

    assert (3, 1) == (len(blocks), sum(block() is not None for block in blocks))


@pytest.mark.parametrize("count", [99, 1001])
def test_what_a_block_does_not_suit_takes_none(read: Read, count: int) -> None:
    """Small reads would keep a large block busy."""
    free = place(read(b"a" * 1000))
    other = read(b"b" * count)

    assert other.base is not None
    assert other.base.flags.owndata
    assert free == place(read(b"c" * 1000))


def test_blocks_become_free_in_any_thread(blocks: Blocks, tmp_path: Path) -> None:
    """Four threads read and let go at once: each sees its own bytes meanwhile."""
    wrong: list[int] = []

    def work(number: int) -> None:
        path = tmp_path / str(number)
        path.write_bytes(bytes([number]) * 500)
        for _ in range(300):
            held = blocks.read(path, 0, 500)[100:]
            wrong.extend(byte for byte in held.tolist() if byte != number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == wrong


def test_a_free_block_is_given_back_and_a_held_one_is_not(blocks: Blocks) -> None:
    """The next array has a new block then."""
    free, held = blocks.array(1000), blocks.array(1000)
    held[:] = 7
    block = weakref.ref(free.base.obj)  # type: ignore[union-attr]
    del free
    assert block() is not None

    give_back()
    assert block() is None
    assert set(held.tolist()) == {7}
    assert len(blocks.array(1000)) == 1000


_AT_EXIT = """
import os, sys
from pathlib import Path
from otelpond.storage.blocks import Blocks

path = Path(sys.argv[1])
path.write_bytes(b"a" * 100)
blocks = Blocks(1000, least=100)
held, gone = blocks.read(path, 0, 100), blocks.read(path, 0, 100)
del gone
if os.fork() == 0:
    held[:] = 98
    blocks.read(path, 0, 100)[:] = 98
    os._exit(0)
os.wait()
assert held.tobytes() == b"a" * 100 == blocks.array(100).tobytes()
"""


def test_a_forked_process_and_the_end_of_one_change_nothing(tmp_path: Path) -> None:
    """A child writes into memory of its own; arrays that are there at the end harm nobody."""
    ended = subprocess.run([sys.executable, "-c", _AT_EXIT, str(tmp_path / "file")], capture_output=True, text=True, check=False)

    assert (0, "", "") == (ended.returncode, ended.stdout, ended.stderr)
