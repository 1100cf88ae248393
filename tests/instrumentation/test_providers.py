"""Providers: whose they are, what the resource says, and that a forked child counts from zero."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

OTELPOND = (sys.executable, "-m", "otelpond.config.cli")


def test_a_services_own_provider_is_used_and_still_exports(collector: Any, run: Callable[..., Any]) -> None:
    """To where it exported, and to the collector, with its own resource."""
    ended = run(sys.executable, "own.py", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.http}")
    assert (0, "both", "") == (ended.returncode, ended.stdout, ended.stderr)
    assert [("both",)] == collector.published("select name from spans where service_name = 'own'")


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
