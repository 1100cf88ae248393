"""Providers: whose they are, what the resource says, and that a forked child counts from zero."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

OTELPOND = (sys.executable, "-m", "otelpond.config.cli")


def test_a_services_own_provider_is_used_and_still_exports(collector: Any, run: Callable[..., Any]) -> None:
    """To where it exported, and to the collector, with its own resource."""
    ended = run(sys.executable, "own.py", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.http}")
    assert (0, "both", "") == (ended.returncode, ended.stdout, ended.stderr)
    assert [("both",)] == collector.published("select name from spans where service_name = 'own'")


def test_providers_that_a_service_sets_itself_are_joined_to_ours(collector: Any, run: Callable[..., Any]) -> None:
    """Under `otelpond run` ours are there first: what either records goes to both once, with no warning of OpenTelemetry's."""
    ended = run(*OTELPOND, "run", "--service", "joined", "--endpoint", f"http://{collector.http}", "--", sys.executable, "vendor.py")
    joined = [f"the service's own {kind}Provider is joined" for kind in ("Tracer", "Logger", "Meter")]
    lines = [line for line in ended.stderr.splitlines() if line != "logged"]
    assert (0, joined) == (ended.returncode, [line.removeprefix("otelpond: ").partition(":")[0] for line in lines])
    told = {
        "flushed": True,
        "spans": ["early", "global", "own"],
        "logs": ["emitted", "logged"],
        "metrics": {"shop.global": [1], "shop.global.seen": [3], "shop.own": [2], "shop.own.seen": [4]},
        "generator": True,
    }
    assert told == json.loads(ended.stdout)
    spans = collector.published("select name, service_name from spans where service_name in ('joined', 'vendor') order by all")
    assert [("early", "joined"), ("global", "joined"), ("own", "vendor")] == spans
    bodies = "select body from logs where service_name in ('joined', 'vendor') and body in ('logged', 'emitted') order by all"
    assert [("emitted",), ("logged",)] == collector.published(bodies)
    sums = """select metric_name, max(coalesce(value_int, value_double)) from metric_points
        where service_name in ('joined', 'vendor') and metric_name like 'shop.%' group by 1 order by 1"""
    assert [("shop.global", 1), ("shop.global.seen", 3), ("shop.own", 2), ("shop.own.seen", 4)] == collector.published(sums)


def test_a_service_that_waits_for_its_joined_provider_waits_for_nothing_of_ours(run: Callable[..., Any], black_hole: str) -> None:
    """Our collector takes connections and says nothing."""
    code = """
import time
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
provider = TracerProvider()
trace.set_tracer_provider(provider)
trace.get_tracer("shop").start_span("x").end()
started = time.monotonic()
provider.force_flush()
provider.shutdown()
print(time.monotonic() - started < 0.5)
"""
    ended = run(*OTELPOND, "run", "--endpoint", black_hole, "--", sys.executable, "-c", code)
    assert (0, "True\n") == (ended.returncode, ended.stdout)


def test_a_second_provider_is_refused_as_ever(run: Callable[..., Any], black_hole: str) -> None:
    """And one whose processor takes no other is given what the global one records."""
    code = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
first, second = InMemorySpanExporter(), InMemorySpanExporter()
for exporter in (first, second):
    trace.set_tracer_provider(TracerProvider(active_span_processor=SimpleSpanProcessor(exporter)))
trace.get_tracer("shop").start_span("x").end()
print(len(first.get_finished_spans()), len(second.get_finished_spans()))
"""
    command = (*OTELPOND, "run", "--endpoint", black_hole, "--", sys.executable, "-c", code)
    ended = run(*command, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="logging")
    assert (0, "1 0\n") == (ended.returncode, ended.stdout)
    assert 1 == ended.stderr.count("Overriding of current TracerProvider is not allowed")


@pytest.mark.parametrize("whose", ["ours", "own", "vendor"])
def test_a_process_that_is_instrumented_again_tells_all_once(collector: Any, run: Callable[..., Any], whose: str) -> None:
    """Nothing of the first time is left on the providers, whoever made them."""
    name = f"again-{whose}"
    ended = run(sys.executable, "again.py", whose, OTEL_SERVICE_NAME=name, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.http}")
    joined = 2 if whose == "vendor" else 0
    assert (0, joined) == (ended.returncode, len(ended.stderr.splitlines())), ended.stderr
    assert [1, 1, 1, 0] == json.loads(ended.stdout)
    spans = collector.published(f"select name from spans where service_name = '{name}' order by all")
    assert [("first",), ("second",)] == spans
    told = collector.published(
        f"""select max(n) from (select count(*) n from metric_points where service_name = '{name}'
        group by metric_name, timestamp, attributes)"""
    )
    assert [(1,)] == told


def test_a_forked_child_counts_from_zero(collector: Any, run: Callable[..., Any]) -> None:
    """Under an instance id of its own."""
    ended = run(*OTELPOND, "run", "--endpoint", f"http://{collector.http}", "--", sys.executable, "counted.py")
    assert (0, "") == (ended.returncode, ended.stderr)
    rows = collector.published(
        """select max(value_int) from metric_points where service_name = 'counted' and metric_name = 'shop.orders'
        group by service_instance_id order by 1"""
    )
    assert [(1,), (10,)] == rows


def test_the_resource_says_what_is_known_of_the_process(collector: Any, run: Callable[..., Any]) -> None:
    """Version and environment of the documents' variables; what OTEL_RESOURCE_ATTRIBUTES says wins."""
    command = (*OTELPOND, "run", "--endpoint", f"http://{collector.http}", "--", sys.executable, "job.py")
    crashlytics = {"CRASHLYTICS_RELEASE_VERSION": "2.4.1", "CRASHLYTICS_ENVIRONMENT": "staging"}
    assert 0 == run(*command, **crashlytics, OTEL_SERVICE_NAME="documented").returncode
    said = "service.name=told,service.version=9,deployment.environment.name=prod"
    assert 0 == run(*command, **crashlytics, OTEL_RESOURCE_ATTRIBUTES=said).returncode
    rows = collector.published(
        """select distinct service_name, service_version, environment, resource_attributes->>'$."process.runtime.name"'
        from spans where service_name in ('documented', 'told') order by all"""
    )
    assert [("documented", "2.4.1", "staging", "cpython"), ("told", "9", "prod", "cpython")] == rows


def test_events_arrive_as_log_records_with_their_name(collector: Any, run: Callable[..., Any]) -> None:
    """`track` from a plain script, with what identifies it."""
    code = "from otelpond.instrumentation import *; set_session('s'); track('order.placed', {'value': 2.5}, user_id='ada', context_id='c')"
    command = (*OTELPOND, "run", "--service", "tracking", "--endpoint", f"http://{collector.http}", "--", sys.executable, "-c", code)
    assert 0 == run(*command).returncode
    rows = collector.published(
        """select event_name, user_id, session_id, attributes->>'$."context.id"', attributes->>'$.value', log_record_uid is not null
        from logs where service_name = 'tracking'"""
    )
    assert [("order.placed", "ada", "s", "c", "2.5", True)] == rows
