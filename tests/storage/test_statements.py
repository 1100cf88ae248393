"""Statements: literals removed in one linear pass, operation and table read within limits, never an exception."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from otelpond.storage.decode.columns import RELATIONS
from otelpond.storage.literals import without_literals
from otelpond.storage.statements import MAX_PARSED_BYTES, StatementReader, pattern_hash

SYSTEMS = ("", "postgresql", "mysql", "sqlite", "microsoft.sql_server", "oracle.db", "clickhouse", "redis", "mongodb", "a new one")


def spans(rows: list[dict[str, object]]) -> pa.Table:
    """Decoded spans of which only the columns named are told apart; the rest is empty, as string views, like the kernels give them."""
    columns = {}
    for field in RELATIONS["spans"]:
        kind = pa.string_view() if field.type == pa.string() else field.type
        columns[field.name] = pa.array([row.get(field.name) for row in rows], kind)
    return pa.table(columns)


@pytest.mark.parametrize(
    ("system", "text", "expected"),
    [
        ("postgresql", "select * from t where a = 'it''s' and b = -1.5e-3", "select * from t where a = ? and b = ?"),
        ("postgresql", "select $1, %s, %(name)s, :name, ?, x::int", "select ?, ?, ?, ?, ?, x::int"),
        ("postgresql", "select E'it\\'s secret', $$secret$$, $tag$ a $1 $tag$ from t2", "select ?, ?, ? from t2"),
        ("oracle.db", "select q'[it's secret]', Q'!it's secret!', 'b' from dual", "select ?, ?, ? from dual"),
        ("postgresql", 'select "Col 1", t1.c2 from "My Table"', 'select "Col 1", t1.c2 from "My Table"'),
        ("postgresql", "select 1 -- 'secret\nfrom t /* secret */ where x", "select ? from t where x"),
        ("postgresql", "select  a\n\t from t", "select a from t"),
        ("postgresql", "where id in (1, 2,3) or id IN ('a')", "where id in (?) or id IN (?)"),
        ("postgresql", "insert into t values (1, 'a'), (2, 'b')", "insert into t values (?, ?)"),
        ("postgresql", "insert into t values (1, now()), (2, now())", "insert into t values (?, now()), (?, now())"),
        ("postgresql", "select 'never closed, secret", "select ?"),
        ("mysql", "select \"it\\\"s secret\", 'it\\'s secret' from `t 1`", "select ?, ? from `t 1`"),
        ("mysql", "select 'ends in a backslash \\", "select ?"),
        ("a new one", 'select "secret" from t', "select ? from t"),
        ("mongodb", '{"find": "users", "filter": {"age": {"$gt": 5}}}', '{"find": ?, "filter": {"age": {"$gt": ?}}}'),
        ("redis", "SET user:1 secret\nGET user:1\nPING", "SET ?; GET ?; PING"),
        ("microsoft.sql_server", "select @@rowcount, @p1, 0xFF", "select @@rowcount, ?, ?"),
    ],
)
def test_literals_are_removed(system: str, text: str, expected: str) -> None:
    """Strings, numbers, parameters and comments go, identifiers stay, lists of literals collapse."""
    assert expected == without_literals(text, system)


@given(text=st.text(), system=st.sampled_from(SYSTEMS))
def test_any_text_is_read(text: str, system: str) -> None:
    """No text of no system raises, and the same text gives the same statement."""
    first, second = StatementReader().read([(system, text)]), StatementReader().read([(system, text)])
    assert first == second


@given(secret=st.text(st.characters(codec="utf-8", exclude_characters="'\\")), system=st.sampled_from([s for s in SYSTEMS if s != "redis"]))
def test_no_quoted_text_survives(secret: str, system: str) -> None:
    """What stands between quotes is nowhere in the stored statement."""
    marked = f"s3cr3t{secret}s3cr3t"
    assert "s3cr3t" not in without_literals(f"select a from t where b = '{marked}' and c = '{marked}'", system)


@pytest.mark.parametrize(
    ("system", "text", "operation", "table"),
    [
        ("postgresql", "SELECT a FROM shop.orders o JOIN lines l ON o.id = l.id", "SELECT", "shop.orders"),
        ("postgresql", "with x as (select 1 from a) insert into b select * from x", "INSERT", "b"),
        ("postgresql", "select data->>'x' from docs", "SELECT", "docs"),
        ("postgresql", "(select 1 from a) union (select 2 from b)", "SELECT", "a"),
        ("mysql", "REPLACE INTO t VALUES (1)", "REPLACE", ""),
        ("microsoft.sql_server", "UPDATE [dbo].[t] SET a = @p1", "UPDATE", "dbo.t"),
        ("postgresql", "BEGIN", "BEGIN", ""),
        ("postgresql", "SET search_path TO x", "SET", ""),
        ("postgresql", "", "", ""),
        ("postgresql", "(((", "", ""),
    ],
)
def test_operation_and_table_are_read(system: str, text: str, operation: str, table: str) -> None:
    """Operation and first table come from the statement, without quotes, and names of common table expressions are no tables."""
    (statement,) = StatementReader().read([(system, text)])
    assert (operation, table) == (statement.operation, statement.table)


def test_equal_patterns_have_equal_hashes() -> None:
    """Statements that differ in literals, white space and list lengths share text and hash."""
    one, two, other = StatementReader().read(
        [
            ("postgresql", "select * from t where id in (1, 2)"),
            ("postgresql", "select *\n from t where id in (3)"),
            ("postgresql", "select * from u where id in (3)"),
        ]
    )
    assert (one.text, one.hash) == (two.text, two.hash)
    assert one.hash != other.hash
    assert pattern_hash(one.text) == one.hash


def test_without_time_only_the_first_keyword_is_read() -> None:
    """A batch beyond its time still gets text, hash and operation, and the table of a statement is read by a later batch."""
    query = [("postgresql", "select * from t")]
    (hurried,) = StatementReader(budget_s=0).read(query)
    assert ("SELECT", "", "select * from t") == (hurried.operation, hurried.table, hurried.text)
    assert "t" == StatementReader().read(query)[0].table


def test_long_statements_are_not_parsed() -> None:
    """Over 4 kB the first keyword is all, literals are removed all the same."""
    text = "select " + ", ".join(f"column_{index}" for index in range(1000)) + " from t where a = 'secret'"
    assert len(text) > MAX_PARSED_BYTES
    (statement,) = StatementReader().read([("postgresql", text)])
    assert ("SELECT", "") == (statement.operation, statement.table)
    assert statement.text.endswith("where a = ?")


def test_deep_nesting_is_no_error() -> None:
    """What the parser cannot take leaves the first keyword."""
    (statement,) = StatementReader().read([("postgresql", "select " + "(" * 1500 + "a" + ")" * 1500)])
    assert "SELECT" == statement.operation


def test_spans_keep_their_types_and_get_three_columns() -> None:
    """Annotated spans hold sanitised text in the type it came in, and what was read beside it."""
    given_spans = spans(
        [
            {"db_system_name": "mysql", "db_query_text": 'select "x" from t'},
            {},
            {"db_system_name": "postgresql", "db_query_text": 'select "x" from t'},
            {"db_query_text": "select 1"},
        ]
    )
    annotated = StatementReader().annotate(given_spans)
    assert given_spans.schema.types == annotated.schema.types[:-3]
    assert ["select ? from t", None, 'select "x" from t', "select ?"] == annotated["db_query_text"].to_pylist()
    assert ["t", None, "t", ""] == annotated["db_query_table"].to_pylist()
    assert [pattern_hash("select ? from t"), None, pattern_hash('select "x" from t'), pattern_hash("select ?")] == annotated[
        "db_query_hash"
    ].to_pylist()


def test_statements_in_the_json_of_mixed_rows_are_sanitised() -> None:
    """Where a row has its statement under both names, the copies that stay in the JSON hold no literal either."""
    text = "select 'a \\\"b\\\" \\n' from t"
    attributes = f'{{"db.statement":"{text}","db.query.text":"{text}","note":"db.statement"}}'
    annotated = StatementReader().annotate(
        spans([{"db_system_name": "postgresql", "db_query_text": "select 1", "semconv": "mixed", "attributes": attributes}, {}])
    )
    expected = '{"db.statement":"select ? from t","db.query.text":"select ? from t","note":"db.statement"}'
    assert [expected, None] == annotated["attributes"].to_pylist()


def test_many_systems_and_statements_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the pairs of system and statement could be too many to mark, they are sorted: with the same result."""
    rows = [
        {"db_system_name": f"system {index % 7}", "db_query_text": f"select a{index % 5}" if index % 3 else None} for index in range(100)
    ]
    marked = StatementReader().annotate(spans(rows))
    monkeypatch.setattr("otelpond.storage.statements._MARKED_VALUES", 0)
    assert marked.to_pylist() == StatementReader().annotate(spans(rows)).to_pylist()
    assert [row["db_query_text"] for row in rows] == marked["db_query_text"].to_pylist()


def test_statements_in_logs_are_sanitised() -> None:
    """A log record or span event that carries a statement among its attributes keeps none of its literals."""
    attributes = ['{"db.query.text":"select \'a\'"}', None, '{"db.note":1}', "{}"]
    sanitised = StatementReader().sanitise_attributes(pa.table({"attributes": pa.array(attributes, pa.string_view())}))
    assert ['{"db.query.text":"select ?"}', None, '{"db.note":1}', "{}"] == sanitised["attributes"].to_pylist()


def test_spans_without_statements_are_left_alone() -> None:
    """No statement in a batch: the columns are there and NULL."""
    annotated = StatementReader().annotate(spans([{}, {"db_system_name": "redis"}]))
    assert [None, None] == annotated["db_query_hash"].to_pylist()
    assert 0 == StatementReader().annotate(spans([])).num_rows
