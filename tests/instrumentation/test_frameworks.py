"""Flask and Django under `otelpond run`, with their public OpenTelemetry packages: the tables fill from standard telemetry alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

BIN = Path(sys.executable).parent
OTELPOND = (sys.executable, "-m", "otelpond.config.cli")
TIMES = 20


FLASK, DJANGO = "flask_shop:app", "django_shop:application"
TOLD = {
    "packages-flask": (FLASK, "packages", []),
    "parts-django": (DJANGO, "parts", []),
    "parts-flask": (FLASK, "parts", [pytest.mark.long]),
    "packages-django": (DJANGO, "packages", [pytest.mark.long]),
}


@pytest.fixture(scope="module", params=[pytest.param((app, by), id=name, marks=marks) for name, (app, by, marks) in TOLD.items()])
def told(request: pytest.FixtureRequest, collector: Any, serve: Callable[..., Any], free_address: Callable[[], str]) -> tuple[str, Any]:
    """The name of a service that was asked everything `TIMES` times, in two workers of gunicorn, and the collector that knows.

    Its packages tell it alone, or our parts tell it with them.
    """
    address = free_address()
    application, by = request.param
    service = f"{application.partition('_')[0]}-{by}"
    launcher = (*OTELPOND, "run", "--service", service, "--endpoint", f"http://{collector.http}", "--")
    command = (str(BIN / "gunicorn"), application, "--workers", "2", "--bind", address, "--no-control-socket")
    alone = {"OTELPOND_DISABLED_PARTS": "requests,database,errors"} if by == "packages" else {}
    if service == "flask-packages":
        alone["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] = "sqlite3"  # its statements are SQLAlchemy's
    with serve(address, *launcher, *command, **alone) as ask:
        for number in range(TIMES):
            assert 200 == httpx.post(f"http://{address}/items/{number}", headers={"user-agent": "test/1"}, timeout=30).status_code
            assert [500, 500, 404] == [ask(path).status_code for path in ("/broken", "/wrong", "/none")]
    collector.publish()
    return service, collector


def test_every_request_is_one_row(told: tuple[str, Any]) -> None:
    """With route, method, status, client and user agent."""
    service, collector = told
    rows = collector.rows(
        f"""select trim(endpoint_path, '/'), http_method, status_code, error, count(*), count(ip_address), count(user_agent)
        from api_performance_metrics where service_name = '{service}' and trim(endpoint_path, '/') != '' group by all order by all"""
    )
    counts = (TIMES, TIMES, TIMES)
    assert [
        ("broken", "GET", 500, True, *counts),
        ("items/<int:number>", "POST", 200, False, *counts),
        ("none", "GET", 404, False, *counts),
        ("wrong", "GET", 500, True, *counts),
    ] == rows


def test_every_statement_is_one_row(told: tuple[str, Any]) -> None:
    """With operation, table and the statement without its values."""
    service, collector = told
    rows = collector.rows(
        f"""select query_type, query_text not like '%-%', db_system, error, count(*), count(query_hash)
        from database_performance_metrics where service_name = '{service}' and table_name in ('item', 'sqlite_master', 'article')
        and query_type = 'SELECT' group by all order by all"""
    )
    assert [("SELECT", True, "sqlite", False, TIMES, TIMES), ("SELECT", True, "sqlite", True, TIMES, TIMES)] == rows


def test_every_error_is_one_row(told: tuple[str, Any]) -> None:
    """With type, message and stack, told by span and log; Django's own exception may be another error than the driver's it is made of."""
    service, collector = told
    rows = collector.rows(
        f"""select regexp_extract(exception_type, '[^.]*$'), error_message like '%no such table: article%', count(*), count(error_stack)
        from error_logs where service_name = '{service}' group by all order by all"""
    )
    failed_queries = rows[0][2]
    assert failed_queries in ({TIMES} if service.startswith("flask") else {TIMES, 2 * TIMES})
    assert [("OperationalError", True, failed_queries, failed_queries), ("ValueError", False, TIMES, TIMES)] == rows
