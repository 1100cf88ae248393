"""Texts of a column are looked at piece by piece, wherever they lie."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from otelpond.storage.arrays import in_one_chunk, nulls, octets, told


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


@pytest.mark.parametrize("kind", [pa.string_view(), pa.int64(), pa.bool_(), pa.list_(pa.int64()), pa.timestamp("us", "UTC")])
def test_nulls_are_shared_and_as_many_as_asked_for(kind: pa.DataType) -> None:
    """Fewer, more and very many, in any order."""
    for length in (10, 0, 3, 200_000, 5_000, 10):
        found = nulls(length, kind)
        found.validate(full=True)
        assert found.type == kind
        assert length == len(found) == found.null_count


def test_a_table_in_one_chunk_has_the_same_rows() -> None:
    """Whether its columns have no chunk, one or several, values or none."""
    part = pa.table({"a": pa.array(["x", None], pa.string_view()), "b": pa.nulls(2, pa.int64()), "c": pa.nulls(2, pa.string_view())})
    for table in (part, pa.concat_tables([part, part.slice(1), part]), part.schema.empty_table()):
        whole = in_one_chunk(table)
        assert whole.equals(table)
        assert {1} == {column.num_chunks for column in whole.columns}
