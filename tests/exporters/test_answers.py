"""Answers are sorted as OTLP says: which are tried again, when, and which are final."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsPartialSuccess, ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTracePartialSuccess, ExportTraceServiceResponse
from otelpond.exporters.answers import of_grpc, of_http
from otelpond.exporters.destination import Delivered, Refused, TryLater
from otelpond.storage.signals import Signal

RETRYABLE_CODES = {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}


def retry_info(seconds: int, nanos: int = 0) -> error_details_pb2.RetryInfo:
    """Try again after that long."""
    info = error_details_pb2.RetryInfo()
    info.retry_delay.seconds, info.retry_delay.nanos = seconds, nanos
    return info


def details(seconds: int) -> bytes:
    """The same in a status."""
    status = status_pb2.Status(code=14)
    status.details.add().Pack(error_details_pb2.BadRequest())
    status.details.add().Pack(retry_info(seconds))
    return status.SerializeToString()


@pytest.mark.parametrize("status", range(300, 600))
def test_only_429_502_503_and_504_are_tried_again(status: int) -> None:
    """Every other 3xx, 4xx and 5xx of HTTP is final."""
    answer = of_http(Signal.TRACES, status, {}, b"")
    assert (status in {429, 502, 503, 504}) == isinstance(answer, TryLater)
    assert (status in {429, 502, 503, 504}) != isinstance(answer, Refused)


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK], ids=lambda code: code.name)
def test_the_retryable_grpc_codes_are_tried_again(code: grpc.StatusCode) -> None:
    """Every other one is final, RESOURCE_EXHAUSTED without RetryInfo too."""
    answer = of_grpc(code.value[0], code.name, "", ())
    assert (code.name in RETRYABLE_CODES) == isinstance(answer, TryLater)
    assert (code.name in RETRYABLE_CODES) != isinstance(answer, Refused)


@pytest.mark.parametrize(
    "trailer", [("grpc-status-details-bin", details(7)), ("google.rpc.retryinfo-bin", retry_info(7).SerializeToString())]
)
def test_resource_exhausted_with_retry_info_is_tried_again(trailer: tuple[str, bytes]) -> None:
    """In the status details or bare, the delay is heeded."""
    assert TryLater("RESOURCE_EXHAUSTED: slower", 7.0) == of_grpc(8, "RESOURCE_EXHAUSTED", "slower", [("x", "y"), trailer])


def test_retry_info_counts_nanoseconds_and_may_be_broken() -> None:
    """Half a second is half a second; a trailer that is no message is none."""
    assert TryLater("UNAVAILABLE", 0.5) == of_grpc(
        14, "UNAVAILABLE", "", [("google.rpc.retryinfo-bin", retry_info(0, 500_000_000).SerializeToString())]
    )
    assert TryLater("UNAVAILABLE") == of_grpc(14, "UNAVAILABLE", "", [("grpc-status-details-bin", b"\xff\xff")])


def test_retry_after_is_seconds_or_a_date() -> None:
    """What is neither is not heeded."""
    assert TryLater("HTTP 503", 3.0) == of_http(Signal.LOGS, 503, {"retry-after": "3"}, b"")
    assert TryLater("HTTP 429") == of_http(Signal.LOGS, 429, {"retry-after": "soon"}, b"")
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    answer = of_http(Signal.LOGS, 503, {"retry-after": date}, b"")
    assert isinstance(answer, TryLater)
    assert 58 <= (answer.delay_s or 0) <= 60
    assert TryLater("HTTP 503", 0.0) == of_http(Signal.LOGS, 503, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, b"")


def test_a_refusal_says_what_the_other_side_said() -> None:
    """The Status in the body is read, shortened and kept on one line; another body is not repeated."""
    body = status_pb2.Status(code=3, message="no such\nthing " + "x" * 1000).SerializeToString()
    answer = of_http(Signal.TRACES, 400, {}, body)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith("HTTP 400: no such thing xxx")
    assert len(answer.reason) < 400
    assert Refused("HTTP 404") == of_http(Signal.TRACES, 404, {}, b"<html>not here</html>")
    assert Refused("HTTP 308: redirects are not followed; it points to https://b/") == of_http(
        Signal.TRACES, 308, {"location": "https://b/"}, b""
    )


def test_partial_success_is_counted_for_each_signal() -> None:
    """Rejected items and the message; a message without rejections is a warning."""
    traces = ExportTraceServiceResponse(partial_success=ExportTracePartialSuccess(rejected_spans=2, error_message="ids"))
    metrics = ExportMetricsServiceResponse(partial_success=ExportMetricsPartialSuccess(rejected_data_points=3, error_message="times"))
    logs = ExportLogsServiceResponse(partial_success=ExportLogsPartialSuccess(error_message="old names"))
    assert Delivered(2, "ids") == of_http(Signal.TRACES, 200, {}, traces.SerializeToString())
    assert Delivered(3, "times") == of_http(Signal.METRICS, 200, {}, metrics.SerializeToString())
    assert Delivered(0, "old names") == of_http(Signal.LOGS, 200, {}, logs.SerializeToString())


def test_an_answer_of_success_that_cannot_be_read_is_one() -> None:
    """What has arrived is not sent again."""
    assert Delivered() == of_http(Signal.TRACES, 202, {}, b"<html>thanks</html>")
