"""Any text to the reader of plain JSON events."""

from __future__ import annotations

from typing import Final

from otelpond.config.catalogue import KnownEvents
from otelpond.receivers.events.conversion import Arrival, events_in, to_logs_request
from otelpond.receivers.refusals import RefusedError
from otelpond.storage.decode.messages import SHAPES
from otelpond.storage.events.catalogue import load_catalogue
from otelpond.storage.signals import Signal, UndecodableError

_CATALOGUE: Final = KnownEvents(load_catalogue())
_ARRIVAL: Final = Arrival("default", 1_764_000_000_000_000_000, bytes(16))


def check(data: bytes) -> None:
    """A record and a verdict for each event, of one id and always the same, or one error with words."""
    try:
        events = events_in(data)
        payload, verdicts = to_logs_request(events, data, _CATALOGUE, _ARRIVAL)
    except (UndecodableError, RefusedError) as error:
        assert str(error), "an error without words"
        return
    assert (payload, verdicts) == to_logs_request(events_in(data), data, _CATALOGUE, _ARRIVAL), "another answer to the same"
    request = SHAPES[Signal.LOGS].request.FromString(payload)
    records = [record for resource in request.resource_logs for scope in resource.scope_logs for record in scope.log_records]
    ids = [pair.value.string_value for record in records for pair in record.attributes if pair.key == "log.record.uid"]
    assert len(events) == len(records), "another number of records"
    assert sorted(verdict.event_id for verdict in verdicts) == sorted(ids), "answers of other ids"
