"""Whoever reads the pond counts the same: the command, DuckDB, Polars over live/, Delta; while publishes and compaction go on."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

PUBLISHES = 6
TABLES = ("spans", "api_performance_metrics")


def counts(collector: Any, table: str) -> dict[str, int]:
    """Rows of a table by reader."""
    statement = f"select count(*) as rows from {table}"
    command = [sys.executable, "-m", "otelpond.config.cli", "sql", statement, "--data", str(collector.data), "--format", "json"]
    asked = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    live = pl.scan_parquet(collector.data / "live" / table / "**" / "*.parquet").select(pl.len()).collect().item()
    return {
        "otelpond sql": json.loads(asked.stdout)[0]["rows"],
        "duckdb": collector.rows(statement)[0][0],
        "polars": live,
        "delta": DeltaTable(str(collector.data / "lake" / table)).to_pyarrow_dataset().count_rows(),
    }


@pytest.mark.long
@pytest.mark.timeout(120)
def test_every_reader_counts_the_same(new_collector: Any, server_spans: Any) -> None:
    """After many publishes, and after maintenance has merged their files, all readers count what was sent."""
    collector = new_collector().start()
    sent = 0
    for _ in range(PUBLISHES):
        collector.accept("/v1/traces", server_spans(50).SerializeToString())
        collector.publish()
        sent += 50
    for table in TABLES:
        assert dict.fromkeys(("otelpond sql", "duckdb", "polars", "delta"), sent) == counts(collector, table)
    assert 0 == collector.stop()
    subprocess.run([sys.executable, "-m", "otelpond.storage.lake.maintenance", str(collector.data)], check=True, timeout=60)
    for table in TABLES:
        assert dict.fromkeys(("otelpond sql", "duckdb", "polars", "delta"), sent) == counts(collector, table)
