"""Makes a table, mends it after a power loss, and lets one of an older release gain columns; the lake asks for it at start."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import deltalake

from ..durable import fsync_folder, make_folder
from ..schema import TableSchema
from . import delta_log
from .delta_table import HOOKS_OFF, SEED_DAY, LiveFile, Table
from .parquet import PARTITION, FileWriter, LakeError

_CONFIGURATION: Final = {
    "delta.logRetentionDuration": "interval 1 hours",  # nobody is promised to read old versions; a long log makes commits slow
    "delta.deletedFileRetentionDuration": "interval 2 days",  # tombstones: the vacuum needs them for longer than it waits
    "delta.enableExpiredLogCleanup": "false",  # maintenance does it, once the checkpoint is durable
}


def prepare(folder: Path, schema: TableSchema, *, mending: bool) -> None:
    """Mend the table's log, make the table where there is none, and let one of an older release gain its columns.

    Args:
        folder: of the table.
        schema: its columns.
        mending: whether nobody else writes to it, so that what looks torn is.

    Raises:
        LakeError: a column changed its type, or a file is damaged.
    """
    if mending:
        delta_log.mend(folder / delta_log.FOLDER)
    delta_log.settle(folder / delta_log.FOLDER)
    if not deltalake.DeltaTable.is_deltatable(str(folder)):
        make_folder(folder)
        deltalake.DeltaTable.create(
            str(folder), schema.delta, partition_by=[PARTITION], configuration=_CONFIGURATION, post_commithook_properties=HOOKS_OFF
        )
        delta_log.fsync_entries(folder / delta_log.FOLDER, 0, 0)
    table = Table(folder, schema)
    new_columns = _new_columns(table)
    if new_columns:
        table.delta.alter.add_columns(new_columns, post_commithook_properties=HOOKS_OFF)
    seeds = [file for file in table.snapshot().files if file.seed]
    damaged = [seed for seed in seeds if not delta_log.readable(folder / seed.path)]
    if seeds[:1] == damaged[:1] or _columns_digest(schema) not in seeds[0].path:
        _seed(table, damaged)
    delta_log.fsync_entries(table.log, max(0, table.update() - delta_log.RECENT), table.update())
    fsync_folder(folder)


def _new_columns(table: Table) -> list[deltalake.Field]:
    """The documented columns that the table lacks."""
    held = {column.name: column for column in table.delta.schema().fields}
    for column in table.schema.delta.fields:
        if column.name in held and held[column.name].type != column.type:
            raise LakeError(
                f"table {table.name}: column {column.name} is {held[column.name].type} in {table.folder} and {column.type} in "
                f"{table.schema.path}. A column keeps its type: give the new one another name, or move the folder away to start empty."
            )
    return [column for column in table.schema.delta.fields if column.name not in held]


def _seed(table: Table, damaged: list[LiveFile]) -> None:
    """Add an empty file of the present columns, in place of damaged ones: a view over no file cannot know them.

    It is younger than every live file, so that a snapshot knows by the times whether it mixes old columns and new.
    """
    files = table.snapshot().files
    name = f"seed-{_columns_digest(table.schema)}-{time.time_ns()}.parquet"
    writer = FileWriter(table.folder, f"{PARTITION}={SEED_DAY}/{name}", table.schema)
    seed = writer.close()
    fsync_folder(writer.location.parent)
    newest = max((file.modified_ms for file in files), default=0)
    table.replace(damaged, [replace(seed, modified_ms=max(seed.modified_ms, newest + 1))], seed.modified_ms)


def _columns_digest(schema: TableSchema) -> str:
    return hashlib.sha256(repr([(field.name, str(field.type)) for field in schema.arrow]).encode()).hexdigest()[:16]
