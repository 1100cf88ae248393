"""What users do: `track` and `identify` send it as OTLP log records with an event name; nothing is asked of the service but the call."""

from __future__ import annotations

import functools
import hashlib
import random
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry import _logs as logs_api
from opentelemetry.context import get_current
from opentelemetry.util.types import AnyValue

from . import context
from .guard import harmless
from .settings import Settings, read

SCOPE = "otelpond.events"
IDENTIFY = "user.identify"
NEVER_SAMPLED = "security."


@harmless
def track(
    name: str,
    properties: Mapping[str, object] | None = None,
    *,
    user_id: object = None,
    context_id: object = None,
    user_properties: Mapping[str, object] | None = None,
) -> str | None:
    """Report that something happened; gives the event's id (`log.record.uid`), None where it is not sent.

    Properties become attributes under their own names, `context_id` the attribute `context.id`, `user_properties` one map,
    `user.properties`. The user and the session are those of the context, unless `user_id` is given.
    """
    if not name:
        raise ValueError("an event needs a name")
    attributes = {**_plain(properties or {})}
    if context_id is not None:
        attributes["context.id"] = str(context_id)
    if user_properties:
        attributes["user.properties"] = _plain(user_properties)
    return _send(str(name), attributes, user_id)


@harmless
def identify(
    user_id: object = None,
    properties: Mapping[str, object] | None = None,
    *,
    set_once: Mapping[str, object] | None = None,
    unset: Sequence[str] = (),
) -> str | None:
    """Say what is known of a user (that of the context unless given): set, set where nothing is set yet, or forget properties.

    Sends the event `user.identify` and gives its id; where there is nothing to say, nothing is sent and None comes back.
    """
    attributes: dict[str, AnyValue] = {}
    if properties:
        attributes["user.properties"] = _plain(properties)
    if set_once:
        attributes["user.properties.set_once"] = _plain(set_once)
    if unset:
        attributes["user.properties.unset"] = [str(key) for key in unset]
    return _send(IDENTIFY, attributes, user_id) if attributes else None


def _send(name: str, attributes: dict[str, AnyValue], user_id: object) -> str | None:
    settings = _settings()
    if not settings.analytics or settings.disabled:
        return None
    identity = context.current()
    if user_id is not None:
        attributes[context.USER_ID] = str(user_id)
    rate = settings.event_sample_rate
    if rate < 1 and not name.startswith(NEVER_SAMPLED):
        if not _is_sampled(identity.get(context.SESSION_ID), rate):
            return None
        attributes["sample_rate"] = rate
    uid = str(uuid.uuid4())
    now = time.time_ns()
    logs_api.get_logger(SCOPE).emit(
        timestamp=now,
        observed_timestamp=now,
        context=get_current(),
        severity_number=logs_api.SeverityNumber.INFO,
        severity_text="INFO",
        attributes={**attributes, "log.record.uid": uid},
        event_name=name,
    )
    return uid


@functools.cache
def _settings() -> Settings:
    return read(Settings)


def _is_sampled(session_id: object, rate: float) -> bool:
    """By session where there is one: a session is sent whole or not at all, by every service alike."""
    if session_id is None:
        return random.random() < rate  # noqa: S311 - no secret
    digest = hashlib.blake2b(str(session_id).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < rate * 2**64


def _plain(values: Mapping[str, object]) -> dict[str, AnyValue]:
    """Only what OTLP can carry: other things as their text."""
    return {str(key): _value(value) for key, value in values.items()}


def _value(value: Any, depth: int = 0) -> AnyValue:
    if value is None or isinstance(value, (str, bool, int, float, bytes)):
        return value if not isinstance(value, int) or -(2**63) <= value < 2**63 else str(value)
    if depth < 8:  # deeper is a cycle, or of no use in a table
        if isinstance(value, Mapping):
            return {str(key): _value(part, depth + 1) for key, part in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_value(part, depth + 1) for part in value]
    return str(value)
