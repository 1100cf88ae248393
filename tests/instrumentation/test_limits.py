"""Limits of a container: trees of files as the kernel shows them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from otelpond.instrumentation.server.limits import ControlGroups, Limits, own_cpus

GIB = 1 << 30


def machine(root: Path, groups: str, mounts: str, files: dict[str, str]) -> ControlGroups:
    """What a process with these groups and mounts sees."""
    for path, text in {"proc/self/cgroup": groups, "proc/self/mountinfo": mounts, **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{text}\n")
    return ControlGroups(root)


V2 = "30 24 0:26 {root} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "33 32 0:30 {root} /sys/fs/cgroup/{at} rw,nosuid master:9 - cgroup cgroup rw,{at}"


def test_a_container_sees_its_own_group_as_the_root(tmp_path: Path) -> None:
    """Version 2 with a namespace of its own, as Docker and Kubernetes do now."""
    files = {"sys/fs/cgroup/cpu.max": "150000 100000", "sys/fs/cgroup/memory.max": str(GIB)}
    assert Limits(1.5, GIB) == machine(tmp_path, "0::/", V2.format(root="/"), files).limits()


def test_the_lowest_limit_of_a_group_and_those_above_it_counts(tmp_path: Path) -> None:
    """A service of systemd may be limited by its slice."""
    group = "sys/fs/cgroup/system.slice/shop.service"
    files = {
        f"{group}/cpu.max": "max 100000",
        f"{group}/memory.max": str(4 * GIB),
        "sys/fs/cgroup/system.slice/cpu.max": "50000 100000",
        "sys/fs/cgroup/system.slice/memory.max": str(2 * GIB),
    }
    assert Limits(0.5, 2 * GIB) == machine(tmp_path, "0::/system.slice/shop.service", V2.format(root="/"), files).limits()


@pytest.mark.parametrize("mounted", ["/", "/docker/abc"])
def test_version_1_has_a_tree_for_each_controller(tmp_path: Path, mounted: str) -> None:
    """Without a namespace a container sees its path of the host, and its own group mounted; a hybrid has version 2 without controllers."""
    groups = "5:cpuacct,cpu:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/docker/abc\n0::/docker/abc"
    cpu = V1.format(root=mounted, at="cpu").replace("rw,cpu", "rw,cpuacct,cpu")
    mounts = "\n".join([V1.format(root=mounted, at="memory"), cpu, V2.format(root="/").replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")])
    below = "docker/abc/" if mounted == "/" else ""
    files = {
        f"sys/fs/cgroup/cpu/{below}cpu.cfs_quota_us": "200000",
        f"sys/fs/cgroup/cpu/{below}cpu.cfs_period_us": "100000",
        f"sys/fs/cgroup/memory/{below}memory.limit_in_bytes": str(GIB),
    }
    assert Limits(2.0, GIB) == machine(tmp_path, groups, mounts, files).limits()


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        ("0::/", {"sys/fs/cgroup/cpu.max": "max 100000", "sys/fs/cgroup/memory.max": "max"}),
        ("0::/", {"sys/fs/cgroup/cpu.max": "a lot", "sys/fs/cgroup/memory.max": ""}),
        ("0::/", {}),
        ("", {}),
    ],
    ids=["none is set", "nonsense", "the root group of a machine", "no control groups"],
)
def test_where_nothing_is_set_there_is_no_limit(tmp_path: Path, groups: str, files: dict[str, str]) -> None:
    """Infinite."""
    assert Limits(math.inf, math.inf) == machine(tmp_path, groups, V2.format(root="/"), files).limits()


def test_version_1_says_unlimited_by_numbers(tmp_path: Path) -> None:
    """-1, and the largest page-aligned number."""
    groups = "5:cpu:/\n4:memory:/"
    files = {
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    }
    mounts = "\n".join(V1.format(root="/", at=at) for at in ("cpu", "memory"))
    assert Limits() == machine(tmp_path, groups, mounts, files).limits()


def test_a_limit_that_changes_is_seen(tmp_path: Path) -> None:
    """A container's may, while it runs."""
    groups = machine(tmp_path, "0::/", V2.format(root="/"), {"sys/fs/cgroup/memory.max": str(GIB)})
    (tmp_path / "sys/fs/cgroup/memory.max").write_text(str(3 * GIB))
    assert 3 * GIB == groups.limits().memory_bytes


def test_this_process_may_use_a_cpu() -> None:
    """At least one."""
    assert own_cpus() >= 1
