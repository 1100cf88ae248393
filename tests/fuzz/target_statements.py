"""Any text as a database statement and as an error text; an input's first line is the database system."""

from __future__ import annotations

import re
from typing import Final

from otelpond.storage.bound_values import without_values
from otelpond.storage.literals import without_literals
from otelpond.storage.statements import Statement, StatementReader

_CALM: Final = re.compile(r"[^'\"`$#/\\\-?:@%()\[\]{}]*")


def check(data: bytes) -> None:
    """Always an answer that UTF-8 can hold; a literal that nothing makes doubtful is gone."""
    first, _, rest = data.partition(b"\n")
    system, text = first.decode("latin-1"), rest.decode("utf-8", "replace")
    (statement,) = StatementReader().read([(system, text)])
    assert isinstance(statement, Statement)
    for part in (statement.text, statement.operation, statement.table, without_values(text)):
        part.encode()
    if _CALM.fullmatch(text):
        assert "sesame" not in without_literals(f"{text} x = 'open sesame'", system or "postgresql")
    without_values(f'{{"message":"{text}"}}')
    assert "sesame" not in without_values(f"{text.replace('[', ' ')}\n[parameters: ('open sesame',)]")
