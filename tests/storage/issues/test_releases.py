"""Releases have an order: by their versions or dates, else by when they were first seen."""

from __future__ import annotations

from itertools import pairwise

import pytest

from .made_up import MadeUpPond, at

VERSIONS = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0rc2",
    "pkg@1.0.0-rc.10",
    "1.0.0",
    "1.0.0-5-g3f2a9c1",
    "1.0.0-6-g3f2a9c1-dirty",
    "1.0.0.post7",
    "1.0.0.1-rc1",
    "1.0.0.1",
    "v1.0.1",
    "1.2-SNAPSHOT",
    "V1.2",
    "1.2.1",
    "@acme/web@1.10+build.7",
    "2",
]
DATES = ["2026-11-20", "20261120.1", "2026-11-20-2", "20261120.10", "20261120-11", "20261121"]


def key(pond: MadeUpPond, release: str | None) -> str | None:
    """What orders a release."""
    ((found,),) = pond.con.execute("select release_key(?)", [release]).fetchall()
    return found


@pytest.mark.parametrize("order", [VERSIONS, DATES], ids=["versions", "dates"])
def test_keys_order_releases(order: list[str], pond: MadeUpPond) -> None:
    """Each is less than the next."""
    keys = [key(pond, release) for release in order]
    assert [] == [
        (a, b) for (a, first), (b, second) in pairwise(zip(order, keys, strict=True)) if not (first and second and first < second)
    ]


def test_equal_versions_have_equal_keys(pond: MadeUpPond) -> None:
    """However they are written."""
    assert 1 == len({key(pond, release) for release in ("1.2", "v1.2.0", "pkg@1.2.0.0", "1.2+b7", "01.2", "1.2-3f2a9c1", "1.2-dirty")})
    assert key(pond, "2026-11-20") == key(pond, "20261120")


@pytest.mark.parametrize(
    "release",
    [
        "20261120-a1b2c3d",
        "2026-11-20-rc1",
        "",
        None,
        "latest",
        "3f2a9c1",
        "main-7",
        "1.2.x",
        "x" * 1_000_000,
        "1." * 500_000,
        "1.2.3.RELEASE",
        "\0",
    ],
)
def test_any_other_text_has_none(release: str | None, pond: MadeUpPond) -> None:
    """However long it is."""
    assert key(pond, release) is None


def ranks(pond: MadeUpPond) -> dict[str, int]:
    """Each release and its rank."""
    return {row["release"]: row["release_rank"] for row in pond.ask("select release, release_rank from releases")}


def test_releases_of_a_service_are_ordered_by_their_versions(pond: MadeUpPond) -> None:
    """Whenever they were seen; those that are equal share a rank."""
    pond.errors(*({"service_version": release, "minutes": n} for n, release in enumerate(["1.10", "1.9", "v1.9.0", "1.9-rc1", ""])))
    assert {"1.9-rc1": 1, "1.9": 2, "v1.9.0": 2, "1.10": 3} == ranks(pond)


def test_a_release_without_a_version_stands_where_it_was_seen(pond: MadeUpPond) -> None:
    """Behind the newest of then; the order of all others stays."""
    told = ["1.0", "1.10", "local", "1.2", "2.0"]
    pond.errors(*({"service_version": release, "minutes": n} for n, release in enumerate(told)))
    assert {"1.0": 1, "1.2": 2, "1.10": 3, "local": 4, "2.0": 5} == ranks(pond)


@pytest.mark.parametrize(("first", "second"), [("zebra", "1.0"), ("2026-11-20", "1.0"), ("web@2.0", "api@1.0")])
def test_releases_of_two_schemes_or_packages_come_as_they_were_seen(first: str, second: str, pond: MadeUpPond) -> None:
    """Their keys cannot be compared."""
    pond.errors({"service_version": second, "minutes": 5}, {"service_version": first, "minutes": 4})
    assert {first: 1, second: 2} == ranks(pond)


def test_whatever_names_a_release_tells_of_it(pond: MadeUpPond) -> None:
    """Requests, operations, servers and stored sessions; the first and the last of all."""
    pond.write("api_performance_metrics", [{"service_version": "1.0", "minutes": 1, "status_code": 200}])
    pond.write("server_performance_metrics", [{"service_version": "1.0", "minutes": 9}])
    pond.write("database_error_logs", [{"service_version": "1.1", "minutes": 2}])
    pond.write("crash_reports", [{"release_version": "1.2", "service_version": "9.9", "minutes": 3}])
    nanoseconds = int(at(4).timestamp()) * 1_000_000_000
    pond.write("user_sessions", [{"service_version": "1.3", "start_unix_nano": nanoseconds, "end_unix_nano": nanoseconds}])
    rows = pond.ask("select release, first_seen, last_seen from releases order by release_rank")
    assert [["1.0", at(1), at(9)], ["1.1", at(2), at(2)], ["1.2", at(3), at(3)], ["1.3", at(4), at(4)]] == [
        list(row.values()) for row in rows
    ]
