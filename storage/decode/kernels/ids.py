"""Trace and span ids for kernels: which are valid, and their hex text."""

# ruff: noqa: PLR0917, SIM110 - a kernel is a loop over a message's fields, by plain arguments and comparisons

from __future__ import annotations

from ..compilation import Bytes, Int, inlined, part
from . import json_text
from .attributes import Sheet, put_written


@part
def valid_id(wire: Bytes, at: Int, length: Int, expected: Int) -> bool:
    """Whether an id has the length expected and is not all zero."""
    if length != expected:
        return False
    for i in range(at, at + length):
        if wire[i] != 0:
            return True
    return False


@inlined
def write_id(wire: Bytes, place: Int, length: Int, column: Int, row: Int, sheet: Sheet, at: Int) -> Int:
    """Write an id as hex to a column."""
    start = at
    at = json_text.hexadecimal(wire, place, length, sheet.out, at)
    put_written(sheet, column, row, start, at)
    return at
