"""Both engines refuse the same events in the same words: one event at a time in Python, a batch in DuckDB."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from otelpond.storage.decode.reference.json_text import object_text
from otelpond.storage.events.attributes import IDENTIFIERS
from otelpond.storage.events.catalogue import Catalogue, Event, Property, load_catalogue
from otelpond.storage.events.columnar import refusal_sql
from otelpond.storage.events.judge import refusal
from otelpond.storage.schema import create_macros

Given = tuple[str, Mapping[str, Any], Mapping[str, str | None]]
"""Name, properties and context of an event."""

CATALOGUE = load_catalogue()
FORMS = json.loads((Path(__file__).parent / "forms.json").read_text(encoding="utf-8"))
"""Each documented event: its properties and context, and what of them is changed with what refusal."""
CONTEXT = dict.fromkeys(IDENTIFIERS, "id")


def event(**properties: Property) -> Event:
    """An event with those properties and nothing else."""
    return Event(
        name="e",
        version="1.0.0",
        family="f",
        event_type="f.k",
        category="c",
        description="d",
        trigger="t",
        path=Path("e.toml"),
        properties=properties,
    )


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows the macros, as the pipeline's does."""
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        create_macros(connection)
        yield connection


def refusals(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, events: Sequence[Given]) -> list[str | None]:
    """What DuckDB says of each."""
    columns = {name: [context.get(name) for _, _, context in events] for name in IDENTIFIERS}
    names, texts = [name for name, _, _ in events], [object_text(properties) for _, properties, _ in events]
    batch = pa.table(
        {"event_name": names, "properties": pa.array(texts, pa.string()), **{k: pa.array(v, pa.string()) for k, v in columns.items()}}
    )
    con.register("batch", batch)
    return [text for (text,) in con.execute(f"select {refusal_sql(catalogue, set(names))} from batch").fetchall()]


def both(con: duckdb.DuckDBPyConnection, declared: Event, *values: Mapping[str, Any]) -> list[str | None]:
    """What is said of events with those properties; both engines say it."""
    expected = [refusal(declared, properties, CONTEXT) for properties in values]
    assert expected == refusals(con, Catalogue({"e": declared}), [("e", properties, CONTEXT) for properties in values])
    return expected


def prop(type: str, **rules: Any) -> Property:  # noqa: A002 - the key's name
    """A property named x."""
    return Property(name="x", type=type, description="d", **rules)


@pytest.mark.parametrize(
    ("declared", "value", "problem"),
    [
        (prop("string"), 1, ": is a number, expected a string"),
        (prop("string"), b"x", ": is bytes, expected a string"),
        (prop("string"), "", None),
        (prop("string", required=True), "", ": is empty"),
        (prop("string", required=True), None, ": is missing"),
        (prop("string", values=("a", "b")), "pin", ': "pin" is not one of "a", "b"'),
        (prop("string", values=("a", "b")), "", ': "" is not one of "a", "b"'),
        (prop("string", values=("a", 'q"\\')), 'q"\\', None),
        (prop("string", values=("a",)), 'a" is "\\', r': "a\" is \"\\" is not one of "a"'),
        (prop("string", values=("a",)), 101 * '"', ': "' + 100 * r"\"" + '..." is not one of "a"'),
        (prop("string", values=("a",)), "x\n\u007f\0" + 100 * "y", ': "x   ' + 96 * "y" + '..." is not one of "a"'),
        (prop("integer"), "12", ": is a string, expected an integer"),
        (prop("integer"), 12.0, None),
        (prop("integer"), 1e3, None),
        (prop("integer"), -0.0, None),
        (prop("integer"), 12.5, ": 12.5 is not an integer"),
        (prop("integer"), 1e300, ": 1e+300 is beyond 64 bits"),
        (prop("integer"), float("nan"), ": is NaN, expected an integer"),
        (prop("integer"), True, ": is a boolean, expected an integer"),
        (prop("integer", minimum=100, maximum=599), 100, None),
        (prop("integer", minimum=100, maximum=599), 599.0, None),
        (prop("integer", minimum=100, maximum=599), 600, ": 600 is more than 599"),
        (prop("integer", minimum=-5, maximum=5), -6, ": -6 is less than -5"),
        (prop("number", minimum=0), -0.0, None),
        (prop("number", minimum=0), -1e-5, ": -1e-05 is less than 0"),
        (prop("number", minimum=0.5, maximum=1.5), 2, ": 2 is more than 1.5"),
        (prop("number", minimum=0, maximum=100), 99.9999, None),
        (prop("number", minimum=0, maximum=100), 100.00001, ": 100.00001 is more than 100"),
        (prop("number"), float("-inf"), ": is infinite, expected a number"),
        (prop("number"), [], ": is a list, expected a number"),
        (prop("boolean"), "true", ": is a string, expected a boolean"),
        (prop("boolean"), 0, ": is a number, expected a boolean"),
        (prop("boolean"), False, None),
        (prop("timestamp"), "2026-11-21T18:00:00.123456789Z", None),
        (prop("timestamp"), "2024-02-29 18:00:00+05:30", None),
        (prop("timestamp"), "2026-11-21", None),
        (prop("timestamp"), 1_795_000_000_000, None),
        (prop("timestamp"), -1.5, None),
        (prop("timestamp"), "2023-02-29T00:00:00Z", ': "2023-02-29T00:00:00Z" is not a timestamp (RFC 3339, or milliseconds since 1970)'),
        (prop("timestamp"), "0000-01-01T00:00:00Z", ': "0000-01-01T00:00:00Z" is not a timestamp (RFC 3339, or milliseconds since 1970)'),
        (prop("timestamp"), "yesterday", ': "yesterday" is not a timestamp (RFC 3339, or milliseconds since 1970)'),
        (prop("timestamp"), 10**18, ": 1000000000000000000 is not a timestamp (RFC 3339, or milliseconds since 1970)"),
        (prop("timestamp"), {}, ": is an object, expected a timestamp"),
        (prop("object"), {"a": {"b": [None]}}, None),
        (prop("object"), {"$bytes": "%"}, None),
        (prop("object"), [{}], ": is a list, expected an object"),
        (prop("object"), b"{}", ": is bytes, expected an object"),
        (prop("string[]"), ["a", ""], None),
        (prop("string[]"), "a", ": is a string, expected a list of strings"),
        (prop("string[]"), ["a", 1, 2], "[1]: is a number, expected a string"),
        (prop("string[]"), [None], "[0]: is null, expected a string"),
        (prop("string[]", values=("a", "b")), ["a", "c"], '[1]: "c" is not one of "a", "b"'),
        (prop("string[]", values=("a", "b")), ["a", ""], '[1]: "" is not one of "a", "b"'),
    ],
)
def test_a_value_that_breaks_its_rule_is_told(
    declared: Property, value: object, problem: str | None, con: duckdb.DuckDBPyConnection
) -> None:
    """Where, what it is and what was expected; by both engines."""
    assert [None if problem is None else f"properties.x{problem}"] == both(con, event(x=declared), {"x": value})


def test_each_documented_event_is_taken_and_its_wrong_forms_are_refused(con: duckdb.DuckDBPyConnection) -> None:
    """Valid, and in three or four invalid forms, each with its reason."""
    changes = [(name, {"change": {}, "refusal": None}) for name in FORMS]
    changes += [(name, wrong) for name, form in FORMS.items() for wrong in form["invalid"]]
    given = [_changed(name, FORMS[name], wrong["change"]) for name, wrong in changes]
    wanted = [wrong["refusal"] for _, wrong in changes]
    assert (30, []) == (len(FORMS), [name for name, form in FORMS.items() if len(form["invalid"]) < 3])
    assert wanted == [refusal(CATALOGUE.events[name], properties, context) for name, properties, context in given]
    assert wanted == refusals(con, CATALOGUE, given)


def _changed(name: str, form: Mapping[str, Any], change: Mapping[str, Any]) -> Given:
    context = {key: change.get(key, value) for key, value in form["context"].items()}
    return name, {**form["properties"], **{key: value for key, value in change.items() if key not in IDENTIFIERS}}, context


def test_the_first_reason_counts(con: duckdb.DuckDBPyConnection) -> None:
    """Required context comes first, then the properties in the catalogue's order, whatever the order of the event."""
    declared = CATALOGUE.events["workflow.execution_completed"]
    broken = {"nodes_executed": -1, "actual_duration": "long"}
    cases: list[tuple[Mapping[str, str | None], str]] = [
        ({**CONTEXT, "execution_id": "", "workflow_id": None}, "execution_id: is missing"),
        ({**CONTEXT, "workflow_id": None}, "workflow_id: is missing"),
        (CONTEXT, "properties.actual_duration: is a string, expected a number"),
    ]
    assert [text for _, text in cases] == [refusal(declared, broken, context) for context, _ in cases]
    assert [text for _, text in cases] == refusals(con, CATALOGUE, [(declared.name, broken, context) for context, _ in cases])


def test_what_the_catalogue_does_not_know_is_kept(con: duckdb.DuckDBPyConnection) -> None:
    """Unknown names, and unknown properties of a known name."""
    nested = {"form_id": "f", "other": {"x": [1, 2.5, None]}, "more": float("nan")}
    assert [None, None] == refusals(con, CATALOGUE, [("no.such", {"a": 1}, {}), ("form.start", nested, {})])
    assert [None] == refusals(con, Catalogue({}), [("form.start", {}, {})])


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.integers(-2, 600), st.floats(), st.floats(-2, 101), st.binary(max_size=3)
)
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.sampled_from(["NULL", "null", "}, 5", "], {", '"', "\\", "$double", "12", "true", 150 * "é"]),
)
TIMES = st.one_of(st.datetimes().map(str), st.datetimes().map(lambda time: f"{time.isoformat()}Z"), st.dates().map(str))
VALUES = st.recursive(
    SCALARS | TEXTS | TIMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["$double", "$bytes", "a", ""]) | TEXTS, inner, max_size=2),
    max_leaves=4,
)


def likely(declared: Property) -> st.SearchStrategy[Any]:
    """Values that are valid, or nearly so, or anything."""
    bounds = [bound for bound in (declared.minimum, declared.maximum) if bound is not None]
    near = [bound + step for bound in bounds for step in (-1, -0.5, 0, 0.0, 1e-9, 1)]
    fitting: dict[str, st.SearchStrategy[Any]] = {
        "string": st.sampled_from([*(declared.values or declared.examples or ["x"]), "other"]),
        "string[]": st.lists(st.sampled_from([*(declared.values or declared.examples or ["x"]), "other", "", 1]), max_size=3),
        "integer": st.sampled_from([*near, 1, 5.0, 500]),
        "number": st.sampled_from([*near, 1, 2.75, 500]),
        "boolean": st.booleans(),
        "timestamp": TIMES,
        "object": st.dictionaries(TEXTS, VALUES, max_size=2),
    }
    return st.one_of(fitting[declared.type], fitting[declared.type], fitting[declared.type], VALUES)


@st.composite
def events(draw: st.DrawFn) -> Given:
    """An event of the catalogue, most of its properties valid."""
    declared = CATALOGUE.events[draw(st.sampled_from(list(CATALOGUE.events)))]
    wrong = draw(st.sets(st.sampled_from([*declared.properties, None])))
    properties = {
        name: draw(likely(each)) if name in wrong else _fitting(each)
        for name, each in declared.properties.items()
        if draw(st.integers(0, 9))
    }
    extra = draw(st.dictionaries(TEXTS.filter(lambda name: name not in declared.properties), VALUES, max_size=1))
    return declared.name, {**extra, **properties}, draw(st.sampled_from([CONTEXT, CONTEXT, CONTEXT, {}, {**CONTEXT, "workflow_id": ""}]))


def _fitting(declared: Property) -> Any:
    """A valid value."""
    number = declared.minimum or 0
    fitting = {
        "integer": int(number),
        "number": number,
        "boolean": True,
        "timestamp": "2026-11-21T18:00:00Z",
        "object": {"a": 1},
        "string[]": [],
    }
    return fitting.get(declared.type, (declared.values or declared.examples or ("x",))[0])


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(events(), min_size=20, max_size=40))
def test_both_engines_agree(con: duckdb.DuckDBPyConnection, events: list[Given]) -> None:
    """On whatever event of the catalogue, valid or not, in the same words."""
    expected = [refusal(CATALOGUE.events[name], properties, context) for name, properties, context in events]
    assert expected == refusals(con, CATALOGUE, events)
