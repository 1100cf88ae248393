"""What one visit fills: the documented tables of events, pages, actions, page loads and requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .conftest import Visit

Arrived = Callable[..., list[tuple[Any, ...]]]


MEASUREMENTS = {"browser.web_vital", "browser.navigation_timing", "browser.resource_timing", "browser.long_task"}


def test_every_record_but_measurements_is_an_event_that_the_catalogue_takes(visit: Visit, arrived: Arrived) -> None:
    """Each once, with who, where and what browser; only the page's own names are unknown."""
    columns = """event_id, event_name, is_known, validation_error, enrich_status, browser is not null and os is not null, session_id"""
    records = [record for record in visit.records if record["event_name"] not in MEASUREMENTS]
    rows = arrived(visit.site, columns, table="events", least=len(records))
    assert [record["log_record_uid"] for record in records] == [row[0] for row in rows]
    assert {"catalogue.opened", "order.placed"} == {row[1] for row in rows if not row[2]}
    assert {None} == {row[3] for row in rows}
    assert {("complete", True)} == {row[4:6] for row in rows}
    assert {visit.records[0]["session_id"]} == {row[6] for row in rows}


def test_page_views_have_time_depth_and_origin(visit: Visit, arrived: Arrived) -> None:
    """user_page_views: with what each leave told, and where the user came from."""
    columns = "page_path, page_slug, page_title, referrer_class, scroll_depth, interactions_count, time_on_page"
    rows = arrived(visit.site, columns, table="user_page_views", order="view_timestamp", least=6)
    views, leaves = visit.named("user.page_view"), visit.named("user.page_leave")
    assert [(view["page_path"], view["page_title"]) for view in views] == [(row[0], row[2]) for row in rows]
    assert [(leave["scroll_depth"], leave["interactions_count"], round(leave["time_on_page"])) for leave in leaves] == [
        row[4:] for row in rows
    ]
    assert ["home", "/books/{id}"] == [rows[0][1], rows[3][1]]
    assert ["direct", "campaign", "campaign", "internal", "campaign", "internal"] == [row[3] for row in rows]
    campaigns = arrived(visit.site, "distinct utm_source, utm_medium", "utm_source is not null", table="events", order="all")
    assert [("news", "mail")] == campaigns


def test_actions_are_rows(visit: Visit, arrived: Arrived) -> None:
    """user_actions: as they were done."""
    rows = arrived(visit.site, "action_type, action_target, page_path", table="user_actions", order="action_timestamp", least=22)
    assert [(action["action_type"], action["action_target"], action["page_path"]) for action in visit.named("user.action")] == rows


def test_each_page_load_is_a_row_with_all_its_measurements(visit: Visit, arrived: Arrived) -> None:
    """frontend_performance_metrics: what vitals, navigation timing and long tasks told of one load."""
    measured = """page_load_time, time_to_first_byte, first_contentful_paint, largest_contentful_paint, cumulative_layout_shift,
        first_input_delay, interaction_to_next_paint, dom_content_loaded, window_load"""
    rows = arrived(visit.site, f"page_path, {measured}, resource_load_times is not null", table="frontend_performance_metrics", least=3)
    assert ["/index.html", "/catalogue.html", "/order.html"] == [row[0] for row in rows]
    first = dict(zip(("path", *(name.strip() for name in measured.split(",")), "resources"), rows[0], strict=True))
    assert None not in first.values()
    vitals = [vital for vital in visit.named("browser.web_vital") if vital["page_path"] == "/index.html"]
    assert [first["first_contentful_paint"]] == [
        round(v["browser.web_vital.value"]) for v in vitals if v["browser.web_vital.name"] == "fcp"
    ]
    assert 120 <= first["interaction_to_next_paint"] < 1000
    assert 0 < first["time_to_first_byte"] <= first["dom_content_loaded"] <= first["window_load"] <= first["page_load_time"]


def test_each_request_is_a_row(visit: Visit, arrived: Arrived) -> None:
    """network_performance_metrics: documents, resources and requests of the page, with sizes and times."""
    columns = "request_url, resource_type, decoded_size, duration_ms > 0, time_to_first_byte is not null, page_path"
    rows = {row[0]: row[1:] for row in arrived(visit.site, columns, table="network_performance_metrics", least=7)}
    origin = visit.site.origin
    assert ("fetch", 21, True, True, "/catalogue.html") == rows[f"{origin}/api/orders"]
    assert ("xmlhttprequest", 21, True, True, "/catalogue.html") == rows[f"{origin}/api/prices"]
    assert "stylesheet" == rows[f"{origin}/shop.css"][0]
    assert "script" == rows[f"{visit.site.collector}/otelpond.js"][0]
    assert ("document", True) == (rows[f"{origin}/index.html"][0], rows[f"{origin}/index.html"][2])


def test_the_visit_is_one_session(visit: Visit, arrived: Arrived) -> None:
    """user_sessions: from the first page to the last, of the user that was identified in it."""
    columns = "session_id, user_id, entry_page, exit_page, page_views_count, actions_count, is_bounce, utm_source is null"
    rows = arrived(visit.site, columns, table="user_sessions", order="session_start")
    assert [(visit.records[0]["session_id"], "ada", "home", "/order.html", 6, 22, False, True)] == rows
