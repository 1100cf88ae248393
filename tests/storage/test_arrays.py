"""Texts of a column are looked at piece by piece, wherever they lie."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from otelpond.storage.arrays import octets, told


@pytest.mark.parametrize("kind", [pa.string_view(), pa.string()])
@pytest.mark.parametrize("rows", [0, 1, 8192, 20_000])
def test_what_is_told_of_a_piece_stands_at_its_rows(kind: pa.DataType, rows: int) -> None:
    """Of columns of any length and slices of them; NULL is False."""
    texts = [None if row % 7 == 0 else f"text {row}" for row in range(rows)]
    column = pa.chunked_array([pa.array(texts, kind)])
    for part in (column, column.slice(rows // 3)):
        expected = [text is not None and "9" in text for text in part.to_pylist()]
        assert expected == told(part, lambda piece: pc.match_substring(piece, "9")).tolist()


def test_the_bytes_of_a_slice_are_its_own() -> None:
    """What stands before and behind it in Arrow's buffer is left out."""
    texts = pa.array(["before", "ä", None, "b", "behind"])
    assert "äb".encode() == octets(texts.slice(1, 3)).tobytes()
    assert b"" == octets(texts.slice(5)).tobytes()
    assert b"" == octets(pa.nulls(3, pa.string())).tobytes()
