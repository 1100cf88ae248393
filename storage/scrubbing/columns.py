"""Scrubs columns: one look of RE2 at all texts, nearly all of which hold nothing that could be a secret; Python reads the others.

Looked at are the texts of errors: messages and stacks, bodies of log records, and of spans, span events and log records that tell of an
error also attributes and URLs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..gather import positions, taken_column
from .names import Names, words
from .patterns import PREFIXED_TOKENS
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
    "spans": ("status_message", "attributes", "url_full", "url_path", "url_query", "http_target"),
    "span_events": ("attributes",),
    "logs": ("attributes",),
    "refused": (),
}
"""Columns that are looked at where a row tells of an error."""
_ERROR_EVENTS: Final = pa.array(["error", "exception", "app.crash", "device.crash"])
_ERROR_SEVERITY, _CLIENT_ERROR = 17, 400

_SPACE = r"(?:\s|\\[nrt])"
_NAMED = (
    r"pass|pwd|kennwort|contrasena|senha|ssn|social|card|cc[_.-]?n|pan|cv[vc]|verification|token|[cx]srf|sess|sid|secret|connection|phrase"
    r"|mnemonic|key|auth|cookie|jwt|bearer|cred|sig|hmac|salt|nonce|dsn|assertion"
)
_FORMS = (
    r"eyJ[\w-]{8}",
    r":(?:\\?/){2}[^\s@\"'<>]+@",
    "-----BEGIN ",
    rf"(?i:bearer|basic|negotiate){_SPACE}+[\w.~+/-]{{8}}",
    "A(?:BIA|CCA|KIA|SIA)[A-Z0-9]{16}",
    *PREFIXED_TOKENS,
    r"(?:^|[^0-9A-Za-z_.]|\\[nrt])[2-6][0-9]{3}[ -]?[0-9]{4,6}[ -]?[0-9]{4,5}(?:[ -]?[0-9]{4})?(?:$|[^0-9A-Za-z_])",
)


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


class Scrubber:
    """Scrubs decoded relations; to be used from one thread."""

    def __init__(self, settings: ScrubSettings | None = None) -> None:
        self._settings = settings or ScrubSettings()
        self._texts = Texts(Names(self._settings.keys, self._settings.keep))
        self._suspicious = suspicious(self._settings.keys)

    def scrub(self, relations: dict[str, pa.Table]) -> dict[str, pa.Table]:
        """The relations of a batch, in each of which the texts that may hold secrets are scrubbed."""
        if not self._settings.scrub:
            return relations
        errors = {name: _errors(name, relations) for name in relations.keys() & _OF_ALL.keys()}
        return {name: self._scrubbed(name, rows, errors[name]) if name in errors else rows for name, rows in relations.items()}

    def _scrubbed(self, name: str, records: pa.Table, errors: _Rows) -> pa.Table:
        for column in _OF_ALL[name]:
            records = self._column(records, column, None)
        for column in _OF_ERRORS[name] if len(errors) else ():
            records = self._column(records, column, errors)
        return records

    def _column(self, records: pa.Table, name: str, rows: _Rows | None) -> pa.Table:
        """The records with one column scrubbed, in these rows or in all."""
        column = records[name]
        if column.null_count == len(column):
            return records
        looked_at = taken_column(column, np.arange(len(column)) if rows is None else rows).cast(pa.string())
        hits = np.flatnonzero(pc.match_substring_regex(looked_at, self._suspicious).fill_null(False).to_numpy(zero_copy_only=False))
        texts = looked_at.take(pa.array(hits)).to_pylist()
        scrubbed = {hit: self._texts.scrubbed(text) for hit, text in zip(hits.tolist(), texts, strict=True)}
        changed = [hit for hit, text in zip(hits.tolist(), texts, strict=True) if scrubbed[hit] != text]
        if not changed:
            return records
        mask = np.zeros(len(column), np.bool_)
        mask[changed if rows is None else rows[changed]] = True
        values = pa.array([scrubbed[hit] for hit in changed], pa.string())
        replaced = pc.replace_with_mask(column.combine_chunks().cast(pa.string()), mask, values)
        index, field = records.schema.get_field_index(name), records.schema.field(name)
        return records.set_column(index, field, replaced.cast(field.type))


def suspicious(keys: Sequence[str] = ()) -> str:
    """An expression of RE2 that matches every text from which something may be removed: nine of ten that it matches stay as they are."""
    own = [re.escape(word) for key in keys if (word := words(key).partition("_")[0])]
    named = "|".join([_NAMED, *own])
    join = rf"\\*[\"']?\]?{_SPACE}*(?:[=:>]|{_SPACE}\\*[\"'`]?[\w.~+/=:-]{{16}})"
    return "|".join((rf"(?i:(?:{named})[\w.-]*{join})", rf"(?i:--[\w.-]*(?:{named})[\w.-]*{_SPACE})", *_FORMS))


def _errors(name: str, relations: Mapping[str, pa.Table]) -> _Rows:
    """The rows that tell of an error."""
    records = relations[name]
    if name == "refused":
        return np.arange(0)
    if name == "logs":
        told = [
            records["exception_type"].is_valid(),
            records["exception_message"].is_valid(),
            _at_least(records, "severity_number", _ERROR_SEVERITY),
        ]
        return _where(*told, pc.is_in(records["event_name"].cast(pa.string()), _ERROR_EVENTS))
    if name == "span_events":
        return _where(records["exception_type"].is_valid(), pc.equal(records["event_name"].cast(pa.string()), "exception"))
    failed = _where(
        pc.equal(records["status_code"].cast(pa.string()), "ERROR"), _at_least(records, "http_response_status_code", _CLIENT_ERROR)
    )
    if (events := relations.get("span_events")) is None:
        return failed
    told = taken_column(events["span_row_id"], _errors("span_events", relations))
    return np.union1d(failed, positions(records["row_id"], pa.chunked_array([told])))


def _at_least(records: pa.Table, column: str, least: int) -> pa.ChunkedArray:
    return pc.greater_equal(records[column], least)


def _where(*masks: pa.ChunkedArray) -> _Rows:
    together = masks[0].fill_null(False)
    for mask in masks[1:]:
        together = pc.or_(together, mask.fill_null(False))
    return np.flatnonzero(together.to_numpy())
