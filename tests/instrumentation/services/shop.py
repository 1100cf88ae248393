"""A small FastAPI service that knows nothing of otelpond; /who says which process answered."""

from __future__ import annotations

import os

from fastapi import FastAPI
from opentelemetry import trace

app = FastAPI()


@app.get("/who/{number}")
def who(number: int) -> dict[str, int]:
    """Which process this is."""
    return {"pid": os.getpid(), "number": number}


def wsgi(_environ: dict[str, str], start_response: object) -> list[bytes]:
    """The same for WSGI servers, reported by hand: no package is for bare functions."""
    attributes = {"http.request.method": "GET", "http.route": "/who", "http.response.status_code": 200}
    with trace.get_tracer("shop").start_as_current_span("GET /who", kind=trace.SpanKind.SERVER, attributes=attributes):
        start_response("200 OK", [("Content-Type", "text/plain")])  # type: ignore[operator]
        return [str(os.getpid()).encode()]
