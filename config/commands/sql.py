"""`otelpond sql`: publish what a running collector still holds, ask, print."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from ...storage.query import PondNotFoundError, connect
from ..errors import CommandError
from ..sources import load
from .freshness import publish
from .rows import PRINTERS, Rows
from .tenant import pond_of


def run(statement: str, config: Path | None, options: Mapping[str, Any], tenant: str, form: str) -> None:
    """Print the answer of one statement, or of the last of several.

    Args:
        statement: SQL of DuckDB; `-` reads it from standard input.
        config: the configuration file.
        options: settings given on the command line.
        tenant: whose pond is asked.
        form: table, json or csv.

    Raises:
        CommandError: there is no pond, or DuckDB refuses the statement, in its own words.
    """
    data = load(config, options).data
    text = sys.stdin.read() if statement == "-" else statement
    pond = pond_of(data, tenant)
    publish(data, tenant)
    try:
        with connect(pond) as connection:
            connection.execute(text)
            if connection.description:
                PRINTERS[form](Rows(connection), sys.stdout)
    except PondNotFoundError as error:
        raise CommandError(str(error)) from None
    except duckdb.Error as error:
        raise CommandError(str(error).strip()) from None
