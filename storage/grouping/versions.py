"""Which versions of the grouping there are, and since when a pond has the present one; whoever opens a pond's storage asks.

A version is never changed once it is released: another grouping is another version, and for 30 days after it came rows say what the one
before would have given, so that issues can be led over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ..durable import make_folder, write_file
from ..stacks.trace import Trace
from . import v1, v1_frames
from .report import Grouping, Report, Stack

FILE: Final = "grouping.json"
BOTH_FOR: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the grouping.

    Attributes:
        number: as rows store it.
        read: what counts of a trace, given the exception's type as sent.
        group: what an error is grouped by, given what counts of its stack; the grouping of a stack that is not nameless, as it is.
    """

    number: int
    read: Callable[[str, Trace], Stack]
    group: Callable[[Report, Stack | None], Grouping]


VERSIONS: Final[Mapping[int, Version]] = {1: Version(1, v1_frames.read, v1.group)}
CURRENT: Final = max(VERSIONS)


@dataclass(frozen=True, slots=True)
class Change:
    """The last change of version in a pond.

    Attributes:
        since: when it came.
        previous: the version before; None where there was none.
    """

    since: datetime
    previous: int | None = None

    @property
    def both_until(self) -> datetime:
        """Rows accepted before that time say what the version before would have given."""
        return self.since + BOTH_FOR


def noted_change(data: Path, now: datetime | None = None, *, current: int = CURRENT) -> Change:
    """The last change, as `DATA/grouping.json` says; where it names another version than the present one, that is a change now.

    Raises:
        OSError: the file cannot be read or written.
    """
    known = _read(data / FILE)
    if known is not None and known["version"] == current:
        return Change(datetime.fromisoformat(known["since"]), known.get("previous"))
    change = Change((now or datetime.now(UTC)).replace(microsecond=0), None if known is None else known["version"])
    make_folder(data)
    noted = {"version": current, "since": change.since.isoformat(), "previous": change.previous}
    write_file(data / FILE, f"{json.dumps(noted)}\n".encode())
    return change


def _read(path: Path) -> dict[str, Any] | None:
    """What the file says; None where there is none, or it is not what was written, as after a fault of the disk."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        since, version, previous = datetime.fromisoformat(known["since"]), known["version"], known.get("previous")
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return known if since.tzinfo and isinstance(version, int) and isinstance(previous, int | None) else None
