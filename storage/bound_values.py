r"""Takes bound values out of error texts, where SQLAlchemy and databases repeat them; derive hands it every decoded relation.

SQLAlchemy adds `[SQL: ...]\n[parameters: (...)]` to messages and so to stacks, PostgreSQL `Key (email)=(...)`, MySQL `Duplicate
entry '...'`. The values become `?`, a statement loses its literals as any other does. Where the end of the values is not
certain, they run to the end of the text: better to lose text than to keep a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .gather import taken_column
from .literals import without_literals

ERROR_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "spans": ("status_message", "attributes"),
    "span_events": ("exception_message", "exception_stacktrace", "attributes"),
    "logs": ("body", "exception_message", "exception_stacktrace", "attributes"),
    "refused": ("content",),
}
"""The columns that may hold such a text, by relation; of spans those with status ERROR."""

_MARKS: Final = ("[SQL: ", "[parameters: ", ")=(", "Failing row contains (", "Duplicate entry '", "duplicate key value is (")
_MARKED: Final = "|".join(map(re.escape, _MARKS))
# A line break is one, or two characters `\n` where the text was written as JSON, or white space where a logger joined lines; `|` stands
# before each line of an exception group.
_BREAK = r"(?:[\s|]|\\n)*"
_BACKGROUND = rf"{_BREAK}\(Background on this error"
# A repr has no line breaks but those of arrays, which go on with white space.
_PARAMETERS_END = rf"\](?={_BACKGROUND}|\s*\Z|\n[^ ]|\n[ |]*(?:\n|\+-))"
_STATEMENT_END = rf"\](?={_BREAK}\[(?:parameters: |SQL parameters hidden)|{_BACKGROUND}|\s*\Z|\n[ |]*(?:\n|\+-))"
_VALUES = re.compile(
    rf"\[SQL: (?P<statement>.*?)(?:{_STATEMENT_END}|\Z)"
    rf"|(?P<parameters>\[parameters: ).*?(?:{_PARAMETERS_END}|\Z)"
    r"|(?P<key>\)=\()[^\n]*?(?:\)(?= (?:already exists|is |conflicts with|violates)|\.?\s*(?:\n|\Z))|(?=\n|\Z))"
    r"|(?P<row>Failing row contains \().*?(?:\)(?=\.(?:\s|\\n|\"|\Z))|\Z)"
    r"|(?P<entry>Duplicate entry ').*?(?:'(?= for key)|(?=\n|\Z))"
    r"|(?P<duplicate>duplicate key value is \().*?(?:\)(?=\.)|(?=\n|\Z))",
    re.DOTALL,
)
_CLOSING: Final = {"parameters": "]", "key": ")", "row": ")", "entry": "'", "duplicate": ")"}
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"')


def without_values(text: str) -> str:
    """The text with bound values replaced by `?`, in one linear pass; of JSON, in each of its strings."""
    if text.startswith(("{", "[")) and _is_json(text):
        return _JSON_STRING.sub(_replaced_in_json, text)
    return _VALUES.sub(_replacement, text)


def without_values_in(name: str, records: pa.Table) -> pa.Table:
    """A decoded relation with the values taken out of ERROR_TEXTS. A batch without any costs 1 ms of 75; texts are not looked at."""
    for column in ERROR_TEXTS[name]:
        rows = None
        if name == "spans" and column == "attributes":  # 8 MB a batch: only the few that failed
            failed = pc.equal(records["status_code"].combine_chunks().cast(pa.string()), "ERROR")
            rows = np.flatnonzero(failed.to_numpy(zero_copy_only=False))
        records = _column_without_values(records, column, rows)
    return records


def _column_without_values(records: pa.Table, column: str, rows: NDArray[np.int64] | None) -> pa.Table:
    looked_at = records[column].combine_chunks() if rows is None else taken_column(records[column], rows)
    texts = looked_at.cast(pa.string())
    marked = _marked(texts)
    if not len(marked):
        return records
    values = pa.array([without_values(texts[row].as_py()) for row in marked.tolist()], pa.string())
    mask = np.zeros(records.num_rows, np.bool_)
    mask[marked if rows is None else rows[marked]] = True
    replaced = pc.replace_with_mask(records[column].combine_chunks().cast(pa.string()), mask, values)
    index = records.schema.get_field_index(column)
    field = records.schema.field(index)
    return records.set_column(index, field, replaced.cast(field.type))


def _marked(texts: pa.StringArray) -> NDArray[np.int64]:
    """The rows that hold a mark. Most batches have none: their bytes are searched as one, at a tenth of the time of row by row."""
    data = texts.buffers()[2]
    whole = data.to_pybytes() if data else b""
    if not any(mark.encode() in whole for mark in _MARKS):
        return np.zeros(0, np.int64)
    return np.flatnonzero(pc.match_substring_regex(texts, _MARKED).fill_null(False).to_numpy(zero_copy_only=False))


def _replacement(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    if kind == "statement":
        return f"[SQL: {without_literals(found['statement'])}" + "]" * found[0].endswith("]")
    return f"{found[kind]}?{_CLOSING[kind]}"


def _replaced_in_json(found: re.Match[str]) -> str:
    if not any(mark in found[0] for mark in _MARKS):
        return found[0]
    text = json.loads(found[0])
    bare = _VALUES.sub(_replacement, text)
    return found[0] if bare == text else json.dumps(bare, ensure_ascii=False)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
