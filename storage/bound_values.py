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

from .arrays import as_string, octets, one, told
from .literals import without_literals

ERROR_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "spans": ("status_message", "attributes"),
    "span_events": ("exception_message", "exception_stacktrace", "attributes"),
    "logs": ("body", "exception_message", "exception_stacktrace", "attributes"),
    "refused": ("content",),
}
"""The columns that may hold such a text, by relation."""

_MARKS: Final = ("[SQL: ", "[parameters: ", "DETAIL:  ", "Duplicate entry '")
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
    """A decoded relation with the values taken out of ERROR_TEXTS; of 50,000 items without any it takes 2 ms."""
    for column in ERROR_TEXTS[name]:
        marked = told(records[column], _marked)
        if marked.any():
            texts = as_string(one(records[column]))
            values = [without_values(text) for text in texts.filter(pa.array(marked)).to_pylist()]
            index, field = records.schema.get_field_index(column), records.schema.field(column)
            replaced = pc.replace_with_mask(texts, marked, pa.array(values, pa.string()))
            records = records.set_column(index, field, replaced.cast(field.type))
    return records


def _marked(texts: pa.StringArray) -> pa.BooleanArray:
    """Which rows hold a mark. Most batches have none, and then the bytes of all rows are looked at together."""
    if not _may_hold_a_mark(octets(texts)):
        return pa.array(np.zeros(len(texts), np.bool_))
    return pc.match_substring_regex(texts, _MARKED)


def _may_hold_a_mark(octets: NDArray[np.uint8]) -> bool:
    """Whether the first three letters of a mark stand somewhere: 0.2 ms a megabyte, a fifth of what `in` takes for four marks."""
    for first in sorted({mark[0] for mark in _MARKS}):
        at = np.flatnonzero(octets[:-2] == ord(first))
        for mark in _MARKS:
            if mark[0] == first and ((octets[at + 1] == ord(mark[1])) & (octets[at + 2] == ord(mark[2]))).any():
                return True
    return False


def _replacement(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    if kind == "statement":
        return f"[SQL: {without_literals(found['statement'])}" + "]" * found[0].endswith("]")
    return f"{found[kind]}?{_CLOSING[kind]}"


def _replaced_in_json(found: re.Match[str]) -> str:
    text = json.loads(found[0])
    bare = _VALUES.sub(_replacement, text)
    # half a surrogate pair can be escaped in JSON, and is no UTF-8
    return found[0] if bare == text else json.dumps(bare, ensure_ascii=False).encode("utf-8", "replace").decode()


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str)  # of any length
    except (ValueError, RecursionError):
        return False
    return True
