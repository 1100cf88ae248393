"""What a report of an error says: the exception, what led to it, whom it met, and how the process was.

One exception object is one error, by whatever roads it is seen: it is marked with an id, which every report of it carries.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
import traceback
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import psutil
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.util.types import AnyValue

from .. import breadcrumbs, privacy
from ..context import SESSION_ID, USER_ID, USER_ROLES

TYPE, MESSAGE, STACKTRACE = "exception.type", "exception.message", "exception.stacktrace"
EXCEPTION_ID = "otelpond.exception.id"
RELATED = "otelpond.exception.related"
BREADCRUMBS = "otelpond.breadcrumbs"
CRASH_TYPE = "otelpond.crash.type"
MARK = "__otelpond__"

SAME_S = 60.0
"""One object that is reported again later than this is another error."""
STACK_LENGTH = 32_000
"""Characters of a stack trace; of a longer one the middle is left out."""
RELATED_COUNT = 20
BREADCRUMBS_LENGTH = 32_000
"""Characters of all breadcrumbs of a report; beyond, the oldest are left out."""
FEW = 5
"""How many breadcrumbs a report has while errors come faster than `PER_SECOND` can be told."""
PER_SECOND, BURST = 500.0, 5_000.0
"""Breadcrumbs that may be sent."""

_FRAME = re.compile(r'((?:^[ |+-]*File "[^\n]*\n)?)((?:(?![ |+-]*File ")[^\n]*(?:\n|\Z))*)', re.MULTILINE)
"""The line that says where, and what stands below it: source, or a message of many lines."""


class Mark(NamedTuple):
    """What an exception object carries; plain values, for it may be pickled and read where we are not installed."""

    id: str
    time: float
    trace_id: int = 0
    span_id: int = 0
    db_system: str = ""
    roads: tuple[str, ...] = ()


def mark_of(exception: BaseException) -> Mark | None:
    """Its mark, where it was reported a moment ago."""
    carried = vars(exception).get(MARK) if hasattr(exception, "__dict__") else None
    mark = Mark(*carried) if isinstance(carried, tuple) and len(carried) == len(Mark._fields) else None
    return mark if mark is not None and 0 <= time.time() - mark.time < SAME_S else None


def marked(exception: BaseException, road: str, span: ReadableSpan | None = None) -> tuple[Mark, bool]:
    """Mark it as told by a road (`span`, `log`, ...): its mark, and whether that road is new to it."""
    context = (span or trace.get_current_span()).get_span_context()
    mark = mark_of(exception)
    if mark is None or (mark.trace_id and context and context.is_valid and context.trace_id != mark.trace_id):
        mark = Mark(uuid.uuid4().hex, time.time())  # an object that is raised again and again, in one request after another
    is_new = road not in mark.roads
    if span is not None and context is not None and not mark.trace_id:
        known = span.attributes or {}
        system = str(known.get("db.system.name") or known.get("db.system") or "")
        mark = mark._replace(trace_id=context.trace_id, span_id=context.span_id, db_system=system)
    if is_new:
        mark = mark._replace(roads=(*mark.roads, road))
    with suppress(Exception):  # one with slots, or a __setattr__ of its own, cannot be marked
        vars(exception)[MARK] = tuple(mark)
    return mark, is_new


def of_exception(exception: BaseException, mark: Mark) -> dict[str, AnyValue]:
    """Its type, message, stack trace (chain, group and notes among it), and the others it belongs to."""
    attributes: dict[str, AnyValue] = {
        TYPE: type_of(exception),
        MESSAGE: message_of(exception),
        STACKTRACE: stack_of(exception),
        EXCEPTION_ID: mark.id,
    }
    related = list(_related(exception))
    if related:
        attributes[RELATED] = json.dumps(related, ensure_ascii=False)
    return attributes


def type_of(exception: BaseException) -> str:
    """As OpenTelemetry writes it: with its module, unless it is a builtin."""
    kind = type(exception)
    return kind.__qualname__ if kind.__module__ in {"builtins", None} else f"{kind.__module__}.{kind.__qualname__}"


def message_of(exception: BaseException) -> str:
    """What it says, sanitised."""
    try:
        said = str(exception)
    except Exception:  # noqa: BLE001 - its __str__ is the service's
        said = "<exception str() failed>"
    return privacy.text(said)


def stack_of(exception: BaseException) -> str:
    """As Python prints it, sanitised."""
    try:
        stack = "".join(traceback.format_exception(exception))
    except Exception as error:  # noqa: BLE001 - of RecursionError and MemoryError the frames alone may still be told
        stack = "".join(traceback.format_tb(exception.__traceback__)) + f"{type_of(exception)}: (not printed: {type(error).__name__})\n"
    if len(stack) > STACK_LENGTH:
        stack = f"{stack[: STACK_LENGTH // 4]}\n  ...\n{stack[-STACK_LENGTH * 3 // 4 :]}"
    return _FRAME.sub(lambda found: found[1] + privacy.text(found[2]), stack)


def _related(exception: BaseException) -> Iterator[dict[str, str]]:
    """Causes, contexts and members, the nearest first."""
    waiting: list[BaseException] = [exception]
    seen = {id(exception)}
    told = 0
    while waiting and told < RELATED_COUNT:
        current = waiting.pop(0)
        hidden = current.__suppress_context__ or current.__cause__ is not None
        found: list[tuple[str, BaseException | None]] = [
            ("cause", current.__cause__),
            ("context", None if hidden else current.__context__),
            *(("member", member) for member in (current.exceptions if isinstance(current, BaseExceptionGroup) else ())),
        ]
        for relation, other in found:
            if other is not None and id(other) not in seen and told < RELATED_COUNT:
                told += 1
                seen.add(id(other))
                waiting.append(other)
                yield {"relation": relation, "type": type_of(other), "message": message_of(other)[:500]}


class _Budget:
    """So many breadcrumbs a second; an error in a tight loop must not fill memory with them."""

    def __init__(self) -> None:
        self._left = BURST
        self._at = time.monotonic()

    def take(self, wanted: int) -> int:
        now = time.monotonic()
        self._left = min(BURST, self._left + (now - self._at) * PER_SECOND)
        self._at = now
        granted = wanted if self._left >= wanted else FEW
        self._left = max(0.0, self._left - granted)
        return granted


_budget = _Budget()


def of_breadcrumbs(scope: breadcrumbs.Scope | None = None) -> dict[str, AnyValue]:
    """What led to it, as JSON, the newest last; nothing where there is nothing."""
    kept = tuple((scope or breadcrumbs.scope()).breadcrumbs)
    if not kept:
        return {}
    texts: list[str] = []
    length = 0
    for breadcrumb in reversed(kept[-_budget.take(len(kept)) :]):
        text = json.dumps(sanitised(breadcrumb), ensure_ascii=False, default=str)
        length += len(text) + 1
        if length > BREADCRUMBS_LENGTH:
            break
        texts.append(text)
    return {BREADCRUMBS: f"[{','.join(reversed(texts))}]"}


def sanitised(breadcrumb: breadcrumbs.Breadcrumb) -> dict[str, Any]:
    """One as it is told."""
    data = breadcrumb[4]
    if isinstance(data, ReadableSpan):
        return _of_span(breadcrumb, data)
    told = breadcrumbs.described(breadcrumb)
    told["message"] = privacy.text(told["message"])[:500]
    if "data" in told:
        told["data"] = privacy.values(told["data"])
    return told


def _of_span(breadcrumb: breadcrumbs.Breadcrumb, span: ReadableSpan) -> dict[str, Any]:
    known: Mapping[str, Any] = span.attributes or {}
    told = breadcrumbs.described((*breadcrumb[:4], None))
    statement = known.get("db.query.text") or known.get("db.statement")
    url = known.get("url.full") or known.get("http.url")
    method = known.get("http.request.method") or known.get("http.method")
    if statement:
        told["message"] = privacy.statement(str(statement))[:500]
    elif url and method:
        told["message"] = f"{method} {privacy.url(str(url))}"[:500]
    elif method and known.get("url.path"):
        told["message"] = f"{method} {privacy.url(str(known['url.path']))}"[:500]
    data: dict[str, Any] = {"span_id": f"{span.context.span_id:016x}"} if span.context else {}
    if span.start_time and span.end_time:
        data["duration_ms"] = round((span.end_time - span.start_time) / 1e6, 3)
    status = known.get("http.response.status_code") or known.get("http.status_code") or known.get("db.response.status_code")
    if status:
        data["status_code"] = status
    if span.status.status_code is trace.StatusCode.ERROR:
        told["level"] = "error"
    return told | {"data": data}


def of_request(span: ReadableSpan | None) -> dict[str, AnyValue]:
    """Whom it met, of a request, which may have ended: user, session, address and agent; what an error in a log record would not know."""
    if span is None:
        return {}
    known: Mapping[str, Any] = span.attributes or {}
    wanted = (USER_ID, USER_ROLES, SESSION_ID, "http.request.method", "http.route", "user_agent.original", "client.address")
    told: dict[str, AnyValue] = {key: known[key] for key in wanted if known.get(key)}
    url = known.get("url.full") or known.get("http.url")
    host, path = known.get("server.address"), known.get("url.path")
    if not url and host and path:
        port = known.get("server.port")
        url = f"{known.get('url.scheme', 'http')}://{host}{f':{port}' if port else ''}{path}"
    if url:
        told["url.full"] = privacy.url(str(url))
    return told


@dataclass(frozen=True)
class _Health:
    at: float
    attributes: dict[str, AnyValue]


_process: tuple[int, psutil.Process] | None = None
_health = _Health(-1.0, {})
HEALTH_S = 1.0
"""What was read of the process holds so long."""


def of_process() -> dict[str, AnyValue]:
    """How the process is: memory (bytes), CPU time and uptime (seconds), threads."""
    global _health, _process  # noqa: PLW0603 - of the process
    now = time.monotonic()
    if now - _health.at < HEALTH_S and _process is not None and _process[0] == os.getpid():
        return _health.attributes
    if _process is None or _process[0] != os.getpid():
        _process = (os.getpid(), psutil.Process())
    process = _process[1]
    memory = process.memory_info()
    used = os.times()
    attributes: dict[str, AnyValue] = {
        "process.memory.usage": memory.rss,
        "process.memory.virtual": memory.vms,
        "process.cpu.time": round(used.user + used.system, 3),
        "process.uptime": round(time.time() - process.create_time(), 3),
        "process.thread.count": threading.active_count(),
    }
    _health = _Health(now, attributes)
    return attributes
