"""The table `alerts`: what becomes of alerts is published as plans of a stream of its own, each once however often it is repeated.

`python -m otelpond.storage.alerts.table DATA` publishes the plan that its standard input holds as JSON, and ends: the libraries of the lake
take 170 MB, which the alerts' process need not keep for the few rows that there are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from .. import log_lines
from ..quoting import quoted
from .dispatches import Plan

if TYPE_CHECKING:
    import pyarrow as pa

    from ..lake.lake import Lake
    from ..schema import TableSchema

TABLE: Final = "alerts"
_LONGEST_S: Final = 120.0


class PublishError(Exception):
    """A plan could not be published now; nothing is lost."""


def publish(lake: Lake, plan: Plan) -> None:
    """Publish a plan; one that the table has already is left out.

    Raises:
        LakeError: the table cannot be written now.
        OSError: the same.
    """
    lake.publish_rows([(TABLE, _rows(lake.schemas[TABLE], plan.rows))], plan.stream, plan.number)
    lake.refresh()


def publish_apart(data: Path, tables: Sequence[Path], events: Sequence[Path], plan: Plan) -> None:
    """Publish a plan in a process of its own.

    Args:
        data: the pond's folder.
        tables: folders of own tables.
        events: folders of own events.
        plan: the rows.

    Raises:
        PublishError: it ended otherwise than well, which its log says more of.
    """
    own = [*(f"--tables={folder}" for folder in tables), *(f"--events={folder}" for folder in events)]
    command = [sys.executable, "-m", "otelpond.storage.alerts.table", str(data), *own]
    try:
        subprocess.run(command, input=json.dumps(asdict(plan)).encode(), check=True, timeout=_LONGEST_S)
    except (subprocess.SubprocessError, OSError) as failure:
        raise PublishError(f"its process failed ({type(failure).__name__})") from failure


def _rows(table: TableSchema, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 - only where rows are published

    types = json.dumps({column.name: column.stored_type for column in table.stored})
    given = pa.table({"content": [json.dumps(row) for row in rows], "place": range(len(rows))})
    with duckdb.connect() as con:
        con.execute("set timezone='UTC'")
        con.register("given", given)
        read = f"select unnest(json_transform(content, {quoted(types)})) from (from given order by place)"  # noqa: S608 - types of our table
        return con.sql(read).to_arrow_table().select(table.arrow.names).cast(table.arrow)


def main() -> None:
    """Publish the plan of the standard input."""
    from ..events.catalogue import CATALOGUE_FOLDER, load_catalogue  # noqa: PLC0415 - the collector's process imports this module too
    from ..events.typed_views import with_event_views  # noqa: PLC0415
    from ..lake.lake import Lake  # noqa: PLC0415
    from ..schema import TABLES_FOLDER, load_tables  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m otelpond.storage.alerts.table", description="Publish rows of the table alerts.")
    parser.add_argument("data", type=Path, help="the pond's directory")
    parser.add_argument("--tables", type=Path, action="append", default=[], metavar="FOLDER", help="folder of further tables' .sql files")
    parser.add_argument("--events", type=Path, action="append", default=[], metavar="FOLDER", help="folder of further events' .toml files")
    options = parser.parse_args()
    log_lines.configure("alerts")
    catalogue = load_catalogue([CATALOGUE_FOLDER, *options.events])
    lake = Lake(options.data, with_event_views(load_tables([TABLES_FOLDER, *options.tables]), catalogue))
    publish(lake, Plan(**json.load(sys.stdin)))


if __name__ == "__main__":
    main()
