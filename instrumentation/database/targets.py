"""What is known of an engine and of the statements that it has sent: the attributes that their spans share, made once."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, NamedTuple

from . import statements
from .pools import Pools

MAX_STATEMENTS = 1024
"""Distinct statements of an engine that are remembered; beyond them the oldest go."""
MAX_KEY = 4096
"""Characters of a statement that is remembered by its text; a longer one is by its hash."""
SYSTEMS = {
    "mssql": "microsoft.sql_server",
    "oracle": "oracle.db",
    "redshift": "aws.redshift",
    "cockroachdb": "cockroachdb",
    "db2": "ibm.db2",
    "ibm_db_sa": "ibm.db2",
    "hana": "sap.hana",
    "bigquery": "gcp.bigquery",
    "spanner+spanner": "gcp.spanner",
    "firebird": "firebirdsql",
}
"""`db.system.name` where it is not SQLAlchemy's name of the dialect."""
PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "microsoft.sql_server": 1433, "oracle.db": 1521, "cockroachdb": 26257}
BUFFERING_DRIVERS = frozenset({
    "psycopg2", "psycopg2cffi", "psycopg", "psycopg_async", "asyncpg", "pg8000", "pymysql", "mysqldb", "aiomysql", "asyncmy",
})  # fmt: skip
"""Drivers that have all rows after execution (unless they stream) and say in `rowcount` how many."""


class Many(NamedTuple):
    """The rows of an executemany.

    Attributes:
        size: parameter sets.
        is_one: whether they are one statement, an INSERT of many values that SQLAlchemy has made, and not DB-API's own.
    """

    size: int
    is_one: bool

    @classmethod
    def of(cls, parameters: Any, context: Any) -> Many | None:
        """What is to be sent; None where it is not known. SQLAlchemy has the parameters of all rows of its INSERTs in one tuple."""
        try:
            if getattr(getattr(context, "execute_style", None), "name", "") != "INSERTMANYVALUES":
                return cls(len(parameters), is_one=False)
            names = context.compiled.positiontup
            return cls(len(parameters) // len(names), is_one=True) if names else None
        except Exception:  # noqa: BLE001 - whatever it is, the statement is sent
            return None


_ONE_ROW = re.compile(r"\bVALUES\b", re.IGNORECASE)
_MAYBE_NONE = re.compile(r"\b(?:CONFLICT|IGNORE|DUPLICATE|SELECT)\b", re.IGNORECASE)


class Known:
    """A statement as it is reported: the name of its spans, and the attributes that all of them have."""

    __slots__ = ("attributes", "inserts_one", "is_transaction", "name", "rows", "sanitised")

    def __init__(self, sql: str, common: dict[str, Any]) -> None:
        read = statements.read(sql, common["db.system.name"])
        self.is_transaction = read.operation in statements.TRANSACTIONS
        self.rows = "db.response.affected_rows" if read.operation in statements.WRITES else "db.response.returned_rows"
        self.inserts_one = read.operation == "INSERT" and bool(_ONE_ROW.search(read.text)) and not _MAYBE_NONE.search(read.text)
        self.name = read.summary or common["db.system.name"]
        self.sanitised = read.text
        said = {
            "db.operation.name": read.operation,
            "db.collection.name": read.table,
            "db.query.summary": read.summary,
            "db.query.text": read.text,
        }
        self.attributes = {**common, **{name: value for name, value in said.items() if value}}


class Target:
    """What is known of an engine; it is kept on its dialect, which the engines that `execution_options` makes of it share."""

    def __init__(self, engine: Any, pools: Pools) -> None:
        while hasattr(engine, "_proxied"):
            engine = engine._proxied  # noqa: SLF001 - nothing public leads from such an engine to the first
        dialect, url = engine.dialect, engine.url
        self.pool = pools.add(engine)
        self.buffers = dialect.driver in BUFFERING_DRIVERS
        self.system = SYSTEMS.get(dialect.name, dialect.name)
        self.common: dict[str, Any] = {"db.system.name": self.system}
        self._place(url.database, url.host or url.query.get("host"), url.port)
        self._known: dict[str | int, Known] = {}
        self._complete = False

    def _place(self, database: Any, host: Any, port: Any) -> None:
        if self.system == "sqlite" and not database:
            database = ":memory:"
        if database:
            self.common.setdefault("db.namespace", str(database))
        if isinstance(host, str) and host and "server.address" not in self.common:
            self.common["server.address"] = host
            port = port or PORTS.get(self.system)
            if port and not host.startswith("/"):
                self.common["server.port"] = int(port)

    def rows(self, known: Known, cursor: Any, context: Any, many: Many | None) -> int | None:
        """How many rows a statement has given or changed; -1 where nobody says it, None where they have to be counted as they come."""
        if many is not None:
            rows = many.size if many.is_one else int(cursor.rowcount)
            return many.size if rows < 0 and known.inserts_one else rows  # asyncpg says nothing
        if context._is_server_side or (not self.buffers and cursor.description is not None):  # noqa: SLF001
            return None
        return int(cursor.rowcount)

    def known(self, sql: str, conn: Any) -> Known:
        """A statement, read the first time that it comes."""
        key = sql if len(sql) <= MAX_KEY else hash(sql)
        try:
            return self._known[key]
        except KeyError:
            return self._learned(key, sql, conn)

    def _learned(self, key: str | int, sql: str, conn: Any) -> Known:
        if not self._complete:
            self._complete = True
            with suppress(Exception):  # then less is known
                self._ask_connection(conn)
        while len(self._known) >= MAX_STATEMENTS:
            with suppress(KeyError, StopIteration, RuntimeError):  # another thread was faster
                del self._known[next(iter(self._known))]
        known = self._known[key] = Known(sql, self.common)
        return known

    def _ask_connection(self, conn: Any) -> None:
        """What only a connection says: that it is MariaDB; where it leads where the URL does not say it."""
        if getattr(conn.dialect, "is_mariadb", False):
            self.system = self.common["db.system.name"] = "mariadb"
        info: Any = getattr(conn.connection.dbapi_connection, "info", None)
        if hasattr(info, "dbname"):  # psycopg and psycopg2
            self._place(info.dbname, info.host, info.port)
