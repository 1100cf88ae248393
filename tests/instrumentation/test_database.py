"""What is read from statements and errors, and that a service's statements fill the tables; engines are tested in tests/databases."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy
from otelpond.instrumentation.database import failures, messages, statements, targets

OTELPOND = (sys.executable, "-m", "otelpond.config.cli")


@pytest.mark.parametrize(
    ("sql", "operation", "table", "summary"),
    [
        ("SELECT 1", "SELECT", "", "SELECT"),
        ("select id from orders where x = 'from y'", "SELECT", "orders", "SELECT orders"),
        (
            'SELECT a FROM "public"."Orders" o, `items` i JOIN z ON z.a = i.b',
            "SELECT",
            "public.Orders",
            "SELECT public.Orders items z",
        ),
        ("SELECT (SELECT count(*) FROM b) FROM a", "SELECT", "a", "SELECT SELECT b a"),
        ("INSERT INTO orders (id, name) VALUES (?, ?) RETURNING id", "INSERT", "orders", "INSERT orders"),
        (
            "insert into archive select * from orders where extract(year from made) = 3",
            "INSERT",
            "archive",
            "INSERT archive SELECT orders",
        ),
        ("UPDATE orders SET a = 1 WHERE b IS DISTINCT FROM c", "UPDATE", "orders", "UPDATE orders"),
        ("UPDATE ONLY shop.orders SET a = (select max(x) from y)", "UPDATE", "shop.orders", "UPDATE shop.orders SELECT y"),
        ("DELETE FROM orders WHERE id IN (SELECT id FROM items)", "DELETE", "orders", "DELETE orders SELECT items"),
        ("WITH recent AS (SELECT * FROM orders) SELECT * FROM recent JOIN users ON true", "SELECT", "users", "SELECT orders SELECT users"),
        (
            "WITH RECURSIVE t(n) AS (VALUES (1)) INSERT INTO numbers SELECT n FROM t",
            "INSERT",
            "numbers",
            "VALUES INSERT numbers SELECT",
        ),
        ("INSERT OR REPLACE INTO orders VALUES (1)", "INSERT", "orders", "INSERT orders"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET x = 1", "MERGE", "t", "MERGE t"),
        ("CREATE TABLE IF NOT EXISTS orders (user_id INTEGER REFERENCES users(id))", "CREATE", "orders", "CREATE orders"),
        ("CREATE UNIQUE INDEX ix ON orders (a)", "CREATE", "orders", "CREATE orders"),
        ("TRUNCATE orders", "TRUNCATE", "orders", "TRUNCATE orders"),
        ('PRAGMA main.table_info("orders")', "PRAGMA", "orders", "PRAGMA orders"),
        ("/* hi */ -- x\nSELECT a FROM t FOR UPDATE", "SELECT", "t", "SELECT t"),
        ("SELECT * FROM generate_series(1, 10) g", "SELECT", "", "SELECT"),
        ("SAVEPOINT sa_1", "SAVEPOINT", "", "SAVEPOINT"),
        ("", "", "", ""),
        ("??? (((", "", "", ""),
    ],
    ids=lambda value: value[:24] if " " in value else "-",
)
def test_a_statement_is_read(sql: str, operation: str, table: str, summary: str) -> None:
    """Operation, main table and summary, without a database's grammar."""
    read = statements.read(sql, "sqlite")
    assert (operation, table, summary) == (read.operation, read.table, read.summary)


@pytest.mark.parametrize(
    ("sql", "system"),
    [
        (r"SELECT * FROM t WHERE note = 'it\'s from Anna, join Berta'", "mysql"),
        (r"SELECT * FROM t WHERE note = E'it\'s from Anna, join Berta'", "postgresql"),
        ('SELECT * FROM t WHERE note = "from Anna"', "mariadb"),
        ("SELECT * FROM t WHERE note = q'[it's from Anna]'", "oracle.db"),
    ],
    ids=["mysql", "postgresql", "mariadb", "oracle"],
)
def test_no_literal_is_read_as_a_table(sql: str, system: str) -> None:
    """However a database quotes and escapes it: table and summary are sent as they are."""
    read = statements.read(sql, system)
    assert ("t", "SELECT t") == (read.table, read.summary)
    assert "Anna" not in read.text


def test_long_statements_are_bounded() -> None:
    """What is sent, what is looked at, and what is remembered."""
    sql = f"SELECT * FROM {', '.join(f'table_{number}' for number in range(10_000))} WHERE id = 1"
    read = statements.read(sql)
    assert statements.MAX_TEXT == len(read.text)
    assert len(read.summary) <= statements.MAX_SUMMARY
    assert read.summary.startswith("SELECT table_0 table_1 ")
    assert not read.summary.endswith("table_")


def test_few_statements_are_remembered() -> None:
    """A service that writes values into its statements makes ever new ones."""
    target = object.__new__(targets.Target)
    target.common, target._known, target._complete = {"db.system.name": "sqlite"}, {}, True
    for number in range(targets.MAX_STATEMENTS + 10):
        target.known(f"SELECT {number}", None)
    long = "SELECT '" + "x" * targets.MAX_KEY + "'"
    assert target.known(long, None) is target.known(long, None)
    assert targets.MAX_STATEMENTS == len(target._known)
    assert "SELECT 9" not in target._known
    assert long not in target._known


class OperationalError(Exception):
    """As every driver has one."""


class IntegrityError(Exception):
    """Likewise."""


class InterfaceError(Exception):
    """Likewise."""


def _with(error: BaseException, **attributes: str) -> BaseException:
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(
    ("error", "system", "disconnected", "code", "kind"),
    [
        (_with(OperationalError(), sqlstate="23503"), "postgresql", False, "23503", "constraint"),
        (_with(OperationalError(), pgcode="57014"), "postgresql", False, "57014", "timeout"),
        (_with(OperationalError(), sqlstate="55P03"), "postgresql", False, "55P03", "timeout"),
        (_with(OperationalError(), sqlstate="57P01"), "postgresql", True, "57P01", "connection"),
        (_with(OperationalError(), sqlstate="40P01"), "postgresql", False, "40P01", "query"),
        (OperationalError({"C": "42601"}), "postgresql", False, "42601", "query"),
        (OperationalError(1062, "Duplicate entry"), "mysql", False, "1062", "constraint"),
        (OperationalError(1205, "Lock wait timeout exceeded"), "mariadb", False, "1205", "timeout"),
        (OperationalError(2013, "Lost connection"), "mysql", False, "2013", "connection"),
        (OperationalError(1064, "syntax"), "mysql", False, "1064", "query"),
        (OperationalError("28000", "[28000] login failed"), "microsoft.sql_server", False, "28000", "connection"),
        (OperationalError("ORA-01013: cancelled"), "oracle.db", False, "ORA-01013: cancelled", "query"),
        (
            _with(OperationalError(), sqlite_errorname="SQLITE_CONSTRAINT_FOREIGNKEY"),
            "sqlite",
            False,
            "SQLITE_CONSTRAINT_FOREIGNKEY",
            "constraint",
        ),
        (_with(OperationalError(), sqlite_errorname="SQLITE_BUSY_SNAPSHOT"), "sqlite", False, "SQLITE_BUSY_SNAPSHOT", "timeout"),
        (_with(OperationalError(), sqlite_errorname="SQLITE_CANTOPEN"), "sqlite", False, "SQLITE_CANTOPEN", "connection"),
        (IntegrityError("whatever"), "db2", False, None, "constraint"),
        (InterfaceError("closed"), "db2", False, None, "connection"),
        (OperationalError("whatever"), "db2", True, None, "connection"),
        (OperationalError(), "db2", False, None, "query"),
        (TimeoutError(), "postgresql", False, None, "timeout"),
        (TimeoutError(), "postgresql", True, None, "connection"),
        (ConnectionRefusedError(111, "refused"), "postgresql", False, "111", "connection"),
        (KeyboardInterrupt(), "sqlite", True, None, "timeout"),
    ],
    ids=[str(number) for number in range(23)],
)
def test_errors_are_sorted(error: BaseException, system: str, disconnected: bool, code: str | None, kind: str) -> None:
    """By SQLSTATE, SQLite's and MySQL's codes, and DB-API's classes; never by a message."""
    failure = failures.Failure(error, error, system, disconnected=disconnected)
    assert (code, kind) == (failure.code, failure.kind)


class PostgresError(Exception):
    """As psycopg has it: all in one text, and the parts of it."""

    def __init__(self, message: str, detail: str = "", **names: str) -> None:
        super().__init__(
            f"{message}\nLINE 1: SELECT 'SECRET'\n               ^\nDETAIL:  {detail}\nCONTEXT:  portal parameter $1 = 'SECRET'"
        )
        self.diag = SimpleNamespace(**{"message_primary": message, "message_detail": detail, "constraint_name": None, **names})


class AsyncpgError(Exception):
    """As SQLAlchemy wraps asyncpg's own ones, which have no parts."""

    def __init__(self, message: str) -> None:
        self.__cause__ = InterfaceError(message)
        super().__init__(f"{InterfaceError}: {message}")


VIOLATION = "[23000] [Driver][SQL Server]Violation of UNIQUE KEY constraint 'UQ_x'. Cannot insert duplicate key in object 'dbo.t'."
_PARSED = "You have an error in your SQL syntax; use near"
SAYINGS: list[tuple[BaseException, str]] = [
    (PostgresError('syntax error at or near "SECRET"'), "syntax error at or near ?"),
    (PostgresError('invalid input syntax for type integer: "SE"SECRET"T"'), "invalid input syntax for type integer: ?"),
    (PostgresError("ungültige Eingabesyntax für Typ integer: »SECRET«"), "ungültige Eingabesyntax für Typ integer: ?"),
    (PostgresError('column "name" of relation "shop.orders" does not exist'), 'column "name" of relation "shop.orders" does not exist'),
    (
        PostgresError('violates unique constraint "orders_key"', "Key (name)=(SECRET) already exists.", constraint_name="orders_key"),
        'violates unique constraint "orders_key"\nDETAIL:  Key (name)=(?)',
    ),
    (
        PostgresError("verletzt »orders_key«", "Schlüssel »(name)«=(SECRET) existiert bereits.", constraint_name="orders_key"),
        "verletzt »orders_key«\nDETAIL:  Schlüssel »(name)«=(?)",
    ),
    (
        PostgresError("verletzt »positive«", "Fehlgeschlagene Zeile enthält (1, (SECRET). SECRET, null).", constraint_name="positive"),
        "verletzt »positive«",
    ),
    (
        AsyncpgError("invalid input for query argument $1: 'SECRET... ('str' object cannot be interpreted)"),
        f"{InterfaceError}: invalid input for query argument $1: ? (? object cannot be interpreted)",
    ),
    (
        AsyncpgError("invalid input for query argument $2: SECRET (expected str, got int)"),
        f"{InterfaceError}: invalid input for query argument $2: ? (expected str, got int)",
    ),
    (OperationalError({"M": 'violates "k"', "D": "Key (a)=(SECRET) exists.", "n": "k"}), 'violates "k"\nDETAIL:  Key (a)=(?)'),
    (OperationalError("null value\nDETAIL:  Failing row contains (1, he said (bye). SECRET, null)."), "null value"),
    (OperationalError("Failing row contains (1, he said (bye). SECRET, null)."), "Failing row contains (?)."),
    (OperationalError(1064, f"{_PARSED} 'FROM t WHERE name = 'SECRET'' at line 1"), f"(1064, '{_PARSED} ? at line 1')"),
    (OperationalError(1062, "Duplicate entry 'O'SECRET' for key 't.name_key'"), "(1062, \"Duplicate entry ? for key 't.name_key'\")"),
    (OperationalError(1366, "Incorrect value: 'a 'SECRET'' for column 'name'"), "(1366, \"Incorrect value: ? for column 'name'\")"),
    (OperationalError(1048, "Column 'other' cannot be null"), "(1048, \"Column 'other' cannot be null\")"),
    (
        OperationalError("23000", f"{VIOLATION} The duplicate key value is (a (x). SECRET). (2627) (SQLExecDirectW)"),
        f"""('23000', "{VIOLATION} The duplicate key value is (?). (2627) (SQLExecDirectW)")""",
    ),
    (OperationalError(2627, b"key 'UQ_x': (SECRET).DB-Lib"), "(2627, \"key 'UQ_x': (?).DB-Lib\")"),
    (OperationalError("UNIQUE constraint failed: orders.name"), "UNIQUE constraint failed: orders.name"),
    (OperationalError("can't read 'SECRET"), "can't read ?"),
]


@pytest.mark.parametrize(("error", "expected"), SAYINGS, ids=[str(number) for number in range(len(SAYINGS))])
def test_databases_messages_lose_their_values(error: BaseException, expected: str) -> None:
    """By where they stand, in any language; names of tables, columns and constraints stay."""
    sanitised = "SELECT name FROM shop.orders WHERE name = ?"
    assert expected == messages.message_of(error, sanitised)
    shown = sqlalchemy.exc.DBAPIError("SELECT 'SECRET'", ("SECRET", "a]\n(Background on this error"), error)
    said = (
        f"({type(error).__module__}.{type(error).__name__}) {expected}\n[SQL: {sanitised}]\n[parameters: ?]\n(Background on this error at: "
    )
    assert messages.message_of(shown, sanitised).startswith(said)


def test_a_failed_connection_keeps_its_names() -> None:
    """No value was sent."""
    error = OperationalError('connection to server at "db.example", port 5432 failed:\n\tIs the server running?')
    assert str(error) == failures.Failure(error, error, "postgresql", disconnected=True).message


def test_a_stack_begins_where_the_service_asked() -> None:
    """SQLAlchemy is asked about an error before it travels up: the frames above come from the stack."""

    def query() -> BaseException:
        try:
            sqlite3.connect(":memory:").execute("SELECT * FROM nowhere")
        except sqlite3.Error as error:
            return error
        raise AssertionError

    failed: Any = query()
    stack = failures.stack_of(failed, "sqlite3.OperationalError: no such table: nowhere\n")
    assert stack.startswith("Traceback (most recent call last):\n  File ")
    assert stack.endswith("sqlite3.OperationalError: no such table: nowhere\n")
    assert "in query\n" in stack


def test_statements_of_a_service_fill_the_tables(collector: Any, run: Callable[..., Any]) -> None:
    """One row each, no column empty that can be known; an error that ends a request is one error."""
    where = f"http://{collector.http}"
    ended = run(
        *OTELPOND, "run", "--service", "queries", "--endpoint", where, "--", sys.executable, "queries.py", OTELPOND_SERVICE_VERSION="7"
    )
    assert (0, "") == (ended.returncode, ended.stderr)
    assert [(int(ended.stdout),)] == collector.published("select count(*) from database_performance_metrics where service_name = 'queries'")
    rows = collector.rows(
        "select query_type, table_name, rows_affected, connection_pool_size, error from database_performance_metrics"
        " where service_name = 'queries' and query_type <> 'CREATE' order by timestamp"
    )
    request = [("INSERT", "orders", 2), ("SELECT", "orders", 2), ("UPDATE", "orders", 1), ("DELETE", "orders", 2)]
    failing = [("INSERT", "orders", 1), ("INSERT", "orders", 0)]
    assert [(*row, 1, row[2] == 0) for row in [*request, *failing] * 2] == rows
    described = collector.rows("select * from (describe database_performance_metrics)")
    unknown = {"rows_affected", "user_id"}
    for name in {name for name, *_ in described} - unknown:
        query = f"select count(*) from database_performance_metrics where service_name = 'queries' and \"{name}\" is null"
        assert (name, [(0,)]) == (name, collector.rows(query))
    errors = collector.rows(
        "select error_type, error_code, exception_type, table_name, query, contains(error_stack, 'in fail'),"
        " contains(error_stack, 'secret')"
        " from database_error_logs where service_name = 'queries'"
    )
    insert = "INSERT INTO orders (id, name) VALUES (?, ?)"
    violated = ("constraint", "SQLITE_CONSTRAINT_PRIMARYKEY", "sqlalchemy.exc.IntegrityError", "orders", insert, True, False)
    assert [violated, violated] == errors
    assert [("Database", 2)] == collector.rows("select error_type, count(*) from error_logs where service_name = 'queries' group by all")
