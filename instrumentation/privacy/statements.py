"""Takes literals and comments out of database statements, in one linear pass of one regular expression; remembers the ones seen last.

Which quotes hold a string depends on the database: where that is unknown, what might be a string is taken for one. The collector does
the same with what arrives (`otelpond.storage.literals`), and makes the same pattern of a statement that went through here.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_STATEMENT = 16_384
"""Characters of a statement that are read."""
_CUT = " /* cut */"
_MAX_CACHED = 2048

_BACKSLASH_SYSTEMS = frozenset({"clickhouse", "snowflake", "cassandra"})
_QUOTED_IDENTIFIER_SYSTEMS = frozenset(
    """
    postgresql postgres redshift aws.redshift cockroachdb greenplum edb oracle oracle.db sqlite mssql microsoft.sql_server db2 ibm.db2
    snowflake trino clickhouse duckdb h2 h2database hsqldb derby cassandra other_sql actian.ingres firebirdsql firebird informix
    ibm.informix vertica netezza teradata
    """.split()  # noqa: SIM905 - names read better as text
)
_KEY_VALUE_SYSTEMS = frozenset({"redis", "memcached", "valkey"})

_COMMENT = r"--[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/|$)"
# A literal that nobody closes runs to the end: better to lose text than to keep a secret.
_STANDARD_STRING = r"'(?:[^']|'')*+(?:'|$)"
_BACKSLASH_STRING = r"'(?:[^'\\]|''|\\.)*+\\?(?:'|$)"
_ESCAPE_STRING = r"\b[eE]'(?:[^'\\]|''|\\.)*+\\?(?:'|$)"
_ORACLE_STRING = r"\b[qQ]'(?:\[.*?(?:\]'|$)|\(.*?(?:\)'|$)|\{.*?(?:\}'|$)|<.*?(?:>'|$)|(?P<mark>[^\s\w]).*?(?:(?P=mark)'|$))"
_DOLLAR_STRING = r"\$(?P<tag>[A-Za-z_]*)\$.*?(?:\$(?P=tag)\$|$)"
_DOUBLE_QUOTED = r'"(?:[^"\\]|""|\\.)*+\\?(?:"|$)(?!\s*:)'
_QUOTED_IDENTIFIER = r'(?P<keep>"(?:[^"]|"")*+"|`[^`]*+`)'
_KEPT_KEY = r'(?P<keep>"(?:[^"\\]|\\.)*+"(?=\s*:)|`[^`]*+`)'
_PARAMETER = r"(?P<parameter>\$\d+|%\(\w+\)s|%s|(?<![:\w?'.]):\w+|(?<![@\w])@\w+)"
_NUMBER = r"(?<![\w$.\"`])[-+]?\.?\d[\w.]*+(?:(?<=[eE])[-+]\d+)?"


def _pattern(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.DOTALL)


_SQL = _pattern(_COMMENT, _ESCAPE_STRING, _ORACLE_STRING, _STANDARD_STRING, _DOLLAR_STRING, _QUOTED_IDENTIFIER, _PARAMETER, _NUMBER)
_SQL_BACKSLASH = _pattern(_COMMENT, _BACKSLASH_STRING, _QUOTED_IDENTIFIER, _PARAMETER, _NUMBER)
_SQL_DOUBLE_QUOTED_STRINGS = _pattern(_COMMENT, _BACKSLASH_STRING, _DOLLAR_STRING, _KEPT_KEY, _DOUBLE_QUOTED, _PARAMETER, _NUMBER)


def statement(sql: str, system: str = "") -> str:
    """The statement with `?` for literals and without comments; parameters (`$1`, `:name`, `%s`) and white space stay.

    Args:
        sql: as it is given to the database.
        system: `db.system.name`. Unless it is known to quote names by `"`, what stands in these quotes is taken for a string.
    """
    return _cached(sql, system) if len(sql) <= _MAX_CACHED else _without_literals(sql, system)


def _without_literals(sql: str, system: str) -> str:
    if len(sql) > MAX_STATEMENT:
        return _without_literals(sql[: MAX_STATEMENT - len(_CUT)], system)[: MAX_STATEMENT - len(_CUT)] + _CUT
    if system in _KEY_VALUE_SYSTEMS:
        return "; ".join(_command_only(line) for line in sql.splitlines() if line.strip())
    if system not in _QUOTED_IDENTIFIER_SYSTEMS:
        pattern = _SQL_DOUBLE_QUOTED_STRINGS
    else:
        pattern = _SQL_BACKSLASH if system in _BACKSLASH_SYSTEMS else _SQL
    return pattern.sub(_replacement, sql).strip()


_cached = lru_cache(1024)(_without_literals)


def _replacement(found: re.Match[str]) -> str:
    kept = found["keep"] or found["parameter"]
    if kept:
        return str(kept)
    return " " if found[0].startswith(("--", "/*")) else "?"


def _command_only(line: str) -> str:
    command, _, rest = line.strip().partition(" ")
    return f"{command} ?" if rest else command
