"""What grouping and scrubbing errors cost: CPU in batches of the benchmark's payload, as shares of a collector's on the same items."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import figures
import pyarrow as pa
import template
from otelpond.storage.decode.payloads import Rules
from otelpond.storage.grouping.grouper import Grouper
from otelpond.storage.scrubbing.columns import Scrubber
from payloads import templates
from served import Collector
from stages import Batch

DISTINCT = {2_000: figures.GROUPING, 100_000: figures.GROUPING_MANY}
"""Stacks, by Zipf's law, with the figure for so many."""
Note = Callable[[figures.Target, float], None]
Load = Callable[..., dict[str, Any]]


class TimedGrouper(Grouper):
    """Counts the CPU seconds that grouping takes, and its rows."""

    def __init__(self) -> None:
        super().__init__()
        self.cpu_s, self.rows = 0.0, 0

    def annotate(self, table: str, rows: pa.Table) -> pa.Table:
        """As any grouper."""
        start = time.process_time()
        found = super().annotate(table, rows)
        self.cpu_s += time.process_time() - start
        self.rows += rows.num_rows * (found is not rows)
        return found


class TimedScrubber(Scrubber):
    """Counts the CPU seconds that looking for secrets takes; the payload has none."""

    def __init__(self) -> None:
        super().__init__()
        self.cpu_s = 0.0

    def scrub(self, relations: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """As any scrubber."""
        start = time.process_time()
        scrubbed = super().scrub(relations)
        self.cpu_s += time.process_time() - start
        return scrubbed


def measure(collector: Collector, load: Load, folder: Path, seconds: float, note: Note) -> dict[str, Any]:
    """Note the share for each number of stacks; the collector says what an item costs in all."""
    rows = load(collector, seconds=3)["rows"]
    collector.wait_for_rows(rows)
    cpu_s = collector.cpu_s()
    sent = load(collector, seconds=seconds)
    collector.wait_for_rows({table: rows.get(table, 0) + more for table, more in sent["rows"].items()})
    item_us = (collector.cpu_s() - cpu_s) / sent["items"] * 1e6
    details: dict[str, Any] = {"collector_us_an_item": item_us, "generator": sent}
    for stacks, figure in DISTINCT.items():
        details[str(stacks)] = one = _grouping(stacks, folder, max(4, int(seconds)))
        note(figure, one["us_an_item"] / item_us * 100)
    note(figures.SCRUBBING, one["scrubbing_us_an_item"] / item_us * 100)
    return details


def _grouping(stacks: int, folder: Path, batches: int) -> dict[str, float]:
    """CPU of grouping, an item of all signals and an error row, over so many batches after a first one that warms."""
    kernels, derive = import_module("otelpond.storage.decode.kernels"), import_module("otelpond.storage.derive")
    rules = Rules(hash_address=import_module("otelpond.storage.addresses").AddressHasher(folder / "keys"))
    grouper, scrubber = TimedGrouper(), TimedScrubber()
    deriver = derive.Deriver(import_module("otelpond.storage.schema").load_tables(), grouper=grouper, scrubber=scrubber)
    usual, template.STACKS = template.STACKS, stacks
    try:
        requests = templates(512, 10)
    finally:
        template.STACKS = usual
    items, first_s = 0, 0.0
    for number in range(batches + 1):
        made = Batch()
        made.fill(requests)
        for signal in made.bodies:
            deriver.derive(kernels.decode(signal, made.payloads(signal), rules))
        items += sum(made.items.values())
        if not number:
            first_s, items, grouper.cpu_s, grouper.rows, scrubber.cpu_s = grouper.cpu_s, 0, 0.0, 0, 0.0
    return {
        "us_an_item": grouper.cpu_s / items * 1e6,
        "scrubbing_us_an_item": scrubber.cpu_s / items * 1e6,
        "us_a_row": grouper.cpu_s / grouper.rows * 1e6,
        "first_batch_s": first_s,
        "rows": grouper.rows,
    }
