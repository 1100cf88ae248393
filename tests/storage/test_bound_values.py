"""Error texts: the values that SQLAlchemy and databases repeat in them are taken out, whatever stands around."""

from __future__ import annotations

import json
import traceback

import pyarrow as pa
import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from otelpond.storage.bound_values import without_values, without_values_in

BACKGROUND = "(Background on this error at: https://sqlalche.me/e/20/gkpj)"
HEAD = "(sqlite3.IntegrityError) UNIQUE constraint failed: users.email"


def failed_insert(value: str) -> sqlalchemy.exc.IntegrityError:
    """What SQLAlchemy raises where a value stands in a unique column already."""
    users = sqlalchemy.Table("users", sqlalchemy.MetaData(), sqlalchemy.Column("email", sqlalchemy.Text, unique=True))
    engine = sqlalchemy.create_engine("sqlite://")
    try:
        with engine.begin() as con:
            users.create(con)
            for _ in range(2):
                con.execute(users.insert(), {"email": value})
    except sqlalchemy.exc.IntegrityError as error:
        return error
    finally:
        engine.dispose()
    raise AssertionError


@pytest.mark.parametrize("value", ["ada@example.com", "it's ]\n(Background", "]", '"], [', "\\", "[parameters: x]", "s" * 500])
def test_sqlalchemys_own_texts_lose_their_parameters(value: str) -> None:
    """Message and stack of a real error hold the statement and where to read more, and no value."""
    error = failed_insert(value)
    expected = f"{HEAD}\n[SQL: INSERT INTO users (email) VALUES (?)]\n[parameters: ?]\n{BACKGROUND}"
    assert expected == without_values(str(error))
    stack = "".join(traceback.format_exception(error))
    assert stack.split("[SQL: ")[0] + expected.removeprefix(f"{HEAD}\n") + "\n" == without_values(stack)


@given(value=st.text(st.characters(codec="utf-8")))
def test_no_value_survives(value: str) -> None:
    """Whatever the value is, in a message, in JSON, and in a line that a logger joined."""
    text = f"{HEAD}\n[SQL: INSERT INTO users (email) VALUES (?)]\n[parameters: ({f's3cr3t{value}s3cr3t'!r},)]\n{BACKGROUND}"
    for given_text in (text, text.replace("\n", " "), json.dumps({"error": text}), f"saved: {json.dumps(text)}"):
        assert "s3cr3t" not in without_values(given_text)
        assert BACKGROUND in without_values(given_text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[SQL: select 'secret'\n  from t]\n" + BACKGROUND, "[SQL: select ? from t]\n" + BACKGROUND),
        ("[SQL: select a[1]\nfrom t where b = 'x']\n[parameters: (1,)]", "[SQL: select a[?] from t where b = ?]\n[parameters: ?]"),
        ("[SQL: select ?]\n[parameters: [{'d': 'secret'}]]\n\nThe above", "[SQL: select ?]\n[parameters: ?]\n\nThe above"),
        ("[parameters: (array([[1, 2],\n       [3, 4]]),)]\n" + BACKGROUND, "[parameters: ?]\n" + BACKGROUND),
        ("  | [parameters: (1,)]\n  | " + BACKGROUND + "\n  +---", "  | [parameters: ?]\n  | " + BACKGROUND + "\n  +---"),
        ("  | [parameters: (1,)]\n  +-------", "  | [parameters: ?]\n  +-------"),
        (
            "[SQL: select 1]\n[SQL parameters hidden due to hide_parameters=True]",
            "[SQL: select ?]\n[SQL parameters hidden due to hide_parameters=True]",
        ),
        ("[parameters: ('cut off by a lim", "[parameters: ?]"),
        ("[SQL: 12 ms] loading", "[SQL: ? ms] loading"),
        ("DETAIL:  Key (lower(email))=(a@(b).c) already exists.\nHINT", "DETAIL:  Key (lower(email))=(?) already exists.\nHINT"),
        ('DETAIL:  Key (id)=(42) is not present in table "users".', 'DETAIL:  Key (id)=(?) is not present in table "users".'),
        (
            "DETAIL:  Key (r, d)=(1, [a,b)) conflicts with existing key (r, d)=(1, [b,c)).",
            "DETAIL:  Key (r, d)=(?) conflicts with existing key (r, d)=(?).",
        ),
        ("DETAIL:  Failing row contains (1, null, it).\nCONTEXT", "DETAIL:  Failing row contains (?).\nCONTEXT"),
        ("(1062, \"Duplicate entry 'a@b.c' for key 'users.email'\")", "(1062, \"Duplicate entry '?' for key 'users.email'\")"),
        ("The duplicate key value is (a@b.c).", "The duplicate key value is (?)."),
        ("see the parameters: [1, 2], f(x) = (y)", "see the parameters: [1, 2], f(x) = (y)"),
    ],
)
def test_values_are_found_by_their_marks(text: str, expected: str) -> None:
    """SQLAlchemy's, PostgreSQL's, MySQL's and SQL Server's ways to repeat values; what is not closed runs to the end."""
    assert expected == without_values(text)


def test_json_stays_json() -> None:
    """Only the strings that hold values change, and half a surrogate pair does not cost the batch."""
    text = r'{"a":"[parameters: (\"secret\",)]","b":[1,"\u00e9"],"c":"\ud83d [parameters: 1]"}'
    assert r'{"a":"[parameters: ?]","b":[1,"\u00e9"],"c":"? [parameters: ?]"}' == without_values(text)


@pytest.mark.parametrize("kind", [pa.string(), pa.string_view()])
def test_only_marked_rows_change(kind: pa.DataType) -> None:
    """Relations keep their types, their other rows and columns; prefixes of marks alone change nothing."""
    texts = ["[parameters: (1,)]", None, "plain", "[pa, Dup, DETAIL, [SQ"]
    records = pa.table(
        {
            "exception_message": pa.chunked_array([pa.array(texts[:1], kind), pa.array(texts[1:], kind)]),
            "exception_stacktrace": pa.array([None] * 4, kind),
            "attributes": pa.array(["{}", '{"k":"Duplicate entry \'x\' for key"}', None, None], kind),
            "row_id": pa.array(range(4)),
        }
    )
    treated = without_values_in("span_events", records)
    assert records.schema == treated.schema
    assert ["[parameters: ?]", *texts[1:]] == treated["exception_message"].to_pylist()
    assert ["{}", '{"k":"Duplicate entry \'?\' for key"}', None, None] == treated["attributes"].to_pylist()
    assert records.slice(0, 0).to_pylist() == without_values_in("span_events", records.slice(0, 0)).to_pylist()
