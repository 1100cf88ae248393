"""Stores again what was rejected, after whatever rejected it was mended; `otelpond rejected replay` hands the records over.

Exactly once: `DATA/replays/<n>.json` names the records of replay n and is durable before anything is published; the tables' application
transactions keep each replay from being stored twice, and `DATA/replays/done` says up to where they are in all their tables. A replay
that was ended is finished by the next one. A record that was replayed once is never replayed again. May run beside a collector.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from ..decode.payloads import Payloads
from ..durable import make_folder, write_file
from ..events.catalogue import STORED_ELSEWHERE
from ..log_lines import fault
from ..quoting import quoted
from ..rejected import QUARANTINE, WHY_NOT, Kind, Rejected, read
from ..selects import REFUSAL, refusal
from .importer import Importer
from .pipeline import Decoded, merge

EVENTS: Final = "events"
_UNREPRESENTED: Final = "it could not be read as an event: mend it and send it again"
_ELSEWHERE: Final = "events holds no {}: have it sent again"
MOST_RECORDS: Final = 1_000
"""Of one replay: their payloads and rows are in memory together."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a replay.

    Attributes:
        stored: ids of records that are in the tables now.
        known: ids of records that had been replayed before.
        left: why the others stay rejected, by id.
    """

    stored: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    def add(self, other: Outcome) -> None:
        """What became of further ones."""
        self.stored.extend(other.stored)
        self.known.extend(other.known)
        self.left.update(other.left)


class ReplayLog:
    """The folder `DATA/replays/`; its writer holds its `lock`."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "replays"

    def ids(self) -> set[str]:
        """Every record that is in a replay, published or about to be."""
        return {record for path in self._paths() for record in json.loads(path.read_bytes())}

    def unfinished(self) -> tuple[int, list[str]] | None:
        """The last replay, where it is not known to be published everywhere."""
        paths = self._paths()
        done = int((self.folder / "done").read_text()) if (self.folder / "done").exists() else 0
        return (len(paths), json.loads(paths[-1].read_bytes())) if len(paths) > done else None

    def begin(self, ids: Iterable[str]) -> int:
        """Note a replay durably; its number."""
        number = len(self._paths()) + 1
        write_file(self.folder / f"{number:010d}.json", json.dumps(sorted(set(ids))).encode())
        return number

    def leave_out(self, number: int, ids: Iterable[str]) -> None:
        """Take records out of a replay that no table has; durably."""
        path = self._paths()[number - 1]
        write_file(path, json.dumps(sorted(set(json.loads(path.read_bytes())) - set(ids))).encode())

    def finish(self, number: int) -> None:
        """Note durably that it is in all its tables."""
        write_file(self.folder / "done", str(number).encode())

    def stream(self) -> str:
        """The name under which the tables know this folder's replays."""
        path = self.folder / "stream"
        if not path.exists():
            write_file(path, f"replay-{secrets.token_hex(8)}".encode())
        return path.read_text()

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("*.json"))


class Replayer:
    """Replays records of one pond.

    Args:
        importer: of the same pond; its decoders, deriver and lake are used.
    """

    def __init__(self, importer: Importer) -> None:
        self._importer = importer
        self._log = ReplayLog(importer.data)
        make_folder(self._log.folder)

    def run(self, records: Sequence[Rejected]) -> Outcome:
        """Store what can be stored now; the caller holds the lock of `DATA/replays/`."""
        outcome = self._resume()
        for first in range(0, len(records), MOST_RECORDS):
            outcome.add(self._replay(records[first : first + MOST_RECORDS]))
        return outcome

    def _resume(self) -> Outcome:
        """Finish a replay that was ended; it may be in some tables already.

        What cannot be had any more, or is refused now, is left. Where some table has it, it is no more replayed, as that would store
        it there twice; else it may be.
        """
        unfinished = self._log.unfinished()
        if unfinished is None:
            return Outcome()
        number, ids = unfinished
        outcome = self._store(read(self._importer.data, ids), number)
        if outcome.left and self._is_begun(number):
            outcome.left.update(
                {record: f"{why}; replay {number} was ended, and some tables have it" for record, why in outcome.left.items()}
            )
        return outcome

    def _is_begun(self, number: int) -> bool:
        """Whether a table has that replay."""
        lake, stream = self._importer.lake, self._log.stream()
        return any(lake.committed(table, stream) >= number for table in lake.tables)

    def _replay(self, records: Sequence[Rejected]) -> Outcome:
        replayed = self._log.ids()
        outcome = self._store([record for record in records if record.id not in replayed])
        outcome.known.extend(record.id for record in records if record.id in replayed)
        return outcome

    def _store(self, records: Sequence[Rejected], number: int | None = None) -> Outcome:
        """Publish the records as a replay, the given one or the next."""
        outcome = Outcome(left={record.id: WHY_NOT[record.kind] for record in records if record.kind in WHY_NOT})
        tables = self._of_payloads([record for record in records if record.kind is Kind.PAYLOAD], outcome)
        for name, rows in self._of_rows([record for record in records if record.kind is Kind.ROW], outcome).items():
            tables.setdefault(name, []).append(rows)
        if number is not None and outcome.left and not self._is_begun(number):
            self._log.leave_out(number, outcome.left)
        if outcome.stored or number is not None:
            number = number or self._log.begin(outcome.stored)
            self._publish(tables, number)
            self._log.finish(number)
            for record in records:
                if record.id in outcome.stored and record.file is not None:
                    (self._importer.data / QUARANTINE / record.file).unlink(missing_ok=True)
        return outcome

    def _of_payloads(self, records: Sequence[Rejected], outcome: Outcome) -> dict[str, list[pa.Table]]:
        """Rows of what lies in quarantine; each payload by itself, as it has brought down a whole batch before."""
        tables: dict[str, list[pa.Table]] = {}
        for record in {record.id: record for record in records}.values():
            try:
                derived = self._importer.deriver.derive(self._decoded(record))
            except FileNotFoundError:
                outcome.left[record.id] = f"its file {record.file} is not in quarantine any more"
            except Exception as failure:  # noqa: BLE001 - whatever it is, the record stays where it is
                outcome.left[record.id] = f"no decoder takes it yet: {fault(failure)}"
            else:
                outcome.stored.append(record.id)
                for name, rows in derived.items():
                    tables.setdefault(name, []).append(rows)
        return tables

    def _decoded(self, record: Rejected) -> Decoded:
        content = (self._importer.data / QUARANTINE / str(record.file)).read_bytes()
        payloads = Payloads(
            wire=np.frombuffer(bytearray(content), dtype=np.uint8),
            starts=np.zeros(1, dtype=np.int64),
            ends=np.array([len(content)], dtype=np.int64),
            accepted_unix_nano=np.array([int(record.ingested_at.timestamp() * 1e6) * 1000], dtype=np.int64),
            tenants=[record.tenant],
            digests=[bytes.fromhex(record.digest)],
        )
        try:
            return merge([self._importer.kernels(record.signal, payloads, self._importer.rules)])
        except Exception:  # noqa: BLE001 - as the pipeline does: what the kernels fail on goes to the plain decoder
            return merge([self._importer.plain(record.signal, payloads, self._importer.rules)])

    def _of_rows(self, records: Sequence[Rejected], outcome: Outcome) -> dict[str, pa.Table]:
        """Rows that a table's NOT NULL or CHECK refused and does not refuse any more."""
        tables: dict[str, pa.Table] = {}
        for name in sorted({record.table for record in records}):
            of_table = [record for record in records if record.table == name]
            if name not in self._importer.lake.schemas:
                outcome.left.update({record.id: f"there is no table {name} any more" for record in of_table})
                continue
            reasons, rows = self._judged(name, of_table)
            outcome.left.update({record.id: reason for record, reason in zip(of_table, reasons, strict=True) if reason is not None})
            outcome.stored.extend(record.id for record in of_table if record.id not in outcome.left)
            if rows.num_rows:
                tables[name] = rows
        return tables

    def _judged(self, name: str, records: Sequence[Rejected]) -> tuple[list[str | None], pa.Table]:
        """For each row why the table as it is now refuses it, and the rows that it takes."""
        table = self._importer.lake.schemas[name]
        types = json.dumps({column.name: column.stored_type for column in table.stored})
        given = pa.table({"content": [json.dumps(record.content) for record in records], "place": range(len(records))})
        with duckdb.connect() as con:
            con.execute("set timezone='UTC'")
            con.register("given", given)
            rows = f"(select place, unnest(json_transform(content, {quoted(types)})) from given)"  # noqa: S608 - types are of our tables
            judged = con.sql(f"select *, {refusal(table, set())} as {REFUSAL} from {rows} order by place").to_arrow_table()  # noqa: S608
        reasons: list[str | None] = judged[REFUSAL].to_pylist()
        if name == EVENTS:
            judged, reasons = self._judged_events(judged, reasons)
        taken = judged.filter(pa.array([reason is None for reason in reasons])).select(table.arrow.names)
        return reasons, self._importer.deriver.grouped(name, taken.cast(table.arrow))

    def _judged_events(self, rows: pa.Table, reasons: list[str | None]) -> tuple[pa.Table, list[str | None]]:
        """Events as the catalogue judges them now; what the endpoint could not represent, or other tables hold, stays rejected."""
        refusals = self._importer.deriver.event_refusals(rows)
        places = [
            _UNREPRESENTED if error is None else _ELSEWHERE.format(name) if name in STORED_ELSEWHERE else None
            for error, name in zip(rows["validation_error"].to_pylist(), rows["event_name"].to_pylist(), strict=True)
        ]
        found = [reason or place or refusal for reason, place, refusal in zip(reasons, places, refusals, strict=True)]
        column = rows.schema.get_field_index("validation_error")
        return rows.set_column(column, "validation_error", pa.nulls(rows.num_rows, pa.string())), found

    def _publish(self, tables: Mapping[str, Sequence[pa.Table]], number: int) -> None:
        lake, stream = self._importer.lake, self._log.stream()
        lake.publish_rows(((name, rows) for name, parts in tables.items() for rows in parts), stream, number)
        lake.refresh()
