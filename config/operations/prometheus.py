"""Renders the collector's metrics for Prometheus, as its text format or as OpenMetrics, whichever the scraper asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .metrics import METRICS, Sample


def rendered(samples: Iterable[Sample], accept: str) -> tuple[bytes, str]:
    """The text for a scraper that sent this Accept header, and its media type."""
    encode, media = choose_encoder(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(list(samples)))
    return encode(registry), media


class _Families(Collector):
    """Samples as the families that the client library renders."""

    def __init__(self, samples: list[Sample]) -> None:
        self._samples = samples

    def describe(self) -> Iterable[Metric]:
        """Nothing: one collector is alone in its registry."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric that has values."""
        for metric in METRICS:
            values = [(labels, value) for name, labels, value in self._samples if name == metric.name]
            if not values:
                continue
            family = (CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily)(
                metric.name, metric.meaning, labels=metric.labels
            )
            for labels, value in values:
                family.add_metric([text for _, text in labels], value)
            yield family
