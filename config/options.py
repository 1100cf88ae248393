"""Options that many commands have; `cli.py` and the modules of command groups use them.

The light install has no DuckDB, no pydantic-settings and no server, so that this module imports typer and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    json = "json"
    csv = "csv"


class SchemaFormat(StrEnum):
    """How the documented schema is printed."""

    table = "table"
    json = "json"


Data = Annotated[Path | None, typer.Option(help="The pond's directory. [default: ./pond, or OTELPOND_DATA]", metavar="DIR")]
Config = Annotated[
    Path | None, typer.Option(help="The configuration file. [default: ./otelpond.toml where it exists, or OTELPOND_CONFIG]", metavar="FILE")
]
Tenant = Annotated[str, typer.Option(help="Whose pond: that of who shows no token, or that of a token's tenant.", metavar="NAME")]
Form = Annotated[SchemaFormat, typer.Option("--format", "-f", help="How it is printed.", metavar="table|json")]


@dataclass(frozen=True, slots=True)
class PondOptions:
    """Which pond a command reads, and how it prints what it found."""

    data: Data = None
    config: Config = None
    tenant: Tenant = "default"
    format: Form = SchemaFormat.table

    @property
    def settings(self) -> Mapping[str, Path | None]:
        """Those that are settings."""
        return {"data": self.data}
