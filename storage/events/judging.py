"""Has the catalogue judge the events of a batch; the event reader asks it.

Preparing and starting the judgement of all events of the catalogue takes 60 ms, of five 6 ms: it is made for those that were seen so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import duckdb
import pyarrow as pa

from ..decode.columns import LOGS
from ..selects import Relation
from .catalogue import Catalogue
from .columnar import refusal_sql
from .prepared import Prepared

_JUDGED: Final = pa.schema(
    [
        LOGS.field("row_id"),
        *(pa.field(name, pa.string()) for name in ("event_name", "properties", "user_id", "organization_id", "session_id")),
        *(pa.field(name, pa.string()) for name in ("workflow_id", "execution_id")),
    ]
)


class Judge:
    """The catalogue as a judge.

    Args:
        con: with the macros; the statement is prepared on it.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
        self._con = con
        self._catalogue = catalogue
        self._seen: set[str] = set()
        self._statement: Prepared | None = None

    def refusals(self, events: Mapping[str, pa.Array], names: Iterable[str]) -> pa.Array:
        """Why each event is refused, NULL where it is not.

        Args:
            events: columns of `columns.EVENTS`.
            names: those that occur in them.

        Raises:
            duckdb.Error: the statement failed.
        """
        known = self._catalogue.events.keys() & set(names)
        if not known:
            return pa.nulls(len(events["row_id"]), pa.string())
        if self._statement is None or known - self._seen:
            self._seen |= known
            self._statement = self._prepared(self._statement)
        return self._statement.run(pa.table([events[name] for name in _JUDGED.names], names=_JUDGED.names))["refusal"]

    def _prepared(self, former: Prepared | None) -> Prepared:
        if former is not None:
            former.close()
        sql = f"select row_id, {refusal_sql(self._catalogue, self._seen)} as refusal from event_judged"  # noqa: S608 - of the catalogue
        return Prepared(self._con, "event_judged", Relation(_JUDGED), sql)
