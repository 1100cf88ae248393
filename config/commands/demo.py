"""`otelpond demo`: a collector, a sample shop with a few things wrong, its customers, and what the tables then say."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from types import FrameType
from typing import Any

from rich.console import Console

from ..demo.processes import Child, child, clean_environment, free_port, listens
from ..demo.report import Arrival, missing, print_report, wait_for_arrival
from ..demo.traffic import Traffic
from ..errors import CommandError
from .freshness import running_collector

TO_TRY = (
    "select endpoint_path, quantile_cont(response_time_ms, 0.95) as p95_ms from api_performance_metrics group by all order by p95_ms desc",
    "select trace_id, query_text, query_duration_ms from database_performance_metrics where slow_query limit 5",
    "select error_message, count(*) as times, max(error_timestamp) as last_seen from error_logs group by all order by times desc",
)

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def run(seconds: float | None, data: Path) -> None:
    """Run the demo until the seconds are over or Ctrl-C; the pond stays.

    Raises:
        CommandError: something that was sent did not arrive, or a part of the demo did not run.
    """
    if find_spec("sqlalchemy") is None:
        raise ModuleNotFoundError(name="sqlalchemy")
    signal.signal(signal.SIGTERM, _as_interrupt)
    started = datetime.now(UTC)
    with ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="otelpond-demo-")))
        addresses = _start_collector(stack, data, logs)
        console.print(f"collector: OTLP on {addresses['http']} and grpc://{addresses['grpc']}, pond in {data}")
        traffic = _send_traffic(addresses["http"], logs, seconds)
        arrival = Arrival(started, requests=sum(traffic.answered.values()))
        with console.status("publishing; the first time the decoders are compiled, which can take a minute"):
            wait_for_arrival(data, arrival)
        print_report(console, data, arrival)
    if problems := [*traffic.surprises, *missing(data, arrival)]:
        raise CommandError("\n".join(problems))
    _print_what_to_try(data)


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _start_collector(stack: ExitStack, data: Path, logs: Path) -> dict[str, Any]:
    """Start a collector on free ports; its addresses as it writes them down for other commands."""
    if running_collector(data):
        raise CommandError(f"{data}: a collector is running on this pond; end it, or name another directory with --data")
    note = data / "collector.json"
    note.unlink(missing_ok=True)
    options = [part for listener in ("grpc", "http", "admin") for part in (f"--{listener}", "127.0.0.1:0")]
    arguments = ["serve", "--data", str(data), "--config", os.devnull, *options]
    collector = stack.enter_context(child("collector", "otelpond.config.cli", arguments, logs, clean_environment()))
    collector.wait_until(note.exists)
    addresses: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
    return addresses


def _send_traffic(endpoint: str, logs: Path, seconds: float | None) -> Traffic:
    """Open the shop, let customers in until it is time, let the worker crash, and close the shop, which sends what is left."""
    port = free_port()
    environment = clean_environment(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    arguments = ["--port", str(port), "--database", str(logs / "shop.sqlite")]
    with child("sample shop", "otelpond.config.demo.shop", arguments, logs, environment) as shop:
        shop.wait_until(lambda: listens(port))
        traffic = Traffic(f"http://127.0.0.1:{port}")
        _let_the_worker_crash(logs, environment)
        traffic.ask_each_once()
        traffic.start()
        _wait(traffic, seconds, shop)
        traffic.stop()
    return traffic


def _let_the_worker_crash(logs: Path, environment: dict[str, str]) -> None:
    with child("worker", "otelpond.config.demo.worker", [], logs, environment) as worker:
        code = worker.process.wait(30)
        if code != 1:
            raise CommandError(f"the worker should have crashed, and ended with exit code {code}; it said:\n{worker.last_words()}")


def _wait(traffic: Traffic, seconds: float | None, shop: Child) -> None:
    """Show what goes on until the seconds are over; Ctrl-C ends it sooner."""
    end = None if seconds is None else time.monotonic() + seconds
    try:
        console.print("sample shop: customers come and go" + ("; Ctrl-C ends it" if end is None else f" for {seconds:.0f} seconds"))
        with console.status("") as status:
            while (end is None or time.monotonic() < end) and shop.process.poll() is None:
                status.update(f"{sum(traffic.answered.values())} requests answered")
                time.sleep(0.2)
    except KeyboardInterrupt:
        console.print("interrupted: the shop closes")


def _print_what_to_try(data: Path) -> None:
    console.print(f"\nThe pond stays in {data}. Ask it yourself:\n")
    program = "otelpond" if which("otelpond") else sys.argv[0]  # `make demo` runs it from a virtual environment that is not active
    for statement in TO_TRY:
        console.print(f'  {program} sql --data {data} "{statement}"', soft_wrap=True, markup=False)
