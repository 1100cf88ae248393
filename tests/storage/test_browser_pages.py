"""What a browser sends names the same page in every table: events, page loads, requests and errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from otelpond.receivers.otlp_json import to_protobuf
from otelpond.storage.decode import reference
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.derive import Deriver
from otelpond.storage.events.page_slugs import PageSlugs
from otelpond.storage.events.reading import EventSettings
from otelpond.storage.schema import load_tables
from otelpond.storage.signals import Signal

PAGE = {"url.full": "https://shop.example/orders/4711", "page_path": "/orders/4711", "session.id": "s1"}
RECORDS: Mapping[str, Mapping[str, Any]] = {
    "user.page_view": {},
    "browser.web_vital": {"browser.web_vital.name": "lcp", "browser.web_vital.value": 900.5},
    "browser.resource_timing": {"browser.resource_timing.url": "https://cdn.example/app.js", "browser.resource_timing.duration": 20.5},
    "exception": {"exception.type": "TypeError", "exception.message": "no", "otelpond.mechanism": "uncaught_exception"},
}


def logs(records: Mapping[str, Mapping[str, Any]]) -> dict[str, pa.Table]:
    """The decoded relations of one request of a browser."""
    told = [
        {
            "timeUnixNano": "1772366400000000000",
            "eventName": name,
            "attributes": [
                {"key": key, "value": {"doubleValue" if isinstance(value, float) else "stringValue": value}}
                for key, value in {**PAGE, **attributes}.items()
            ],
        }
        for name, attributes in records.items()
    ]
    language = {"key": "telemetry.sdk.language", "value": {"stringValue": "webjs"}}
    request = {"resourceLogs": [{"resource": {"attributes": [language]}, "scopeLogs": [{"logRecords": told}]}]}
    wire = np.frombuffer(to_protobuf(Signal.LOGS, json.dumps(request).encode()), np.uint8)
    payloads = Payloads(
        wire=wire,
        starts=np.array([0]),
        ends=np.array([len(wire)]),
        accepted_unix_nano=np.array([1_772_366_410_000_000_000]),
        tenants=["default"],
        digests=[bytes(16)],
    )
    return dict(reference.decode(Signal.LOGS, payloads, Rules(hash_address=lambda address, _: address)))


@pytest.fixture(scope="module")
def deriver() -> Deriver:
    """One that knows a team's pages."""
    return Deriver(load_tables(), events=EventSettings(page_slugs=PageSlugs({"/orders/{id}": "order"})))


def test_a_map_of_pages_names_them_alike_in_every_table(deriver: Deriver) -> None:
    """So that one statement joins what users did, how fast it was, and what failed."""
    derived = deriver.derive(logs(RECORDS))
    tables = ("events", "frontend_performance_metrics", "network_performance_metrics", "error_logs", "crash_reports")
    assert {name: {"order"} for name in tables} == {name: set(derived[name]["page_slug"].to_pylist()) for name in tables}


def test_what_the_catalogue_refuses_is_measured_all_the_same(deriver: Deriver) -> None:
    """A vital that breaks a rule of the catalogue is no event; what it measured stands, under the path's own template."""
    vital = {**RECORDS["browser.web_vital"], "browser.web_vital.delta": "x"}
    derived = deriver.derive(logs({**RECORDS, "browser.web_vital": vital}))
    measured = derived["frontend_performance_metrics"]
    assert [(901, "/orders/{id}")] == list(
        zip(measured["largest_contentful_paint"].to_pylist(), measured["page_slug"].to_pylist(), strict=True)
    )
    assert ["events"] == derived["rejected_records"]["table_name"].to_pylist()
