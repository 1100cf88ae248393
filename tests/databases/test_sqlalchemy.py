"""Every statement is one row with what can be known of it: whatever SQLAlchemy, engine, driver and database."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest
import sqlalchemy
from opentelemetry import trace
from otelpond.instrumentation import database
from sqlalchemy import event, text
from sqlalchemy.orm import Session, declarative_base

Base: Any = declarative_base()
Observe = Callable[..., Any]
VERSION = tuple(int(part) for part in sqlalchemy.__version__.split(".")[:2])


class Order(Base):
    """A mapped class."""

    __tablename__ = "orders"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True, autoincrement=False)
    name = sqlalchemy.Column(sqlalchemy.String(50), unique=True)


orders = Order.__table__


def _fill(connection: Any) -> None:
    connection.execute(orders.insert(), [{"id": number, "name": f"customer-{number}"} for number in range(1, 6)])


def _failing(run: Callable[..., Any], *arguments: Any) -> BaseException:
    """What the call raised."""
    try:
        run(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    pytest.fail("nothing was raised")


def test_a_statement_is_one_row_with_what_is_known(shop: Any, observed: Observe) -> None:
    """Operation, table, summary, the statement without its literals, rows, and where it went; below the span that it ran in."""
    seen = observed()
    with seen.tracer_provider.get_tracer("test").start_as_current_span("request") as request:
        shop.run(lambda connection: connection.execute(text("SELECT id FROM orders WHERE name = 'ada' AND id > 7")).fetchall())
    span, _ = seen.spans()
    assert span.parent is not None
    assert request.get_span_context().span_id == span.parent.span_id
    assert (trace.SpanKind.CLIENT, "SELECT orders") == (span.kind, span.name)
    assert span.end_time >= span.start_time
    row = dict(span.attributes)
    assert {
        "db.operation.name": "SELECT",
        "db.collection.name": "orders",
        "db.query.summary": "SELECT orders",
        "db.response.returned_rows": 0,
        "otelpond.db.pool.connections": 1,
        "db.system.name": shop.system,
    }.items() <= row.items()
    assert "ada" not in row["db.query.text"]
    assert row["db.query.text"].startswith("SELECT id FROM orders WHERE name =")
    if shop.system == "sqlite":
        assert row["db.namespace"].endswith("shop.db")
        assert "server.address" not in row
    else:
        assert ("postgres", "127.0.0.1", shop.url.port) == (row["db.namespace"], row["server.address"], row["server.port"])


def test_where_a_connection_leads_is_asked_where_the_url_does_not_say_it(new_database: Callable[..., Any], observed: Observe) -> None:
    """An engine with a `creator` has an empty one."""
    known = new_database("postgresql+psycopg2")
    psycopg2 = importlib.import_module("psycopg2")
    port = known.url.port
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg2://", creator=lambda: psycopg2.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres")
    )
    seen = observed()
    with engine.connect() as connection:
        connection.execute(text("SELECT 1")).scalar()
    engine.dispose()
    (row,) = seen.rows()
    assert ("postgres", "127.0.0.1", port) == (row["db.namespace"], row["server.address"], row["server.port"])


def test_rows_are_counted(shop: Any, observed: Observe) -> None:
    """Those returned, and those affected; the service still gets each of them."""
    seen = observed()

    def work(connection: Any) -> None:
        _fill(connection)
        assert len(connection.execute(sqlalchemy.select(orders.c.id)).fetchall()) == 5
        assert len(list(connection.execute(sqlalchemy.select(orders.c.name)))) == 5
        result = connection.execute(text("SELECT id FROM orders"))
        assert [1, 2] == [row[0] for row in result.fetchmany(2)]
        assert len(result.fetchall()) == 3
        assert connection.execute(text("SELECT count(*) FROM orders")).scalar() == 5
        assert connection.execute(orders.update().where(orders.c.id > 2).values(name=orders.c.name + "x")).rowcount == 3
        assert connection.execute(orders.delete().where(orders.c.id == 1)).rowcount == 1
        connection.execute(text("DELETE FROM orders WHERE id = 99"))

    shop.run(work)
    rows = seen.rows()
    assert ["INSERT", "SELECT", "SELECT", "SELECT", "SELECT", "UPDATE", "DELETE", "DELETE"] == [row["db.operation.name"] for row in rows]
    assert [None, 5, 5, 5, 1, None, None, None] == [row.get("db.response.returned_rows") for row in rows]
    assert [5, None, None, None, None, 3, 1, 0] == [row.get("db.response.affected_rows") for row in rows]


def test_an_executemany_is_one_row_with_its_size(shop: Any, observed: Observe) -> None:
    """The driver's own; SQLAlchemy's INSERTs of many values are statements, each of them sent."""
    shop.run(_fill)
    seen = observed()
    statement = orders.update().where(orders.c.id == sqlalchemy.bindparam("which")).values(name=sqlalchemy.bindparam("value"))
    shop.run(lambda connection: connection.execute(statement, [{"which": number, "value": f"v{number}"} for number in range(1, 4)]))
    (row,) = seen.rows()
    assert (3, "UPDATE orders") == (row["db.operation.batch.size"], row["db.query.summary"])
    assert row.get("db.response.affected_rows") in {3, None}


def test_streams_are_counted(shop: Any, observed: Observe) -> None:
    """Rows that come in parts are counted as they are taken."""
    shop.run(_fill)
    seen = observed()

    def work(connection: Any) -> int:
        if shop.is_async:
            return len(connection.execute(text("SELECT id FROM orders")).fetchall())
        result = connection.execution_options(stream_results=True, max_row_buffer=2).execute(text("SELECT id FROM orders"))
        return len(list(result))

    async def work_async(connection: Any) -> int:
        return len([row async for row in await connection.stream(text("SELECT id FROM orders"))])

    assert shop.run(work) == 5
    if shop.is_async:
        assert shop.run_async(work_async) == 5
    assert {5} == {row["db.response.returned_rows"] for row in seen.rows()}


def test_what_the_service_never_fetches_is_reported_all_the_same(shop: Any, observed: Observe) -> None:
    """Later, when the next statement or collection of metrics comes."""
    seen = observed()
    shop.run(lambda connection: connection.execute(text("SELECT id FROM orders")) and None)
    seen.metrics()
    assert ["SELECT orders"] == [row["db.query.summary"] for row in seen.rows()]


def test_transactions_are_no_queries(shop: Any, observed: Observe) -> None:
    """Neither COMMIT and ROLLBACK nor savepoints, nor a BEGIN that is written out."""
    seen = observed()

    def work(connection: Any) -> None:
        with connection.begin_nested():
            connection.execute(text("SELECT 1")).scalar()
        inner = connection.begin_nested()
        inner.rollback()

    shop.run(work)
    assert ["SELECT"] == [row["db.query.summary"] for row in seen.rows()]


def test_the_orm_is_one_row_a_statement(shop: Any, observed: Observe) -> None:
    """Whatever it makes of a flush: as many rows as SQLAlchemy sends statements, each with its rows."""
    seen = observed()
    sent: list[str] = []

    def count(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "SAVEPOINT" not in statement:
            sent.append(statement)

    event.listen(shop.engine, "before_cursor_execute", count)

    def work(connection: Any) -> None:
        with Session(bind=connection) as session:
            session.add_all([Order(id=number, name=f"o{number}") for number in range(20)])
            session.flush()
            session.query(Order).filter(Order.id < 3).all()
            session.query(Order).filter(Order.id == 7).one().name = "seven"
            session.flush()

    shop.run(work)
    rows = seen.rows()
    assert len(sent) == len(rows) >= 4
    assert all(row["db.collection.name"] == "orders" for row in rows)
    assert all("db.response.returned_rows" in row or "db.response.affected_rows" in row for row in rows)
    assert 20 == sum(row["db.response.affected_rows"] for row in rows if row["db.operation.name"] == "INSERT")


def test_a_violated_constraint(shop: Any, observed: Observe) -> None:
    """Class, code, the exception that the service sees and where from; no bound value."""
    shop.run(_fill)
    seen = observed()
    number = 3  # the stack trace shows the line

    def insert_twice(connection: Any) -> None:
        connection.execute(text("INSERT INTO orders (id, name) VALUES (:id, :name)"), {"id": 99, "name": f"customer-{number}"})

    raised = _failing(shop.run, insert_twice)
    assert isinstance(raised, sqlalchemy.exc.IntegrityError)
    (span,) = seen.spans()
    row = dict(span.attributes)
    assert ("constraint", 0) == (row["otelpond.db.error.kind"], row["db.response.affected_rows"])
    assert row["db.response.status_code"] in {"23505", "SQLITE_CONSTRAINT_UNIQUE"}
    assert trace.StatusCode.ERROR == span.status.status_code
    (reported,) = span.events
    said = dict(reported.attributes)
    assert ("exception", "sqlalchemy.exc.IntegrityError") == (reported.name, said["exception.type"])
    assert "insert_twice" in said["exception.stacktrace"]
    assert "test_a_violated_constraint" in said["exception.stacktrace"]
    assert said["exception.message"] in said["exception.stacktrace"]
    assert "[SQL: INSERT INTO orders" in said["exception.message"]
    assert "customer-3" not in str(said) + str(span.status.description)


def test_a_wrong_statement(shop: Any, observed: Observe) -> None:
    """Whatever the database does not understand or know."""
    seen = observed()
    _failing(shop.run, lambda connection: connection.execute(text("SELECT * FROM nowhere")))
    (row,) = seen.rows()
    assert ("query", "nowhere") == (row["otelpond.db.error.kind"], row["db.collection.name"])
    assert row["db.response.status_code"] in {"42P01", "SQLITE_ERROR"}
    assert row["error.type"]


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("SELECT * FROM orders WHERE name = 'Anna Schmidt' AND nothing = 1", {}),
        ("SELECT * FROM orders WHERE name = 'Anna Schmidt' AND 'Anna Schmidt'", {}),
        ("SELECT CAST('he said \"bye\" (to). Anna Schmidt' AS INTEGER), 1 FROM nowhere", {}),
        ("SELECT CAST('he said \"bye\" (to). Anna Schmidt' AS INTEGER) FROM orders", {}),
        ("INSERT INTO orders (id, name) VALUES (:id, :name)", {"id": "Anna Schmidt", "name": "x"}),
        ("INSERT INTO orders (id, name) VALUES (:id, :name)", {"id": None, "name": "he said (bye). Anna Schmidt"}),
    ],
    ids=["column", "type", "table", "cast", "argument", "row"],
)
def test_a_message_repeats_no_values(shop: Any, observed: Observe, statement: str, values: dict[str, Any]) -> None:
    """Whatever the database or its driver makes of them."""
    shop.run(_fill)
    seen = observed()
    with suppress(Exception):  # SQLite takes some of them
        shop.run(lambda connection: connection.execute(text(statement), values).fetchall())
    for span in seen.spans():
        said = str([dict(event.attributes) for event in span.events]) + str(span.status.description) + span.name
        assert "Schmidt" not in said
        assert "Traceback" in said or not span.events


def test_a_transaction_that_cannot_be_committed(shop: Any, observed: Observe) -> None:
    """What is checked at its end fails there, and belongs to no statement."""
    shop.run(lambda connection: connection.execute(text("DROP TABLE IF EXISTS items")))
    items = "CREATE TABLE items (order_id INTEGER REFERENCES orders (id) DEFERRABLE INITIALLY DEFERRED)"
    shop.run(lambda connection: connection.execute(text(items)))
    seen = observed()

    def work(connection: Any) -> None:
        connection.execute(text("INSERT INTO items (order_id) VALUES (99)"))

    if shop.system == "sqlite":
        event.listen(shop.engine, "connect", lambda connection, _record: connection.cursor().execute("PRAGMA foreign_keys = ON"))
        shop.dispose()
    assert isinstance(_failing(shop.run, work), sqlalchemy.exc.DBAPIError)
    inserted, failed = seen.rows()
    assert ("INSERT items", 1) == (inserted["db.query.summary"], inserted["db.response.affected_rows"])
    assert ("COMMIT", "constraint") == (failed["db.operation.name"], failed["otelpond.db.error.kind"])
    shop.run(lambda connection: connection.execute(text("DROP TABLE items")))


@pytest.mark.parametrize("kind", ["postgresql+psycopg2", "postgresql+psycopg", "postgresql+asyncpg", "postgresql+pg8000"])
def test_a_statement_that_takes_too_long(kind: str, new_database: Callable[..., Any], observed: Observe) -> None:
    """The server's own limit."""
    shop = new_database(kind)
    seen = observed()

    def work(connection: Any) -> None:
        connection.execute(text("SET statement_timeout = 50"))
        connection.execute(text("SELECT pg_sleep(10)"))

    _failing(shop.run, work)
    row = seen.rows()[-1]
    assert ("timeout", "57014") == (row["otelpond.db.error.kind"], row["db.response.status_code"])


def test_a_locked_database(new_database: Callable[..., Any], observed: Observe) -> None:
    """SQLite waits as long as the service says, and no longer."""
    holder, other = (new_database("sqlite", connect_args={"timeout": 0.05}) for _ in range(2))
    seen = observed()
    with holder.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN EXCLUSIVE")
        _failing(other.run, lambda waiting: waiting.execute(text("CREATE TABLE more (id INTEGER)")))
    (row,) = seen.rows()
    assert ("timeout", "SQLITE_BUSY") == (row["otelpond.db.error.kind"], row["db.response.status_code"])


def test_a_cancelled_statement(new_database: Callable[..., Any], observed: Observe) -> None:
    """The service gave it up."""
    shop = new_database("postgresql+asyncpg")
    seen = observed()

    async def work(connection: Any) -> None:
        await asyncio.wait_for(connection.execute(text("SELECT pg_sleep(10)")), 0.2)

    assert isinstance(_failing(shop.run_async, work), TimeoutError)
    (row,) = seen.rows()
    assert ("timeout", "asyncio.exceptions.CancelledError") == (row["otelpond.db.error.kind"], row["error.type"])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # aiosqlite's thread outlives its loop
@pytest.mark.parametrize("kind", ["sqlite", "sqlite+aiosqlite", "postgresql+psycopg2", "postgresql+psycopg", "postgresql+asyncpg"])
def test_a_failed_connection(kind: str, new_database: Callable[..., Any], observed: Observe) -> None:
    """Reported once, as what the service sees, and no row of a statement."""
    with closing(socket.socket()) as listener:  # bound, and nobody listens
        listener.bind(("127.0.0.1", 0))
        known = new_database(kind)
        wrong = (
            known.url.set(database="/nonexistent/shop.db") if known.system == "sqlite" else known.url.set(port=listener.getsockname()[1])
        )
        shop = type(known)(wrong.render_as_string(hide_password=False))
        seen = observed()
        raised = _failing(shop.run, lambda _connection: None)
        shop.close()
    (span,) = seen.spans()
    assert ("connect", "connection") == (span.name, span.attributes["otelpond.db.error.kind"])
    assert "db.query.text" not in span.attributes
    assert type(raised).__name__ == span.events[0].attributes["exception.type"].rpartition(".")[2]


def test_an_exhausted_pool(new_database: Callable[..., Any], observed: Observe) -> None:
    """Its figures are metrics; that none became free in time is counted and reported."""
    pool = sqlalchemy.pool.QueuePool
    shop = new_database("sqlite", poolclass=pool, pool_size=1, max_overflow=1, pool_timeout=0.05)
    seen = observed()
    with shop.engine.connect() as first, shop.engine.connect() as second:
        first.execute(text("SELECT 1")).scalar()
        second.execute(text("SELECT 1")).scalar()
        assert isinstance(_failing(shop.run, lambda _connection: None), sqlalchemy.exc.TimeoutError)
        busy = seen.metrics()
    _, row, failed = seen.rows()
    assert row["otelpond.db.pool.connections"] == 2
    assert failed["otelpond.db.error.kind"] == "connection"
    assert {
        ("db.client.connection.count", "used"): 2,
        ("db.client.connection.count", "idle"): 0,
        ("db.client.connection.max",): 2,
        ("db.client.connection.idle.max",): 1,
        ("otelpond.db.client.connection.overflow",): 1,
        ("db.client.connection.timeouts",): 1,
    }.items() <= busy.items()
    idle = seen.metrics()
    assert (0, 1) == (idle["db.client.connection.count", "used"], idle["db.client.connection.count", "idle"])


@pytest.mark.parametrize("pool", ["NullPool", "StaticPool", "SingletonThreadPool"])
def test_pools_that_do_not_count(pool: str, new_database: Callable[..., Any], observed: Observe) -> None:
    """Their connections are counted as they open and close."""
    seen = observed()
    shop = new_database("sqlite", poolclass=getattr(sqlalchemy.pool, pool))
    shop.run(lambda connection: connection.execute(text("SELECT 1")).scalar())
    (row,) = seen.rows()
    assert row["otelpond.db.pool.connections"] == 1
    assert (pool != "NullPool") == seen.metrics()["db.client.connection.count", "used"]


def test_engines_with_other_options_share_what_is_known(new_database: Callable[..., Any], observed: Observe) -> None:
    """A statement through `engine.execution_options()` is one row too, and its pool is counted once."""
    shop = new_database("sqlite", poolclass=sqlalchemy.pool.QueuePool)
    seen = observed()
    for engine in (shop.engine.execution_options(isolation_level="AUTOCOMMIT"), shop.engine):
        with engine.connect() as connection:
            connection.execute(text("SELECT 1")).scalar()
    assert len(seen.rows()) == 2
    assert seen.metrics()["db.client.connection.count", "idle"] == 1


def test_a_service_says_itself_what_is_slow_where_its_threshold_is_its_own(new_database: Callable[..., Any], observed: Observe) -> None:
    """With the default one the tables know as much."""
    shop = new_database("sqlite")
    slowly = [0.02]

    def work(connection: Any) -> None:
        connection.connection.create_function("slowly", 0, lambda: time.sleep(slowly[0]))
        connection.execute(text("SELECT slowly()")).scalar()
        connection.execute(text("SELECT 1")).scalar()

    seen = observed(slow_query_threshold_ms=10.0)
    shop.run(work)
    assert [True, False] == [row["otelpond.slow"] for row in seen.rows()]
    database.stop()
    seen = observed()
    shop.run(work)
    assert not any("otelpond.slow" in row for row in seen.rows())


def test_comments_that_others_add_are_not_reported(new_database: Callable[..., Any], observed: Observe) -> None:
    """A trace's id in a comment would make every statement another one."""
    seen = observed()
    shop = new_database("sqlite")

    def comment(*arguments: Any) -> tuple[str, Any]:
        return f"{arguments[2]} /* traceparent='00-1-2-01' */", arguments[3]

    event.listen(shop.engine, "before_cursor_execute", comment, retval=True)
    shop.run(lambda connection: connection.execute(text("SELECT 1")).scalar())
    assert all("traceparent" not in row["db.query.text"] for row in seen.rows())


def test_afterwards_engines_are_as_they_were(new_database: Callable[..., Any], observed: Observe) -> None:
    """Of what the part has changed nothing is left."""
    method = sqlalchemy.engine.Engine.raw_connection
    shop = new_database("sqlite")
    seen = observed()
    assert method is not sqlalchemy.engine.Engine.raw_connection
    shop.run(lambda connection: connection.execute(text("SELECT 1")).scalar())
    assert len(seen.rows()) == 1
    database.stop()
    shop.run(lambda connection: connection.execute(text("SELECT 1")).scalar())
    assert not seen.rows()
    assert method is sqlalchemy.engine.Engine.raw_connection


def test_what_fails_in_us_reaches_no_query(
    new_database: Callable[..., Any], observed: Observe, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said in one line."""
    shop = new_database("sqlite")
    seen = observed()
    (engines,) = database._running

    def fails(*_: Any) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(engines, "_target", fails)
    assert shop.run(lambda connection: connection.execute(text("SELECT 7")).scalar()) == 7
    _failing(shop.run, lambda connection: connection.execute(text("SELECT * FROM nowhere")))
    assert not seen.rows()
    assert "otelpond: a database statement is not reported: ValueError: broken" in capsys.readouterr().err


@pytest.mark.parametrize(
    "kind", ["sqlite", "sqlite+aiosqlite", "postgresql+psycopg2", "postgresql+psycopg", "postgresql+psycopg_async", "postgresql+asyncpg"]
)
def test_packages_for_drivers_double_nothing(kind: str, new_database: Callable[..., Any], observed: Observe) -> None:
    """A driver's own package is quiet while SQLAlchemy uses the driver, and only then."""
    driver = "sqlite3" if kind.startswith("sqlite") else kind.partition("+")[2].removesuffix("_async")
    name = f"opentelemetry.instrumentation.{driver}"
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    module = importlib.import_module(name)
    instrumentor = next(getattr(module, found) for found in dir(module) if found.endswith("Instrumentor") and found != "BaseInstrumentor")()
    seen = observed()
    instrumentor.instrument(tracer_provider=seen.tracer_provider, skip_dep_check=True)
    try:
        shop = new_database(kind)
        shop.run(lambda connection: connection.execute(text("SELECT 1")).scalar())
        shop.run(lambda connection: connection.execute(text("SELECT 2")).scalar())
        spans = seen.spans()
        if kind == "sqlite":
            raw = importlib.import_module("sqlite3").connect(":memory:")
            raw.cursor().execute("SELECT 3")
            raw.close()
            assert len(seen.spans()) == 1
    finally:
        instrumentor.uninstrument()
    assert ["otelpond.database"] * 2 == [span.instrumentation_scope.name for span in spans]


def test_a_service_that_instruments_its_engine_itself_keeps_its_spans(new_database: Callable[..., Any], observed: Observe) -> None:
    """They are not doubled, and get what we know."""
    name = "opentelemetry.instrumentation.sqlalchemy"
    if VERSION >= (2, 1) or importlib.util.find_spec(name) is None:
        pytest.skip("OpenTelemetry's package takes no SQLAlchemy 2.1")
    seen = observed()
    shop = new_database("sqlite")
    instrumentor = importlib.import_module(name).SQLAlchemyInstrumentor()
    instrumentor.instrument(engine=shop.engine, tracer_provider=seen.tracer_provider, skip_dep_check=True)
    try:
        shop.run(lambda connection: connection.execute(text("CREATE TABLE own (id INTEGER)")))
        shop.run(lambda connection: connection.execute(text("SELECT id FROM own WHERE id = 'secret'")).fetchall())
        _failing(shop.run, lambda connection: connection.execute(text("SELECT * FROM nowhere")))
    finally:
        instrumentor.uninstrument()
    rows = [row for row in seen.rows() if "db.query.text" in row]
    assert ["CREATE own", "SELECT own", "SELECT nowhere"] == [row["db.query.summary"] for row in rows]
    assert "secret" not in rows[1]["db.query.text"]
    assert rows[2]["otelpond.db.error.kind"] == "query"
