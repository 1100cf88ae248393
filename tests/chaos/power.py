"""Power losses: the file operations of a pond's lives are recorded and cut at random; what was acknowledged by then must be found once.

Each life ends as by SIGKILL and the next one recovers, so that the record holds recoveries too. Recoveries after a cut are recorded and
cut again. The pond of each cut is rebuilt from what a strict disk would have left (see `disk`), in a folder of its own, and recovered
by a forked worker.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .disk import Disk, Fate, Tree
from .record import Begun, Event, Found, Player, calls, record, untold

PAYLOADS_A_LIFE = 120
LIFE_S = 60.0
MOST_UNTOLD = 4
"""So many calls may be under way when a life ends, whose end nobody tells; what they did is taken from the folder. One more than there
are threads that write: the note of the inbox's end is written through memory, and told by no call."""
SENT_AGAIN = 8
"""So many payloads before the end of a life are sent again in the next one: their clients heard nothing, or did and were asked again."""


@dataclass(slots=True)
class Figures:
    """What the power losses did."""

    recoveries: int = 0
    operations: int = 0
    acknowledged: int = 0
    found: int = 0
    lost: int = 0
    doubled: int = 0
    failed: int = 0
    slowest_s: float = 0.0
    complaints: list[str] = field(default_factory=list)

    def add(self, other: Figures) -> None:
        """Sum two up."""
        for name in ("recoveries", "operations", "acknowledged", "found", "lost", "doubled", "failed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.complaints += other.complaints


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded of a pond.

    Attributes:
        root, acks: the paths that it had then.
        tree, acknowledged: what was there, and safe, before the first call.
        events: the calls.
        now_ns: the times in its payloads follow from it.
    """

    root: Path
    acks: Path
    tree: Tree
    acknowledged: frozenset[int]
    events: list[Event]
    now_ns: int

    def player(self) -> Player:
        """Begins to play it."""
        return Player(Disk(self.tree), str(self.root), str(self.acks), set(self.acknowledged))


def record_lives(folder: Path, lives: int) -> Recording:
    """Record so many lives of a new pond.

    Raises:
        AssertionError: the model of the disk does not show what the folder holds, so that nothing it says could be trusted.
    """
    root, acks, trace = folder / "pond", folder / "acks", folder / "trace"
    root.mkdir()
    recording = Recording(root, acks, {}, frozenset(), [], time.time_ns())
    player, first = recording.player(), 1
    for _ in range(lives):
        count = PAYLOADS_A_LIFE // 3 + random.randrange(PAYLOADS_A_LIFE)
        _live(trace, root, acks, first=first, count=count, now_ns=recording.now_ns)
        first = max(1, max(map(int, acks.read_text().split())) - SENT_AGAIN)
        recording.events.extend(_played(player, trace, root))
    return recording


def record_recovery(before: Recording, cut: int, folder: Path, chance: random.Random) -> Recording:
    """Record the recovery after a cut, to be cut again."""
    player = before.player()
    for event in before.events[:cut]:
        player.play(event)
    tree = player.disk.after_power_loss(Fate.SUBSET, chance)
    root, acks, trace = folder / "pond", folder / "acks", folder / "trace"
    shutil.rmtree(folder, ignore_errors=True)
    build(tree, root)
    _live(trace, root, acks, first=0, count=0, now_ns=before.now_ns)
    recording = Recording(root, acks, tree, frozenset(player.acknowledged), [], before.now_ns)
    recording.events.extend(_played(recording.player(), trace, root))
    return recording


def _played(player: Player, trace: Path, root: Path) -> list[Event]:
    """The events of a life, after which the model of the disk shows what the folder holds."""
    events = list(calls(trace))
    for event in events:
        player.play(event)
    there = _tree(root)
    ends = list(untold(player.disk.shown(), there))
    if len(ends) > MOST_UNTOLD or any(isinstance(end, Found) and there.get(end.path, b"") is None for end in ends):
        raise AssertionError(f"the model of the disk and the folder differ: {ends[:5]}")
    for end in ends:
        player.play(end)
    events += ends
    trace.unlink()
    return events


def _live(trace: Path, root: Path, acks: Path, *, first: int, count: int, now_ns: int) -> None:
    life = [sys.executable, "-m", "tests.chaos.life", str(root), str(acks), str(first), str(count), str(LIFE_S), str(now_ns)]
    code = record(life, trace, environment=dict(os.environ), seconds=2 * LIFE_S)
    if code:
        raise AssertionError(f"a life ended with code {code}")


def _tree(root: Path) -> Tree:
    return {str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in sorted(root.rglob("*"))}


def build(tree: Tree, root: Path) -> None:
    """Write a tree into a new folder."""
    root.mkdir(parents=True)
    for path, content in tree.items():
        if content is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(content)


def cut_and_recover(recording: Recording, cuts: int, *, workers: int, seed: int) -> Figures:
    """Cut a record at so many random places, and see what recovery finds after each."""
    chance = random.Random(seed)
    changing = [at for at, event in enumerate(recording.events) if not isinstance(event, Begun)]
    places = sorted(chance.choices(changing, k=cuts))
    context = multiprocessing.get_context("fork")  # nothing was imported yet that has threads
    queue = context.Queue()
    processes = [context.Process(target=_work, args=(recording, places[w::workers], seed + w, queue)) for w in range(workers)]
    for process in processes:
        process.start()
    figures = Figures(operations=len(changing))
    for _ in processes:
        figures.add(queue.get())
    for process in processes:
        process.join()
    return figures


def _work(recording: Recording, places: Sequence[int], seed: int, queue: multiprocessing.Queue[Figures]) -> None:
    from .recovery import Recovery  # noqa: PLC0415 - only after the fork: it starts threads

    logging.disable(logging.CRITICAL)
    figures = Figures()
    chance = random.Random(seed)
    recovery = Recovery()
    memory = Path("/dev/shm")  # noqa: S108 - quick where it is there
    player, played = recording.player(), 0
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        for number, place in enumerate(places):
            while played < place:
                player.play(recording.events[played])
                played += 1
            fate = list(Fate)[number % len(Fate)]
            root = Path(folder) / f"pond-{number}"
            build(player.disk.after_power_loss(fate, chance), root)
            started = time.monotonic()
            try:
                recovery.check(root, player.acknowledged, figures)
            except Exception:  # noqa: BLE001 - whatever it is, the recovery failed
                figures.failed += 1
                figures.complaints.append(f"cut at {place}, {fate.name}: {traceback.format_exc()}")
            figures.recoveries += 1
            figures.slowest_s = max(figures.slowest_s, time.monotonic() - started)
            if figures.complaints and (kept := os.environ.get("OTELPOND_CHAOS_KEEP")):
                shutil.copytree(root, Path(kept) / f"{place}-{fate.name}-{number}", dirs_exist_ok=True, symlinks=True)
            shutil.rmtree(root)
    queue.put(figures)
