"""What the evaluation of a pond's rules remembers: positions, known issues, what was told of them, and windows that exceed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from .state_file import StateFile

MOST_KNOWN: Final = 1_000_000
"""Issues that are known; beyond them those are forgotten that were not seen for longest. 40 bytes each."""
_DAY_S: Final = 86_400
_TOLD, _UNTOLD = 1, 2
"""Of what exceeds, in the file."""
_LEARN: Final = "insert into known values (?, ?) on conflict do update set seen_day = excluded.seen_day where seen_day < excluded.seen_day"


class Told(NamedTuple):
    """A change of an issue, and the activity that it follows; '' for none."""

    issue: str
    change: str
    cause: str


class Window(NamedTuple):
    """What a rule found for a scope: whether it exceeds now, when it fired last, in Unix seconds, and whether since it began to exceed."""

    holds: bool
    fired: float
    told: bool = True


class Memory:
    """The part of a pond's state that says what was seen. Changes wait until they are kept, together with what fired."""

    def __init__(self, file: StateFile) -> None:
        self._file = file
        self._changes: list[tuple[str, Sequence[Sequence[Any]]]] = []
        self._told: set[Told] = set()

    def keep(self) -> None:
        """Make the changes since the last call, durable with the transaction around it."""
        for sql, values in self._changes:
            self._file.do(sql, *values)
        self.discard()

    @property
    def waiting_changes(self) -> int:
        """How many changes wait to be kept."""
        return len(self._changes)

    def discard(self, but: int = 0) -> None:
        """Forget the changes that are not kept, but so many of the first."""
        del self._changes[but:]
        self._told.clear()

    def _change(self, sql: str, *values: Sequence[Any]) -> None:
        self._changes.append((sql, values))

    def started(self, started: datetime) -> datetime:
        """When the rules of this pond were begun: then, unless it is noted already."""
        with self._file.transaction():
            self._file.do("insert or ignore into noted values ('started', ?)", (started.isoformat(),))
        return datetime.fromisoformat(self.noted("started") or "")

    def begin_with(self, issues: Iterable[bytes], now: datetime) -> None:
        """Know issues at once: what is looked up next finds them known."""
        day = int(now.timestamp()) // _DAY_S
        self._file.do(_LEARN, *((issue, day) for issue in issues))

    def noted(self, name: str) -> str | None:
        """What was noted under a name."""
        found = self._file.all("select value from noted where name = ?", [name])
        return found[0][0] if found else None

    def note(self, name: str, value: str) -> None:
        """Note something under a name."""
        self._change("insert or replace into noted values (?, ?)", (name, value))

    def positions(self) -> dict[str, int]:
        """Up to which version each table was looked at."""
        return dict(self._file.all("select table_name, version from positions"))

    def move(self, positions: Mapping[str, int]) -> None:
        """Note up to which versions tables were looked at."""
        self._change("insert or replace into positions values (?, ?)", *positions.items())

    def unknown(self, issues: Iterable[bytes]) -> set[bytes]:
        """Those that were not known."""
        return {issue for issue in issues if not self._file.all("select 1 from known where issue = ?", [issue])}

    def learn(self, issues: Iterable[bytes], now: datetime) -> None:
        """Know issues from now on, and that they were seen today."""
        day = int(now.timestamp()) // _DAY_S
        self._change(_LEARN, *((issue, day) for issue in issues))

    def forget_beyond(self, most: int = MOST_KNOWN) -> None:
        """Forget those of the known issues that were not seen for longest, beyond that many."""
        beyond = "max((select count(*) from known) - ?, 0)"
        self._change(f"delete from known where issue in (select issue from known order by seen_day, issue limit {beyond})", (most,))  # noqa: S608

    def waiting(self) -> dict[bytes, float]:
        """Issues that may yet turn out to be told by another row, with when they were first seen, in Unix seconds."""
        return dict(self._file.all("select issue, since from waiting"))

    def wait(self, issues: Mapping[bytes, float]) -> None:
        """Exchange the issues that wait."""
        self._change("delete from waiting", ())
        self._change("insert into waiting values (?, ?)", *issues.items())

    def tell(self, change: Told) -> bool:
        """Note a change of an issue as told; False where it was already."""
        if change in self._told or self._file.all("select 1 from told where issue = ? and change = ? and cause = ?", change):
            return False
        self._told.add(change)
        self._change("insert into told values (?, ?, ?)", change)
        return True

    def told_causes(self) -> set[str]:
        """The activities behind which a change was told."""
        return {cause for (cause,) in self._file.all("select cause from told")}

    def windows(self, rule: str) -> dict[str, Window]:
        """What a rule found last, by scope."""
        found = self._file.all("select scope, holds, fired from windows where rule = ?", [rule])
        return {scope: Window(holds > 0, fired, told=holds != _UNTOLD) for scope, holds, fired in found}

    def set_windows(self, rule: str, windows: Mapping[str, Window]) -> None:
        """Exchange all of a rule's."""
        self._change("delete from windows where rule = ?", (rule,))
        self._change(
            "insert into windows values (?, ?, ?, ?)", *((rule, scope, _stored(each), each.fired) for scope, each in windows.items())
        )


def _stored(window: Window) -> int:
    return 0 if not window.holds else _TOLD if window.told else _UNTOLD
