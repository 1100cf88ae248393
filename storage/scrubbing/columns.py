"""Scrubs columns: one look of RE2 at all texts, nearly all of which hold nothing that could be a secret; Python reads the others.

Looked at are the texts of errors: messages and stacks, bodies of log records, and of spans, span events and log records that tell of an
error also attributes and URLs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..arrays import as_string, one
from ..error_rows import error_rows
from ..gather import taken_column
from .first_look import suspicious
from .names import Names
from .texts import Texts

_Rows = NDArray[np.int64]
_OF_ALL: Final[Mapping[str, tuple[str, ...]]] = {
    "spans": (),
    "span_events": ("exception_message", "exception_stacktrace"),
    "logs": ("body", "exception_message", "exception_stacktrace"),
    "refused": ("content",),
}
"""Columns that are looked at in every row, by relation."""
_OF_ERRORS: Final[Mapping[str, tuple[str, ...]]] = {
    "spans": ("name", "status_message", "attributes", "resource_attributes", "url_full", "url_path", "url_query", "http_target"),
    "span_events": ("attributes", "resource_attributes"),
    "logs": ("attributes", "resource_attributes", "url_full"),
    "refused": (),
}
"""Columns that are looked at where a row tells of an error."""
_FEW_BYTES: Final = 4_096
"""Of texts that Python reads as soon as the expression that tells which of them to read is compiled."""


@dataclass(frozen=True, slots=True)
class ScrubSettings:
    """What of error texts is removed.

    Attributes:
        scrub: whether anything is.
        keys: names whose values are removed too.
        keep: whole names whose values stay.
    """

    scrub: bool = True
    keys: Sequence[str] = ()
    keep: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    """Texts of one column: those of the rows at `rows`, or of all."""

    relation: str
    name: str
    rows: _Rows | None
    texts: pa.StringViewArray


class Scrubber:
    """Scrubs decoded relations; to be used from one thread."""

    def __init__(self, settings: ScrubSettings | None = None) -> None:
        self._settings = settings or ScrubSettings()
        self._texts = Texts(Names(self._settings.keys, self._settings.keep))
        self._suspicious = suspicious(self._settings.keys)

    def scrub(self, relations: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """The relations of a batch without secrets in the texts of errors."""
        result = dict(relations)
        columns = list(_columns(relations)) if self._settings.scrub else []
        if not columns:
            return result
        suspects, begin = self._suspects(as_string(pa.concat_arrays([column.texts for column in columns]))), 0
        for column in columns:
            found = np.flatnonzero(suspects[begin : begin + len(column.texts)])
            begin += len(column.texts)
            if len(found):
                result[column.relation] = self._scrubbed(result[column.relation], column, found)
        return result

    def _suspects(self, texts: pa.StringArray) -> NDArray[np.bool_]:
        """Which of the texts of all columns may hold a secret: of few all that are there, for to compile the expression takes 2 ms."""
        few = texts.nbytes <= _FEW_BYTES
        hits = texts.is_valid() if few else pc.match_substring_regex(texts, self._suspicious).fill_null(False)
        suspects: NDArray[np.bool_] = hits.to_numpy(zero_copy_only=False)
        return suspects

    def _scrubbed(self, records: pa.Table, column: _Column, hits: _Rows) -> pa.Table:
        """The records with these texts of a column scrubbed."""
        texts = taken_column(pa.chunked_array([column.texts]), hits).to_pylist()
        changed = {
            hit: scrubbed for hit, text in zip(hits.tolist(), texts, strict=True) if (scrubbed := self._texts.scrubbed(text)) != text
        }
        if not changed:
            return records
        given = records[column.name]
        mask = np.zeros(len(given), np.bool_)
        mask[list(changed) if column.rows is None else column.rows[list(changed)]] = True
        replaced = pc.replace_with_mask(as_string(one(given)), mask, pa.array(changed.values(), pa.string()))
        index, field = records.schema.get_field_index(column.name), records.schema.field(column.name)
        return records.set_column(index, field, replaced.cast(field.type))


def _columns(relations: Mapping[str, pa.Table]) -> Iterator[_Column]:
    """What is to be looked at."""
    for relation in relations.keys() & _OF_ALL.keys():
        records = relations[relation]
        for name in _told(records, _OF_ALL[relation]):
            yield _Column(relation, name, None, _views(one(records[name])))
        of_errors = _told(records, _OF_ERRORS[relation])
        rows = error_rows(relation, relations) if of_errors else np.arange(0)
        for name in of_errors if len(rows) else ():
            yield _Column(relation, name, rows, _views(taken_column(records[name], rows)))


def _views(column: pa.Array) -> pa.StringViewArray:
    return column.cast(pa.string_view())


def _told(records: pa.Table, names: Sequence[str]) -> list[str]:
    return [name for name in names if records[name].null_count < records.num_rows]
