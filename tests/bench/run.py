# ruff: noqa: T201 - it prints figures
"""The benchmark: starts collectors on fresh directories, loads them, and prints and writes every figure, missed ones included.

    python tests/bench/run.py                   about five minutes; wants a machine that has nothing else to do
    python tests/bench/run.py --quick           about one and a half
    python tests/bench/run.py --sustained 600   ten minutes at 50,000 items/s with compaction
    python tests/bench/run.py --low-rate        ten minutes at 10,000 spans/s alone; --low-rate 120 two minutes
    python tests/bench/run.py --only events     user events alone, as OTLP logs and as plain JSON
    python tests/bench/run.py --only grouping   what grouping errors costs, alone
    python tests/bench/run.py --only issues     issues over a million rows of errors, alone
    python tests/bench/run.py --day             a time-compressed day alone: 24 hours of 360 commits; --day 6 six hours

Phases: (1) a first collector is warmed and loaded as fast as it answers; the clock stops when every row is in its table; then it
idles, then gets requests of one item. (2) A second collector takes 1 M spans at 50,000 items/s, is queried as it stands, and
goes on at that rate for latency and memory; at the end four readers count its rows. Generator and queries share the cores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import events
import figures
import issues
import low_rate
import polars as pl
from deltalake import DeltaTable
from empty_servers import empty_server
from figures import Figure
from served import Collector, MemoryWatch, disk_bytes, raw_fsync_ms
from yardstick import page_us, parse_us

HERE = Path(__file__).parent
RATE = 50_000
SPANS_QUERIED = 1_000_000
SPAN_SHARE = 0.8
REQUEST_BYTES = 215_000
ONE_ITEM_BYTES = 500
QUERIES = {
    figures.QUERY_RED: """
        select http_route, count(*), count(*) filter (where status_code = 'ERROR') / count(*), quantile_cont(duration_ns, 0.95)
        from spans where kind = 'SERVER' group by http_route""",
    figures.QUERY_GROUP: "select db_collection_name, count(*) from spans group by db_collection_name",
    figures.QUERY_TRACE: "select * from spans where trace_id = $trace_id",
}  # fmt: skip
Rows = dict[str, int]


def load(collector: Collector, *, transport: str = "grpc", **options: float | str) -> dict[str, Any]:
    """Run the generator on a collector."""
    return load_address({"grpc": collector.grpc, "http": collector.http}[transport], transport, **options)


def load_address(target: str, transport: str, **options: float | str) -> dict[str, Any]:
    """Run the generator as a process of its own.

    Raises:
        RuntimeError: something was refused for good.
    """
    arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    done = subprocess.run(
        [sys.executable, HERE / "load.py", "--target", target, "--transport", transport, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the generator failed: {done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout)
    if result["failures"] or result["partial"]:
        raise RuntimeError(f"requests failed: {result['failures']}, partial successes: {result['partial']}")
    return result


def add(rows: Rows, more: Rows) -> Rows:
    """Rows by table, summed."""
    return {table: rows.get(table, 0) + more.get(table, 0) for table in rows | more}


def say(text: str) -> None:
    """What the benchmark is doing, on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Run:
    """One benchmark run: its figures and what else is worth knowing."""

    def __init__(self, folder: Path, kernel_cache: Path, *, quick: bool, sustained_s: float) -> None:
        self.folder, self.kernel_cache = folder, kernel_cache
        self.quick, self.sustained_s = quick, sustained_s
        self.figures: list[Figure] = []
        self.details: dict[str, Any] = {"machine": machine(), "raw_fsync_ms": raw_fsync_ms(folder, REQUEST_BYTES)}

    def note(self, target: figures.Target, measured: float) -> None:
        """One figure."""
        self.figures.append(Figure(target, measured))
        say(f"{target.name}: {measured:,.2f} {target.unit}")

    def warm(self) -> None:
        """Have the decoders compiled, as an image would."""
        say("compiling the decoders")
        command = [sys.executable, "-m", "otelpond.config.cli", "warm"]
        subprocess.run(command, env=os.environ | {"OTELPOND_CACHE_DIR": str(self.kernel_cache)}, check=True, capture_output=True)

    def throughput(self) -> None:
        """Phase 1: as fast as it answers, at rest, and one item at a time."""
        collector = Collector(self.folder / "fast", self.kernel_cache)
        try:
            say("warming")
            rows = load(collector, seconds=3 if self.quick else 8)["rows"]
            collector.wait_for_rows(rows)
            parse_us_before, self.details["page_us"] = parse_us(), page_us()
            say("as fast as it answers")
            before = collector.ask("/healthz").get("progress", {})
            cpu_s, faults = collector.cpu_s(), collector.page_faults()
            sent = load(collector, seconds=12 if self.quick else 60)
            rows = add(rows, sent["rows"])
            collector.wait_for_rows(rows)
            elapsed_s = time.time() - sent["began_unix_s"]
            used_s, faults = collector.cpu_s() - cpu_s, collector.page_faults() - faults
            self.note(figures.THROUGHPUT, sent["items"] / elapsed_s)
            self.note(figures.EFFICIENCY, sent["items"] / used_s)
            self.details["parse_us"] = statistics.mean((parse_us_before, parse_us()))
            self.note(figures.RELATIVE_COST, used_s / sent["items"] * 1e6 / self.details["parse_us"])
            self.note(figures.PAGE_FAULTS, faults / sent["items"])
            self.details["fast"] = {"generator": sent, "until_in_tables_s": elapsed_s, "collector_cpu_s": used_s}
            self.details["fast"]["stages_us_an_item"] = stages(before, collector.ask("/healthz").get("progress", {}))
            self._idle(collector)
            self._one_item(collector, rows)
            self._sizes("fast", collector.data)
        finally:
            collector.stop()

    def _idle(self, collector: Collector) -> None:
        seconds = 8 if self.quick else 30
        time.sleep(3)  # what the last publish has started may end
        say("at rest")
        cpu_s, start = collector.cpu_s(), time.perf_counter()
        time.sleep(seconds)
        self.note(figures.IDLE, (collector.cpu_s() - cpu_s) / (time.perf_counter() - start) * 100)

    def _one_item(self, collector: Collector, rows: Rows) -> None:
        """64 requests in flight on each transport, of 4 senders: over gRPC on 4 connections, over HTTP on 64."""
        seconds = 5 if self.quick else 15
        raw_ms = raw_fsync_ms(self.folder, ONE_ITEM_BYTES)["p50"]
        for transport, rate, latency, empty_rate, share in (
            ("grpc", figures.ONE_ITEM, figures.ONE_ITEM_P99, figures.EMPTY_GRPC, figures.ONE_ITEM_SHARE),
            ("http", figures.ONE_ITEM_HTTP, figures.ONE_ITEM_HTTP_P99, figures.EMPTY_HTTP, figures.ONE_ITEM_HTTP_SHARE),
        ):
            say(f"one item a request over {transport}")
            shape = {"seconds": seconds, "items": 1, "connections": 4, "depth": 16}
            with empty_server(transport) as address:
                empty = load_address(address, transport, **shape)
            cpu_s = collector.cpu_s()
            sent = load(collector, transport=transport, **shape)
            rows = add(rows, sent["rows"])
            collector.wait_for_rows(rows)
            requests_s, empty_s = (done["requests"] / done["seconds"] for done in (sent, empty))
            self.note(rate, requests_s)
            self.note(latency, sent["latency_ms"]["p99"] - raw_ms)
            self.note(empty_rate, empty_s)
            self.note(share, requests_s / empty_s * 100)
            self.details[f"one_item_{transport}"] = {"generator": sent, "collector_cpu_s": collector.cpu_s() - cpu_s, "empty": empty}

    def _sizes(self, name: str, data: Path) -> None:
        with duckdb.connect(str(data / "pond.duckdb"), read_only=True) as connection:
            tables = sorted(path.name for path in (data / "live").iterdir() if not path.name.startswith("."))
            counts = {table: connection.execute(f"select count(*) from {table}").fetchall()[0][0] for table in tables}
        self.details[f"{name}_tables"] = {
            table: {"rows": counts[table], "bytes": disk_bytes(data, table), "files": len(list((data / "live" / table).rglob("*.parquet")))}
            for table in tables
        }

    def steady(self) -> None:
        """Phase 2: at 50,000 items/s."""
        collector = Collector(self.folder / "steady", self.kernel_cache)
        try:
            say("1 M spans at 50,000 items/s")
            sent = load(collector, seconds=300, rate=RATE, max_items=int(SPANS_QUERIED / SPAN_SHARE), connections=32)
            rows = sent["rows"]
            collector.wait_for_rows(rows)
            self._sizes("steady", collector.data)
            sizes = self.details["steady_tables"]
            self.note(figures.SPAN_BYTES, sizes["spans"]["bytes"] / sizes["spans"]["rows"])
            self.note(figures.ALL_BYTES, sum(table["bytes"] for table in sizes.values()) / sizes["spans"]["rows"])
            self._queries(collector)
            say("on at 50,000 items/s")
            seconds = self.sustained_s
            with MemoryWatch(collector) as memory:
                sent = load(collector, seconds=seconds, rate=RATE, connections=32)
                rows = add(rows, sent["rows"])
                collector.wait_for_rows(rows)
            again = raw_fsync_ms(self.folder, REQUEST_BYTES)
            self.details["raw_fsync_ms"] = {name: min(value, again[name]) for name, value in self.details["raw_fsync_ms"].items()}
            raw_ms = self.details["raw_fsync_ms"]["p50"]
            self.note(figures.LATENCY_P50, sent["latency_ms"]["p50"] - raw_ms)
            self.note(figures.LATENCY_P99, sent["latency_ms"]["p99"] - raw_ms)
            self.note(figures.MEMORY_STEADY, memory.steady_mb)
            self.note(figures.MEMORY_PEAK, memory.peak_mb)
            self.details["steady"] = {"generator": sent, "memory_mb": memory.samples_mb}
            self._sizes("sustained", collector.data)
        finally:
            collector.stop()
        self._readers(collector.data, rows["spans"])

    def _queries(self, collector: Collector) -> None:
        """Each query on a fresh connection's second run on, the median of some; the collector is there, at rest."""
        with duckdb.connect(str(collector.data / "pond.duckdb"), read_only=True) as connection:
            traces = [row[0] for row in connection.execute("select trace_id from spans using sample 15").fetchall()]
            connection.execute(QUERIES[figures.QUERY_GROUP]).fetchall()
            for target, sql in QUERIES.items():
                wanted = [{"trace_id": trace} for trace in traces] if "$trace_id" in sql else [{}] * 15
                times = [timed(lambda p=parameters, s=sql: connection.execute(s, p).fetchall()) for parameters in wanted]
                self.note(target, statistics.median(times))

    def events(self) -> None:
        """User events, on a collector of their own."""
        collector = Collector(self.folder / "events", self.kernel_cache)
        try:
            say("events")
            self.details["events"] = events.measure(collector, load, 8 if self.quick else 30, self.note)
        finally:
            collector.stop()

    def issues(self) -> None:
        """Issues over a million rows of errors, after something was done about some of them."""
        say("asking for issues")
        for figure in issues.measure(self.folder / "issues", issues.ROWS // 10 if self.quick else issues.ROWS):
            self.note(figure.target, figure.measured)

    def grouping(self) -> None:
        """What grouping errors costs, beside a collector of its own."""
        os.environ["OTELPOND_CACHE_DIR"] = str(self.kernel_cache)
        collector = Collector(self.folder / "grouping", self.kernel_cache)
        try:
            say("grouping errors")
            measure = import_module("grouping").measure
            self.details["grouping"] = measure(collector, load, self.folder, 8 if self.quick else 20, self.note)
        finally:
            collector.stop()

    def low_rate(self, seconds: float) -> None:
        """10,000 spans/s, 100 a request."""
        collector = Collector(self.folder / "low-rate", self.kernel_cache)
        try:
            say(f"{seconds:.0f} s at {low_rate.RATE:,} spans/s, {low_rate.ITEMS} a request")
            self.details["low_rate"] = low_rate.measure(collector, load, seconds, self.note)
            self._sizes("low_rate", collector.data)
        finally:
            collector.stop()
        say("the same at empty servers")
        self.details["low_rate"]["empty_percent"] = low_rate.empty(load_address, self.note)

    def day(self, hours: int, commits_an_hour: int) -> None:
        """A day of small commits in minutes, in this process."""
        os.environ["OTELPOND_CACHE_DIR"] = str(self.kernel_cache)
        day = import_module("day")
        say(f"{hours} hours of {commits_an_hour} commits")
        seen = []
        print(day.HEAD, flush=True)
        for hour in day.Day(self.folder / "day", hours=hours, commits_an_hour=commits_an_hour).run():
            seen.append(hour)
            print(day.line(hour), flush=True)
        ratios = day.flatness(seen)
        self.note(figures.DAY_FILES, ratios["files"])
        self.note(figures.DAY_COMMIT, ratios["commit"])
        self.note(figures.DAY_DISK, ratios["disk"])
        self.details["day"] = day.to_json(seen)

    def _readers(self, data: Path, expected: int) -> None:
        """Four ways to count the spans."""
        sql = "select count(*) as rows from spans"
        command = [sys.executable, "-m", "otelpond.config.cli", "sql", sql, "--data", str(data), "--format", "json"]
        with duckdb.connect(str(data / "pond.duckdb"), read_only=True) as connection:
            plain = connection.execute(sql).fetchall()[0][0]
        counts = {
            "sent": expected,
            "otelpond sql": json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[0]["rows"],
            "duckdb": plain,
            "polars": pl.scan_parquet(data / "live/spans/**/*.parquet").select(pl.len()).collect().item(),
            "delta": DeltaTable(data / "lake/spans").to_pyarrow_dataset().count_rows(),
        }
        self.details["readers"] = counts
        say(f"{'all readers count the same' if len(set(counts.values())) == 1 else 'READERS DISAGREE'}: {counts}")


def stages(before: dict[str, Any], after: dict[str, Any]) -> dict[str, float]:
    """Wall-clock microseconds an item of the pipeline's stages between two progress reports."""
    items = after.get("items", 0) - before.get("items", 0)
    names = [name for name in after if name.endswith("_s")]
    return {name.removesuffix("_s"): (after[name] - before.get(name, 0.0)) / items * 1e6 for name in names} if items > 0 else {}


def timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def machine() -> dict[str, Any]:
    """Where this ran."""
    cpuinfo = Path("/proc/cpuinfo")
    models = (
        [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if cpuinfo.exists()
        else []
    )
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("otelpond", "duckdb", "pyarrow", "deltalake", "numba", "grpcio", "protobuf")},
    }


PAYLOAD = """payload: fresh ids, 512 items a request; of 10 requests 8 spans (25 SERVER HTTP, 40 database with 200 statements, 35 others;
  5 % errors with 2,000 stacks by Zipf), 1 log records, 1 metric points: tests/bench/payloads.py
generator: one process, plain HTTP/2, fresh bytes by numpy, on the same cores: tests/bench/load.py"""


def report(run: Run) -> str:
    """The figures as a table, with what they were measured with."""
    details = run.details
    where, fsync = details["machine"], details["raw_fsync_ms"]
    lines = [
        figures.table(run.figures),
        "",
        f"machine: {where['cpu']}, {where['cores']} cores, {where['system']}, Python {where['python']}, load {where['load_before']:.2f}",
        f"disk: appending {REQUEST_BYTES:,} B and fsync, no collector busy: p50 {fsync['p50']:.2f} ms, p99 {fsync['p99']:.2f} ms",
        PAYLOAD,
    ]
    lines += [
        f"  {name}: {sent_in_words(details[name]['generator'])}"
        for name in ("fast", "one_item_grpc", "one_item_http", "steady", "low_rate")
        if name in details
    ]
    if "fast" in details:
        lines.append(
            f"this machine: {details['parse_us']:.2f} us a span parsed by protobuf, {details['page_us']:.2f} us a page of memory touched"
        )
        parts = ", ".join(f"{name} {value:.2f}" for name, value in details["fast"]["stages_us_an_item"].items())
        lines.append(f"pipeline, wall-clock us an item: {parts}")
    return "\n".join(lines)


def sent_in_words(sent: dict[str, Any]) -> str:
    """What the generator did, in one line."""
    latency = ", ".join(f"{name} {value:.1f}" for name, value in sent["latency_ms"].items())
    return (
        f"{sent['items']:,} items of {sent['bytes'] / max(sent['items'], 1):.0f} B in {sent['seconds']:.1f} s, {sent['refused']} requests "
        f"refused, {sent['connections']} connections, {sent['generator_cpu_us_per_item']:.2f} us CPU an item, answers in ms: {latency}"
    )


def main() -> None:
    """Run the phases, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short form, less exact")
    parser.add_argument("--sustained", type=float, help="seconds at 50,000 items/s for latency and memory [60; quick: 15]")
    parser.add_argument("--only", choices=("throughput", "steady", "events", "grouping", "issues"), help="one phase")
    parser.add_argument("--low-rate", type=float, nargs="?", const=600.0, metavar="SECONDS", help="10,000 spans/s alone, for so long [600]")
    parser.add_argument("--day", type=int, nargs="?", const=24, metavar="HOURS", help="a time-compressed day alone, of so many hours [24]")
    parser.add_argument("--commits-an-hour", type=int, default=360, help="in the compressed day [360]")
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    parser.add_argument("--folder", type=Path, help="where the ponds are made [a temporary directory]; they are left there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="otelpond-bench-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        cache = Path(os.environ.get("OTELPOND_CACHE_DIR") or HERE.parent.parent / ".pytest_cache" / "d" / "otelpond-kernels")
        run = Run(folder, cache, quick=options.quick, sustained_s=options.sustained or (15 if options.quick else 60))
        try:
            run.warm()
            if options.low_rate:
                run.low_rate(options.low_rate)
            if options.day:
                run.day(options.day, options.commits_an_hour)
            if not options.low_rate and not options.day:
                for phase in [options.only] if options.only else ["throughput", "steady", "events", "grouping", "issues"]:
                    getattr(run, phase)()
        finally:
            print(report(run))
            options.output.write_text(json.dumps({"figures": [figure.to_json() for figure in run.figures], **run.details}, indent=1))


if __name__ == "__main__":
    main()
