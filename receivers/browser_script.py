"""GET /otelpond.js: the browser's script, whole or gzip, kept by browsers for an hour and then asked for by its ETag."""

from __future__ import annotations

import gzip
import hashlib
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from .http_answers import HttpAnswer, refusal_answer
from .refusals import Kind, RefusedError
from .request_body import header

PATH: Final = "/otelpond.js"
_KEPT: Final = "public, max-age=3600"
_METHODS: Final = "GET, HEAD"


def handler(script: bytes) -> ASGIApp:
    """What answers at `PATH` with that script; pages of every origin may read it."""
    return _Handler(script)


class _Handler:
    def __init__(self, script: bytes) -> None:
        digest = hashlib.sha256(script).hexdigest()[:32]
        self._whole = _answer(script, digest, {})
        self._gzip = _answer(gzip.compress(script, mtime=0), f"{digest}-gzip", {"content-encoding": "gzip"})

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI."""
        if scope["method"] not in _METHODS.split(", "):
            refusal = RefusedError(Kind.WRONG_METHOD, f"{PATH} takes GET only", headers={"allow": _METHODS})
            await refusal_answer(refusal).send(send)
            return
        script = self._gzip if _takes_gzip(header(scope, b"accept-encoding")) else self._whole
        if script.fields["etag"] in _etags(header(scope, b"if-none-match")):
            kept = {name: value for name, value in script.fields.items() if not name.startswith("content-")}
            await HttpAnswer(304, b"", kept).send(send)
        else:
            await (HttpAnswer(200, b"", script.fields) if scope["method"] == "HEAD" else script).send(send)


def _answer(body: bytes, tag: str, fields: dict[str, str]) -> HttpAnswer:
    return HttpAnswer(
        200,
        body,
        {
            "content-type": "text/javascript; charset=utf-8",
            "content-length": str(len(body)),
            "cache-control": _KEPT,
            "etag": f'"{tag}"',
            "vary": "accept-encoding",
            "x-content-type-options": "nosniff",
            "access-control-allow-origin": "*",
            "cross-origin-resource-policy": "cross-origin",
            **fields,
        },
    )


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding allows gzip (RFC 9110, section 12.5.3)."""
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


def _etags(listed: str) -> set[str]:
    """The tags of an If-None-Match, compared weakly as RFC 9110 asks."""
    return {tag.strip().removeprefix("W/") for tag in listed.split(",")}
