"""What the pipeline must not forget: which frames went into which publish, and what it was working on when it died.

`DATA/plans/` holds:

- `stream`: the name under which the tables know this pond's plans (Delta application transactions).
- `<number>.plan`: one publish: from which position of each inbox up to which, which frames were left out as retries or put into
  quarantine, and the digests of the others, which recognise retries for as long as the retry window is. Written and fsynced before
  the publish.
- `done`: the number of the last plan that all its tables have.
"""

from __future__ import annotations

import base64
import json
import logging
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..durable import make_folder, write_file
from ..inbox.segments import Position

logger = logging.getLogger(__name__)

FramePlace = tuple[str, int, int]
"""Where a frame begins: inbox, segment, offset."""


@dataclass(frozen=True)
class Plan:
    """One publish.

    Attributes:
        number: 1, 2, 3 ... of its stream.
        created_unix_nano: when it was written.
        positions: up to where each inbox is in this plan or an earlier one.
        left_out: the places of frames that were retries of committed ones.
        quarantined: the places of frames that no decoder takes, each with its reason.
        digests: of all other frames but the timeless ones, 16 bytes each, one after another.
        inboxes: the identity of each inbox, see `inbox.segments.identity`.
        begins: where reading each inbox began; None in plans of before 2026-11-21, which begin where the one before them ends.
    """

    number: int
    created_unix_nano: int
    positions: Mapping[str, Position]
    left_out: frozenset[FramePlace] = frozenset()
    quarantined: Mapping[FramePlace, str] = field(default_factory=dict)
    digests: bytes = b""
    inboxes: Mapping[str, str] = field(default_factory=dict)
    begins: Mapping[str, Position] | None = None

    @cached_property
    def digest_set(self) -> frozenset[bytes]:
        """The digests, one by one."""
        return frozenset(self.digests[start : start + 16] for start in range(0, len(self.digests), 16))

    def to_json(self) -> bytes:
        """The text of the plan's file."""
        return json.dumps(
            {
                "number": self.number,
                "created_unix_nano": self.created_unix_nano,
                "positions": self.positions,
                "left_out": sorted(self.left_out),
                "quarantined": [[*place, reason] for place, reason in self.quarantined.items()],
                "digests": base64.b64encode(self.digests).decode(),
                "inboxes": dict(self.inboxes),
                "begins": self.begins,
            }
        ).encode()

    @staticmethod
    def from_json(text: bytes) -> Plan:
        """The plan of a file's text."""
        fields = json.loads(text)
        return Plan(
            number=fields["number"],
            created_unix_nano=fields["created_unix_nano"],
            positions=_positions(fields["positions"]),
            left_out=frozenset((inbox, segment, offset) for inbox, segment, offset in fields["left_out"]),
            quarantined={(inbox, segment, offset): reason for inbox, segment, offset, reason in fields["quarantined"]},
            digests=base64.b64decode(fields["digests"]),
            inboxes=fields.get("inboxes", {}),
            begins=_positions(fields["begins"]) if fields.get("begins") is not None else None,
        )


def _positions(fields: Mapping[str, list[int]]) -> dict[str, Position]:
    return {inbox: Position(*position) for inbox, position in fields.items()}


class PlanError(Exception):
    """A plan cannot be read. The text names its file and what to do."""


class PlanStore:
    """The folder `DATA/plans/`."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self._folder = folder
        if not (folder / "stream").exists():
            self.renew_stream()
        self.stream = (folder / "stream").read_text().strip()

    def renew_stream(self) -> None:
        """Take a new name: the tables know more of the old one than this folder does."""
        self.stream = secrets.token_hex(8)
        write_file(self._folder / "stream", self.stream.encode())

    def plans(self) -> list[Plan]:
        """Every plan that is kept, oldest first. An older one that is damaged is passed over: only retries are known by it.

        Raises:
            PlanError: the last one is damaged.
        """
        paths = sorted(self._folder.glob("*.plan"))
        plans = []
        for path in paths:
            try:
                plans.append(Plan.from_json(path.read_bytes()))
            except (ValueError, KeyError, TypeError) as error:
                if path is paths[-1]:
                    raise PlanError(
                        f"{path} is damaged ({error}). Restore this file from a backup, or remove it: what it says is published, and"
                        " still in the inbox, is then published a second time."
                    ) from error
                logger.warning("%s is damaged and passed over: retries of what it published are no longer known", path)
        return plans

    def beginning(self, plans: Sequence[Plan]) -> Mapping[str, Position]:
        """Where the last of these plans began to read.

        Raises:
            PlanError: it does not say so itself, and the plan before it, which would, is damaged or gone.
        """
        last = plans[-1]
        if last.begins is not None:
            return last.begins
        if last.number == 1:
            return {}
        if len(plans) > 1 and plans[-2].number == last.number - 1:
            return plans[-2].positions
        raise PlanError(
            f"{self._path(last.number)} is not published in all its tables, and {self._path(last.number - 1)}, which says where it begins,"
            " is damaged or gone. Restore that file from a backup."
        )

    def write(self, plan: Plan) -> None:
        """Make a plan durable, before anything of it is published."""
        write_file(self._path(plan.number), plan.to_json())

    def done(self) -> int:
        """The number of the last plan that is published in all its tables; 0 before the first."""
        path = self._folder / "done"
        return int(path.read_text()) if path.exists() else 0

    def mark_done(self, number: int) -> None:
        """Note that a plan is published in all its tables, durably."""
        write_file(self._folder / "done", str(number).encode())

    def forget_before(self, number: int) -> None:
        """Remove the plans before that one, but never the last two."""
        for path in sorted(self._folder.glob("*.plan"))[:-2]:
            if int(path.stem) < number:
                path.unlink()

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:010d}.plan"


class RetryWindow:
    """The digests of what was committed within the retry window, as sorted arrays: 16 bytes a payload.

    Time is the monotonic clock's: a wall clock that is set right must not make retries unknown, or known for ever.
    """

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._plans: list[tuple[int, int, NDArray[np.uint64]]] = []

    def clear(self) -> None:
        """Remember nothing."""
        self._plans = []

    def add(self, number: int, digests: bytes, *, age_ns: int = 0) -> None:
        """Remember a plan's digests."""
        halves = np.frombuffer(digests, dtype=np.uint64).reshape(-1, 2)
        self._plans.append((number, time.monotonic_ns() - age_ns, halves[np.argsort(halves[:, 0], kind="stable")]))

    def forget(self, lag_ns: int) -> int:
        """Drop the plans that have left the window for what was accepted so long ago, and whatever comes after it.

        Returns:
            The number of the first plan that is still in it, beyond all numbers where none is.
        """
        since = time.monotonic_ns() - lag_ns - self._window_ns
        self._plans = [plan for plan in self._plans if plan[1] >= since]
        return min((number for number, _, _ in self._plans), default=sys.maxsize)

    def contains(self, digests: list[bytes]) -> NDArray[np.bool_]:
        """For each digest whether it was committed within the window, bool."""
        halves = np.frombuffer(b"".join(digests), dtype=np.uint64).reshape(-1, 2)
        found = np.zeros(len(halves), dtype=np.bool_)
        for _, _, known in self._plans:
            if len(known):
                places = np.minimum(np.searchsorted(known[:, 0], halves[:, 0]), len(known) - 1)
                found |= (known[places] == halves).all(axis=1)
        return found
