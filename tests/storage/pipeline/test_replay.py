"""Rejected records are stored again, once each, when what rejected them is mended."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otelpond.receivers.events.conversion import SCOPE
from otelpond.storage.decode import reference
from otelpond.storage.decode.inspection import inspect
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.derive import Deriver
from otelpond.storage.events.catalogue import Catalogue
from otelpond.storage.events.reading import EventSettings
from otelpond.storage.inbox.log import Inbox
from otelpond.storage.lake.lake import Lake
from otelpond.storage.pipeline.importer import Importer
from otelpond.storage.pipeline.pipeline import Options, Pipeline
from otelpond.storage.pipeline.replay import Outcome, Replayer, ReplayLog
from otelpond.storage.query import connect
from otelpond.storage.rejected import Kind, quarantined, read
from otelpond.storage.schema import TABLES_FOLDER, load_tables
from otelpond.storage.signals import Signal

RULES = Rules(hash_address=lambda address, _: address, keep_dates=True)
START_NS = 1_790_000_000_000_000_000
DOCUMENTED = ("spans", "span_events", "rejected_records")
"""Those that a pond has beside its own; all of them take a second to load."""
UNREAD = "it could not be read as an event: mend it and send it again"
OWN = """-- Names of spans that are short.
create table short_names (
    name            text not null check (length(name) < {most}),
    span_id         text not null,
    organization_id text not null,
    service_name    text not null,
    service_version text,
    environment     text,
    trace_id        text not null,
    dt              date not null,
    time_suspect    boolean not null,
    ingested_at     timestamptz not null,
    tenant_id       text not null
);
comment on column short_names.name is 'the name';
comment on column short_names.span_id is 'the span';
comment on column short_names.organization_id is 'whose';
comment on column short_names.service_name is 'which service';
comment on column short_names.service_version is 'its version';
comment on column short_names.environment is 'where';
comment on column short_names.trace_id is 'the trace';
comment on column short_names.dt is 'partition';
comment on column short_names.time_suspect is 'whether the time is';
comment on column short_names.ingested_at is 'when accepted';
comment on column short_names.tenant_id is 'whose token';
select name, span_id, organization_id, service_name, service_version, environment, trace_id, dt, time_suspect, ingested_at, tenant_id
from decoded_spans;
"""


class KilledError(BaseException):
    """Stands for the end of the process."""


class AtOnce:
    """A pipeline's control that lets it publish what waits, and end."""

    def wait(self, timeout_s: float) -> None:
        """Do not sleep in a test."""

    def stopping(self) -> bool:
        """At once."""
        return True

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: None


def fragile(signal: Signal, payloads: Payloads, rules: Rules) -> Any:
    """A decoder that raises on a payload with a name that it does not like."""
    if any(b"poison" in payloads.payload(index) for index in range(len(payloads))):
        raise ValueError("poison")
    return reference.decode(signal, payloads, rules)


def request(name: str, number: int, *, span_id: bytes | None = None) -> bytes:
    """One span."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name=name)
    span.trace_id, span.span_id = number.to_bytes(16, "big"), span_id or number.to_bytes(8, "big")
    span.start_time_unix_nano = span.end_time_unix_nano = START_NS
    return request.SerializeToString()


class Pond:
    """A pond with spans and an own table, whose CHECK and decoder may be mended."""

    def __init__(self, folder: Path, most: int) -> None:
        self.data = folder / "pond"
        self.own = folder / "own"
        self.own.mkdir()
        for name in DOCUMENTED:
            shutil.copy(TABLES_FOLDER / f"{name}.sql", self.own)
        self.set_most(most)

    def set_most(self, most: int) -> None:
        """Change the own table's CHECK."""
        (self.own / "short_names.sql").write_text(OWN.format(most=most))

    def _tables(self) -> Any:
        tables = load_tables([self.own])
        return {name: tables[name] for name in (*DOCUMENTED, "short_names")}

    def accept(self, *payloads: bytes) -> None:
        """Take payloads, and publish what the decoder takes."""
        inbox = Inbox(self.data / "inbox" / "receiver")
        for payload in payloads:
            inbox.append("default", Signal.TRACES, payload, inspect(Signal.TRACES, payload)).result(timeout=10)
        inbox.close()
        tables = self._tables()
        lake = Lake(self.data, tables)
        pipeline = Pipeline(self.data, lake, Deriver(tables), kernels=fragile, plain=fragile, rules=RULES, options=Options())
        pipeline.run(AtOnce())  # type: ignore[arg-type]

    def replayer(self, decode: Any = reference.decode) -> Replayer:
        """As a new process would make it."""
        tables = self._tables()
        lake = Lake(self.data, tables)
        return Replayer(Importer(self.data, lake, Deriver(tables), kernels=decode, plain=decode, rules=RULES))

    def names(self, table: str) -> list[str]:
        """The names in a table, sorted."""
        with connect(self.data) as con:
            return [name for (name,) in con.execute(f"select name from {table} order by all").fetchall()]

    def ids(self, kind: Kind) -> list[str]:
        """Of the rejected records of a kind."""
        return [record.id for record in read(self.data) if record.kind is kind]


@pytest.fixture
def pond(tmp_path: Path) -> Pond:
    """A pond in which one payload lies in quarantine, one row broke a CHECK, and one span broke a rule of OTLP."""
    pond = Pond(tmp_path, most=6)
    pond.accept(request("short", 1), request("poison", 2), request("too long", 3), request("bad", 4, span_id=b"bad"))
    return pond


def test_rejected_records_say_what_they_are(pond: Pond) -> None:
    """A payload, a row, and an item, which nothing but its sender can mend."""
    kinds = {record.kind: record.table for record in read(pond.data)}
    assert {Kind.PAYLOAD: "spans", Kind.ROW: "short_names", Kind.ITEM: "spans"} == kinds
    assert 1 == len(quarantined(pond.data))


def test_a_mended_decoder_stores_what_lay_in_quarantine_once(pond: Pond) -> None:
    """All its tables get their rows, with what the original would have had; a second replay does nothing."""
    (payload,) = pond.ids(Kind.PAYLOAD)
    outcome = pond.replayer().run(read(pond.data, [payload]))
    assert ([payload], [], {}) == (outcome.stored, outcome.known, outcome.left)
    again = pond.replayer().run(read(pond.data, [payload]))
    assert ([], [payload]) == (again.stored, again.known)
    assert ["poison", "short", "too long"] == pond.names("spans")
    assert {} == quarantined(pond.data)


def test_what_no_decoder_takes_yet_stays_where_it_is(pond: Pond) -> None:
    """And may be replayed later."""
    (payload,) = pond.ids(Kind.PAYLOAD)
    outcome = pond.replayer(fragile).run(read(pond.data, [payload]))
    assert "no decoder takes it yet: ValueError" in outcome.left[payload]
    assert 1 == len(quarantined(pond.data))
    assert [payload] == pond.replayer().run(read(pond.data, [payload])).stored


def test_a_mended_check_stores_the_row_it_refused_with_all_its_columns(pond: Pond) -> None:
    """The row as it was; one that is still refused says why."""
    (row,) = pond.ids(Kind.ROW)
    assert pond.replayer().run(read(pond.data, [row])).left[row].endswith(" failed")
    pond.set_most(60)
    assert [row] == pond.replayer().run(read(pond.data)).stored[-1:]
    assert ["poison", "short", "too long"] == pond.names("short_names")
    with connect(pond.data) as con:
        (found,) = con.execute(
            "select s.span_id = n.span_id, s.ingested_at = n.ingested_at, s.dt = n.dt, s.service_name = n.service_name"
            " from spans s join short_names n using (name) where name = 'too long'"
        ).fetchall()
    assert (True, True, True, True) == found


def test_what_holds_too_little_says_so(pond: Pond) -> None:
    """Nothing is stored of it."""
    (item,) = pond.ids(Kind.ITEM)
    outcome = pond.replayer().run(read(pond.data, [item]))
    assert "mend its sender" in outcome.left[item]
    assert set() == ReplayLog(pond.data).ids()


@pytest.mark.parametrize("publishes", [0, 1, 2])
def test_killed_at_every_commit_each_record_is_there_once(pond: Pond, monkeypatch: pytest.MonkeyPatch, publishes: int) -> None:
    """The next replay, of whatever, finishes the one that was ended."""
    pond.set_most(60)
    publish = Lake.publish

    def killed(lake: Lake, files: Any, stream: str, plan: int) -> None:
        publish(lake, type(files)(dict(list(files.files.items())[:publishes])), stream, plan)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "publish", killed)
        with pytest.raises(KilledError):
            pond.replayer().run(read(pond.data))
    pond.replayer().run([])
    assert ["poison", "short", "too long"] == pond.names("spans")
    assert ["poison", "short", "too long"] == pond.names("short_names")


def events_request() -> bytes:
    """An event that the catalogue refuses, a measurement that it refuses, and an event that the endpoint could not represent."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    scope.scope.name, records = SCOPE, scope.log_records
    refused = records.add(event_name="user.login", time_unix_nano=START_NS)
    measured = records.add(event_name="browser.web_vital", time_unix_nano=START_NS)
    unread = records.add(event_name="custom", time_unix_nano=START_NS)
    unread.body.string_value = '{"timestamp":"soon"}'
    for record, key, value in (
        (refused, "user.id", "u1"),
        (refused, "login_method", "pin"),
        (measured, "browser.web_vital.name", "speed"),
        (unread, "event.refusal", "timestamp: is no time"),
    ):
        record.attributes.add(key=key).value.string_value = value
    return request.SerializeToString()


def test_an_event_is_stored_once_a_wider_catalogue_takes_it(tmp_path: Path) -> None:
    """It is judged by the catalogue of the day; what could not be read as an event stays rejected, and so does what other tables hold."""
    data, known = tmp_path / "pond", load_tables()
    tables = {name: known[name] for name in ("logs", "events", "rejected_records")}
    inbox, payload = Inbox(data / "inbox" / "receiver"), events_request()
    inbox.append("default", Signal.LOGS, payload, inspect(Signal.LOGS, payload)).result(timeout=10)
    inbox.close()
    lake, deriver = Lake(data, tables), Deriver(tables)
    Pipeline(data, lake, deriver, kernels=reference.decode, plain=reference.decode, rules=RULES, options=Options()).run(AtOnce())  # type: ignore[arg-type]
    measured, refused, unread = sorted(read(data), key=lambda record: record.reason)
    left = {measured.id: "events holds no browser.web_vital: have it sent again", unread.id: UNREAD}

    def replayed(deriver: Deriver) -> Outcome:
        return Replayer(Importer(data, lake, deriver, kernels=fragile, plain=fragile, rules=RULES)).run([measured, refused, unread])

    assert {**left, refused.id: refused.reason} == replayed(deriver).left
    wider = Deriver(tables, events=EventSettings(catalogue=Catalogue({})))
    outcome = replayed(wider)
    assert ([refused.id], left) == (outcome.stored, outcome.left)
    assert [refused.id] == replayed(wider).known
    with connect(data) as con:
        found = con.execute("select event_name, user_id, properties ->> 'login_method', validation_error from events").fetchall()
    assert [("user.login", "u1", "pin", None)] == found


def end_a_replay(pond: Pond, monkeypatch: pytest.MonkeyPatch, *, publishes: int) -> None:
    """Have one of everything ended when so many tables had it, and the file of its payload removed."""
    publish = Lake.publish

    def killed(lake: Lake, files: Any, stream: str, plan: int) -> None:
        publish(lake, type(files)(dict(list(files.files.items())[:publishes])), stream, plan)
        raise KilledError

    pond.set_most(60)
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "publish", killed)
        with pytest.raises(KilledError):
            pond.replayer().run(read(pond.data))
    for name in quarantined(pond.data):
        (pond.data / "quarantine" / name).unlink()


def test_a_replay_whose_file_is_gone_blocks_no_other(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    """No table had it: the rest is stored, the record stays rejected, and is stored when its file is back."""
    (payload,) = pond.ids(Kind.PAYLOAD)
    (kept,) = [path.read_bytes() for path in sorted((pond.data / "quarantine").iterdir())]
    (path,) = sorted((pond.data / "quarantine").iterdir())
    end_a_replay(pond, monkeypatch, publishes=0)
    outcome = pond.replayer().run([])
    assert "is not in quarantine any more" in outcome.left[payload]
    assert ["short", "too long"] == pond.names("spans")
    assert ["short", "too long"] == pond.names("short_names")
    path.write_bytes(kept)
    assert [payload] == pond.replayer().run(read(pond.data, [payload])).stored
    assert ["poison", "short", "too long"] == pond.names("spans")


def test_a_replay_whose_file_is_gone_from_between_two_tables_is_not_stored_twice(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first table has stays; what the second lacks is told, and replays go on."""
    (payload,) = pond.ids(Kind.PAYLOAD)
    end_a_replay(pond, monkeypatch, publishes=1)
    outcome = pond.replayer().run([])
    assert outcome.left[payload].endswith("is not in quarantine any more; replay 1 was ended, and some tables have it")
    assert [] == pond.replayer().run(read(pond.data, [payload])).stored
    pond.accept(request("poison", 9))
    (later,) = [record for record in pond.ids(Kind.PAYLOAD) if record != payload]
    assert [later] == pond.replayer().run(read(pond.data, [later])).stored
    assert ["poison", "poison", "short", "too long"] == pond.names("spans")
    assert ["poison", "short", "too long"] == pond.names("short_names")
