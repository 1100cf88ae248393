"""A model of a strict disk: what of a folder a power loss leaves, by which files and folders were fsynced; fed with recorded calls.

A file's bytes are safe after an fsync of the file, a folder's entries after an fsync of the folder, and an fsync covers what was
finished when it began. What is not safe may be lost, or survive in part: see `Fate`.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

SECTOR = 512


class Fate(Enum):
    """What happens to changes that were not fsynced."""

    LOST = "nothing of them survives"
    PREFIX = "those up to some moment survive, as a journal leaves them, the last write torn"
    SUBSET = "any of them survive, some writes torn, some as zeros"


@dataclass(slots=True)
class Write:
    """Bytes written into a file, or its new length (`data` is None)."""

    at: int
    offset: int
    data: bytes | None

    def apply(self, content: bytearray) -> None:
        """Do it."""
        if self.data is None:
            del content[self.offset :]
            content.extend(bytes(self.offset - len(content)))
        else:
            content.extend(bytes(max(0, self.offset - len(content))))
            content[self.offset : self.offset + len(self.data)] = self.data


@dataclass(eq=False, slots=True)
class File:
    """A file: its bytes as programs see them, those that are safe, and the writes between."""

    content: bytearray = field(default_factory=bytearray)
    safe: bytearray = field(default_factory=bytearray)
    unsafe: list[Write] = field(default_factory=list)

    def change(self, write: Write) -> None:
        """A program writes."""
        write.apply(self.content)
        self.unsafe.append(write)

    def fsync(self, began: int) -> None:
        """What was written before that moment is safe."""
        for write in self.unsafe:
            if write.at < began:
                write.apply(self.safe)
        self.unsafe = [write for write in self.unsafe if write.at >= began]


@dataclass(slots=True)
class Renaming:
    """A change of a folder's entries, done whole or not at all; None removes a name."""

    at: int
    names: dict[str, Node | None]


@dataclass(eq=False, slots=True)
class Folder:
    """A folder: its entries as programs see them, those that are safe, and the changes between."""

    entries: dict[str, Node] = field(default_factory=dict)
    safe: dict[str, Node] = field(default_factory=dict)
    unsafe: list[Renaming] = field(default_factory=list)

    def change(self, renaming: Renaming) -> None:
        """A program makes, renames or removes."""
        _apply(renaming, self.entries)
        self.unsafe.append(renaming)

    def fsync(self, began: int) -> None:
        """What was changed before that moment is safe."""
        for renaming in self.unsafe:
            if renaming.at < began:
                _apply(renaming, self.safe)
        self.unsafe = [renaming for renaming in self.unsafe if renaming.at >= began]


Node = File | Folder
Tree = dict[str, "bytes | None"]
"""Paths below the root to their bytes, folders to None; a folder comes before what is in it."""


def _apply(renaming: Renaming, entries: dict[str, Node]) -> None:
    for name, node in renaming.names.items():
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


class Disk:
    """One folder on a strict disk. Paths are relative to it; what is outside is not known here.

    Args:
        tree: what is there, and safe.
    """

    def __init__(self, tree: Tree | None = None) -> None:
        self.root = Folder()
        self.now = 0
        for path, content in (tree or {}).items():
            parent, name = self._parent(path)
            node: Node = Folder() if content is None else File(bytearray(content), bytearray(content))
            parent.entries[name] = parent.safe[name] = node

    def find(self, path: str) -> Node | None:
        """What has that path."""
        node: Node | None = self.root
        for name in filter(None, path.split("/")):
            node = node.entries.get(name) if isinstance(node, Folder) else None
        return node

    def file(self, path: str) -> File | None:
        """The file of that path, where it is one."""
        node = self.find(path)
        return node if isinstance(node, File) else None

    def tick(self) -> int:
        """The next moment."""
        self.now += 1
        return self.now

    def add(self, path: str, node: Node) -> None:
        """A program makes a file or folder, or a further link to one."""
        parent, name = self._parent(path)
        parent.change(Renaming(self.tick(), {name: node}))

    def remove(self, path: str) -> None:
        """A program removes a name."""
        parent, name = self._parent(path)
        parent.change(Renaming(self.tick(), {name: None}))

    def rename(self, old: str, new: str, *, exchange: bool = False) -> None:
        """A program renames; between two folders this is two changes, of which each may be lost."""
        source, source_name = self._parent(old)
        target, target_name = self._parent(new)
        moved, other = source.entries[source_name], target.entries.get(target_name) if exchange else None
        at = self.tick()
        if source is target:
            source.change(Renaming(at, {source_name: other, target_name: moved}))
        else:
            target.change(Renaming(at, {target_name: moved}))
            source.change(Renaming(at, {source_name: other}))

    def write(self, file: File, offset: int, data: bytes | None) -> None:
        """A program writes into a file, or gives it a length."""
        file.change(Write(self.tick(), offset, data))

    def shown(self) -> Tree:
        """What programs see."""
        return dict(_walk(self.root, lambda folder: folder.entries, lambda file: file.content))

    def after_power_loss(self, fate: Fate, chance: random.Random) -> Tree:
        """What is there when the power comes back."""
        until = self.now + 1 if fate is Fate.SUBSET else chance.randint(self._oldest_unsafe(), self.now + 1)
        share = chance.choice((0.1, 0.5, 0.9))

        def survives(at: int) -> bool:
            if fate is Fate.SUBSET:
                return chance.random() < share
            return fate is Fate.PREFIX and at < until

        def entries(folder: Folder) -> dict[str, Node]:
            left = dict(folder.safe)
            for renaming in folder.unsafe:
                if survives(renaming.at):
                    _apply(renaming, left)
            return left

        def content(file: File) -> bytearray:
            left = bytearray(file.safe)
            surviving = [write for write in file.unsafe if survives(write.at)]
            for write in surviving:
                torn = fate is Fate.SUBSET or write is surviving[-1]
                _damaged(write, chance, torn=torn, zeros=fate is Fate.SUBSET).apply(left)
            return left

        return dict(_walk(self.root, entries, content))

    def _oldest_unsafe(self) -> int:
        return min((change.at for node in _nodes(self.root) for change in node.unsafe), default=self.now)

    def _parent(self, path: str) -> tuple[Folder, str]:
        folder, _, name = path.rpartition("/")
        parent = self.find(folder)
        if not isinstance(parent, Folder):
            raise KeyError(f"{folder or 'the root'} is no folder")
        return parent, name


def _damaged(write: Write, chance: random.Random, *, torn: bool, zeros: bool) -> Write:
    """A write as it survives: whole, cut off at a byte or sector, or as zeros."""
    if write.data is None or not write.data:
        return write
    dice = chance.randrange(4)
    if torn and dice == 0:
        cut = chance.randrange(len(write.data))
        return Write(write.at, write.offset, write.data[: cut - cut % SECTOR if chance.random() < 0.5 else cut])
    if zeros and dice == 1:
        return Write(write.at, write.offset, bytes(len(write.data)))
    return write


def _walk(
    root: Folder, entries: Callable[[Folder], dict[str, Node]], content: Callable[[File], bytearray]
) -> Iterator[tuple[str, bytes | None]]:
    waiting: list[tuple[str, Node]] = [("", root)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, File):
            yield path, bytes(content(node))
            continue
        if path:
            yield path, None
        waiting += [(f"{path}/{name}".lstrip("/"), below) for name, below in entries(node).items()]


def _nodes(root: Folder) -> Iterator[Node]:
    seen: set[int] = set()
    waiting: list[Node] = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, Folder):
            added = itertools.chain.from_iterable(renaming.names.values() for renaming in node.unsafe)
            waiting += [below for below in (*node.entries.values(), *node.safe.values(), *added) if below is not None]
