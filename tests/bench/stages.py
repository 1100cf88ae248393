# ruff: noqa: T201 - it prints figures
"""Where the time goes: each stage between wire and file alone, in CPU microseconds an item, without a collector.

    python tests/bench/stages.py                     all stages
    python tests/bench/stages.py kernels parquet     some of them
    python tests/bench/stages.py kernels --profile   with cProfile's 25 dearest functions

Every stage is fed what the one before it gives, for the benchmark's own payload (one batch of about 50,000 items: 80 requests of
spans, 10 of log records, 10 of metric points). Each is run three times after one warm-up, and the quickest counts: on a shared
machine the others measure the neighbours.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.pipeline.control import Control, Progress
from otelpond.storage.signals import Inspection, Signal
from payloads import Template, templates

RUNS = 3
_SIGNALS = {"traces": Signal.TRACES, "logs": Signal.LOGS, "metrics": Signal.METRICS}
Decoded = dict[str, pa.Table]


@dataclass(slots=True)
class Batch:
    """One batch as the pipeline would hand it on."""

    bodies: dict[Signal, list[bytes]] = field(default_factory=dict)
    items: dict[Signal, int] = field(default_factory=dict)

    def fill(self, requests: Iterable[Template]) -> None:
        """Add these requests, with fresh ids and numbers."""
        for template in requests:
            signal = _SIGNALS[template.signal]
            self.bodies.setdefault(signal, []).append(bytes(template.request.refresh(time.time_ns())))
            self.items[signal] = self.items.get(signal, 0) + template.items

    def payloads(self, signal: Signal) -> Payloads:
        """All payloads of a signal in one buffer."""
        bodies = self.bodies[signal]
        ends = np.cumsum([len(body) for body in bodies]).astype(np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
        now = np.full(len(bodies), time.time_ns(), np.int64)
        digests = [xxhash.xxh3_128_digest(body) for body in bodies]
        return Payloads(np.frombuffer(b"".join(bodies), np.uint8), starts, ends, now, ["default"] * len(bodies), digests)


def batch(rounds: int = 10) -> Batch:
    """10 requests a round, 512 items each."""
    made = Batch()
    made.fill(templates(512, rounds))
    return made


def quickest(work: Callable[[], Any], profile: cProfile.Profile | None = None) -> tuple[float, Any]:
    """CPU seconds (all threads) of the quickest run, and what it gave."""
    result = work()
    best = float("inf")
    for _ in range(RUNS):
        if profile:
            profile.enable()
        start = time.process_time()
        result = work()
        best = min(best, time.process_time() - start)
        if profile:
            profile.disable()
    return best, result


class Bench:
    """Runs stages in order and prints a line for each figure."""

    def __init__(self, folder: Path, profile: cProfile.Profile | None) -> None:
        self.folder = folder
        self.profile = profile
        self.batch = batch()
        self.decoded: dict[Signal, Decoded] = {}
        self.rows: dict[str, pa.Table] = {}

    def line(self, stage: str, what: str, seconds: float, items: int) -> None:
        """One figure."""
        print(f"{stage:12} {what:34} {seconds / items * 1e6:8.3f} us an item   {items:7} items   {seconds * 1000:8.1f} ms", flush=True)

    def parse(self) -> None:
        """The official runtime's parse alone: the floor of inspection."""
        for signal, module, name in (
            (Signal.TRACES, "trace.v1.trace_service_pb2", "ExportTraceServiceRequest"),
            (Signal.LOGS, "logs.v1.logs_service_pb2", "ExportLogsServiceRequest"),
            (Signal.METRICS, "metrics.v1.metrics_service_pb2", "ExportMetricsServiceRequest"),
        ):
            message = getattr(import_module(f"opentelemetry.proto.collector.{module}"), name)
            seconds, _ = quickest(lambda m=message, s=signal: [m.FromString(body) for body in self.batch.bodies[s]] and None, self.profile)
            self.line("parse", signal.name, seconds, self.batch.items[signal])

    def inspect(self) -> None:
        """What the receiver does before it answers."""
        inspect = import_module("otelpond.storage.decode.inspection").inspect
        for signal, bodies in self.batch.bodies.items():
            seconds, answers = quickest(lambda s=signal, b=bodies: [inspect(s, body) for body in b], self.profile)
            assert self.batch.items[signal] == sum(answer.items for answer in answers)
            self.line("inspect", signal.name, seconds, self.batch.items[signal])

    def _rules(self) -> Rules:
        return Rules(hash_address=import_module("otelpond.storage.addresses").AddressHasher(self.folder / "keys"))

    def reference(self) -> None:
        """The plain decoder; on a tenth of the batch, it is slow."""
        decode, rules = import_module("otelpond.storage.decode.reference").decode, self._rules()
        small = batch(1)
        for signal, items in small.items.items():
            payloads = small.payloads(signal)
            seconds, _ = quickest(lambda s=signal, p=payloads: decode(s, p, rules), self.profile)
            self.line("reference", signal.name, seconds, items)

    def kernels(self) -> None:
        """The hot path's decoder, one batch a signal."""
        kernels, rules = import_module("otelpond.storage.decode.kernels"), self._rules()
        import_module("otelpond.storage.decode.warming").warm()
        for signal, items in self.batch.items.items():
            payloads = self.batch.payloads(signal)
            seconds, self.decoded[signal] = quickest(lambda s=signal, p=payloads: kernels.decode(s, p, rules), self.profile)
            self.line("kernels", signal.name, seconds, items)

    def _decoded(self) -> Decoded:
        if not self.decoded:
            rules = self._rules()
            try:
                decode = import_module("otelpond.storage.decode.kernels").decode
            except ImportError:
                decode = import_module("otelpond.storage.decode.reference").decode
            self.decoded = {signal: decode(signal, self.batch.payloads(signal), rules) for signal in self.batch.items}
        merged: Decoded = {}
        for relations in self.decoded.values():
            for name, table in relations.items():
                merged[name] = pa.concat_tables([merged[name], table]) if name in merged else table
        return merged

    def _deriver(self) -> tuple[Any, Mapping[str, Any]]:
        derive, tables = import_module("otelpond.storage.derive"), import_module("otelpond.storage.schema").load_tables()
        return derive.Deriver(tables, derive.DeriveSettings()), tables

    def derive(self) -> None:
        """All tables' SELECTs over one batch of all signals, then of spans alone."""
        decoded = self._decoded()
        deriver, tables = self._deriver()
        seconds, self.rows = quickest(lambda: deriver.derive(decoded), self.profile)
        self.line("derive", f"all, {len(tables)} tables", seconds, sum(self.batch.items.values()))
        spans = {name: decoded[name] for name in ("spans", "span_events") if name in decoded}
        seconds, _ = quickest(lambda: deriver.derive(spans), self.profile)
        self.line("derive", "spans and their events alone", seconds, self.batch.items[Signal.TRACES])
        tiny = {name: table.slice(0, 1) for name, table in decoded.items()}
        seconds, _ = quickest(lambda: deriver.derive(tiny), self.profile)
        print(f"{'derive':12} fixed cost of a batch of one row each: {seconds * 1000:.1f} ms")

    def scrub(self) -> None:
        """Looking for secrets in the texts of errors, of which the batch has none; then where every message has one. Part of derive."""
        scrubber, decoded = import_module("otelpond.storage.scrubbing.columns").Scrubber(), self._decoded()
        items = sum(self.batch.items.values())
        seconds, _ = quickest(lambda: scrubber.scrub(decoded), self.profile)
        self.line("scrub", "nothing to remove", seconds, items)
        events = decoded["span_events"]
        at = events.schema.get_field_index("exception_message")
        messages = [text and f"{text}: password=hunter{number}" for number, text in enumerate(events.column(at).to_pylist())]
        told = {**decoded, "span_events": events.set_column(at, events.schema.field(at), pa.array(messages, events.schema.field(at).type))}
        seconds, _ = quickest(lambda: scrubber.scrub(told), self.profile)
        self.line("scrub", f"a password in {events.num_rows} messages", seconds, items)

    def parquet(self) -> None:
        """Writing every table's rows as the lake does, one row group each; then the file closed and fsynced."""
        if not self.rows:
            self.rows = self._deriver()[0].derive(self._decoded())
        lake = import_module("otelpond.storage.lake.lake").Lake(self.folder / "pond", self._deriver()[1])
        items = sum(self.batch.items.values())
        total, number = 0.0, 0
        for table, rows in sorted(self.rows.items(), key=lambda item: -item[1].num_rows):
            seconds, size = float("inf"), 0
            for _ in range(RUNS):
                number += 1
                files = lake.open_batch("bench", number, 0)
                start = time.process_time()
                files.append(table, rows)
                seconds = min(seconds, time.process_time() - start)
                files.close()
                size = sum(file.stat().st_size for file in self.folder.rglob(f"bench-{number}-*.parquet"))
            total += seconds
            self.line("parquet", f"{table} ({size / rows.num_rows:.1f} B a row)", seconds, rows.num_rows)
        self.line("parquet", "all tables", total, items)

    def publish(self) -> None:
        """Committing one batch to every table's log, after the files are written; then the views."""
        if not self.rows:
            self.rows = self._deriver()[0].derive(self._decoded())
        lake = import_module("otelpond.storage.lake.lake").Lake(self.folder / "pond", self._deriver()[1])
        for plan in range(1, RUNS + 1):
            files = lake.open_batch("publish", plan, 0)
            for table, rows in self.rows.items():
                files.append(table, rows)
            start = time.perf_counter()
            written = files.close()
            closed = time.perf_counter()
            lake.publish(written, "publish", plan)
            committed = time.perf_counter()
            lake.refresh()
            shown = time.perf_counter()
            steps = {"close and fsync": closed - start, "commit": committed - closed, "views": shown - committed}
            print(
                f"{'publish':12} {len(self.rows)} tables: {', '.join(f'{name} {seconds * 1000:.0f} ms' for name, seconds in steps.items())}"
            )

    def pipeline(self) -> None:
        """The whole pipeline over an inbox of six batches, in this process: its stages as they compete for two cores."""
        data, settings = self.folder / "piped", import_module("otelpond.config.settings").Settings
        inbox = import_module("otelpond.storage.inbox.log").Inbox(data / "inbox" / "bench")
        futures, items = [], 0
        for made in [batch() for _ in range(6)]:
            items += sum(made.items.values())
            for signal, bodies in made.bodies.items():
                counted = Inspection(items=made.items[signal] // len(bodies))
                futures += [inbox.append("default", signal, body, counted) for body in bodies]
        for future in futures:
            future.result()
        inbox.close()
        import_module("otelpond.storage.decode.warming").warm()
        pipeline = import_module("otelpond.config.pond").Pipelines(settings(data=data)).open("default")
        for thread in threading.enumerate():
            if thread.name == "warm":
                thread.join()
        control = _UntilDone(items)
        before, wall = os.times(), time.perf_counter()
        if self.profile:
            self.profile.runcall(pipeline.run, control)
        else:
            pipeline.run(control)
        after, wall_s = os.times(), time.perf_counter() - wall
        user_s, system_s = after.user - before.user, after.system - before.system
        self.line("pipeline", f"{items / wall_s:,.0f} items/s, {system_s / items * 1e6:.2f} us in the system", user_s + system_s, items)
        said = control.progress
        stages = {name.removesuffix("_s"): getattr(said, name) / items * 1e6 for name in ("decode_s", "derive_s", "write_s", "publish_s")}
        print(f"{'pipeline':12} wall-clock us an item: {', '.join(f'{name} {value:.2f}' for name, value in stages.items())}")


class _UntilDone(Control):
    """Lets a pipeline run until it has taken so many items."""

    def __init__(self, items: int) -> None:
        self._items = items
        self.progress: Any = None

    def wait(self, timeout_s: float) -> None:
        time.sleep(timeout_s)

    def stopping(self) -> bool:
        return self.progress is not None and self.progress.items >= self._items

    def stuck(self, reason: str) -> None:
        raise RuntimeError(reason)

    def progressed(self, progress: Progress) -> None:
        self.progress = progress


STAGES = ("parse", "inspect", "reference", "kernels", "scrub", "derive", "parquet", "publish", "pipeline")


def main() -> None:
    """Run the stages named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"of {' '.join(STAGES)}; all without")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    profile = cProfile.Profile() if options.profile else None
    with tempfile.TemporaryDirectory(prefix="otelpond-stages-") as folder:
        bench = Bench(Path(folder), profile)
        for stage in options.stages or STAGES:
            getattr(bench, stage)()
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
