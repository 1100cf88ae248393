"""POST /v1/events: plain JSON events, one or many, become OTLP log records (`conversion`) and go to the sink, made durable first.

Every event that is JSON is stored, an invalid one too: the pipeline counts it and keeps it in `rejected_records`, unless it is told
otherwise. The answer says of each what will become of it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from ...storage.counters import COUNTERS, Received
from ...storage.signals import Inspection, Signal, Sink
from ..admission import Admission
from ..authentication import OPEN, Authentication
from ..counting import Counted
from ..event_loop import inline_or_not
from ..exports import DEFAULT_MAX_BODY_BYTES
from ..http_answers import JSON, HttpAnswer, refusal_answer
from ..refusals import DisconnectedError, Kind, RefusedError, refusal_of
from ..request_body import RequestBody, media_type
from ..storing import Storing
from .catalogue import Catalogue
from .conversion import Arrival, Verdict, events_in, to_logs_request

PATH: Final = "/v1/events"
_TEXT: Final = "text/plain"
_MEDIA: Final = frozenset({JSON, _TEXT, ""})
"""`navigator.sendBeacon` sends a string as text/plain, which browsers let through without a preflight, and bytes without any type."""
_INLINE_BYTES: Final = 32_768


def handler(
    sink: Sink, catalogue: Catalogue, *, max_body_bytes: int = DEFAULT_MAX_BODY_BYTES, authentication: Authentication = OPEN
) -> ASGIApp:
    """What answers at `PATH`.

    Args:
        sink: where events go, as payloads of logs.
        catalogue: what they are judged by.
        max_body_bytes: the longest body, as it comes and decompressed.
        authentication: who may send.
    """
    return _Handler(Storing(sink, authentication), catalogue, max_body_bytes, Received(COUNTERS, Signal.LOGS, "http", receiver="events"))


@dataclass(frozen=True, slots=True)
class _Handler:
    storing: Storing
    catalogue: Catalogue
    max_body_bytes: int
    received: Received

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI."""
        try:
            verdicts = await self._accept(scope, receive)
        except DisconnectedError:
            return
        except Exception as error:  # noqa: BLE001  every error becomes an answer, sorted in one place
            await refusal_answer(refusal_of(error)).send(send)
        else:
            await _answer(verdicts).send(send)

    async def _accept(self, scope: Scope, receive: Receive) -> Sequence[Verdict]:
        if scope["method"] != "POST":
            raise RefusedError(Kind.WRONG_METHOD, f"{PATH} takes POST only", headers={"allow": "POST"})
        if (media := media_type(scope)) not in _MEDIA:
            wanted = f"Content-Type {media!r} is not supported; use {JSON} or {_TEXT}"
            raise RefusedError(Kind.UNSUPPORTED_MEDIA, wanted, headers={"accept": f"{JSON}, {_TEXT}"})
        coming = RequestBody.of(scope, receive, self.max_body_bytes)
        with Counted(self.received) as counted, Admission(self.storing.sink) as admission:
            tenant = self.storing.caller(scope).tenant
            body = await coming.read(admission)
            understood = await inline_or_not(len(body) <= _INLINE_BYTES, self._understand, body, tenant, admission)
            counted.inspection = understood.counted
            if understood.verdicts:
                await self.storing(scope, Signal.LOGS, understood.payload, understood.inspection, counted)
        return understood.verdicts

    def _understand(self, body: bytes, tenant: str, admission: Admission) -> _Understood:
        with admission.parsing(len(body), json=True):
            arrival = Arrival(tenant, time.time_ns(), os.urandom(16))
            payload, verdicts = to_logs_request(events_in(body), body, self.catalogue, arrival)
        admission.reserve(len(payload))
        with admission.parsing(len(payload)):
            return _Understood(payload, verdicts, self.storing.sink.inspect(Signal.LOGS, payload))


@dataclass(frozen=True, slots=True)
class _Understood:
    """A body's payload, what is said of its events, and what the rules of OTLP say of it."""

    payload: bytes
    verdicts: Sequence[Verdict]
    inspection: Inspection

    @property
    def counted(self) -> Inspection:
        """What the metrics count: an event that breaks the catalogue is refused."""
        return Inspection(len(self.verdicts), sum(verdict.error is not None for verdict in self.verdicts))


def _answer(verdicts: Sequence[Verdict]) -> HttpAnswer:
    """202, or 400 where there were events and none was accepted; then it is a google.rpc.Status too."""
    rejected = sum(verdict.error is not None for verdict in verdicts)
    content: dict[str, Any] = {"accepted": len(verdicts) - rejected, "rejected": rejected, "events": [_said(each) for each in verdicts]}
    status = 400 if rejected == len(verdicts) > 0 else 202
    if status == 400:
        content = {"code": Kind.UNDECODABLE.grpc_code, "message": f"no event was accepted; the first: {verdicts[0].error}", **content}
    body = orjson.dumps(content)
    return HttpAnswer(status, body, {"content-type": JSON, "content-length": str(len(body))})


def _said(verdict: Verdict) -> dict[str, str]:
    said = {"event_id": verdict.event_id, "status": "accepted" if verdict.error is None else "rejected"}
    if verdict.error is not None:
        said["error"] = verdict.error
    if verdict.warning is not None:
        said["warning"] = verdict.warning
    return said
