"""Adds to events what follows from what they say: of their page, campaign, referrer and user agent; the event reader asks for it.

What fails is tried again; then the events are stored without it, and `enrich_status` says so.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..arrays import all_null, as_string
from ..log_lines import fault
from ..selects import Relation
from .agents import Agent, AgentReader
from .page_slugs import PageSlugs
from .prepared import Prepared, by_distinct
from .referrers import site_and_class

_SQL: Final = Path(__file__).parent / "enrichment.sql"
_TRIES: Final = 3
_STATUS: Final = pa.array(["complete", "partial", "none"])
_log = logging.getLogger(__name__)

PAGE: Final = pa.schema(
    [
        pa.field("row_id", pa.int64()),
        *(pa.field(name, pa.string()) for name in ("page_slug", "page_route", "page_path", "url", "referrer")),
        *(pa.field(name, pa.string()) for name in ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")),
        *(pa.field(name, pa.string()) for name in ("referrer_site", "referrer_kind")),
    ]
)
_LOCATED: Final = ("page_slug", "page_route", "page_path", "url", "referrer")
_FOLLOWING: Final = ("page_path", "page_slug", "referrer_class", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_OF_AGENT: Final = ("device_type", "browser", "browser_version", "os", "os_version", "is_bot")
_SENT_FIRST: Final = frozenset({"device_type", "is_bot"})
"""What the sender knows better than its user agent tells; a browser's own name is none of it."""


class Enricher:
    """Enriches the events of a batch.

    Args:
        con: with the macros; the statement is prepared on it.
        page_slugs: the team's map of pages.
        agents: what reads user agents.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, page_slugs: PageSlugs | None, agents: AgentReader | None = None) -> None:
        self._pages = Prepared(con, "event_page", Relation(PAGE), _SQL.read_text(encoding="utf-8"))
        self._page_slugs = page_slugs
        self._agents = agents or AgentReader()

    def enrich(self, events: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """The columns that it changes or adds, `enrich_status` among them.

        Args:
            events: columns of `reading.sql`, of equal length.
        """
        pages = self._of_pages(events)
        agents, unread = self._of_agents(events)
        if pages is None:
            nameless = events["user_agent"].is_null().to_numpy(zero_copy_only=False)
            pages, missing = {"referrer_class": pa.nulls(len(unread), pa.string())}, np.where(unread | nameless, 2, 1)
        else:
            missing = unread.astype(np.int64)
        status = _STATUS.take(pa.array(missing))
        return {**pages, **agents, "enrich_status": status}

    def _of_pages(self, events: Mapping[str, pa.Array]) -> dict[str, pa.Array] | None:
        """None where it failed every time."""
        if all(all_null(events[name]) for name in _LOCATED):
            return {"referrer_class": pa.nulls(len(events["row_id"]), pa.string())}
        told = zip(PAGE.names[-2:], by_distinct(events["referrer"], _referrers).flatten(), strict=True)
        given = pa.table({**{name: events[name] for name in PAGE.names[:-2]}, **dict(told)})
        for attempt in range(1, _TRIES + 1):
            try:
                found = self._pages.run(given)
            except (duckdb.IOException, duckdb.OutOfMemoryException):
                raise
            except duckdb.Error as error:
                if attempt == _TRIES:
                    _log.warning("%d events could not be enriched (%s)", given.num_rows, fault(error))
            else:
                return self._mapped(events, {name: found[name] for name in _FOLLOWING})
        return None

    def _mapped(self, events: Mapping[str, pa.Array], found: dict[str, pa.Array]) -> dict[str, pa.Array]:
        """With slugs of the team's map, where the sender named none."""
        slugs = self._page_slugs
        if slugs is not None and not all_null(found["page_path"]):
            mapped = by_distinct(found["page_path"], lambda paths: pa.array([slugs.slug(path) for path in paths], pa.string()))
            found["page_slug"] = pc.coalesce(as_string(events["page_slug"]), mapped, as_string(found["page_slug"]))
        return found

    def _of_agents(self, events: Mapping[str, pa.Array]) -> tuple[dict[str, pa.Array], np.ndarray]:
        """The columns of the user agent, and for each event whether its user agent could not be read."""
        texts = events["user_agent"]
        if all_null(texts):
            return {}, np.zeros(len(texts), np.bool_)
        distinct = as_string(texts).dictionary_encode()
        agents = self._agents.read(distinct.dictionary.to_pylist())
        unread = pa.array([agent is None for agent in agents], pa.bool_()).take(distinct.indices).fill_null(False)
        columns = {name: _merged(events[name], _column(agents, name).take(distinct.indices), name) for name in _OF_AGENT}
        return columns, unread.to_numpy(zero_copy_only=False)


def _referrers(referrers: list[str]) -> pa.StructArray:
    found = [site_and_class(referrer) for referrer in referrers]
    return pa.StructArray.from_arrays([pa.array([each[part] for each in found], pa.string()) for part in (0, 1)], PAGE.names[-2:])


def _column(agents: list[Agent | None], name: str) -> pa.Array:
    return pa.array([getattr(agent, name, None) for agent in agents], pa.bool_() if name == "is_bot" else pa.string())


def _merged(sent: pa.Array, read: pa.Array, name: str) -> pa.Array:
    if all_null(sent):
        return read
    given = sent if sent.type == pa.bool_() else as_string(sent)
    return pc.coalesce(given, read) if name in _SENT_FIRST else pc.coalesce(read, given)
