"""A source map made ready: which place of the sources a place of the minified file is. `compiling` writes them, `mapping` asks them.

One Arrow file with one row, mapped into memory: asking takes two steps of a binary search, no parsing and next to no memory. The
positions stand in order; a place belongs to the last position before it in its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

SCHEMA: Final = pa.schema(
    {
        "positions": pa.list_(pa.int64()),  # line << 32 | column, both from 0
        "sources": pa.list_(pa.int32()),  # of each position: which of source_names; -1 where it is of no source
        "lines": pa.list_(pa.int32()),  # in the source, from 1
        "columns": pa.list_(pa.int32()),  # in the source, from 1
        "functions": pa.list_(pa.int32()),  # which of function_names; -1 outside of any, and where nobody knows
        "texts": pa.list_(pa.int32()),  # which of source_lines; -1 where the map brings no text
        "source_names": pa.list_(pa.string()),
        "function_names": pa.list_(pa.string()),
        "source_lines": pa.list_(pa.string()),
    }
)
LINE_BITS: Final = 32


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the sources.

    Attributes:
        source: the file as the map names it.
        line: from 1.
        column: from 1.
        function: the one that the place is in; None where nobody knows.
        text: the source's line, trimmed; None where the map does not bring it.
    """

    source: str
    line: int
    column: int
    function: str | None
    text: str | None


class Places:
    """A file of places, open.

    Raises:
        OSError: there is no such file.
        pa.ArrowInvalid: it is damaged.
    """

    def __init__(self, path: Path) -> None:
        row = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
        self._columns = {name: row.column(name).values for name in row.schema.names}
        self._positions = self._columns["positions"].to_numpy()

    def at(self, line: int, column: int) -> Place | None:
        """The source's place of a minified one, both counted from 1; None where the map says nothing of it."""
        key = (line - 1) << LINE_BITS | (column - 1)
        found = int(np.searchsorted(self._positions, key, side="right")) - 1
        if found < 0 or int(self._positions[found]) >> LINE_BITS != line - 1:
            return None
        source = self._name("source_names", "sources", found)
        if source is None:
            return None
        return Place(
            source,
            self._columns["lines"][found].as_py(),
            self._columns["columns"][found].as_py(),
            self._name("function_names", "functions", found),
            self._name("source_lines", "texts", found),
        )

    def _name(self, names: str, indices: str, position: int) -> str | None:
        index = self._columns[indices][position].as_py()
        return None if index < 0 else str(self._columns[names][index].as_py())
