"""The pipeline: every accepted payload once in the tables, whatever fails and wherever it is killed."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import shutil
import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.inbox.log import Inbox
from otelpond.storage.inbox.segments import BEGINNING, Position, segments
from otelpond.storage.locks import locked
from otelpond.storage.pipeline import spare_memory
from otelpond.storage.pipeline.backlog import Backlog
from otelpond.storage.pipeline.control import Control, Progress
from otelpond.storage.pipeline.pipeline import Options, Pipeline
from otelpond.storage.pipeline.plans import PlanStore, RetryWindow
from otelpond.storage.pipeline.spare_memory import EVERY_S, LARGE_BYTES, SpareMemory
from otelpond.storage.pipeline.suspicion import Suspicion
from otelpond.storage.signals import Inspection, Signal

RULES = Rules(hash_address=lambda address, _: address)


class KilledError(BaseException):
    """Stands for the end of the process: nothing of the pipeline catches it."""


class FakeFiles:
    """Open files that remember what was appended."""

    def __init__(self, lake: FakeLake) -> None:
        self._lake = lake
        self.rows: dict[str, list[str]] = {}
        self.bytes = 0

    def append(self, table: str, rows: pa.Table) -> None:
        """Take a table's rows."""
        self._lake.step("append")
        self.rows.setdefault(table, []).extend(rows.column(0).to_pylist())

    def close(self) -> dict[str, list[str]]:
        """What was written."""
        self._lake.step("close")
        return self.rows

    def abandon(self) -> None:
        """Forget it."""
        self.rows = {}


class FakeLake:
    """Two tables in memory, with the same promises as the lake's; each step may be made to fail."""

    def __init__(self, step: Callable[[str], None] = lambda _: None) -> None:
        self.step = step
        self.tables: dict[str, list[str]] = {"spans": [], "rejected_records": []}
        self.transactions: dict[tuple[str, str], int] = {}

    def committed(self, table: str, stream: str) -> int:
        """The stream's last plan in a table."""
        return self.transactions.get((table, stream), -1)

    def open_batch(self, stream: str, plan: int, attempt: int) -> FakeFiles:
        """Files for a plan."""
        del stream, plan, attempt
        return FakeFiles(self)

    def publish(self, files: Mapping[str, list[str]], stream: str, plan: int) -> None:
        """One commit a table, each once."""
        for table, rows in files.items():
            self.step(f"publish {table}")
            if self.committed(table, stream) < plan:
                self.tables[table].extend(rows)
                self.transactions[table, stream] = plan

    def refresh(self) -> None:
        """Show the last snapshot."""
        self.step("refresh")

    def live_files(self) -> dict[str, int]:
        """One file a table."""
        return dict.fromkeys(self.tables, 1)


class DerivePayloads:
    """One row a payload, with its text; every payload also in a second table."""

    dropped_events = 0

    def derive(self, decoded: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """The rows of a batch."""
        tables = {"spans": decoded["spans"]} if "spans" in decoded else {}
        if "refused" in decoded:
            refused = decoded["refused"]
            tables["rejected_records"] = refused.select(["content", "reason"]).append_column("table_name", refused["signal"])
        return tables


class UntilDrained(Control):
    """Lets a pipeline run until nothing waits: it stops at once, and what waits is published all the same."""

    def __init__(self) -> None:
        self.progress: list[Progress] = []

    def progressed(self, progress: Progress) -> None:
        """Remember it."""
        self.progress.append(progress)


class AcceptsAfterTheFirstBatch(UntilDrained):
    """Lets more arrive once the first batch was derived."""

    def __init__(self, more: Callable[[], object]) -> None:
        super().__init__()
        self._more = more
        self._arrived = False

    def stopping(self) -> bool:
        """Once more has arrived."""
        return self._arrived

    def progressed(self, progress: Progress) -> None:
        """Have it arrive."""
        if progress.items and not self._arrived:
            self._more()
            self._arrived = True


def decode(signal: Signal, payloads: Payloads, rules: Rules) -> dict[str, pa.Table]:
    """A row for each payload; one with `bad` in it raises."""
    del signal, rules
    texts = [payloads.payload(index).decode() for index in range(len(payloads))]
    if any("bad" in text for text in texts):
        raise ValueError("a bad payload")
    return {"spans": pa.table({"payload": texts})}


class Pond:
    """A folder with an inbox and a fake lake, whose pipeline is started as often as one likes."""

    def __init__(self, data: Path, lake: FakeLake | None = None) -> None:
        self.data = data
        self.lake = lake or FakeLake()

    def accept(self, *payloads: str, timeless: bool = False, inbox: str = "receiver") -> None:
        """Payloads that were acknowledged, in a segment of their own."""
        writer = Inbox(self.data / "inbox" / inbox)
        for payload in payloads:
            writer.append("default", Signal.TRACES, payload.encode(), Inspection(items=1, timeless=timeless)).result(timeout=10)
        writer.close()

    def run(
        self,
        *,
        kernels: Any = decode,
        plain: Any = decode,
        batch_items: int = 1000,
        control: UntilDrained | None = None,
        crashed: bool = False,
        options: Options | None = None,
        memory: SpareMemory | None = None,
    ) -> None:
        """One life of the pipeline, until nothing waits."""
        pipeline = Pipeline(
            self.data,
            self.lake,  # type: ignore[arg-type]
            DerivePayloads(),
            kernels=kernels,
            plain=plain,
            rules=RULES,
            options=options or Options(batch_items=batch_items),
            crashed=crashed,
            memory=memory,
        )
        pipeline.run(control or UntilDrained())

    @property
    def waiting_bytes(self) -> int:
        """What the inbox still holds."""
        return sum(segment.path.stat().st_size for segment in segments(self.data / "inbox" / "receiver"))


@pytest.fixture
def pond(tmp_path: Path) -> Pond:
    """An empty pond."""
    return Pond(tmp_path)


def test_what_was_accepted_is_published_once_and_then_forgotten(pond: Pond) -> None:
    """Payloads reach the tables in order, and the inbox lets go of them."""
    pond.accept("a", "b", "c")
    pond.run()
    pond.run()

    assert ["a", "b", "c"] == pond.lake.tables["spans"]
    assert 0 == pond.waiting_bytes


def test_a_retry_is_stored_once_in_the_same_plan_and_in_a_later_one(pond: Pond) -> None:
    """An equal payload within the retry window is left out, after a restart too."""
    pond.accept("a", "a")
    pond.run()
    pond.accept("a", "b")
    pond.run()

    assert ["a", "b"] == pond.lake.tables["spans"]


def test_a_timeless_payload_is_stored_each_time(pond: Pond) -> None:
    """Equal bytes without any time are not evidence of a retry."""
    pond.accept("a", timeless=True)
    pond.run()
    pond.accept("a", timeless=True)
    pond.run()

    assert ["a", "a"] == pond.lake.tables["spans"]


def test_a_payload_that_raises_goes_to_quarantine_and_the_rest_is_served(pond: Pond) -> None:
    """The guilty payload is a row of rejected_records and a file, and is not tried for ever."""
    payloads = [f"good {number}" for number in range(50)]
    pond.accept(*payloads[:20], "bad one", *payloads[20:])
    pond.run()

    assert payloads == pond.lake.tables["spans"]
    assert 1 == len(pond.lake.tables["rejected_records"])
    assert b"bad one" == next((pond.data / "quarantine").iterdir()).read_bytes()


def test_a_payload_that_only_the_kernels_fail_on_is_decoded_plainly(pond: Pond) -> None:
    """The plain decoder is the fallback."""

    def plain(signal: Signal, payloads: Payloads, rules: Rules) -> dict[str, pa.Table]:
        del signal, rules
        return {"spans": pa.table({"payload": [payloads.payload(index).decode().upper() for index in range(len(payloads))]})}

    pond.accept("x", "bad", "y")
    pond.run(plain=plain)

    assert ["x", "BAD", "y"] == pond.lake.tables["spans"]


def test_a_payload_that_ends_the_process_is_isolated_over_restarts(pond: Pond) -> None:
    """Each life ends at it until it is alone; then it goes to quarantine."""

    def deadly(signal: Signal, payloads: Payloads, rules: Rules) -> dict[str, pa.Table]:
        try:
            return decode(signal, payloads, rules)
        except ValueError:
            raise KilledError from None

    payloads = [f"good {number}" for number in range(16)]
    pond.accept(*payloads[:5], "bad", *payloads[5:])
    lives = 0
    while True:
        lives += 1
        try:
            pond.run(kernels=deadly, plain=deadly)
            break
        except KilledError:
            assert lives < 20, "it replays for ever"

    assert payloads == pond.lake.tables["spans"]
    assert 1 == len(pond.lake.tables["rejected_records"])


@pytest.mark.parametrize("nth", range(1, 12))
def test_killed_at_any_step_everything_is_there_once(tmp_path: Path, nth: int) -> None:
    """Between appends, closes, commits of two tables and refresh: the next life finishes the plan."""
    steps: Counter[str] = Counter()

    def step(name: str) -> None:
        steps["all"] += 1
        steps[name] += 1
        if steps["all"] == nth:
            raise KilledError

    pond = Pond(tmp_path, FakeLake(step))
    payloads = [f"payload {number}" for number in range(9)]
    for batch in (payloads[:3], payloads[3:6], ["bad"], payloads[6:]):
        pond.accept(*batch)
        try:
            pond.run(batch_items=2)
        except KilledError:
            pond.run(batch_items=2)

    assert payloads == sorted(pond.lake.tables["spans"])
    assert 1 == len(pond.lake.tables["rejected_records"])
    assert 0 == pond.waiting_bytes


def test_a_failing_disk_blames_no_payload(tmp_path: Path) -> None:
    """An error of the lake is tried again; nothing goes to quarantine."""
    failures = iter([True, True, True])

    def step(name: str) -> None:
        if name == "close" and next(failures, False):
            raise OSError("No space left on device")

    pond = Pond(tmp_path, FakeLake(step))
    pond.accept("a", "b")
    for _ in range(4):
        pond.run()

    assert ["a", "b"] == pond.lake.tables["spans"]
    assert not (tmp_path / "quarantine").exists()


def test_a_restored_inbox_goes_on_under_a_new_name(pond: Pond) -> None:
    """Tables that know later plans than the inbox get the plans of a new stream; nothing is skipped as already there."""
    pond.accept("a")
    pond.run()
    store = PlanStore(pond.data / "plans")
    pond.lake.transactions["spans", store.stream] = 7
    pond.accept("b")
    pond.run()

    assert ["a", "b"] == pond.lake.tables["spans"]
    assert store.stream != PlanStore(pond.data / "plans").stream


def test_an_inbox_that_was_replaced_is_read_from_its_beginning(pond: Pond) -> None:
    """A younger inbox under the same name is not taken for one that is read already."""
    pond.accept("a")
    pond.run()
    pond.accept("b")
    pond.run()
    for segment in segments(pond.data / "inbox" / "receiver"):
        segment.path.unlink()
    pond.accept("c")
    pond.run()

    assert ["a", "b", "c"] == pond.lake.tables["spans"]


def test_damage_on_disk_is_reported_and_the_rest_is_published(pond: Pond) -> None:
    """A flipped bit costs one payload, which is kept and counted."""
    pond.accept("first", "second", "third")
    path = segments(pond.data / "inbox" / "receiver")[-1].path
    path.write_bytes(path.read_bytes().replace(b"second", b"secomd"))
    pond.run()

    assert ["first", "third"] == pond.lake.tables["spans"]
    assert 1 == len(pond.lake.tables["rejected_records"])
    assert b"secomd" in next((pond.data / "quarantine").iterdir()).read_bytes()


def test_progress_tells_the_receiver_what_was_read(pond: Pond) -> None:
    """Receivers pace their answers by it."""
    pond.accept("a", "b")
    control = UntilDrained()
    Pipeline(
        pond.data,
        pond.lake,  # type: ignore[arg-type]
        DerivePayloads(),
        kernels=decode,
        plain=decode,
        rules=RULES,
        options=Options(),
    ).run(control)

    assert 2 == control.progress[-1].items
    assert control.progress[-1].positions["receiver"] > BEGINNING
    assert isinstance(control.progress[-1].positions["receiver"], Position)


class Waits(UntilDrained):
    """Has a pipeline without work wait once."""

    def __init__(self, *, alone: bool) -> None:
        super().__init__()
        self._alone = alone
        self._waited = False

    def wait(self, timeout_s: float) -> None:
        """Once."""
        del timeout_s
        self._waited = True

    def stopping(self) -> bool:
        """Once it has waited."""
        return self._waited

    def alone(self) -> bool:
        """Whether no other pond has work."""
        return self._alone


@pytest.mark.parametrize("alone", [True, False])
def test_memory_that_ponds_share_is_given_back_only_where_none_has_work(
    monkeypatch: pytest.MonkeyPatch, pond: Pond, *, alone: bool
) -> None:
    """What one pond's batch left is what the next batch of another takes."""
    now, given = [100.0], []
    monkeypatch.setattr(spare_memory.time, "monotonic", lambda: now[0])
    memory = SpareMemory(lambda: given.append(now[0]))
    memory.used(LARGE_BYTES)
    now[0] += EVERY_S
    pond.run(control=Waits(alone=alone), memory=memory)

    assert [now[0]] * alone == given


def test_a_retry_counts_where_its_first_was_lost_with_the_power(tmp_path: Path) -> None:
    """A plan left the retry out because of a payload that a power loss then took: the replay stores the retry."""
    alive = True

    def step(name: str) -> None:
        if name == "publish spans" and alive:
            raise KilledError

    pond = Pond(tmp_path, FakeLake(step))
    pond.accept("lost first")
    pond.accept("lost first", "other")
    with pytest.raises(KilledError):
        pond.run()
    segments(tmp_path / "inbox" / "receiver")[0].path.write_bytes(b"")
    alive = False
    pond.run()

    assert ["lost first", "other"] == pond.lake.tables["spans"]


@pytest.mark.parametrize("first", ["receiver", "receiver-1", "receiver-2"])
def test_a_retry_in_another_inbox_is_stored_once_when_its_plan_is_replayed(tmp_path: Path, first: str) -> None:
    """Whichever inbox the first copy is in, and in whatever order a replay reads them."""
    alive = False

    def step(name: str) -> None:
        if name == "publish spans" and alive:
            raise KilledError

    pond = Pond(tmp_path, FakeLake(step))
    inboxes = ["receiver", "receiver-1", "receiver-2"]
    for name in inboxes:
        pond.accept(f"before {name}", inbox=name)
    pond.run()
    alive = True
    pond.accept("twice", inbox=first)
    control = AcceptsAfterTheFirstBatch(lambda: [pond.accept("twice", f"after {name}", inbox=name) for name in inboxes])
    with pytest.raises(KilledError):
        pond.run(control=control, options=Options(batch_interval_s=0.0))
    alive = False
    pond.run()
    pond.run()

    assert sorted(["twice", *(f"{when} {name}" for when in ("before", "after") for name in inboxes)]) == sorted(pond.lake.tables["spans"])


def test_inboxes_are_read_in_turn(pond: Pond) -> None:
    """One that holds more than a batch does not keep the others waiting."""
    pond.accept(*[f"much {number}" for number in range(6)])
    pond.accept("little", inbox="receiver-1")
    backlog = Backlog(pond.data / "inbox", RetryWindow(1), Suspicion(pond.data / "suspects"))
    batches = [backlog.next_batch(max_items=2) for _ in range(4)]

    assert ["receiver", "receiver-1", "receiver", "receiver"] == [batch.chunk.inbox for batch in batches if batch]


def test_a_torn_tail_of_an_inbox_that_nobody_writes_any_more_waits_for_nobody(tmp_path: Path) -> None:
    """Such as that of a receiver process of which there are fewer now: nothing of it counts as waiting."""
    pond = Pond(tmp_path)
    pond.accept("a", inbox="receiver-3")
    (segment,) = segments(tmp_path / "inbox" / "receiver-3")
    with segment.path.open("ab") as torn:
        torn.write(segment.path.read_bytes()[:-1])
    segment.path.rename(segment.path.with_suffix(".open"))
    pond.run()
    pond.run()

    assert ["a"] == pond.lake.tables["spans"]
    positions = PlanStore(tmp_path / "plans").plans()[-1].positions
    backlog = Backlog(tmp_path / "inbox", RetryWindow(0), Suspicion(tmp_path / "plans" / "suspects"), positions=dict(positions))
    assert (0, 0) == (backlog.lag_ns(), backlog.unread_bytes())


def test_what_was_read_is_told_at_the_start(pond: Pond) -> None:
    """A receiver that counts an emptied inbox as full hears at once that it is not."""
    pond.accept("a")
    pond.run()
    control = UntilDrained()
    pond.run(control=control)

    assert control.progress[0].positions["receiver"] > BEGINNING


def test_a_suspect_that_succeeded_is_not_blamed_for_a_later_death(tmp_path: Path) -> None:
    """Nothing is noted as being worked on while its plan is published."""

    class UntilPublished(UntilDrained):
        def stopping(self) -> bool:
            return any(progress.plans for progress in self.progress)

    dying = ""

    def step(name: str) -> None:
        if name == "publish spans" and dying == "publish":
            raise KilledError

    def deadly(signal: Signal, payloads: Payloads, rules: Rules) -> dict[str, pa.Table]:
        if dying == "decode":
            raise KilledError
        return decode(signal, payloads, rules)

    pond = Pond(tmp_path, FakeLake(step))
    pond.accept("innocent")
    for dying in ("decode", "publish", ""):  # noqa: B007 - what fails reads it
        with contextlib.suppress(KilledError):
            options = Options(batch_interval_s=0.0, commit_interval_s=0.0)
            pond.run(kernels=deadly, crashed=True, control=UntilPublished(), options=options)

    assert ["innocent"] == pond.lake.tables["spans"]
    assert [] == pond.lake.tables["rejected_records"]


def test_a_disk_that_fails_while_decoding_blames_no_payload(pond: Pond) -> None:
    """Such as the file of a day's key for address hashes that cannot be written: tried again, not put into quarantine."""
    failures = iter([True, True, True])

    def unlucky(signal: Signal, payloads: Payloads, rules: Rules) -> dict[str, pa.Table]:
        if next(failures, False):
            raise PermissionError("keys")
        return decode(signal, payloads, rules)

    pond.accept("a")
    for _ in range(4):
        pond.run(kernels=unlucky, plain=unlucky)

    assert ["a"] == pond.lake.tables["spans"]
    assert [] == pond.lake.tables["rejected_records"]


def test_progress_counts_what_is_published(pond: Pond) -> None:
    """Rows by table, rejected ones by reason, retries, quarantined payloads, and how long the oldest waited; after failures too."""
    control = UntilDrained()
    pond.accept("a", "a", "bad", "b")
    pond.run(control=control)

    last = control.progress[-1]
    assert {"spans": 2, "rejected_records": 1} == last.published.rows
    assert {"traces": {"neither decoder takes this payload; its bytes are in the quarantine folder": 1}} == last.published.rejected
    assert (1, 1) == (last.published.quarantined, last.published.retries)
    assert {"spans": 1, "rejected_records": 1} == last.live_files
    assert 0 == last.unpublished_since_unix_nano
    assert last.commit_lag_s > 0
    assert last.recovery_s > 0


def test_an_inbox_that_was_replaced_by_a_larger_one_is_read_from_its_beginning(pond: Pond) -> None:
    """Told by its identity: its numbers and sizes look as if it had been read."""
    pond.accept("a")
    pond.run()
    shutil.rmtree(pond.data / "inbox" / "receiver")
    pond.accept("b" * 1000)
    pond.run()

    assert ["a", "b" * 1000] == pond.lake.tables["spans"]


def test_a_restored_older_copy_of_an_inbox_loses_nothing_and_doubles_nothing(pond: Pond, tmp_path: Path) -> None:
    """What it held is known by its digests; what comes to it later is stored."""
    pond.accept("a")
    pond.accept("b")
    shutil.copytree(pond.data / "inbox" / "receiver", tmp_path / "backup")
    pond.run()
    pond.accept("c")
    pond.accept("d")
    pond.run()
    shutil.rmtree(pond.data / "inbox" / "receiver")
    shutil.copytree(tmp_path / "backup", pond.data / "inbox" / "receiver")
    pond.accept("e")
    pond.run()

    assert ["a", "b", "c", "d", "e"] == pond.lake.tables["spans"]


def test_a_copied_inbox_doubles_nothing_even_after_the_retry_window(pond: Pond) -> None:
    """Under another name it goes on where its original stood."""
    pond.accept("a")
    pond.run(options=Options(retry_window_s=0.0))
    pond.accept("b")
    shutil.copytree(pond.data / "inbox" / "receiver", pond.data / "inbox" / "receiver-1")
    for segment in segments(pond.data / "inbox" / "receiver-1"):
        if not segment.path.stat().st_size:
            segment.path.write_bytes(b"as it was before it was forgotten")
    pond.run(options=Options(retry_window_s=0.0))

    assert ["a", "b"] == pond.lake.tables["spans"]
    assert [] == pond.lake.tables["rejected_records"]


def test_an_inbox_that_is_gone_keeps_no_plan_from_being_finished(tmp_path: Path) -> None:
    """Such as that of a receiver process that is no more: what is left is published."""
    alive = True

    def step(name: str) -> None:
        if name == "publish spans" and alive:
            raise KilledError

    pond = Pond(tmp_path, FakeLake(step))
    pond.accept("lost by hand")
    with pytest.raises(KilledError):
        pond.run()
    shutil.rmtree(tmp_path / "inbox" / "receiver")
    alive = False
    pond.accept("b")
    pond.run()

    assert ["b"] == pond.lake.tables["spans"]


@pytest.mark.parametrize("jump_s", [-86_400.0, 86_400.0])
def test_a_clock_that_jumps_makes_no_retry_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float) -> None:
    """Forwards or backwards by a day, while the pipeline runs: an equal payload is still a retry."""
    now = time.time_ns

    class TwoPlans(UntilDrained):
        def stopping(self) -> bool:
            return any(progress.plans >= 2 for progress in self.progress)

        def progressed(self, progress: Progress) -> None:
            if progress.plans == 1 and not self.progress[-1].plans:
                monkeypatch.setattr(time, "time_ns", lambda: now() + int(jump_s * 1e9))
                pond.accept("a", "b")
            super().progressed(dataclasses.replace(progress))

    pond = Pond(tmp_path)
    pond.accept("a")
    pond.run(control=TwoPlans(), options=Options(batch_interval_s=0.0, commit_interval_s=0.0))

    assert ["a", "b"] == pond.lake.tables["spans"]


def test_a_clock_that_was_put_back_does_not_keep_plans_for_ever(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans of the future are forgotten like any other, by the time that passes."""
    now, elapsed = time.time_ns, time.monotonic_ns
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time_ns", lambda: now() + 10 * 86_400 * 10**9)
        for payload in ("a", "b", "c"):
            pond.accept(payload)
            pond.run()
    later = iter(range(0, 10**6 * 10**9, 400 * 10**9))
    monkeypatch.setattr(time, "monotonic_ns", lambda: elapsed() + next(later))
    for payload in ("d", "e", "f"):
        pond.accept(payload)
        pond.run(options=Options(retry_window_s=60.0))

    assert len(list((pond.data / "plans").glob("*.plan"))) <= 3


@pytest.mark.parametrize("where", ["derive", "write"])
def test_a_payload_whose_rows_cannot_be_made_or_written_is_isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Its fault is found by halving, as that of one that cannot be decoded; the others are stored."""

    def refuse(rows: pa.Table) -> None:
        if any("bad" in text for text in rows.column(0).to_pylist()):
            raise pa.ArrowInvalid("no such column can be written")

    whole_derive, whole_append = DerivePayloads.derive, FakeFiles.append

    def derive(deriver: DerivePayloads, decoded: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        if where == "derive" and "spans" in decoded:
            refuse(decoded["spans"])
        return whole_derive(deriver, decoded)

    def append(files: FakeFiles, table: str, rows: pa.Table) -> None:
        if where == "write" and table == "spans":
            refuse(rows)
        whole_append(files, table, rows)

    monkeypatch.setattr(DerivePayloads, "derive", derive)
    monkeypatch.setattr(FakeFiles, "append", append)

    def takes_all(signal: Signal, payloads: Payloads, rules: Rules) -> dict[str, pa.Table]:
        del signal, rules
        return {"spans": pa.table({"payload": [payloads.payload(index).decode() for index in range(len(payloads))]})}

    pond = Pond(tmp_path)
    pond.accept("a", "b", "bad", "c")
    pond.run(kernels=takes_all, plain=takes_all)

    assert ["a", "b", "c"] == pond.lake.tables["spans"]
    assert 1 == len(pond.lake.tables["rejected_records"])


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), duckdb.IOException("Could not write file")])
def test_a_disk_that_fails_while_deriving_blames_no_payload(pond: Pond, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Such as DuckDB's temporary files on a full disk: tried again, not put into quarantine."""
    failures = iter([True] * 5)
    whole = DerivePayloads.derive

    def unlucky(deriver: DerivePayloads, decoded: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        if next(failures, False):
            raise error
        return whole(deriver, decoded)

    class Patient(UntilDrained):
        def stopping(self) -> bool:
            return next(failures, None) is None

    monkeypatch.setattr(DerivePayloads, "derive", unlucky)
    pond.accept("a")
    pond.run(control=Patient(), options=Options(batch_interval_s=0.0))

    assert ["a"] == pond.lake.tables["spans"]
    assert not (pond.data / "quarantine").exists()


def test_a_damaged_last_plan_is_told_by_name(pond: Pond, caplog: pytest.LogCaptureFixture) -> None:
    """The message names the file and the remedy; with the remedy it goes on."""
    pond.accept("a")
    pond.run()
    (path,) = (pond.data / "plans").glob("*.plan")
    path.write_bytes(b"{")
    pond.accept("b")
    pond.run()
    assert f"{path} is damaged" in caplog.text
    assert "remove it" in caplog.text
    path.unlink()
    pond.run()

    assert ["a", "b"] == pond.lake.tables["spans"]


def test_a_damaged_older_plan_or_list_of_suspects_is_passed_over(pond: Pond, caplog: pytest.LogCaptureFixture) -> None:
    """They are told by name; nothing but old retries depends on them."""
    for payload in ("a", "b"):
        pond.accept(payload)
        pond.run()
    first = pond.data / "plans" / "0000000001.plan"
    first.write_bytes(b"\x00" * 10)
    (pond.data / "plans" / "suspects").write_bytes(b"\x00")
    pond.accept("c")
    pond.run()

    assert ["a", "b", "c"] == pond.lake.tables["spans"]
    assert str(first) in caplog.text
    assert "suspects is damaged" in caplog.text


class EndsAtPublish:
    """A lake's step that ends the process in front of a table's commit, as often as it is wanted."""

    def __init__(self) -> None:
        self.wanted = False

    def __call__(self, name: str) -> None:
        """End it."""
        if self.wanted and name == "publish rejected_records":
            raise KilledError


def pond_with_an_unfinished_second_plan(data: Path) -> Pond:
    """One whose first table has the second plan, and whose second table lacks it."""
    step = EndsAtPublish()
    pond = Pond(data, FakeLake(step))
    pond.accept("a")
    pond.run()
    pond.accept("b", "bad")
    step.wanted = True
    with pytest.raises(KilledError):
        pond.run()
    step.wanted = False
    return pond


def test_a_plan_that_is_replayed_knows_where_it_begins_though_the_one_before_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that an older plan has published is read again into the next one."""
    monkeypatch.setattr(Backlog, "forget", lambda *_: None)  # as where a kill comes before that
    pond = pond_with_an_unfinished_second_plan(tmp_path)
    pond.lake.tables["spans"].remove("b")  # its commit was not durable
    del pond.lake.transactions["spans", PlanStore(tmp_path / "plans").stream]
    (tmp_path / "plans" / "0000000001.plan").write_bytes(b"{")
    pond.run()

    assert ["a", "b"] == pond.lake.tables["spans"]
    assert 1 == len(pond.lake.tables["rejected_records"])


def test_a_plan_of_an_older_release_is_not_replayed_where_nobody_knows_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its place is told, and what to do; rows would be stored twice."""
    monkeypatch.setattr(Backlog, "forget", lambda *_: None)
    pond = pond_with_an_unfinished_second_plan(tmp_path)
    first, second = sorted((tmp_path / "plans").glob("*.plan"))
    second.write_bytes(json.dumps(json.loads(second.read_bytes()) | {"begins": None}).encode())
    kept = first.read_bytes()
    first.write_bytes(b"{")
    pond.run()
    assert f"{first}, which says where it begins, is damaged or gone. Restore that file" in caplog.text
    first.write_bytes(kept)
    pond.run()

    assert ["a", "b"] == pond.lake.tables["spans"]
    assert 1 == len(pond.lake.tables["rejected_records"])


def test_an_inbox_that_was_replaced_while_a_plan_was_unfinished_is_read_whole(tmp_path: Path) -> None:
    """The plan speaks of the old one: nothing of the new one is taken for published, or forgotten unread."""
    pond = pond_with_an_unfinished_second_plan(tmp_path)
    shutil.rmtree(tmp_path / "inbox" / "receiver")
    for payload in ("c", "d", "e", "f"):
        pond.accept(payload)
    pond.run()

    assert ["a", "b", "c", "d", "e", "f"] == pond.lake.tables["spans"]


def test_a_replay_knows_a_retry_that_reached_another_worker(tmp_path: Path) -> None:
    """Though it reads the inboxes one after another, and not in the order in which their frames came."""
    alive = True

    def step(name: str) -> None:
        if name == "publish spans" and alive:
            raise KilledError

    class Retrying(UntilDrained):
        def stopping(self) -> bool:
            return any(progress.items for progress in self.progress)

        def progressed(self, progress: Progress) -> None:
            if progress.items and not self.stopping():
                pond.accept("x", "y", inbox="receiver")
            super().progressed(dataclasses.replace(progress))

    pond = Pond(tmp_path, FakeLake(step))
    pond.accept("x", inbox="receiver-1")
    with pytest.raises(KilledError):
        pond.run(control=Retrying(), options=Options(batch_interval_s=0.0))
    alive = False
    pond.run()

    assert ["x", "y"] == sorted(pond.lake.tables["spans"])


def test_a_retry_is_known_however_long_the_collector_was_down(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts when it was accepted, and not when it is read: after an outage of an hour its first is still the first."""
    pond.accept("a")
    pond.run()
    pond.accept("a", "b")
    now, elapsed = time.time_ns, time.monotonic_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 3600 * 10**9)
    monkeypatch.setattr(time, "monotonic_ns", lambda: elapsed() + 3600 * 10**9)
    pond.run()

    assert ["a", "b"] == pond.lake.tables["spans"]


def test_a_retry_is_known_by_a_pipeline_that_is_far_behind(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    """While what waits is older than the retry window, plans are kept for it."""

    class Slow(UntilDrained):
        def stopping(self) -> bool:
            return any(progress.plans >= 2 for progress in self.progress)

        def progressed(self, progress: Progress) -> None:
            if progress.plans == 1 and not self.progress[-1].plans:
                monkeypatch.setattr(time, "time_ns", lambda: now() + 3600 * 10**9)
                monkeypatch.setattr(time, "monotonic_ns", lambda: elapsed() + 3600 * 10**9)
            super().progressed(dataclasses.replace(progress))

    now, elapsed = time.time_ns, time.monotonic_ns
    for payloads in (["a"], ["b"], ["a", "c"]):
        pond.accept(*payloads)
    pond.run(control=Slow(), options=Options(batch_items=1, batch_interval_s=0.0, commit_interval_s=0.0))

    assert ["a", "b", "c"] == pond.lake.tables["spans"]


def test_several_payloads_that_end_the_process_are_found_one_after_another(pond: Pond) -> None:
    """What is known of the first is not forgotten when the second ends the process: lives add up, and do not multiply."""

    def deadly(signal: Signal, payloads: Payloads, rules: Rules) -> dict[str, pa.Table]:
        try:
            return decode(signal, payloads, rules)
        except ValueError:
            raise KilledError from None

    payloads = [f"good {number}" for number in range(24)]
    pond.accept(*payloads[:5], "bad 1", *payloads[5:12], "bad 2", "bad 3", *payloads[12:], "bad 4")
    lives = 0
    while True:
        lives += 1
        try:
            pond.run(kernels=deadly, plain=deadly, crashed=True)
            break
        except KilledError:
            assert lives < 32, "what was found is sought again and again"

    assert payloads == pond.lake.tables["spans"]
    assert 4 == len(pond.lake.tables["rejected_records"])
    assert [] == json.loads((pond.data / "plans" / "suspects").read_bytes())["working"]


def test_what_is_derived_is_let_go_before_the_next_batch_is(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two batches are held: the one that is derived, and the one that is decoded meanwhile."""
    read: list[weakref.ref[Any]] = []
    held = []
    whole = DerivePayloads.derive

    def noting(signal: Signal, payloads: Payloads, rules: Rules) -> dict[str, pa.Table]:
        read.append(weakref.ref(payloads.wire))
        return decode(signal, payloads, rules)

    def derive(deriver: DerivePayloads, decoded: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        held.append(sum(wire() is not None for wire in read[: len(held)]))
        return whole(deriver, decoded)

    class UntilAll(UntilDrained):
        def stopping(self) -> bool:
            return len(read) == 6

    monkeypatch.setattr(DerivePayloads, "derive", derive)
    pond.accept("a", "b", "c", "d", "e", "f")
    pond.run(kernels=noting, control=UntilAll(), options=Options(batch_items=1, batch_interval_s=0.0))

    assert ["a", "b", "c", "d", "e", "f"] == pond.lake.tables["spans"]
    assert [0] * 6 == held


def test_a_replay_beside_a_starting_receiver_misses_nothing_of_an_open_segment(tmp_path: Path) -> None:
    """After a power loss the note of its end may be older than the plan; the receiver holds the inbox's lock, and has not sealed it yet."""
    alive = True

    def step(name: str) -> None:
        if name == "publish spans" and alive:
            raise KilledError

    killed = Pond(tmp_path / "live", FakeLake(step))
    inbox = Inbox(killed.data / "inbox" / "receiver")
    note = killed.data / "inbox" / "receiver" / "end"
    notes = []
    for payload in ("a", "b", "c"):
        inbox.append("default", Signal.TRACES, payload.encode(), Inspection(items=1)).result(timeout=10)
        notes.append(note.read_bytes())
    with pytest.raises(KilledError):
        killed.run()
    shutil.copytree(killed.data, tmp_path / "after")
    (tmp_path / "after" / "inbox" / "receiver" / "end").write_bytes(notes[0])
    inbox.close()
    alive = False
    pond = Pond(tmp_path / "after", killed.lake)
    with locked(pond.data / "inbox" / "receiver" / "lock"):
        pond.run()
    Inbox(pond.data / "inbox" / "receiver").close()
    pond.run()

    assert ["a", "b", "c"] == pond.lake.tables["spans"]
