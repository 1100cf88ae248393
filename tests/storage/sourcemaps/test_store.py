"""The source maps of a pond: replaced, deleted, swept, and seen by who reads meanwhile."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from otelpond.storage.sourcemaps import store as module
from otelpond.storage.sourcemaps.compiler import SourceMapError
from otelpond.storage.sourcemaps.mapping import SourceMaps
from otelpond.storage.sourcemaps.store import SourceMapStore, StoredMap, TooManyMapsError

MAP = StoredMap("1.0", "", "~/main.js", "0" * 32, "", 1, 1, 1, 1, "2026-11-21T12:00:00+00:00")


@pytest.fixture
def store(tmp_path: Path) -> SourceMapStore:
    """An empty one."""
    return SourceMapStore(tmp_path)


def _kept(store: SourceMapStore, *maps: StoredMap) -> None:
    with store.changing():
        for stored in maps:
            written = store.folder / f".{stored.digest}.tmp"
            written.write_bytes(b"places")
            store.keep(written, stored.digest)
        store.add(maps)


def test_a_map_replaces_that_of_the_same_release_service_and_name(store: SourceMapStore) -> None:
    """Its places go with it, at the next change."""
    second, other = replace(MAP, digest="1" * 32), replace(MAP, service="shop", digest="2" * 32)
    _kept(store, MAP, other)
    _kept(store, second)
    assert [second, other] == store.of_release("1.0")
    with store.changing():
        assert not store.places(MAP.digest).exists()
        assert store.places(second.digest).exists()


def test_places_that_two_releases_share_stay_until_both_are_deleted(store: SourceMapStore) -> None:
    """A chunk that did not change is kept once."""
    next_release = replace(MAP, release="1.1")
    _kept(store, MAP, next_release)
    with store.changing():
        store.remove([MAP])
    assert ([], [next_release]) == (store.of_release("1.0"), store.all())
    assert store.places(MAP.digest).exists()
    with store.changing():
        store.remove([next_release])
    assert [] == store.all()
    assert not store.places(MAP.digest).exists()


def test_what_an_ended_upload_left_is_swept(store: SourceMapStore) -> None:
    """No release names it."""
    with store.changing():
        (store.folder / ".x.tmp").write_bytes(b"half")
        store.places("9" * 32).write_bytes(b"whole")
    with store.changing():
        assert [] == [*store.folder.glob("*.places"), *store.folder.glob(".*.tmp")]


def test_a_release_is_a_name_and_no_path(store: SourceMapStore, tmp_path: Path) -> None:
    """Whatever stands in it."""
    for release in ("../../etc", "/etc/passwd", "a/b", "\u00fc" * 300):
        _kept(store, replace(MAP, release=release))
        assert release == store.of_release(release)[0].release
    assert {"sourcemaps"} == {path.name for path in tmp_path.iterdir()}


def test_a_release_has_a_largest_number_of_maps(store: SourceMapStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it nothing is added."""
    monkeypatch.setattr(module, "MOST_OF_A_RELEASE", 2)
    _kept(store, MAP, replace(MAP, name="~/b.js"))
    with pytest.raises(TooManyMapsError, match=r"release 1\.0 would have 3 source maps, 2 at most are kept"):
        _kept(store, replace(MAP, name="~/c.js"))
    assert 2 == len(store.all())


@pytest.mark.parametrize("noted", ["garbage", "{}x", "[1]", "[{}]", '{"a": 1}', "5", '[{"release": 5}]', "[" * 100_000], ids=range(8))
def test_a_damaged_release_is_named_and_costs_nothing_else(
    store: SourceMapStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, noted: str
) -> None:
    """It is named, with what to do; others are changed meanwhile; who maps stacks goes on without, and the log says so once."""
    _kept(store, MAP, replace(MAP, release="1.1", digest="1" * 32))
    (damaged,) = [path for path in store.folder.glob("releases/*.json") if '"1.1"' in path.read_text()]
    damaged.write_bytes(noted.encode("utf-8", "surrogatepass"))
    with pytest.raises(SourceMapError, match=rf"{damaged.name} is damaged \(\w+\): remove it"):
        store.of_release("1.1")
    third = replace(MAP, release="1.2", digest="2" * 32)
    _kept(store, third)
    assert ({MAP, third}, [damaged]) == ({*store.all()}, [*store.damaged()])
    assert store.places("1" * 32).exists()
    maps = SourceMaps(tmp_path)
    maps.state()
    assert [False, False, True] == [maps.knows("shop", release) for release in ("1.1", "1.1", "1.0")]
    assert 1 == caplog.text.count("source maps are not used")


def test_an_upload_replaces_what_is_damaged_of_its_release(store: SourceMapStore) -> None:
    """With what it brings."""
    _kept(store, MAP)
    (path,) = store.folder.glob("releases/*.json")
    path.write_text("garbage")
    second = replace(MAP, name="~/b.js", digest="1" * 32)
    _kept(store, second)
    assert ([second], {}) == (store.of_release("1.0"), store.damaged())


def test_what_a_later_version_has_noted_is_left_out(store: SourceMapStore) -> None:
    """What this one knows is read."""
    _kept(store, MAP)
    (path,) = store.folder.glob("releases/*.json")
    path.write_text(json.dumps([noted | {"colour": "blue"} for noted in json.loads(path.read_text())]))
    assert [MAP] == store.of_release("1.0")


def test_readers_see_every_change(store: SourceMapStore, tmp_path: Path) -> None:
    """However quickly one follows another."""
    maps = SourceMaps(tmp_path)
    states = [maps.state()]
    for number in range(20):
        _kept(store, replace(MAP, release=f"{number}"))
        states.append(maps.state())
        assert maps.knows("shop", f"{number}")
    assert all(before != after for before, after in itertools.pairwise(states))


def test_damaged_places_cost_their_own_frames(store: SourceMapStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And the log says what to do."""
    _kept(store, MAP)
    maps = SourceMaps(tmp_path)
    maps.state()
    assert maps.mapped("shop", "1.0", "Error: x\n    at f (https://a.example/main.js:1:1)") is None
    assert "upload that source map again" in caplog.text
