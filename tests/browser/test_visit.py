"""One visit to the sample site's three pages: each thing that was done, seen and measured is a record with the right values."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .conftest import Visit

VITALS = {"cls", "fcp", "fid", "inp", "lcp", "ttfb"}


def test_every_page_and_route_is_viewed_once(visit: Visit) -> None:
    """Documents, a hash route, a pushed route and the way back, each with its title, slug and the page before."""
    origin = visit.site.origin
    catalogue = f"{origin}/catalogue.html?utm_source=news&utm_medium=mail&token=[removed]"
    expected = [
        ("/index.html", "home", "Shop", None),
        ("/catalogue.html", None, "Catalogue", f"{origin}/index.html"),
        ("/catalogue.html#/shelf/3", None, "Catalogue", catalogue),
        ("/books/7", None, "Book 7", f"{catalogue}#/shelf/3"),
        ("/catalogue.html#/shelf/3", None, "Book 7", f"{origin}/books/7"),
        ("/order.html", None, "Order", catalogue),
    ]
    views = visit.named("user.page_view")
    assert expected == [(view["page_path"], view.get("page_slug"), view["page_title"], view.get("referrer")) for view in views]
    assert {"desktop"} == {view["viewport_size"] for view in views}
    assert [f"{origin}/index.html", catalogue] == [view["url_full"] for view in views[:2]]


def test_each_view_is_left_once(visit: Visit) -> None:
    """With the time it was looked at, how far down, and how much was done; on the address that was viewed."""
    views, leaves = visit.named("user.page_view"), visit.named("user.page_leave")
    assert [view["page_path"] for view in views] == [leave["page_path"] for leave in leaves]
    for view, leave in zip(views, leaves, strict=True):
        passed_s = (leave["time_unix_nano"] - view["time_unix_nano"]) / 1e9
        assert 0 <= leave["time_on_page"] <= passed_s + 0.1
    assert round((1200 + 720) / visit.scroll_height * 100) == leaves[0]["scroll_depth"]
    assert [10, 6, 1, 0, 1, 4] == [leave["interactions_count"] for leave in leaves]


def test_actions_have_a_type_and_a_stable_target(visit: Visit) -> None:
    """By what was clicked, or as the page says; nothing that is to be ignored."""
    expected = [
        ("click", "greet"),
        ("click", "masked"),
        ("click", "row"),
        ("tab_switch", "reviews"),
        ("click", "open"),
        ("modal_open", "terms"),
        ("modal_close", "terms"),
        ("dropdown_select", "size"),
        ("filter", "period"),
        ("navigation", "to-catalogue"),
        ("search", "find"),
        ("click", "load"),
        ("click", "fail"),
        ("click", "reject"),
        ("click", "busy"),
        ("navigation", "hash"),
        ("click", "book"),
        ("navigation", "to-order"),
        ("click", "send"),
        ("click", "gift"),
        ("click", "send"),
        ("submit", "order"),
    ]
    actions = visit.named("user.action")
    assert expected == [(action["action_type"], action["action_target"]) for action in actions]
    context = {action["action_target"]: action.get("action_context", {}) for action in actions}
    assert {"tag": "button", "text": "Greet [removed]"} == context["greet"]
    assert ({"tag": "button"}, {"tag": "tr"}) == (context["masked"], context["row"])
    assert ({"tag": "select", "value": "last_7_days"}, {"tag": "select"}) == (context["period"], context["size"])
    assert f"{visit.site.origin}/catalogue.html?utm_source=news&utm_medium=mail&token=[removed]" == context["to-catalogue"]["href"]


def test_a_search_tells_what_was_searched(visit: Visit) -> None:
    """Its terms, without what is personal, and the category that the page names."""
    (search,) = visit.named("user.search_performed")
    assert ("bees, or [removed]", "books") == (search["search_query"], search["search_category"])


def test_forms_tell_their_course_and_no_values(visit: Visit) -> None:
    """Begun, found wrong, submitted; and the one that was begun and left."""
    course = [
        (name, form["form_id"], form.get("fields_filled"), form.get("error_count"), form.get("fields"))
        for name in ("form.start", "form.error", "form.submit", "form.abandon")
        for form in visit.named(name)
    ]
    assert [
        ("form.start", "order", None, None, None),
        ("form.start", "newsletter", None, None, None),
        ("form.error", "order", 1, 1, ["address"]),
        ("form.submit", "order", 3, 1, None),
        ("form.abandon", "newsletter", 1, 0, None),
    ] == course
    sent = json.dumps(visit.records)
    assert [] == [text for text in ("secret-value", "Secret Street", "someone", "bob@example", "tok-4711", "Ada Lovelace") if text in sent]


def test_events_of_the_page_arrive_as_they_were(visit: Visit) -> None:
    """`track` before and after the script is there, `identify`, and attributes for all records."""
    (opened,) = visit.named("catalogue.opened")
    assert (3, True, "acme") == (opened["shelf"], opened["sale"], opened["organization_id"])
    (identified,) = visit.named("user.identify")
    assert ({"plan": "gold"}, {"first_seen_on": "web"}, ["trial"]) == (
        identified["user.properties"],
        identified["user.properties.set_once"],
        identified["user.properties.unset"],
    )
    (placed,) = visit.named("order.placed")
    assert (59.9, [1, 2], "\ufffd", {"city": "Bonn"}) == (placed["value_eur"], placed["lines"], placed["half"], placed["shop"])
    (caught,) = [error for error in visit.named("exception") if error["exception_message"] == "caught"]
    assert ("pay", "reported") == (caught["step"], caught["otelpond.mechanism"])
    assert visit.ids == [record["log_record_uid"] for record in (identified, placed, caught)]


def test_a_visit_is_one_session_of_one_browser(visit: Visit) -> None:
    """Over pages and tabs; who it is is known from `identify` on."""
    assert 1 == len({record["session_id"] for record in visit.records})
    assert 1 == len({record["attributes"]["enduser.pseudo.id"] for record in visit.records})
    identified = [record["user_id"] for record in visit.records if record["event_name"].startswith(("user.", "form."))]
    first = identified.index("ada")
    assert {None} == set(identified[:first])
    assert {"ada"} == set(identified[first:])
    assert {"Auditor"} == {record["user_role"] for record in visit.records if record["user_id"]}
    ids = [record["log_record_uid"] for record in visit.records]
    assert len(set(ids)) == len(ids)


def test_errors_carry_what_led_to_them(visit: Visit) -> None:
    """Type, message and stack of the uncaught and the unhandled; the last actions and requests; severity ERROR."""
    told = {
        (error["exception_type"], error["otelpond.mechanism"]): error
        for error in visit.named("exception")
        if error["severity_number"] == 17
    }
    assert {("TypeError", "uncaught_exception"), ("RangeError", "unhandled_rejection"), ("TypeError", "reported")} == set(told)
    uncaught = told["TypeError", "uncaught_exception"]
    assert "Cannot read properties of undefined (reading 'price')" == uncaught["exception_message"]
    assert f"{visit.site.origin}/catalogue.html" in uncaught["exception_stacktrace"]
    assert "no stock of [removed]" == told["RangeError", "unhandled_rejection"]["exception_message"]
    crumbs = json.loads(uncaught["otelpond.breadcrumbs"])
    messages = [crumb["message"] for crumb in crumbs]
    assert ["user.page_view /catalogue.html", "user.action search find", "user.action click load"] == messages[:3]
    assert {f"GET {visit.site.origin}/api/{name} 200" for name in ("orders", "prices")} <= set(messages)
    assert "user.action click fail" == messages[-1]


def test_errors_are_rows_of_error_logs(visit: Visit, arrived: Callable[..., Any]) -> None:
    """As errors of JavaScript, with session, address and browser."""
    columns = "error_type, exception_type, session_id, url, user_agent is not null, device_info is not null, breadcrumbs is not null"
    rows = arrived(visit.site, columns, table="error_logs", order="error_timestamp", least=3)
    session = visit.records[0]["session_id"]
    address = f"{visit.site.origin}/catalogue.html?utm_source=news&utm_medium=mail&token=[removed]"
    assert [("JavaScript", kind, session, address, True, True, True) for kind in ("TypeError", "RangeError", "TypeError")] == rows


def test_web_vitals_have_plausible_values(visit: Visit) -> None:
    """All six on the page that was clicked; the button that was busy for 120 ms is its interaction to next paint."""
    first = visit.named("browser.navigation_timing")[0]["browser.page_load.id"]
    vitals = [vital for vital in visit.named("browser.web_vital") if vital["browser.page_load.id"] == first]
    values = {vital["browser.web_vital.name"]: vital["browser.web_vital.value"] for vital in vitals}
    assert set(values) == VITALS
    assert 120 <= values["inp"] < 1000
    assert 0 <= values["ttfb"] <= values["fcp"] <= values["lcp"]
    assert {"good", "needs-improvement", "poor"} >= {vital["browser.web_vital.rating"] for vital in vitals}
    assert {"navigate"} == {vital["browser.web_vital.navigation_type"] for vital in vitals}


def test_page_loads_have_their_times_in_order(visit: Visit) -> None:
    """One a document, from the fetch to the end of the load event."""
    loads = [
        {key.removeprefix("browser.navigation_timing."): value for key, value in load.items()}
        for load in visit.named("browser.navigation_timing")
    ]
    assert ["/index.html", "/catalogue.html", "/order.html"] == [load["page_path"] for load in loads]
    for load in loads:
        steps = (
            "start_time",
            "fetch_start",
            "request_start",
            "response_start",
            "response_end",
            "dom_interactive",
            "dom_complete",
            "load_event_end",
        )
        times = [load[step] for step in steps]
        assert times == sorted(times)
        assert "navigate" == load["type"]
        assert 0 < load["encoded_body_size"] < load["transfer_size"]


def test_resources_have_times_and_sizes(visit: Visit) -> None:
    """Style sheets, scripts and requests; never what the script itself sends."""
    prefix = "browser.resource_timing."
    found = {row[f"{prefix}url"]: row for row in visit.named("browser.resource_timing")}
    origin = visit.site.origin
    script = f"{visit.site.collector}/otelpond.js"
    assert {script, *(f"{origin}/{name}" for name in ("shop.css", "api/orders", "api/prices"))} == set(found)
    orders = found[f"{origin}/api/orders"]
    assert ("fetch", 21, 200) == tuple(orders[prefix + name] for name in ("initiator_type", "decoded_body_size", "response_status"))
    assert orders[f"{prefix}request_start"] <= orders[f"{prefix}response_start"] <= orders[f"{prefix}response_end"]
    assert ("xmlhttprequest", "link") == tuple(found[f"{origin}/{name}"][f"{prefix}initiator_type"] for name in ("api/prices", "shop.css"))


def test_a_task_that_blocks_the_page_is_told(visit: Visit) -> None:
    """The button that was busy for 150 ms."""
    tasks = [task["browser.long_task.duration"] for task in visit.named("browser.long_task") if task["page_path"] == "/catalogue.html"]
    assert any(150 <= duration < 1000 for duration in tasks)


def test_requests_continue_the_trace_of_their_page(visit: Visit) -> None:
    """The API sees the trace of the page view, by fetch and XMLHttpRequest."""
    (view,) = [view for view in visit.named("user.page_view") if view["page_path"] == "/catalogue.html"]
    assert ["/api/orders", "/api/prices"] == [path for path, _ in visit.site.traceparents]
    for _, header in visit.site.traceparents:
        assert header is not None
        version, trace, span, flags = header.split("-")
        assert ("00", view["trace_id"], 16, "01") == (version, trace, len(span), flags)
    assert len({record["trace_id"] for record in visit.records}) == len(visit.named("user.page_view"))


def test_the_collector_refuses_nothing(visit: Visit) -> None:
    """No record of the script's is in rejected_records."""
    assert [] == visit.collector.published("select reason from rejected_records")
