"""CORS: which pages' scripts may send OTLP/HTTP from a browser; stands in front of the receiver where origins are configured."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from .http_answers import refusal_answer
from .refusals import Kind, RefusedError

_PREFLIGHT_LASTS_S = 7200  # the longest that Chromium believes one


class CrossOrigin(CORSMiddleware):
    """Starlette's CORS for OTLP: POST with any header, from the origins that are named.

    Credentials are allowed, for `navigator.sendBeacon` always sends in that mode and browsers would keep the answer, and the preflight's
    permission, from it; no cookie of ours exists that another page could ride on.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=frozenset(origins),
            allow_methods=("POST",),
            allow_headers=("*",),
            allow_credentials=True,
            expose_headers=("Retry-After",),
            max_age=_PREFLIGHT_LASTS_S,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight; a refusal has a Status for its body, as every answer of OTLP/HTTP has."""
        response = super().preflight_response(request_headers)
        if response.status_code == 200:
            return Response(status_code=204, headers=_fields(response))
        refusal = RefusedError(Kind.FORBIDDEN, f"{bytes(response.body).decode()}; `cors_allowed_origins` names who may send")
        answer = refusal_answer(refusal)
        return Response(answer.body, answer.status, headers=_fields(response) | answer.fields)


def _fields(response: Response) -> dict[str, str]:
    """A response's headers but those of its body."""
    return {name: value for name, value in response.headers.items() if not name.startswith("content-")}
