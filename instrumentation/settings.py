"""What can be set: frozen dataclasses whose fields name their environment variables, and `read`, which fills any of them.

A part with settings of its own declares a dataclass in its own module and reads it in its `start`. Of a field's variables the first one
that is set (and not empty) counts, so that OpenTelemetry's own stand first. A wrong value is one log line and the default.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar, cast, get_type_hints

from .guard import say_once

T = TypeVar("T")
YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})


def setting(
    default: Any, *variables: str, says: str, at_least: float = -math.inf, at_most: float = math.inf, choices: tuple[str, ...] = ()
) -> Any:
    """A field of a settings dataclass: its default, its variables (the first that is set counts), and one sentence.

    Types: str, bool, int, float, and tuple[str, ...] (separated by commas).
    """
    checks = {"at_least": at_least, "at_most": at_most, "choices": choices}
    return field(default=default, metadata={"variables": variables, "says": says, **checks})


def read(kind: type[T], environment: Mapping[str, str] | None = None) -> T:
    """A settings dataclass filled from the environment (that of the process unless given)."""
    given = os.environ if environment is None else environment
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for each in fields(cast("Any", kind)):
        variable = next((name for name in each.metadata["variables"] if given.get(name, "").strip()), None)
        if variable is None:
            continue
        try:
            values[each.name] = _parsed(hints[each.name], given[variable].strip(), each)
        except ValueError as error:
            say_once(f"{variable}={given[variable]!r} is not {error}: {each.default!r} is used")
    return kind(**values)


def _parsed(kind: Any, text: str, each: Field[Any]) -> Any:
    """The value a text stands for.

    Raises:
        ValueError: with what was expected.
    """
    if kind is bool:
        if text.lower() not in YES | NO:
            raise ValueError("true or false")
        return text.lower() in YES
    if kind in {int, float}:
        return _number(kind, text, each.metadata["at_least"], each.metadata["at_most"])
    choices = each.metadata["choices"]
    if choices and text.lower() not in choices:
        raise ValueError(f"one of {', '.join(choices)}")
    if kind is str:
        return text.lower() if choices else text
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _number(kind: type[int | float], text: str, at_least: float, at_most: float) -> float:
    expected = "a whole number" if kind is int else "a number"
    expected += f" from {at_least:g} on" if at_most == math.inf else f" from {at_least:g} to {at_most:g}"
    try:
        value = kind(text)
    except ValueError:
        raise ValueError(expected) from None
    if not (math.isfinite(value) and at_least <= value <= at_most):
        raise ValueError(expected)
    return value


@dataclass(frozen=True)
class Settings:
    """What the core and more than one part need to know."""

    disabled: bool = setting(False, "OTEL_SDK_DISABLED", says="Leave the service as it is: nothing is instrumented.")
    service: str = setting(
        "", "OTEL_SERVICE_NAME", "OTELPOND_SERVICE", says="The service's name. Unless set, it is made from the command that runs."
    )
    service_version: str = setting(
        "",
        "OTELPOND_SERVICE_VERSION",
        "CRASHLYTICS_RELEASE_VERSION",
        says="The release that runs. Unless set, what the platform says, else `pyproject.toml` or the Git commit of the working directory.",
    )
    environment: str = setting("", "OTELPOND_ENVIRONMENT", "CRASHLYTICS_ENVIRONMENT", says="Where it runs, as `production` or `staging`.")
    endpoint: str = setting(
        "",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTELPOND_ENDPOINT",
        says="Base URL of the collector's OTLP/HTTP listener. Unless set, `http://localhost:4318`.",
    )
    token: str = setting("", "OTELPOND_TOKEN", says="The collector's token, sent as `Authorization: Bearer`.")
    traces_exporter: tuple[str, ...] = setting(
        ("otlp",), "OTEL_TRACES_EXPORTER", says="Names of the exporters of spans: `otlp`, `console`, `none`, or any installed one."
    )
    metrics_exporter: tuple[str, ...] = setting(("otlp",), "OTEL_METRICS_EXPORTER", says="The same for metrics.")
    logs_exporter: tuple[str, ...] = setting(("otlp",), "OTEL_LOGS_EXPORTER", says="The same for log records.")
    span_delay_ms: int = setting(5000, "OTEL_BSP_SCHEDULE_DELAY", at_least=1, says="Milliseconds that spans wait to be sent together.")
    span_queue: int = setting(8192, "OTEL_BSP_MAX_QUEUE_SIZE", at_least=1, says="Spans that may wait; beyond them the oldest go.")
    span_batch: int = setting(2048, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", at_least=1, says="Spans that are sent together at most.")
    log_delay_ms: int = setting(
        1000,
        "OTEL_BLRP_SCHEDULE_DELAY",
        "ANALYTICS_BATCH_INTERVAL_MS",
        at_least=1,
        says="Milliseconds that log records and events wait to be sent together.",
    )
    log_queue: int = setting(8192, "OTEL_BLRP_MAX_QUEUE_SIZE", at_least=1, says="Log records that may wait; beyond them the oldest go.")
    log_batch: int = setting(2048, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", at_least=1, says="Log records that are sent together at most.")
    log_threshold: int = setting(
        512, "ANALYTICS_BATCH_SIZE", at_least=1, says="Log records and events that are sent without waiting any longer."
    )
    metric_interval_ms: int = setting(
        10000,
        "OTEL_METRIC_EXPORT_INTERVAL",
        "OTELPOND_METRIC_INTERVAL_MS",
        at_least=100,
        says="Milliseconds between two collections of metrics, and so between two rows about the server.",
    )
    exit_timeout_s: float = setting(
        3.0, "OTELPOND_EXIT_TIMEOUT_S", at_least=0, at_most=300, says="Seconds that sending what is left may delay the end of a process."
    )
    on_sigterm: bool = setting(
        True, "OTELPOND_ON_SIGTERM", says="Send what is left before a process dies of a SIGTERM that nobody handles; read at the start."
    )
    apm: bool = setting(True, "OTELPOND_APM", "APM_ENABLED", says="Report requests, queries and server health.")
    analytics: bool = setting(True, "OTELPOND_ANALYTICS", "ANALYTICS_ENABLED", says="Send the events of `track` and `identify`.")
    crashes: bool = setting(True, "OTELPOND_CRASHES", "CRASHLYTICS_ENABLED", says="Report errors and crashes.")
    event_sample_rate: float = setting(
        1.0,
        "OTELPOND_EVENT_SAMPLE_RATE",
        "ANALYTICS_SAMPLE_RATE",
        at_least=0,
        at_most=1,
        says="Share of sessions whose events are sent; those named `security.*` always are.",
    )
    slow_api_threshold_ms: float = setting(
        500.0, "OTELPOND_SLOW_API_THRESHOLD_MS", "APM_SLOW_API_THRESHOLD_MS", at_least=0, says="Milliseconds above which a request is slow."
    )
    slow_query_threshold_ms: float = setting(
        1000.0,
        "OTELPOND_SLOW_QUERY_THRESHOLD_MS",
        "APM_SLOW_QUERY_THRESHOLD_MS",
        at_least=0,
        says="Milliseconds above which a query is slow.",
    )
    identity_baggage: str = setting(
        "off",
        "OTELPOND_IDENTITY_BAGGAGE",
        choices=("both", "send", "accept", "off"),
        says="Whether user, roles and session go to other services as W3C baggage (`send`), are believed from whoever calls (`accept`), "
        "`both` or neither.",
    )
    identity_hosts: tuple[str, ...] = setting(
        ("private",),
        "OTELPOND_IDENTITY_HOSTS",
        says="Hosts that they are sent to: `shop.example`, `*.shop.example`, `*`, or `private`, which is private addresses and names "
        "without a dot or under `.internal`, `.local`, `.svc`.",
    )
    disabled_instrumentors: tuple[str, ...] = setting(
        (), "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", says="Names of OpenTelemetry instrumentors that stay off; `*` is all of them."
    )
    disabled_parts: tuple[str, ...] = setting((), "OTELPOND_DISABLED_PARTS", says="Names of parts of this room that stay off.")
