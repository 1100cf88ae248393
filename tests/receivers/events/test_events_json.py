"""Plain JSON events become OTLP log records: the documents' payloads, every spelling, and what cannot be represented."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from otelpond.receivers.events.conversion import Arrival, events_in, to_logs_request
from otelpond.receivers.events.fields import LISTS, NAMING_FIELDS, OBJECTS, RESOURCE, TEXTS, _snake
from otelpond.receivers.refusals import RefusedError
from otelpond.storage.decode.inspection import inspect
from otelpond.storage.signals import Signal, TooDenseError, UndecodableError

from .conftest import SmallCatalogue, records_of

Converted = Callable[..., tuple[list[Any], list[Any]]]
MIDNIGHT_UNIX_NANO = 1_737_763_200_000_000_000  # 2025-01-25
ARRIVED_UNIX_NANO = 1_764_000_000_000_000_000


def test_a_page_view_of_the_documents_is_a_record(converted: Converted, sample: Callable[[str], bytes]) -> None:
    """`event_type` alone is the name; identity under OpenTelemetry's names, the rest under its own."""
    ((record,), (verdict,)) = converted(sample("page_view"))
    assert ("user.page_view", MIDNIGHT_UNIX_NANO + 36_000 * 10**9, "INFO") == (record.name, record.unix_nano, record.severity_text)
    assert {
        "user.id": "uuid",
        "user.role": "Auditor",
        "session.id": "uuid",
        "page_slug": "dashboard",
        "page_path": "/src/features/dashboard/presentation/new-auditors-dashboard.html",
        "referrer": "/home",
        "device_info": {"type": "desktop", "screen": {"width": 1920, "height": 1080}},
        "log.record.uid": verdict.event_id,
    } == record.attributes
    assert (None, None) == (verdict.error, verdict.warning)


def test_an_action_of_the_documents_is_a_record(converted: Converted, sample: Callable[[str], bytes]) -> None:
    """Its context stays a map."""
    ((record,), _) = converted(sample("action"))
    assert "user.action" == record.name
    assert ("click", "filter-button") == (record.attributes["action_type"], record.attributes["action_target"])
    assert {"filter_type": "date_range", "filter_value": "last_7_days"} == record.attributes["action_context"]


def test_an_error_of_the_documents_is_a_record(converted: Converted, sample: Callable[[str], bytes]) -> None:
    """Of severity ERROR; its URL under OpenTelemetry's name."""
    ((record,), _) = converted(sample("error"))
    assert ("error", "ERROR", "https://app.example.com/audit-form") == (record.name, record.severity_text, record.attributes["url.full"])
    assert [{"action": "click", "target": "save-draft"}] == record.attributes["breadcrumbs"]


def test_a_user_action_of_the_service_is_an_action(converted: Converted, sample: Callable[[str], bytes]) -> None:
    """Type, camelCase, its own names of properties, and a time that stands in the metadata."""
    ((record,), _) = converted(sample("user_action"))
    assert ("user.action", 1_763_750_000_000_000_000) == (record.name, record.unix_nano)
    assert {"action_type": "click", "action_target": "submit-button", "page_path": "/therapy/session"}.items() <= record.attributes.items()
    assert {"user.id": "user-123", "session.id": "session-456", "event.priority": "normal"}.items() <= record.attributes.items()
    assert "macOS" == record.attributes["event.metadata"]["os"]
    ((flat,), _) = converted({"type": "user_action", "action": "click", "target": "t", "page": "/p", "page_path": "/q"})
    assert {"action_type": "click", "action_target": "t", "page_path": "/q", "page": "/p"}.items() <= flat.attributes.items()
    ((upper,), _) = converted(sample("user_action").replace(b'"user_action"', b'"USER_ACTION"'))
    assert record.attributes == upper.attributes | {"log.record.uid": record.attributes["log.record.uid"]}


def test_a_therapy_session_is_its_own_event(converted: Converted, sample: Callable[[str], bytes]) -> None:
    """A property may be called `type`; without a time the event has that of its arrival."""
    ((record,), (verdict,)) = converted(sample("therapy_session"))
    assert ("therapy_session", ARRIVED_UNIX_NANO, "cbt") == (record.name, record.unix_nano, record.attributes["type"])
    assert 'event_name: "therapy_session" is not in the catalogue' == verdict.warning


def test_a_base_event_is_a_record(converted: Converted, sample: Callable[[str], bytes]) -> None:
    """All its fields have a place: where it comes from is the resource."""
    ((record,), (verdict,)) = converted(sample("base_event"))
    assert ("workflow.execution_completed", "3f0f2f6e-8a55-4c7e-9a1e-0d0f6a3a1c11") == (record.name, verdict.event_id)
    assert {"deployment.environment.name": "production", "service.name": "workflow-engine"} == record.resource
    assert {
        "event.type": "workflow.execution",
        "event.version": "1.2.3",
        "event.source": "workflow-engine",
        "organization.id": "org-7",
        "workflow.id": "workflow-1",
        "execution.id": "execution-1",
        "cost_incurred": 0.07,
        "nodes_executed": 4,
    }.items() <= record.attributes.items()


def test_a_tracked_event_of_the_pattern_is_a_record(converted: Converted, sample: Callable[[str], bytes]) -> None:
    """The arguments of `trackEvent` by their names."""
    ((record,), _) = converted(sample("track_event"))
    assert "chat.message_sent" == record.name
    assert {"user.id": "user-123", "context.id": "chat-9", "length": 42, "user.properties": {"plan": "pro"}}.items() <= (
        record.attributes.items()
    )


@pytest.mark.parametrize(
    ("named", "name", "event_type"),
    [
        ({"event_name": "a", "event_type": "b"}, "a", "b"),
        ({"eventName": "a", "type": "b"}, "a", "b"),
        ({"type": "a"}, "a", None),
        ({"eventType": "a"}, "a", None),
        ({"name": "a"}, "a", None),
        ({"event": "a"}, "a", None),
        ({"event_type": "SECURITY"}, "security", None),
        ({"event_type": "My.Own"}, "My.Own", None),
        ({"event_name": 7}, "7", None),
        ({"event_name": "page_view"}, "user.page_view", None),
        ({"type": "identify"}, "user.identify", None),
        ({"event_name": None, "type": "a"}, "a", None),
    ],
)
def test_names_have_many_spellings(converted: Converted, named: dict[str, Any], name: str, event_type: str | None) -> None:
    """A type alone is the name."""
    ((record,), _) = converted(named)
    assert (name, event_type) == (record.name, record.attributes.get("event.type"))


def test_a_name_beside_a_type_is_a_property(converted: Converted) -> None:
    """`name` names an event only where nothing else does; a second spelling of the type is a property too."""
    ((record,), _) = converted({"event_type": "signup", "name": "Ada", "type": "b2b"})
    assert ("signup", "Ada", "b2b") == (record.name, record.attributes["name"], record.attributes["type"])


def test_camel_case_is_put_right_where_the_name_is_known(converted: Converted) -> None:
    """By the documents or the event's declaration; a custom property keeps its own name."""
    event = {
        "eventName": "user.login",
        "userId": "u",
        "pageSlug": "p",
        "properties": {"loginMethod": "sso", "deviceType": "tv", "myOwn": 1},
    }
    ((record,), (verdict,)) = converted(event)
    assert {"login_method": "sso", "device_type": "tv", "myOwn": 1, "page_slug": "p"}.items() <= record.attributes.items()
    assert verdict.error is None


def test_both_spellings_of_a_field_keep_their_places(converted: Converted) -> None:
    """snake_case wins, and nothing is lost."""
    ((record,), _) = converted({"type": "a", "userId": "camel", "user_id": "snake"})
    assert ("snake", "camel") == (record.attributes["user.id"], record.attributes["userId"])


def test_an_empty_field_is_an_absent_one(converted: Converted) -> None:
    """As in the pipeline."""
    ((record,), (verdict,)) = converted({"type": "a", "event_id": "", "user_id": "", "properties": {"x": ""}})
    assert ({"log.record.uid": verdict.event_id, "x": ""}, 36) == (record.attributes, len(verdict.event_id))


def test_identity_may_stand_among_the_properties(converted: Converted) -> None:
    """Also under OpenTelemetry's names, and as a number."""
    ((record,), _) = converted({"type": "a", "properties": {"userId": 7, "session.id": "s", "event_id": "e", "x": 1}})
    assert {"user.id": "7", "session.id": "s", "log.record.uid": "e", "x": 1} == record.attributes


def test_a_declared_property_stays_one_though_it_is_a_field(converted: Converted) -> None:
    """A login declares its user agent."""
    ((record,), _) = converted({"type": "user.login", "user_id": "u", "user_agent": "curl"})
    assert ("curl", "curl") == (record.attributes["user_agent"], record.attributes["user_agent.original"])


def test_the_declared_time_is_the_events_where_it_brings_no_other(converted: Converted) -> None:
    """One that is no time is the catalogue's to refuse."""
    login = {"type": "user.login", "user_id": "u", "login_timestamp": "2025-01-25"}
    assert MIDNIGHT_UNIX_NANO == converted(login)[0][0].unix_nano
    assert 1_763_750_000_000_000_000 == converted(login | {"timestamp": 1_763_750_000_000})[0][0].unix_nano
    assert ARRIVED_UNIX_NANO == converted(login | {"login_timestamp": "noon"})[0][0].unix_nano


def test_the_declared_user_is_the_user(converted: Converted) -> None:
    """`created_by` stands in for `user_id`."""
    assert [None, "user_id: is missing"] == [
        converted({"type": "workflow.created"} | fields)[1][0].error for fields in ({"created_by": "ada"}, {})
    ]


def test_a_batch_is_judged_event_by_event(converted: Converted) -> None:
    """One that the catalogue refuses is a record like the others: the pipeline refuses it by the same words."""
    batch = [{"type": "user.login", "user_id": "u"}, {"type": "user.login", "user_id": "u", "login_method": "pin"}, 5]
    records, verdicts = converted({"events": batch})
    assert [None, 'properties.login_method: "pin" is not one of "password", "sso"', "is a number, expected an object"] == [
        verdict.error for verdict in verdicts
    ]
    assert "pin" == records[1].attributes["login_method"]
    assert [verdict.event_id for verdict in verdicts] == [record.attributes["log.record.uid"] for record in records]


def test_what_is_kept_marked_is_accepted_with_a_warning(converted: Converted, lenient_catalogue: Any) -> None:
    """Where the policy is to stamp."""
    (_, (verdict,)) = converted({"type": "user.login"}, lenient_catalogue)
    assert (None, "user_id: is missing") == (verdict.error, verdict.warning)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({}, "event_name: is missing"),
        ({"event_name": ""}, "event_name: is empty"),
        ({"type": {}}, "type: is an object, expected a string"),
        ({"type": "a", "user_id": True}, "user_id: is a boolean, expected a string"),
        ({"type": "a", "properties": {"sessionId": []}}, "session_id: is a list, expected a string"),
        ({"type": "a", "properties": []}, "properties: is a list, expected an object"),
        ({"type": "a", "metadata": "x"}, "metadata: is a string, expected an object"),
        ({"type": "a", "user_roles": "admin"}, "user_roles: is a string, expected a list of strings"),
        ({"type": "a", "user_roles": [None]}, "user_roles[0]: is null, expected a string"),
        ({"type": "a", "priority": "urgent"}, 'priority: "urgent" is not one of "low", "normal", "high", "critical"'),
        ({"type": "a", "trace_id": "0af7"}, 'trace_id: "0af7" is not 32 hex digits'),
        ({"type": "a", "span_id": 7}, "span_id: 7 is not 16 hex digits"),
        (
            {"type": "a", "timestamp": "yesterday"},
            'timestamp: "yesterday" is no time, expected RFC 3339, or milliseconds since 1970 and after 2000',
        ),
        ([{"type": "a"}], "is a list, expected an object"),
    ],
)
def test_what_is_no_event_is_kept_as_it_was(converted: Converted, event: Any, reason: str) -> None:
    """The record says why; its body holds what was sent, and the events beside it are not touched."""
    records, verdicts = converted([{"type": "before"}, event, {"type": "after"}])
    refused = next(record for record in records if "event.refusal" in record.attributes)
    assert [None, reason, None] == [verdict.error for verdict in verdicts]
    assert {"event.refusal": reason, "log.record.uid": verdicts[1].event_id} == refused.attributes
    assert event == refused.body
    assert {"before", "after", refused.name} == {record.name for record in records}


@pytest.mark.parametrize(
    ("event", "reason", "kept"),
    [
        ({"x": {"y": [2**63]}}, f"properties.x.y[0]: {2**63} is no integer of 64 bits", {"x": {"y": [str(2**63)]}}),
        ({"metadata": {"x": "\ud800"}}, "metadata.x: holds half of a surrogate pair at character 0", {"metadata": {"x": '"\\ud800"'}}),
        ({"x": {"\udc00": 1}}, "properties.x: holds half of a surrogate pair at character 0", {"x": {'"\\udc00"': 1}}),
        ({"user_id": "ü\ud800"}, "user_id: holds half of a surrogate pair at character 1", {"user_id": '"ü\\ud800"'}),
        ({"x": float("inf")}, "properties.x: is no finite number", {"x": "Infinity"}),
        ({"x" * 101: {"y": 2**63}}, f"properties.{'x' * 100}.y: {2**63} is no integer of 64 bits", {"x" * 101: {"y": str(2**63)}}),
    ],
)
def test_what_otlp_cannot_hold_is_kept_as_its_json(converted: Converted, event: Any, reason: str, kept: Any) -> None:
    """All else of the event stays what it was; names are cut in reasons."""
    text = json.dumps({"type": "a"} | event).replace("Infinity", "1e999")
    ((record,), (verdict,)) = converted(text.encode())
    assert reason == verdict.error
    assert {"type": "a"} | kept == record.body


@pytest.mark.parametrize("event", [7, None, "text"])
def test_a_value_that_is_no_event_is_kept_as_json(converted: Converted, event: Any) -> None:
    """So that the pipeline has JSON in any case."""
    ((record,), _) = converted([event])
    assert event == json.loads(record.body)


def test_a_long_name_costs_its_own_bytes(converted: Converted) -> None:
    """Neither its length times its members, nor memory that outlives the request."""
    before = process_time()
    converted({"type": "a", "x": {"k" * 1_000_000: dict.fromkeys(map(str, range(20_000)), 1)}})
    assert process_time() - before < 2
    remembered = _snake.cache_info().currsize
    assert "K" * 100 in converted({"type": "a", "K" * 100: 1})[0][0].attributes
    assert remembered == _snake.cache_info().currsize


def test_nesting_ends_where_otlp_ends(converted: Converted) -> None:
    """30 levels are taken, one more is refused by its path, and no depth breaks anything."""
    for depth, refused in ((30, False), (31, True), (400, True)):
        (_, (verdict,)) = converted(b'{"type": "a", "x": ' + b'{"y":' * depth + b"1" + b"}" * depth + b"}")
        assert refused == (verdict.error is not None), depth
    assert '{"y": "{...}"}' in json.dumps(converted(b'{"type": "a", "x": ' + b'{"y":' * 31 + b"1" + b"}" * 32)[0][0].body)
    for depth in (975, 985, 995, 60_000):
        with suppress(UndecodableError):
            converted(b'{"type": ' + b'{"y":' * depth + b"1" + b"}" * depth + b"}")
    with pytest.raises(UndecodableError, match="nested too deep"):
        events_in(b"[" * 60_000)


def test_a_sender_cannot_refuse_its_own_event(converted: Converted) -> None:
    """The attribute by which the endpoint refuses is nobody else's."""
    ((record,), _) = converted({"type": "a", "event.refusal": "x", "properties": {"event.refusal": "y"}})
    assert ["log.record.uid"] == list(record.attributes)


def test_a_repeated_request_is_the_same_payload(converted: Converted) -> None:
    """So that it is stored once; where an event says no time, nothing shows that it is the same one."""
    timed, untimed = {"type": "a", "timestamp": 1_763_750_000_000}, {"type": "a"}
    ids = [[verdict.event_id for verdict in converted([timed, timed, untimed], salt=bytes([salt] * 16))[1]] for salt in (1, 2)]
    assert ids[0][:2] == ids[1][:2]
    assert 4 == len({*ids[0], *ids[1]})


def test_events_of_one_resource_stand_together(converted: Converted) -> None:
    """Each record has the resource that its event named."""
    records, _ = converted([{"type": name, "environment": name[0]} for name in ("a1", "b1", "a2")])
    assert {"a1": "a", "b1": "b", "a2": "a"} == {record.name: record.resource["deployment.environment.name"] for record in records}


def test_an_event_may_say_its_trace(converted: Converted) -> None:
    """So that it joins the spans."""
    ((record,), _) = converted({"type": "a", "traceId": "0AF7651916CD43DD8448EB211C80319C", "spanId": "b7ad6b7169203331"})
    assert ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331") == (record.trace_id, record.span_id)


_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(), max_size=5)
)
_VALUES = st.recursive(
    _SCALARS, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3), max_leaves=6
)
_MEMBERS = st.sampled_from(
    sorted(
        {
            *TEXTS,
            *OBJECTS,
            *LISTS,
            *RESOURCE,
            *NAMING_FIELDS,
            "userId",
            "properties",
            "timestamp",
            "priority",
            "traceId",
            "event.refusal",
            "x",
        }
    )
)


@given(st.lists(st.dictionaries(_MEMBERS, _VALUES, max_size=6) | _VALUES, max_size=4))
@settings(max_examples=100, deadline=None)
def test_any_json_becomes_a_record_and_a_verdict(events: list[Any]) -> None:
    """Of the same id each, whatever it is; OTLP's own rules are kept."""
    body = json.dumps(events).encode()
    payload, verdicts = to_logs_request(events_in(body), body, SmallCatalogue(), Arrival("default", ARRIVED_UNIX_NANO, bytes(16)))
    assert len(events) == len(verdicts) == inspect(Signal.LOGS, payload).items
    assert {verdict.event_id for verdict in verdicts} == {record.attributes["log.record.uid"] for record in records_of(payload)}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty, a JSON text expected"),
        (b"\xff", "the body is not valid UTF-8 at byte 0"),
        (b'{"type": "a",}', "the body is no JSON: .* line 1 column 14"),
        (b'[{"type": "a", "x": NaN}]', "the body is no JSON: NaN is no number"),
        (b"7", r'the body is a number, expected an event, an array of events or {"events": \[...\]}'),
        (b'{"events": [], "user_id": "u"}', 'the body has "user_id" beside "events"; put it into each event'),
    ],
)
def test_what_holds_no_events_is_said(body: bytes, reason: str) -> None:
    """What, and where."""
    with pytest.raises(UndecodableError, match=reason):
        events_in(body)


def test_an_integer_of_thousands_of_digits_costs_its_own_event(converted: Converted) -> None:
    """The others stay exact."""
    records, verdicts = converted(b'[{"type": "a", "x": ' + b"1" * 5000 + b'}, {"type": "b", "x": 9007199254740993}]')
    assert ["properties.x: is no finite number", None] == [verdict.error for verdict in verdicts]
    assert [{"type": "a", "x": "Infinity"}, None] == [record.body for record in records]
    assert 9_007_199_254_740_993 == records[1].attributes["x"]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    """Some editors write one."""
    assert [{"type": "a"}] == events_in(b'\xef\xbb\xbf{"type": "a"}')


def test_an_event_may_have_a_property_called_events() -> None:
    """It has a name."""
    assert [{"type": "a", "events": [1]}] == events_in(b'{"type": "a", "events": [1]}')


def test_there_are_bounds(converted: Converted) -> None:
    """On events, for each is answered, and on values, for each takes memory; what texts hold is not counted."""
    with pytest.raises(RefusedError, match="the body holds 10001 events; send at most 10000 at a time"):
        events_in(b"[" + b",".join([b'{"type": "event"}'] * 10_001) + b"]")
    for dense, what in ((b"[]", "arrays"), (b"{}", "objects")):
        with pytest.raises(TooDenseError, match=what):
            events_in(b'{"type":"a","x":[' + b",".join([dense] * 140_000) + b"]}")
    with pytest.raises(TooDenseError, match="values"):
        events_in(b'{"type":"a","x":[' + b",".join([b"1"] * 1_000_001) + b"]}")
    assert converted({"type": "a", "x": "{[,\\" * 300_000})[1][0].error is None
