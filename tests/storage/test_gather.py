"""Rows of Arrow tables are taken by position, string views among them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from otelpond.storage.gather import begins, equal, positions, taken, taken_column

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=40)), min_size=1, max_size=40)


@given(texts=TEXTS, data=st.data())
def test_string_views_are_taken(texts: list[str | None], data: st.DataObject) -> None:
    """Any rows, in any order and more than once, of any slice of an array in chunks."""
    cut = data.draw(st.integers(0, len(texts)))
    column = pa.chunked_array([pa.array(texts[:cut], pa.string_view()), pa.array(texts[cut:], pa.string_view())], pa.string_view())
    start = data.draw(st.integers(0, len(texts) - 1))
    rows = data.draw(st.lists(st.integers(0, len(texts) - start - 1)))
    result = taken_column(column.slice(start), np.array(rows, np.int64))
    result.validate(full=True)
    assert [texts[start + row] for row in rows] == result.to_pylist()


@pytest.mark.parametrize("kind", [pa.string(), pa.int64(), pa.list_(pa.int64())])
def test_other_types_are_taken(kind: pa.DataType) -> None:
    """Types that pyarrow takes itself go the same way, nulls included."""
    values = [None, None, None] if kind != pa.int64() else [1, None, 3]
    table = pa.table({"a": pa.array(values, kind)})
    assert [values[2], values[0]] == taken(table, np.array([2, 0]))["a"].to_pylist()


def test_row_ids_with_gaps_are_found() -> None:
    """After rows were dropped, ids are no longer positions."""
    present = pa.chunked_array([pa.array([0, 2, 5, 9])])
    assert [1, 3] == positions(present, pa.chunked_array([pa.array([2, 9])])).tolist()
    whole = pa.chunked_array([pa.array([0, 1, 2])])
    assert [2, 0] == positions(whole, pa.chunked_array([pa.array([2, 0])])).tolist()


@given(texts=TEXTS, data=st.data())
def test_what_texts_begin_with_is_seen_in_their_views(texts: list[str | None], data: st.DataObject) -> None:
    """Of any slice, short texts and long ones, with nulls between."""
    column = pa.chunked_array([pa.array(texts, pa.string_view()), pa.array([], pa.string_view())])
    start = data.draw(st.integers(0, len(texts) - 1))
    told = [text.encode() for text in texts[start:] if text is not None]
    for prefix in {text[:4] for text in told if len(text) >= 4 and 0 not in text[:4]}:
        assert begins(column.slice(start), prefix)
    assert any(text.startswith(b"webj") for text in told) == begins(column.slice(start), b"webj")


@given(texts=TEXTS, data=st.data())
@pytest.mark.parametrize("kind", [pa.string_view(), pa.string()])
def test_short_texts_are_compared_in_their_views(kind: pa.DataType, texts: list[str | None], data: st.DataObject) -> None:
    """Of any slice, whether some texts are longer, begin alike or are not there."""
    sought = [*data.draw(st.lists(st.text(max_size=3).map(str.encode), max_size=3)), b"device.crash"]
    column = pa.chunked_array([pa.array([*texts, "device.crash", "device.crashed", "device.cras"], kind)])
    start = data.draw(st.integers(0, len(texts)))
    values = column.slice(start).to_pylist()
    assert [value is not None and value.encode() in sought for value in values] == equal(column.slice(start), *sought).tolist()
