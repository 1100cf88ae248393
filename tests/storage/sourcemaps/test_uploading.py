"""What builds leave is found and kept; what cannot be used, or is made to hurt, costs itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from otelpond.storage.sourcemaps import artifacts as module
from otelpond.storage.sourcemaps.artifacts import Artifact, find
from otelpond.storage.sourcemaps.compiler import SourceMapError
from otelpond.storage.sourcemaps.mapping import SourceMaps
from otelpond.storage.sourcemaps.store import SourceMapStore
from otelpond.storage.sourcemaps.uploading import Upload, upload

SCRIPT: Final = "function a(){throw Error()}"
MAP: Final = {"version": 3, "sources": ["a.ts"], "names": ["fail"], "mappings": "AAAA,SAASA", "sourcesContent": ["function fail() {}"]}


def _build(folder: Path, **files: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def _uploaded(tmp_path: Path, *paths: Path) -> Upload:
    return upload(SourceMapStore(tmp_path / "pond"), find(paths, "~/"), "1.0", "", now=datetime(2026, 11, 21, tzinfo=UTC))


def _mapped(tmp_path: Path, stack: str) -> str | None:
    maps = SourceMaps(tmp_path / "pond")
    maps.state()
    return maps.mapped("shop", "1.0", stack)


def test_a_map_is_found_as_its_file_says_or_beside_it(tmp_path: Path) -> None:
    """By the comment, by name, or without the file; names are paths below the folder that was named."""
    text = json.dumps(MAP)
    build = _build(
        tmp_path / "dist",
        **{
            "js__said.js": f"{SCRIPT}\n//# sourceMappingURL=../maps/said.map",
            "maps__said.map": text,
            "js__beside.js": SCRIPT,
            "js__beside.js.map": text,
            "js__served.js": f"{SCRIPT}\n//# sourceMappingURL=https://maps.example/served.js.map",
            "js__served.js.map": text,
            "js__alone.mjs.map": text,
            "js__without.js": SCRIPT,
            "style.css.map": text,
            "node_modules__x__x.js": SCRIPT,
            "node_modules__x__x.js.map": text,
        },
    )
    found = find([build], "~/static")
    root = build.absolute()
    assert [
        Artifact("~/static/js/alone.mjs", root / "js/alone.mjs.map", None),
        Artifact("~/static/js/beside.js", root / "js/beside.js.map", root / "js/beside.js"),
        Artifact("~/static/js/said.js", root / "maps/said.map", root / "js/said.js"),
        Artifact("~/static/js/served.js", root / "js/served.js.map", root / "js/served.js"),
    ] == found
    assert ["~/beside.js"] == [artifact.name for artifact in find([build / "js/beside.js", build / "js/beside.js.map"], "~/")]


def test_a_map_in_its_file_is_taken(tmp_path: Path) -> None:
    """As bundlers write it on request."""
    inline = base64.b64encode(json.dumps(MAP).encode()).decode()
    build = _build(
        tmp_path / "dist", **{"main.js": f"{SCRIPT}\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,{inline}\n"}
    )
    assert ["~/main.js"] == [stored.name for stored in _uploaded(tmp_path, build).stored]
    mapped = _mapped(tmp_path, "Error\n    at a (https://shop.example/main.js:1:11)")
    assert "Error\n    at fail (a.ts:1:10)\n        function fail() {}" == mapped


@pytest.mark.parametrize(
    "end",
    [
        'css+="\\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(x)," */");',
        "\n//# sourceMappingURL=data:application/json;base64,!",
        "\n//# sourceMappingURL=/",
        "\n//# sourceMappingURL=..",
        "\n//# sourceMappingURL=?x",
        "\n//# sourceMappingURL=%00.map",
        "\n//# sourceMappingURL=" + "a" * 100_000,
        "\n//# sourceMappingURL=",
    ],
    ids=range(8),
)
def test_the_map_beside_a_file_is_taken_whatever_the_file_says(tmp_path: Path, end: str) -> None:
    """A comment stands at the beginning of one of the last lines, and is of use only where it names a map that is there."""
    build = _build(tmp_path / "dist", **{"main.js": SCRIPT + end, "main.js.map": json.dumps(MAP)})
    root = build.absolute()
    assert [Artifact("~/main.js", root / "main.js.map", root / "main.js")] == find([build], "~/")


def test_a_file_that_is_too_large_or_cannot_be_read_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, and the others are kept."""
    text = json.dumps(MAP)
    build = _build(tmp_path / "dist", **{f"{name}.js": SCRIPT for name in "abc"}, **{f"{name}.js.map": text for name in "ab"})
    (build / "large.js").write_bytes(b"x" * 4_000)
    (build / "b.js").write_bytes(b"x" * 4_000)
    monkeypatch.setattr(module, "MOST_BYTES", 2_000)
    end = module._end
    monkeypatch.setattr(module, "_end", lambda path: (build / "gone.js").read_bytes() if path.name == "c.js" else end(path))
    monkeypatch.setattr(Artifact, "contents", _contents)
    done = _uploaded(tmp_path, build)
    assert ["~/a.js"] == [stored.name for stored in done.stored]
    assert [True, True] == ["4,000 bytes; 2,000 at most are read" in done.failed[0], "c.js: refused" in done.failed[1]]


def _contents(
    artifact: Artifact, contents: Callable[[Artifact], tuple[bytes, bytes | None]] = Artifact.contents
) -> tuple[bytes, bytes | None]:
    """As of a file that nobody may read."""
    if artifact.name == "~/c.js":
        raise PermissionError("c.js: refused")
    return contents(artifact)


def test_no_file_is_opened_that_was_not_named(tmp_path: Path) -> None:
    """A comment that points elsewhere, and a link in a folder, are not followed."""
    secret = _build(tmp_path / "secret", **{"secret.js.map": json.dumps(MAP)}) / "secret.js.map"
    build = _build(tmp_path / "dist", **{"main.js": f"{SCRIPT}\n//# sourceMappingURL=../secret/secret.js.map"})
    (build / "linked.js.map").symlink_to(secret)
    (build / "folder").symlink_to(secret.parent)
    assert [] == find([build], "~/")


def test_debug_ids_are_noted(tmp_path: Path) -> None:
    """Of the file, else of the map."""
    one, other = "85314830-023f-4cf1-a267-535f4e37bb17", "11111111-023F-4cf1-a267-535f4e37bb17"
    build = _build(
        tmp_path / "dist",
        **{
            "a.js": f"{SCRIPT}\n//# debugId={one}\n//# sourceMappingURL=a.js.map",
            "a.js.map": json.dumps(MAP),
            "b.js.map": json.dumps(MAP | {"debugId": other}),
        },
    )
    assert [one, other.lower()] == [stored.debug_id for stored in _uploaded(tmp_path, build).stored]


def test_what_is_no_map_is_left_out_and_the_others_are_kept(tmp_path: Path) -> None:
    """Each with its reason; deep nesting, positions out of range and sections without end among them."""
    good = json.dumps(MAP)
    section = {"offset": {"line": 4_000_000_000, "column": 0}, "map": MAP}
    bad = {
        "html": "<!doctype html>",
        "empty": "",
        "deep": "[" * 100_000,
        "binary": bytes(range(256)),
        "list": "[]",
        "mappings": json.dumps(MAP | {"mappings": "!!!!"}),
        "far": json.dumps({"version": 3, "sections": [section]}),
    }
    build = _build(tmp_path / "dist", **{"good.js.map": good}, **{f"{name}.js.map": content for name, content in bad.items()})
    done = _uploaded(tmp_path, build)
    assert ["~/good.js"] == [stored.name for stored in done.stored]
    assert {f"{name}.js.map" for name in bad} == {problem.partition(":")[0].rpartition("/")[2] for problem in done.failed}
    assert all(problem.endswith("expected a source map of version 3") for problem in done.failed)


def test_maps_that_tell_nothing_are_left_out(tmp_path: Path) -> None:
    """As those of empty chunks; that is no mistake of anybody."""
    build = _build(tmp_path / "dist", **{"a.js": "", "a.js.map": json.dumps(MAP | {"mappings": ""}), "b.js.map": "{}"})
    done = _uploaded(tmp_path, build)
    assert ([], []) == (done.stored, done.failed)
    assert [f"~/{name}.js: left out: its map tells the source of no place" for name in "ab"] == done.problems


def test_a_file_that_ends_its_reader_costs_the_names_of_its_functions(tmp_path: Path) -> None:
    """200,000 open parentheses overflow the stack of the library's parser; the child ends, and the next one goes on."""
    text = json.dumps(MAP)
    build = _build(tmp_path / "dist", **{"a.js": "(" * 200_000, "a.js.map": text, "b.js": SCRIPT, "b.js.map": text})
    done = _uploaded(tmp_path, build)
    assert [("~/a.js", 0), ("~/b.js", 1)] == [(stored.name, stored.functions) for stored in done.stored]
    assert ["~/a.js: functions have no names: a.js cannot be read: it ended the process that read it (signal 11)"] == done.problems
    assert "at a.ts:1:10" in str(_mapped(tmp_path, "Error\n    at a (https://shop.example/a.js:1:11)"))


def test_sources_are_texts_and_no_paths(tmp_path: Path) -> None:
    """What a map names is shown, and never opened; line breaks in it make no frames."""
    hostile = MAP | {"sources": ["../../../../etc/passwd\n    at evil (evil.js:1:1)"], "sourcesContent": ["x" * 5_000_000]}
    build = _build(tmp_path / "dist", **{"a.js": SCRIPT, "a.js.map": json.dumps(hostile)})
    assert 1 == len(_uploaded(tmp_path, build).stored)
    mapped = str(_mapped(tmp_path, "Error\n    at a (https://shop.example/a.js:1:11)"))
    assert 3 == len(mapped.splitlines())
    assert len(mapped) < 1_000


def test_files_and_their_number_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said with what was expected, before anything is read."""
    build = _build(tmp_path / "dist", **{f"{name}.js.map": json.dumps(MAP) for name in "abc"})
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    assert 3 == len([problem for problem in _uploaded(tmp_path, build).failed if "10 at most are read" in problem])
    monkeypatch.setattr(module, "MOST_FILES", 2)
    with pytest.raises(SourceMapError, match="3 files; 2 at most"):
        find([build], "~/")
    with pytest.raises(SourceMapError, match="there is no such file or folder"):
        find([tmp_path / "nowhere"], "~/")


def test_an_upload_again_makes_nothing_anew(tmp_path: Path) -> None:
    """What is equal has equal places, in another release too."""
    build = _build(tmp_path / "dist", **{"a.js": SCRIPT, "a.js.map": json.dumps(MAP)})
    (first,) = _uploaded(tmp_path, build).stored
    places = SourceMapStore(tmp_path / "pond").places(first.digest)
    before = places.stat().st_ino
    assert [first] == _uploaded(tmp_path, build).stored
    assert before == places.stat().st_ino
