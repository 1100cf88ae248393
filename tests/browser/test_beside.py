"""The script keeps out of the way: of the page, and of OpenTelemetry's own packages on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LONG_TASK_MS = 50


def test_no_task_of_the_scripts_is_long(sites: dict[str, Any], drive: Callable[..., Any]) -> None:
    """A page load, 30 clicks and 200 events: none of the script's tasks takes the 50 ms that make a task long."""
    tasks = drive("weight", sites["settings"])["tasks"]
    assert len(tasks) > 30
    assert max(tasks) < LONG_TASK_MS


def test_the_official_packages_work_beside_it(
    sites: dict[str, Any], drive: Callable[..., Any], arrived: Callable[..., Any], collector: Any
) -> None:
    """Their spans and our records fill the same tables; a request carries one traceparent, theirs; nobody tells the other's sending."""
    site = sites["official"]
    drive("official", site)
    spans = arrived(site, "name, trace_id, coalesce(url_full, '')", table="spans", order="start_time_unix_nano", least=4)
    assert {"documentLoad", "documentFetch", "resourceFetch"} <= {name for name, _, _ in spans}
    assert [] == [address for _, _, address in spans if "/v1/" in address]
    traces = {trace for name, trace, _ in spans if name in {"GET", "HTTP GET", "click"}}
    assert ["/api/orders", "/api/prices"] == [path for path, _ in site.traceparents]
    for _, header in site.traceparents:
        assert header is not None
        assert header.split("-")[1] in traces, ([s[0] for s in spans], site.traceparents)
    names = {name for (name,) in arrived(site, "event_name", "event_name = 'user.page_leave' or true", least=5)}
    assert {"user.page_view", "user.action", "user.page_leave", "browser.navigation_timing", "browser.web_vital"} <= names
    addresses = arrived(site, """attributes->>'$."browser.resource_timing.url"'""", "event_name = 'browser.resource_timing'")
    assert [] == [address for (address,) in addresses if "/v1/" in address]
    filled = {
        table: {scope.rpartition("/")[2] for (scope,) in arrived(site, "distinct scope_name", table=table, order="1", least=2)}
        for table in ("frontend_performance_metrics", "network_performance_metrics", "events")
    }
    assert {"otelpond.browser", "instrumentation-document-load"} <= filled["frontend_performance_metrics"]
    requests = {"otelpond.browser", *(f"instrumentation-{name}" for name in ("document-load", "fetch", "xml-http-request"))}
    assert requests <= filled["network_performance_metrics"]
    assert {"otelpond.browser", "instrumentation-user-interaction"} <= filled["events"]
    assert [] == collector.published("select reason from rejected_records")


def test_a_bundler_brings_the_same(sites: dict[str, Any], drive: Callable[..., Any], arrived: Callable[..., Any]) -> None:
    """The package as an ES module: started by the page's own script, sent when its tab is closed."""
    site = sites["bundled"]
    done = drive("bundled", site)
    columns = """log_record_uid, attributes->>'from'"""
    assert [(done["id"], "a bundler")] == arrived(site, columns, "event_name = 'bundled.test'")


def test_a_page_that_is_come_back_to_is_viewed_again(sites: dict[str, Any], drive: Callable[..., Any], arrived: Callable[..., Any]) -> None:
    """As the browser kept it: another view and page load, in the session that all tabs share."""
    site = sites["returns"]
    assert drive("returns", site)["isAsItWas"]
    told = "event_name, attributes->>'$.\"browser.page_load.id\"', session_id"
    rows = arrived(site, told, "event_name in ('user.page_view', 'user.page_leave', 'returns.test', 'returns.other')", least=6)
    assert ["user.page_view", "user.page_leave", "user.page_view", "returns.test", "user.page_view", "returns.other"] == [
        row[0] for row in rows
    ]
    first, left, again, own, *_ = (row[1] for row in rows)
    assert (first, again) == (left, own)
    assert first != again
    assert 1 == len({row[2] for row in rows})
