"""The admin listener: health, readiness, the collector's own metrics, and publish; apart from OTLP, whose port may face browsers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from ...storage.access.tenants import DEFAULT_TENANT, tenants
from ..collector.pipeline_child import PipelineChild, PublishFailedError
from ..collector.security import BRIEF
from ..settings import Settings
from . import metrics, prometheus, readiness
from .metrics import Observed, Sample
from .receiver_report import ReceiverReport

Reports = Callable[[], Awaitable[Sequence[ReceiverReport]]]


@dataclass(slots=True)
class Operations:
    """What an operator may see of a running collector.

    Attributes:
        reports: asks the receiver processes how they are.
        stopping: whether the collector was told to end.
        receiver_restarts: how often a receiver process was started again.
        forwarded: tells by destination what came of payloads that are passed on.
        alerts: tells by tenant what became of alerts.
    """

    settings: Settings
    child: PipelineChild
    reports: Reports
    stopping: Callable[[], bool]
    receiver_restarts: Callable[[], int] = int
    forwarded: Callable[[], Mapping[str, Mapping[str, Any]]] = dict
    alerts: Callable[[], Mapping[str, Mapping[str, Any]]] = dict

    async def reasons(self) -> list[str]:
        """Why the collector cannot accept now; see `readiness`."""
        return readiness.reasons(
            await self.reports(),
            stopping=self.stopping(),
            pipeline_up=self.child.running,
            soft_bytes=int(self.settings.inbox_soft_bytes),
            troubles=self.child.troubles,
        )

    async def samples(self) -> list[Sample]:
        """The values of all metrics now."""
        return metrics.samples(
            Observed(
                reports=await self.reports(),
                progress=self.child.progress,
                pipeline_up=self.child.running,
                pipeline_restarts=self.child.restarts,
                receiver_restarts=self.receiver_restarts(),
                capacity_bytes=int(self.settings.inbox_max_bytes),
                processes=await asyncio.to_thread(metrics.process_figures, time.time()),
                now_unix_nano=time.time_ns(),
                forwarded=self.forwarded(),
                kept_bytes=int(self.settings.forward_backlog_bytes),
                alerts=self.alerts(),
            )
        )

    def read_position(self, inbox: str) -> Sequence[int] | None:
        """Up to where the pipeline has read an inbox of the default pond."""
        positions: dict[str, Sequence[int]] = self.child.progress.get(DEFAULT_TENANT, {}).get("positions", {})
        return positions.get(inbox)


def app(operations: Operations) -> FastAPI:
    """The admin listener of a collector."""
    api = FastAPI(title="otelpond admin", openapi_url=None)
    child = operations.child

    @api.get("/healthz")
    async def healthz(request: Request) -> dict[str, Any]:
        """Whether the collector lives, and how far it is; the latter only for who may read."""
        if BRIEF in request.scope:
            return {"status": "ok"}
        return {
            "status": "ok",
            "pipeline": "running" if child.running else "starting",
            "pipeline_restarts": child.restarts,
            "progress": child.progress.get(DEFAULT_TENANT, {}),
        }

    @api.get("/readyz")
    async def readyz(request: Request) -> JSONResponse:
        """Whether the collector can accept, and why not; the latter only for who may read."""
        found = await operations.reasons()
        why = {} if BRIEF in request.scope else {"reasons": found}
        return JSONResponse({"ready": not found, **why}, status_code=503 if found else 200)

    @api.get("/metrics")
    async def own_metrics(request: Request) -> Response:
        """The collector's own metrics, for Prometheus."""
        text, media = prometheus.rendered(await operations.samples(), request.headers.get("accept", ""))
        return Response(text, headers={"content-type": media})

    @api.post("/publish")
    async def publish(tenant: str = DEFAULT_TENANT) -> JSONResponse:
        """Publish everything that is accepted by now for a tenant, then answer."""
        if tenant not in tenants(operations.settings.data):
            return JSONResponse({"published": False, "reason": f"tenant {tenant} has no pond here"}, status_code=404)
        try:
            await child.publish(tenant)
        except PublishFailedError as failure:
            return JSONResponse({"published": False, "reason": str(failure)}, status_code=503)
        except TimeoutError:
            return JSONResponse({"published": False, "reason": "the pipeline is behind; it goes on publishing"}, status_code=503)
        return JSONResponse({"published": True})

    return api
