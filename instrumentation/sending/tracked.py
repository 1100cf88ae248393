"""Values that `track_metric` was told, each with its own time, as the metrics that are sent: the SDK's gauges know the last one only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opentelemetry.sdk.metrics.export import Gauge, Metric, MetricsData, NumberDataPoint, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.util.types import AttributeValue

SCOPE = "otelpond.metrics"


@dataclass(frozen=True, slots=True)
class Tracked:
    """One value.

    Attributes:
        unit: in UCUM.
        resource: of the process.
    """

    name: str
    unit: str
    value: float
    tags: Mapping[str, AttributeValue]
    unix_nano: int
    resource: Resource


def metrics_data(batch: Sequence[Tracked]) -> MetricsData:
    """One gauge for each name and unit, with one point for each value; a batch is of one process."""
    points: dict[tuple[str, str], list[NumberDataPoint]] = defaultdict(list)
    for each in batch:
        point = NumberDataPoint(attributes=dict(each.tags), start_time_unix_nano=0, time_unix_nano=each.unix_nano, value=each.value)
        points[each.name, each.unit].append(point)
    metrics = [Metric(name=name, description="", unit=unit, data=Gauge(data_points=of)) for (name, unit), of in points.items()]
    scope = ScopeMetrics(scope=InstrumentationScope(SCOPE), metrics=metrics, schema_url="")
    return MetricsData(resource_metrics=[ResourceMetrics(resource=batch[0].resource, scope_metrics=[scope], schema_url="")])
