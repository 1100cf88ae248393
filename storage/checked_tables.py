"""Tables that were read and checked before, kept in the cache folder; `schema` asks here first.

Reading the tables takes half a second of DuckDB's time in each process that needs them. What comes of it follows from the texts of the
files and from what reads them, so that it is kept under a digest of all that.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from .table import Column, TableSchema, decoded_schemas
from .user_cache import user_cache

_READERS: Final = ("table.py", "table_files.py", "schema.py", "checked_tables.py")
_UNUSED_S: Final = 30 * 86_400.0


def place_of(files: Iterable[Path], others: Iterable[Path]) -> Path:
    """Where the tables of these files would be kept.

    Args:
        files: those of the tables, in order.
        others: those that they are checked with: macros and views.
    """
    digest = hashlib.sha256(f"duckdb {version('duckdb')} {decoded_schemas()}".encode())
    for source in (*(Path(__file__).parent / name for name in _READERS), *files, *others):
        digest.update(f"\0{source}\0".encode() + source.read_bytes())
    return user_cache() / f"tables-{digest.hexdigest()[:32]}.json"


def kept(place: Path) -> dict[str, TableSchema] | None:
    """The tables that were kept there, and stay for another month; None where there are none, or the file is damaged."""
    try:
        tables = {name: _table(told) for name, told in json.loads(place.read_bytes()).items()}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    with contextlib.suppress(OSError):
        os.utime(place)
    return tables


def keep(place: Path, tables: Mapping[str, TableSchema]) -> None:
    """Keep tables that were read and checked, where the folder can be written, and remove what nobody has used for a month.

    Not by `durable.write_file`: processes that start together write the same file at once, and each needs a temporary one of its own; and
    what a power loss takes is read anew, so that no start waits for an fsync.
    """
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({name: asdict(table) for name, table in tables.items()}, default=_plain), encoding="utf-8")
        temporary.replace(place)
        for other in place.parent.glob("tables-*.json"):
            if time.time() - other.stat().st_mtime > _UNUSED_S:
                other.unlink()


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _table(told: Mapping[str, Any]) -> TableSchema:
    return TableSchema(
        **{
            **told,
            "columns": tuple(Column(**column) for column in told["columns"]),
            "checks": tuple(told["checks"]),
            "sources": frozenset(told["sources"]),
            "path": Path(told["path"]),
        }
    )
