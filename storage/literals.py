"""Takes the literals out of database statements, in one linear pass of one regular expression; statements.py hands it their text.

Which quotes hold a string depends on the database: where that is unknown, what might be a string is taken for one.
"""

from __future__ import annotations

import re

_BACKSLASH_SYSTEMS = frozenset({"clickhouse", "snowflake", "cassandra"})
_QUOTED_IDENTIFIER_SYSTEMS = frozenset(
    """
    postgresql postgres redshift aws.redshift cockroachdb greenplum edb oracle oracle.db sqlite mssql microsoft.sql_server db2 ibm.db2
    snowflake trino clickhouse duckdb h2 h2database hsqldb derby cassandra other_sql actian.ingres firebirdsql firebird informix
    ibm.informix vertica netezza teradata
    """.split()  # noqa: SIM905 - names read better as text
)
KEY_VALUE_SYSTEMS = frozenset({"redis", "memcached", "valkey"})

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
_PARAMETER = r"\$\d+|%\(\w+\)s|%s|(?<![:\w?'.]):\w+|(?<![@\w])@\w+"
_NUMBER = r"(?<![\w$.\"`])[-+]?\.?\d[\w.]*+(?:(?<=[eE])[-+]\d+)?"
_WHITE = re.compile(r"\s+")
_IN_LIST = re.compile(r"\b(in) ?\( ?\?(?: ?, ?\?)* ?\)", re.IGNORECASE)
_VALUES_LIST = re.compile(r"\b(values) ?(\([? ,]+\))(?: ?, ?\([? ,]+\))+", re.IGNORECASE)


def _pattern(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.DOTALL)


_SQL = _pattern(_COMMENT, _ESCAPE_STRING, _ORACLE_STRING, _STANDARD_STRING, _DOLLAR_STRING, _QUOTED_IDENTIFIER, _PARAMETER, _NUMBER)
_SQL_BACKSLASH = _pattern(_COMMENT, _BACKSLASH_STRING, _QUOTED_IDENTIFIER, _PARAMETER, _NUMBER)
_SQL_DOUBLE_QUOTED_STRINGS = _pattern(_COMMENT, _BACKSLASH_STRING, _KEPT_KEY, _DOUBLE_QUOTED, _PARAMETER, _NUMBER)


def without_literals(text: str, system: str = "") -> str:
    """The statement with literals, parameters and comments replaced by `?`, white space and lists of literals collapsed.

    Which quotes hold a string depends on the database. One that is not known to quote identifiers by `"` loses those too.
    """
    if system in KEY_VALUE_SYSTEMS:
        return "; ".join(_command_only(line) for line in text.splitlines() if line.strip())
    if system not in _QUOTED_IDENTIFIER_SYSTEMS:
        pattern = _SQL_DOUBLE_QUOTED_STRINGS
    else:
        pattern = _SQL_BACKSLASH if system in _BACKSLASH_SYSTEMS else _SQL
    bare = _WHITE.sub(" ", pattern.sub(_replacement, text)).strip()
    return _VALUES_LIST.sub(r"\1 \2", _IN_LIST.sub(r"\1 (?)", bare))


def _replacement(found: re.Match[str]) -> str:
    if found["keep"]:
        return found["keep"]
    return " " if found[0].startswith(("--", "/*")) else "?"


def _command_only(line: str) -> str:
    command, _, rest = line.strip().partition(" ")
    return f"{command} ?" if rest else command
