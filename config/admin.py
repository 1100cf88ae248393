"""The admin listener: health, a few figures of the collector itself, and publish; apart from OTLP, whose port may face browsers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from ..storage.inbox.log import Inbox
from ..storage.tenants import DEFAULT_TENANT
from .pipeline_child import PipelineChild


def app(child: PipelineChild, inbox: Inbox) -> FastAPI:
    """The admin listener of a collector."""
    api = FastAPI(title="otelpond admin", openapi_url=None)

    @api.get("/healthz")
    async def healthz() -> dict[str, Any]:
        """Whether the collector lives, and how far it is."""
        return {
            "status": "ok",
            "pipeline": "running" if child.running else "starting",
            "pipeline_restarts": child.restarts,
            "unread_bytes": inbox.unread_bytes,
            "progress": child.progress.get(DEFAULT_TENANT, {}),
        }

    @api.post("/publish")
    async def publish() -> JSONResponse:
        """Publish everything that is accepted by now, then answer."""
        try:
            await child.publish()
        except TimeoutError:
            return JSONResponse({"published": False, "reason": "the pipeline is behind; it goes on publishing"}, status_code=503)
        return JSONResponse({"published": True})

    return api
