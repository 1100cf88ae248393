"""Makes a source map ready for being asked: the child process that `compiler` starts, which reads what others have built.

A map, or the minified file beside it, that is made to hurt can end the library that parses it (200,000 open parentheses do), or have it
take minutes and gigabytes. Here it ends this process, which has limits of its own, and nobody else.
"""

from __future__ import annotations

import json
import resource
import sys
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from symbolic.exceptions import SymbolicError
from symbolic.sourcemap import SourceMapTokenMatch, SourceMapView
from symbolic.sourcemapcache import SourceMapCache

from .places import LINE_BITS, SCHEMA

_MEMORY_BYTES: Final = 4 << 30
_CPU_S: Final = 120
"""Of one map; one of 10 MB takes 10."""
_LONGEST_LINE: Final = 300
_LONGEST_NAME: Final = 500
_LARGEST: Final = 2**31 - 2
_NAMELESS: Final = frozenset({"<anonymous>", "<unknown>"})


class _Texts:
    """Distinct texts and their numbers."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self.numbers: dict[str, int] = {}

    def number(self, text: str | None) -> int:
        """Of a text; -1 for none."""
        return self.numbers.setdefault(text[: self._longest], len(self.numbers)) if text else -1


class _Sources:
    """The sources that a map brings, by name; their lines are read when a position is in them."""

    def __init__(self, view: SourceMapView) -> None:
        self._view = view
        self._indices = {name: index for index, name in view.iter_sources() if name}
        self._lines: dict[str, list[str]] = {}

    def line(self, source: str, number: int) -> str | None:
        """A line of a source, from 0, trimmed; None where the map does not bring it."""
        if source not in self._lines:
            index = self._indices.get(source)
            text = None if index is None else self._view.get_source_contents(index)
            self._lines[source] = text.split("\n") if text else []
        lines = self._lines[source]
        return lines[number][:2_000].strip() if number < len(lines) else None


def compile_map(source_map: bytes, minified: bytes | None) -> tuple[pa.RecordBatch, dict[str, int]]:
    """The places that a source map tells, and how many positions and sources that are.

    Args:
        source_map: version 3, with sections or without.
        minified: the file that it is of; functions have no names without.

    Raises:
        SymbolicError: it is no source map.
    """
    view = SourceMapView.from_json_bytes(source_map)
    scopes = SourceMapCache.from_bytes(minified, source_map) if minified is not None else None
    sources, names, functions, lines = _Sources(view), _Texts(_LONGEST_NAME), _Texts(_LONGEST_NAME), _Texts(_LONGEST_LINE)
    positions = array("q")
    columns = {name: array("i") for name in ("sources", "lines", "columns", "functions", "texts")}
    for token in view:
        positions.append(token.dst_line << LINE_BITS | token.dst_col)
        columns["sources"].append(names.number(token.src))
        columns["lines"].append(min(token.src_line, _LARGEST) + 1)
        columns["columns"].append(min(token.src_col, _LARGEST) + 1)
        columns["functions"].append(functions.number(_function(scopes, token)))
        columns["texts"].append(lines.number(sources.line(token.src, token.src_line)) if token.src else -1)
    order = np.argsort(np.frombuffer(positions, np.int64), kind="stable")
    row: dict[str, Any] = {
        name: np.frombuffer(values, values.typecode)[order] for name, values in {"positions": positions, **columns}.items()
    }
    row |= {"source_names": list(names.numbers), "function_names": list(functions.numbers), "source_lines": list(lines.numbers)}
    batch = pa.record_batch([_list(row[field.name], field.type) for field in SCHEMA], schema=SCHEMA)
    told = sum(source >= 0 for source in columns["sources"])
    return batch, {"positions": told, "sources": len(names.numbers), "functions": len(functions.numbers)}


def _function(scopes: SourceMapCache | None, token: SourceMapTokenMatch) -> str | None:
    found = scopes.lookup(token.dst_line + 1, token.dst_col + 1, 0) if scopes is not None else None
    name = found.function_name if found is not None else None
    return None if name in _NAMELESS or name is None else name.removeprefix("<object>.")


def _list(values: Any, kind: pa.ListType) -> pa.ListArray:
    flat = pa.array(values, kind.value_type)
    return pa.ListArray.from_arrays(pa.array([0, len(flat)], pa.int32()), flat)


def _done(job: Mapping[str, str | None]) -> dict[str, int]:
    minified = None if job["minified"] is None else Path(job["minified"]).read_bytes()
    batch, counts = compile_map(Path(str(job["map"])).read_bytes(), minified)
    with pa.OSFile(str(job["target"]), "wb") as file, pa.ipc.new_file(file, SCHEMA) as writer:
        writer.write_batch(batch)
    return counts


def main() -> None:
    """A job a line on standard input: paths of `map`, `minified` (or null) and `target`; an answer a line: the counts, or `error`."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + _CPU_S, resource.RLIM_INFINITY))
        try:
            answer: dict[str, Any] = _done(json.loads(line))
        except (SymbolicError, OSError, MemoryError, OverflowError, pa.ArrowException) as error:
            answer = {"error": str(error).partition("\n")[0][:300] or type(error).__name__}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
