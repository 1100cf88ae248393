"""Errors of a minified page get the places of its sources: at once where the map was there before, else when it comes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

from .conftest import MINIFIED

COLUMNS = "service_version, error_type, mapped_stack, culprit, fingerprint, error_stack"


def _upload(collector: Any, release: str) -> str:
    command = [sys.executable, "-m", "otelpond.config.cli", "sourcemaps", "upload", "--release", release, "--data", str(collector.data)]
    ended = subprocess.run([*command, str(MINIFIED)], capture_output=True, text=True, check=False, timeout=60)
    assert 0 == ended.returncode, ended.stderr
    return ended.stdout


def test_frames_are_those_of_the_sources_whether_their_map_came_before_or_after(
    sites: dict[str, Any], drive: Callable[..., Any], arrived: Callable[..., Any], collector: Any
) -> None:
    """Of the script's errors and crashes and of the official packages' spans; an error is the same issue in both releases."""
    site = sites["minified"]
    _upload(collector, "1.0")
    drive("minified", site, versions=["1.0", "1.1"])
    rows = arrived(site, COLUMNS, table="error_logs", order="error_type, service_version", least=4)
    stacks = {(version, kind): mapped for version, kind, mapped, *_ in rows}
    assert (None, None) == (stacks["1.1", "JavaScript"], stacks["1.1", "Application"])
    assert all("/assets/main.js:1:" in row[-1] for row in rows)
    assert "2 stored stacks are resolved" in _upload(collector, "1.1")
    assert "0 stored stacks are resolved" in _upload(collector, "1.1")
    rows = arrived(site, COLUMNS, table="error_logs", order="error_type, service_version", least=4)
    for _, _, mapped, *_ in rows:
        assert "main.js" not in mapped
    ours, official = rows[2][2], rows[0][2]
    assert "at total (src/orders.js:2:16)\n        return items.reduce((sum, item) => sum + item.price.amount, 0);" in ours
    assert "at charge (src/orders.js:11:29)" in official
    assert [rows[0][2:5], rows[2][2:5]] == [rows[1][2:5], rows[3][2:5]]
    crashes = arrived(site, "mapped_stack, culprit, fingerprint", table="crash_reports", order="service_version", least=2)
    assert [rows[2][2:5], rows[3][2:5]] == crashes
    assert [(2,), (2,)] == collector.published(
        f"select count(distinct service_version) from error_logs where service_name = '{site.service}' group by issue_id"
    )
