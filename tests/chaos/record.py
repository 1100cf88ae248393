"""Records the file operations of a program by strace, those of native libraries included, and plays them to a `Disk`.

A record is the lines of `strace -f -y -xx`: every text in hex, every descriptor with the path that it has at that moment.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .disk import Disk, File, Folder, Tree

STRACE = shutil.which("strace")
_WRITING = "write,writev,pwrite64,pwritev,pwritev2,sendfile,copy_file_range,truncate,ftruncate,fallocate"
_NAMING = "open,openat,openat2,creat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir"
CALLS = f"trace={_NAMING},{_WRITING},fsync,fdatasync,sync_file_range,lseek"
_LINE = re.compile(r"(\d+)\s+(.*)", re.DOTALL)
_CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)(.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_DESCRIPTOR = re.compile(r"(AT_FDCWD|-?\d+)(?:<([^>]*)>(\(deleted\))?)?")
_TEXT = re.compile(r'"([^"]*)"')


class UnknownCallError(Exception):
    """A recorded call of the pond's files that the model of the disk does not know."""


def record(command: Sequence[str], trace: Path, *, environment: dict[str, str], seconds: float) -> int:
    """Run a program and write its file operations down; its exit code.

    Raises:
        subprocess.TimeoutExpired: it ran longer than it may.
    """
    strace = [str(STRACE), "-f", "--seccomp-bpf", "-y", "-xx", "-s", str(1 << 26), "-o", str(trace), "-e", CALLS]
    with subprocess.Popen([*strace, *command], env=environment) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            raise


@dataclass(slots=True)
class Call:
    """One finished call: its name, the text of its arguments and of its result."""

    name: str
    arguments: str
    result: int
    rest: str = ""


@dataclass(slots=True)
class Begun:
    """A call that another one's end overtook; an fsync covers what was there when it began."""

    thread: str
    call: str


@dataclass(slots=True)
class Found:
    """What a call did whose program was ended before the call's end could be told: a file's bytes, or None for a name that is gone."""

    path: str
    content: bytes | None


@dataclass(slots=True)
class Renamed:
    """A renaming whose end could not be told either: it is one change of the folder, and what was safe of the file stays so."""

    old: str
    new: str


Event = Begun | Found | Renamed | tuple[str, Call]


def untold(shown: Tree, there: Tree) -> Iterator[Found | Renamed]:
    """What calls did whose end nobody told: how a folder differs from what was told of it."""
    gone = sorted(shown.keys() - there.keys())
    differing = sorted(path for path, content in there.items() if path not in shown or shown[path] != content)
    for old in gone:
        new = next((path for path in differing if there[path] == shown[old] is not None), None)
        if new is None:
            yield Found(old, None)
        else:
            differing.remove(new)
            yield Renamed(old, new)
    yield from (Found(path, there[path]) for path in differing)


def calls(trace: Path) -> Iterator[Event]:
    """The calls of a record, in the order in which they ended; those that took a while are told at their beginning too."""
    begun: dict[str, str] = {}
    with trace.open() as lines:
        for line in lines:
            matched = _LINE.match(line.rstrip("\n"))
            if matched is None:
                continue
            thread, text = matched.groups()
            if text.endswith(_UNFINISHED):
                begun[thread] = text.removesuffix(_UNFINISHED)
                yield Begun(thread, begun[thread])
                continue
            resumed = _RESUMED.match(text)
            if resumed is not None:
                text = begun.pop(thread, "") + resumed[1]
            call = _CALL.match(text)
            if call is not None and int(call[3]) >= 0:
                yield thread, Call(call[1], call[2], int(call[3]), call[4])


@dataclass
class Player:
    """Plays recorded calls to a disk.

    Attributes:
        root: the absolute path of the disk's folder.
        acks: the absolute path of a file outside of it, into which the program writes what it acknowledged, a number a line.
        acknowledged: those numbers, so far.
    """

    disk: Disk
    root: str
    acks: str
    acknowledged: set[int] = field(default_factory=set)
    _offsets: dict[tuple[File, int], int] = field(default_factory=dict)
    _began: dict[str, int] = field(default_factory=dict)
    _renaming: dict[str, tuple[str, str]] = field(default_factory=dict)

    def play(self, event: Event) -> bool:
        """Play one call; whether it changed something."""
        if isinstance(event, Begun):
            self._begin(event)
            return False
        if isinstance(event, Found):
            self._find(event)
            return True
        if isinstance(event, Renamed):
            self.disk.rename(event.old, event.new)
            return True
        thread, call = event
        before = self.disk.now
        began = self._began.pop(thread, self.disk.now + 1)
        self._renaming.pop(thread, None)
        handler = getattr(self, f"_{call.name}", None)
        if handler is not None:
            handler(call, began)
        elif f'"{_hex(self.root)}' in call.arguments or f"<{_hex(self.root)}" in call.arguments:
            raise UnknownCallError(f"{call.name}({call.arguments[:200]})")
        return self.disk.now > before or call.name in {"fsync", "fdatasync"}

    def _begin(self, event: Begun) -> None:
        self._began[event.thread] = self.disk.now + 1
        if event.call.startswith("rename"):
            texts = [_unhex(text).decode() for text in _TEXT.findall(event.call)]
            if len(texts) == 2:
                self._renaming[event.thread] = (texts[0], texts[1])

    def _find(self, event: Found) -> None:
        if event.content is None:
            self.disk.remove(event.path)
            return
        if self.disk.find(event.path) is None:
            self.disk.add(event.path, File())
        file = self.disk.file(event.path)
        if file is not None:
            pairs = enumerate(zip(file.content, event.content, strict=False))
            same = next((at for at, (a, b) in pairs if a != b), min(len(file.content), len(event.content)))
            if same < len(file.content):
                self.disk.write(file, same, None)
            self.disk.write(file, same, event.content[same:])

    # Names

    def _openat(self, call: Call, _: int) -> None:
        path = self._inside(_joined(call.arguments))
        if path is None:
            return
        flags = call.arguments
        if "O_CREAT" in flags and self.disk.find(path) is None:
            self.disk.add(path, File())
        file = self.disk.file(path)
        if file is not None and ("O_WRONLY" in flags or "O_RDWR" in flags):
            self._offsets[self._key(file, call.result)] = -1 if "O_APPEND" in flags else 0
            if "O_TRUNC" in flags and file.content:
                self.disk.write(file, 0, None)

    def _open(self, call: Call, began: int) -> None:
        self._openat(Call("openat", f"AT_FDCWD, {call.arguments}", call.result), began)

    def _creat(self, call: Call, began: int) -> None:
        self._openat(Call("openat", f"AT_FDCWD, {call.arguments}, O_WRONLY|O_CREAT|O_TRUNC", call.result), began)

    def _mkdir(self, call: Call, _: int) -> None:
        self._make(_joined(call.arguments), Folder())

    _mkdirat = _mkdir

    def _symlink(self, call: Call, _: int) -> None:
        self._make(_joined(call.arguments, 1), File())

    _symlinkat = _symlink

    def _make(self, absolute: str, node: File | Folder) -> None:
        path = self._inside(absolute)
        if path:
            self.disk.add(path, node)

    def _unlink(self, call: Call, _: int) -> None:
        path = self._inside(_joined(call.arguments))
        if path is not None:
            self.disk.remove(path)

    _unlinkat = _rmdir = _unlink

    def _rename(self, call: Call, _: int) -> None:
        old, new = (self._inside(_joined(call.arguments, number)) for number in (0, 1))
        if old is not None and new is not None:
            self.disk.rename(old, new, exchange="RENAME_EXCHANGE" in call.arguments)

    _renameat = _renameat2 = _rename

    def _link(self, call: Call, _: int) -> None:
        old, new = (self._inside(_joined(call.arguments, number)) for number in (0, 1))
        node = self.disk.find(old) if old is not None else None
        if node is not None and new is not None:
            self.disk.add(new, node)

    _linkat = _link

    # Bytes

    def _write(self, call: Call, _: int) -> None:
        data = b"".join(_unhex(text) for text in _TEXT.findall(call.arguments))[: call.result]
        path = self._path(call)
        if path == self.acks:
            self.acknowledged |= {int(number) for number in data.split()}
            return
        file = self._file(call)
        if file is not None:
            self._put(file, _number(call), data)

    _writev = _write

    def _put(self, file: File, descriptor: int, data: bytes) -> None:
        key = self._key(file, descriptor)
        offset = self._offsets.get(key, 0)
        self.disk.write(file, len(file.content) if offset < 0 else offset, data)
        if offset >= 0:
            self._offsets[key] = offset + len(data)

    def _pwrite64(self, call: Call, _: int) -> None:
        file = self._file(call)
        if file is not None:
            data = b"".join(_unhex(text) for text in _TEXT.findall(call.arguments))[: call.result]
            appending = self._offsets.get(self._key(file, _number(call)), 0) < 0  # then Linux appends, whatever the offset
            self.disk.write(file, len(file.content) if appending else int(call.arguments.rsplit(",", 1)[1]), data)

    _pwritev = _pwrite64

    def _pwritev2(self, call: Call, began: int) -> None:
        self._pwrite64(Call(call.name, call.arguments.rpartition(",")[0], call.result), began)  # without the flags

    def _sendfile(self, call: Call, _: int) -> None:
        descriptors = list(_DESCRIPTOR.finditer(call.arguments))
        target = self._file(call)
        source = self._node(descriptors[1])
        if target is not None and isinstance(source, File):
            start = int(call.arguments.split("[", 1)[1].split("]", 1)[0])
            self._put(target, _number(call), bytes(source.content[start : start + call.result]))

    def _lseek(self, call: Call, _: int) -> None:
        file = self._file(call)
        if file is not None and self._offsets.get(self._key(file, _number(call)), -1) >= 0:
            self._offsets[self._key(file, _number(call))] = call.result

    def _ftruncate(self, call: Call, _: int) -> None:
        file = self._file(call)
        if file is not None:
            self.disk.write(file, int(call.arguments.rsplit(",", 1)[1]), None)

    def _truncate(self, call: Call, _: int) -> None:
        path = self._inside(_joined(call.arguments))
        file = self.disk.file(path) if path is not None else None
        if file is not None:
            self.disk.write(file, int(call.arguments.rsplit(",", 1)[1]), None)

    def _fsync(self, call: Call, began: int) -> None:
        node = self._node(_DESCRIPTOR.match(call.arguments))
        if node is not None:
            node.fsync(began)

    _fdatasync = _fsync

    # What arguments mean

    def _inside(self, absolute: str) -> str | None:
        """A path relative to the root, where it is in there; the root itself is the empty path."""
        return absolute[len(self.root) :].strip("/") if absolute == self.root or absolute.startswith(f"{self.root}/") else None

    def _path(self, call: Call) -> str:
        matched = _DESCRIPTOR.match(call.arguments)
        return _unhex(matched[2]).decode(errors="replace") if matched and matched[2] else ""

    def _file(self, call: Call) -> File | None:
        node = self._node(_DESCRIPTOR.match(call.arguments))
        return node if isinstance(node, File) else None

    def _node(self, matched: re.Match[str] | None) -> File | Folder | None:
        """What a descriptor stands for; under its old name where its renaming has not been told yet."""
        if matched is None or not matched[2] or matched[3]:
            return None
        absolute = _unhex(matched[2]).decode(errors="replace")
        path = self._inside(absolute)
        if path is None:
            return None
        node = self.disk.find(path)
        if node is None:
            before = next((old for old, new in self._renaming.values() if new == absolute), None)
            node = self.disk.find(self._inside(before) or "") if before else None
        if node is None:
            raise UnknownCallError(f"{absolute} is not on the disk")
        return node

    @staticmethod
    def _key(file: File, descriptor: int) -> tuple[File, int]:
        return file, descriptor


def _number(call: Call) -> int:
    return int(call.arguments.split("<", 1)[0])


def _joined(arguments: str, number: int = 0) -> str:
    """The n-th path among the arguments, absolute: behind each may stand the descriptor of the folder that it starts from."""
    text = list(_TEXT.finditer(arguments))[number]
    path = _unhex(text[1]).decode(errors="replace")
    if path.startswith("/"):
        return path
    folders = list(re.finditer(r"<([^>]*)>", arguments[: text.start()]))
    return f"{_unhex(folders[-1][1]).decode(errors='replace')}/{path}" if folders else path


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _hex(path: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in path.encode())
