"""`track_metric`: one value of a metric, with tags; every one is sent, as a point of a gauge with its own time."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Mapping
from typing import cast

from opentelemetry import metrics as metrics_api
from opentelemetry.util.types import AttributeValue

from .guard import harmless
from .privacy.nested import values
from .sending.providers import Providers
from .sending.tracked import SCOPE, Tracked
from .settings import Settings, read

_providers: Providers | None = None


def start(settings: Settings, providers: Providers) -> None:
    """Have values wait where everything else does that is sent."""
    global _providers  # noqa: PLW0603 - there is one in a process
    del settings
    _providers = providers


def stop() -> None:
    """Nothing is held."""
    global _providers  # noqa: PLW0603 - as above
    _providers = None


@harmless
def track_metric(name: str, value: float, tags: Mapping[str, object] | None = None, *, unit: str = "") -> None:
    """Report a metric's value of this moment.

    Where this process is not instrumented by `instrument()`, but has a meter provider of its own, that is told the value; it sends the
    last one of each interval.

    Args:
        name: of the metric.
        value: a finite number.
        tags: what the value is of; attributes of the point.
        unit: in UCUM (`ms`, `By`, `1`).
    """
    if not name:
        raise ValueError("a metric needs a name")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not -(2**63) <= value < 2**63:
        raise ValueError(f"the value of {name} is no finite number")
    if not _settings().analytics or _settings().disabled:
        return
    name, unit = _encodable(name), _encodable(unit)
    attributes = _attributes(tags or {})
    if _providers is None:
        metrics_api.get_meter(SCOPE).create_gauge(name, unit).set(value, attributes)
    else:
        _providers.delivery.tracked.put(Tracked(name, unit, value, attributes, time.time_ns(), _providers.resource))


def _encodable(value: object) -> str:
    """The text of it with ? for each half of a surrogate pair, which is no UTF-8: one in a name would cost the whole batch."""
    return str(value).encode("utf-8", "replace").decode()


@functools.cache
def _settings() -> Settings:
    return read(Settings)


def _attributes(tags: Mapping[str, object]) -> dict[str, AttributeValue]:
    """What attributes of points can be, without secrets; other things as their text."""
    plain = {
        _encodable(key): tag if isinstance(tag, bool | int | float) else _encodable(tag) for key, tag in tags.items() if tag is not None
    }
    return cast("dict[str, AttributeValue]", values(plain))
