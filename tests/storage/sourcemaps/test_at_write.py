"""Errors are grouped by the places of their sources where a map of their release is there when they are stored."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from otelpond.storage.grouping.columns import TABLES, WRITTEN
from otelpond.storage.grouping.grouper import Grouper
from otelpond.storage.sourcemaps.mapping import LOOKS_EVERY_S, TenantsSourceMaps

Stacks = dict[str, dict[str, str]]
MESSAGE = "Cannot read properties of undefined (reading 'amount')"


def _rows(table: str, *told: tuple[str, str], tenant: str = "default") -> pa.Table:
    """Of releases and stacks."""
    read = TABLES[table]
    names = {*read.names, *WRITTEN.names, "tenant_id", read.release, "exception_type", "ingested_at"}
    rows = {name: pa.nulls(len(told), pa.string()) for name in names}
    rows |= {read.release: pa.array([release for release, _ in told]), read.stack: pa.array([stack for _, stack in told])}
    same = {"tenant_id": tenant, "service_name": "shop", "exception_type": "TypeError", read.message: MESSAGE}
    rows |= {name: pa.array([value] * len(told)) for name, value in same.items()}
    rows |= {field.name: pa.nulls(len(told), field.type) for field in WRITTEN}
    return pa.table(rows)


@pytest.mark.parametrize("table", TABLES)
def test_an_error_is_the_same_issue_in_every_build(table: str, pond: Path, stacks: Stacks) -> None:
    """In all four tables; without maps nothing is mapped."""
    told = [(release, stacks[release]["callback"]) for release in ("esbuild-1.0", "esbuild-1.1")]
    with_maps = Grouper(None, TenantsSourceMaps(pond)).annotate(table, _rows(table, *told))
    assert 1 == len(set(with_maps["fingerprint"].to_pylist()))
    assert {"orders.js"} == set(with_maps["culprit"].to_pylist())
    assert all("at total (src/orders.js:" in stack for stack in with_maps["mapped_stack"].to_pylist())
    without = Grouper().annotate(table, _rows(table, *told))
    assert [None, None] == without["mapped_stack"].to_pylist()
    assert set(with_maps["fingerprint"].to_pylist()).isdisjoint(without["fingerprint"].to_pylist())


def test_what_several_browsers_tell_is_one_issue(pond: Path, stacks: Stacks) -> None:
    """Of frames that all of them show."""
    chrome = stacks["esbuild-1.0"]["method"]
    places = [line.rpartition("(")[2].rstrip(")") for line in chrome.splitlines()[1:]]
    firefox = "\n".join(f"{name}@{place}" for name, place in zip(("checkout", "checkout"), places, strict=True)) + "\n"
    rows = Grouper(None, TenantsSourceMaps(pond)).annotate(
        "error_logs", _rows("error_logs", *(("esbuild-1.0", s) for s in (chrome, firefox)))
    )
    assert 1 == len(set(rows["fingerprint"].to_pylist()))


def test_a_tenants_maps_are_its_own(pond: Path, stacks: Stacks, tmp_path: Path) -> None:
    """They lie in its pond, and no other tenant's errors see them."""
    shutil.copytree(pond, tmp_path / "tenants" / "ann")
    grouper = Grouper(None, TenantsSourceMaps(tmp_path))
    told = ("esbuild-1.0", stacks["esbuild-1.0"]["callback"])
    assert grouper.annotate("error_logs", _rows("error_logs", told, tenant="ann"))["mapped_stack"][0].is_valid
    assert not grouper.annotate("error_logs", _rows("error_logs", told))["mapped_stack"][0].is_valid


def test_maps_that_come_or_go_are_seen_by_the_next_batch(pond: Path, stacks: Stacks, tmp_path: Path) -> None:
    """Within a tenth of a second, without a restart."""
    now = [100.0]
    maps = TenantsSourceMaps(tmp_path, clock=lambda: now[0])
    told = ("default", "shop", "esbuild-1.0", stacks["esbuild-1.0"]["callback"])
    assert maps.mapped(*told) is None
    shutil.copytree(pond / "sourcemaps", tmp_path / "sourcemaps")
    now[0] += LOOKS_EVERY_S
    assert maps.mapped(*told) is not None
    shutil.rmtree(tmp_path / "sourcemaps")
    now[0] += LOOKS_EVERY_S
    assert maps.mapped(*told) is None
