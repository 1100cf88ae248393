"""Tries rules of alerts on a pond without rows, so that a wrong one is told by `otelpond check` and not by silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import duckdb

from ..query import EVENTS as USER_EVENTS
from ..query import OPEN_EVENTS, views_of
from ..schema import TableSchema, create_macros
from .measures import EVENTS, MEASURES, SESSIONS, sessions_sql
from .rules import Rule

_NUMBERS: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "U", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN", '"NULL"')


class AlertRuleError(Exception):
    """A rule cannot be asked. The text says which of its settings is wrong, and why."""


class RuleChecker:
    """Tries rules on a pond without rows.

    Args:
        tables: the documented tables, own ones among them.
    """

    def __init__(self, tables: Mapping[str, TableSchema]) -> None:
        self._con = duckdb.connect()
        self._con.execute("set timezone='UTC'")
        create_macros(self._con)
        self._con.execute("create schema files")
        for name, table in tables.items():
            columns = ", ".join(f'"{column.name}" {column.stored_type}' for column in table.stored)
            for made in () if table.view_sql is not None else (name, OPEN_EVENTS) if name == USER_EVENTS else (name,):
                self._con.execute(f'create table files."{made}" ({columns})')
        for name, select in views_of(tables):
            self._con.execute(f'create view "{name}" as\n{select}')
        self._con.execute(f"create view {SESSIONS} as\n{sessions_sql()}")

    def check(self, rule: Rule) -> None:
        """See whether the rule can be asked.

        Raises:
            AlertRuleError: it cannot.
        """
        text = f"select * from {EVENTS} where {rule.condition}" if rule.of_change else rule.statement  # noqa: S608 - the user's own
        text = f"from (\n{rule.plain_sql}\n)" if rule.kind == "sql" else text
        key = "sql" if rule.kind == "sql" else "where" if rule.by is None else "by or where"
        try:
            if len(duckdb.extract_statements(text)) != 1:
                raise AlertRuleError(f"{key}: expected one expression or SELECT, without `;`")
            times = {"begin": None, "end": None}
            found = self._con.sql(text, params=times if rule.kind in MEASURES else None)
            columns = {name.lower(): str(kind) for name, kind in zip(found.columns, found.types, strict=True)}
        except duckdb.Error as error:
            raise AlertRuleError(f"{key}: {str(error).split(chr(10), maxsplit=1)[0]}") from error
        if rule.kind == "sql" and "value" not in columns:
            raise AlertRuleError("sql: expected a column `value`, and `scope` beside it where several things are judged each by itself")
        if rule.kind == "sql" and not columns["value"].startswith(_NUMBERS):
            raise AlertRuleError(f"sql: expected a number in the column `value`, not {columns['value']}")
