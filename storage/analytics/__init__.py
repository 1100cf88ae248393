"""Events and metrics by kind, time and tags, without writing SQL: what notebooks and services that read a pond are handed.

    from otelpond.storage.analytics import get_events, get_metrics

    get_events("pond", type="user_action", start_time=time.time() * 1000 - 86_400_000)
    get_metrics("pond", name="api_response_time", tags={"method": "POST"}, agg="p95", bucket=timedelta(hours=1))

The statements stand beside this file, and can be pasted into any shell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

import duckdb

from ..query import connect

Pond: TypeAlias = str | Path | duckdb.DuckDBPyConnection
"""A pond's directory, or a connection that knows its tables."""
Instant: TypeAlias = datetime | float
"""A time with its zone (without one: UTC), or milliseconds since 1970."""
Aggregation = Literal["avg", "sum", "min", "max", "count", "p50", "p95", "p99", "rate"]

DEFAULT_LIMIT: Final = 100
_FOLDER: Final = Path(__file__).parent
_MICROSECOND: Final = timedelta(microseconds=1)
_HIGHEST: Final = 2**63 - 1
"""DuckDB's bigint: of rows, and of microseconds."""


def get_events(
    pond: Pond = "pond",
    *,
    type: str | None = None,  # noqa: A002 - the word of the document that asks for it
    start_time: Instant | None = None,
    end_time: Instant | None = None,
    limit: int = DEFAULT_LIMIT,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """Events, the newest first: rows of the table `events`, JSON columns as Python values.

    Args:
        pond: where they are.
        type: their category (`user_action`, in any case), type (`user.engagement`) or name (`user.login`).
        start_time: the first instant.
        end_time: the first instant no more.
        limit: how many rows at most.
        offset: how many to leave out.

    Raises:
        PondNotFoundError: there is no pond.
        ValueError: an argument is wrong.
    """
    kind = None if type is None else _text("type", type)
    wanted = kind.lower() if kind is not None and kind.isupper() else kind  # EventType.USER_ACTION, as enumerations spell it
    return _rows(pond, "events", {"type": wanted} | _span(start_time, end_time, limit, offset))


def get_metrics(
    pond: Pond = "pond",
    *,
    name: str,
    start_time: Instant | None = None,
    end_time: Instant | None = None,
    tags: Mapping[str, str | float] | None = None,
    agg: Aggregation | None = None,
    bucket: timedelta | float | None = None,
    limit: int = DEFAULT_LIMIT,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """A metric's values, the newest first, or aggregated, the oldest first: `timestamp` and `value`, and of single values their `tags`.

    Args:
        pond: where they are.
        name: of the metric.
        start_time: the first instant.
        end_time: the first instant no more.
        tags: attributes of the points, all of which must hold.
        agg: how values become one; `rate` is their sum per second. A counter counts by its increases.
        bucket: how long one value is for, in seconds; the whole span where there is none. Needs `agg`.
        limit: how many rows at most.
        offset: how many to leave out.

    Raises:
        PondNotFoundError: there is no pond.
        ValueError: an argument is wrong.
    """
    parameters = {"name": _text("name", name)} | _tags(tags or {}) | _span(start_time, end_time, limit, offset)
    if agg is None:
        if bucket is not None:
            raise ValueError("bucket: needs agg, which says how the values of one become one")
        return _rows(pond, "metrics", parameters)
    if agg not in get_args(Aggregation):
        raise ValueError(f"agg: {agg!r} is not one of {', '.join(get_args(Aggregation))}")
    return _rows(pond, "metric_buckets", parameters | {"agg": agg, "bucket_us": _microseconds(bucket)})


def _rows(pond: Pond, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    sql = (_FOLDER / f"{statement}.sql").read_text(encoding="utf-8")
    with nullcontext(pond) if isinstance(pond, duckdb.DuckDBPyConnection) else connect(pond) as con:
        answer = con.execute(sql, parameters)
        columns = [(name, str(kind) == "JSON") for name, kind, *_ in answer.description]
        return [_row(columns, values) for values in answer.fetchall()]


def _row(columns: list[tuple[str, bool]], values: tuple[Any, ...]) -> dict[str, Any]:
    return {
        name: json.loads(value) if is_json and value is not None else value for (name, is_json), value in zip(columns, values, strict=True)
    }


def _span(start_time: Instant | None, end_time: Instant | None, limit: int, offset: int) -> dict[str, Any]:
    for name, number in (("limit", limit), ("offset", offset)):
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= _HIGHEST:
            raise ValueError(f"{name}: {number!r} is no number of rows")
    return {"start": _instant("start_time", start_time), "end": _instant("end_time", end_time), "limit": limit, "offset": offset}


def _instant(name: str, value: Instant | None) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if value is None:
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}: {value!r} is neither a datetime nor milliseconds since 1970") from None


def _text(name: str, value: str) -> str:
    try:
        value.encode()
    except (AttributeError, UnicodeEncodeError):
        raise ValueError(f"{name}: {value!r} is no text") from None
    return value


def _tags(tags: Mapping[str, str | float]) -> dict[str, list[str]]:
    try:
        paths = ["/" + _text("tags", key).replace("~", "~0").replace("/", "~1") for key in tags]
        return {"paths": paths, "values": [_text("tags", tag if isinstance(tag, str) else json.dumps(tag)) for tag in tags.values()]}
    except (AttributeError, TypeError):
        raise ValueError(f"tags: {tags!r} is no mapping of names to texts or numbers") from None


def _microseconds(bucket: timedelta | float | None) -> int | None:
    if bucket is None:
        return None
    try:
        length = (bucket if isinstance(bucket, timedelta) else timedelta(seconds=bucket)) // _MICROSECOND
    except (TypeError, ValueError, OverflowError):
        length = 0
    if not 0 < length <= _HIGHEST:
        raise ValueError(f"bucket: {bucket!r} is no length of time, a timedelta or seconds")
    return length
