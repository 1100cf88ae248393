"""A file in a stack finds its map by the folders that the two names share."""

from __future__ import annotations

from otelpond.storage.sourcemaps.matching import ReleaseMaps
from otelpond.storage.sourcemaps.store import StoredMap


def _maps(*names: str, service: str = "") -> list[StoredMap]:
    return [StoredMap("1.0", service, name, f"{service}{name}", "", 1, 1, 1, 1, "2026-11-21T12:00:00+00:00") for name in names]


def _found(maps: list[StoredMap], file: str, service: str = "shop") -> str | None:
    found = ReleaseMaps(maps, service).map_of(file)
    return None if found is None else found.digest


def test_of_files_with_one_name_the_one_in_the_same_folders_is_taken() -> None:
    """From the end of the path; a host's name is none of its folders."""
    maps = _maps("~/admin/main.js", "~/shop/main.js", "~/main.js")
    assert "~/shop/main.js" == _found(maps, "https://shop.example/v1/shop/main.js")
    assert "~/admin/main.js" == _found(maps, "/srv/admin/main.js")
    assert "~/main.js" == _found(maps[2:], "https://shop.example/elsewhere/main.js")


def test_where_two_fit_equally_none_is_taken() -> None:
    """A wrong place is worse than none."""
    assert _found(_maps("~/admin/main.js", "~/shop/main.js"), "https://shop.example/main.js") is None


def test_a_file_of_others_is_not_taken_for_one_of_ours() -> None:
    """One name is not enough: the shorter path must be the other's end, and what is below node_modules was built elsewhere."""
    assert _found(_maps("~/assets/main.js"), "https://widget.other.example/v3/main.js") is None
    assert _found(_maps("~/index.js"), "/app/node_modules/express/index.js") is None
    vendored = _maps("~/node_modules/express/index.js", "~/index.js")
    assert "~/node_modules/express/index.js" == _found(vendored, "/app/node_modules/express/index.js")
    assert "~/assets/main.js" == _found(_maps("~/assets/main.js"), "main.js")


def test_a_services_own_map_comes_before_that_of_any() -> None:
    """And that of another service is never taken."""
    maps = [*_maps("~/main.js"), *_maps("~/main.js", service="shop"), *_maps("~/main.js", service="admin")]
    assert "shop~/main.js" == _found(maps, "https://shop.example/main.js")
    assert "~/main.js" == _found(maps, "https://shop.example/main.js", service="blog")


def test_names_are_compared_as_they_are_written_on_disk() -> None:
    """Addresses have spaces as %20, Windows has its own slashes; queries and fragments are no part of a name."""
    maps = _maps("~/my app/main.js")
    assert "~/my app/main.js" == _found(maps, "https://shop.example/my%20app/main.js?v=1#x")
    assert "~/my app/main.js" == _found(maps, "C:\\shop\\my app\\main.js")


def test_nothing_is_found_in_odd_names() -> None:
    """Not even an error."""
    for file in ("", "/", "https://", "<anonymous>", "native", "\0"):
        assert _found(_maps("~/main.js"), file) is None
