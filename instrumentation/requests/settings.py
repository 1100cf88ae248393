"""What can be set about requests."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..settings import setting

EXCLUDED_URLS = "OTEL_PYTHON_EXCLUDED_URLS"


@dataclass(frozen=True)
class RequestSettings:
    """What can be set about requests."""

    excluded_paths: tuple[str, ...] = setting(
        (),
        "OTELPOND_EXCLUDED_PATHS",
        says="Paths whose requests are not reported, as `/health,/static/*`; OTEL_PYTHON_EXCLUDED_URLS (patterns) wins.",
    )
    sample_rate: float = setting(
        1.0,
        "OTELPOND_REQUEST_SAMPLE_RATE",
        at_least=0,
        at_most=1,
        says="Share of requests that are sent with all they did; those that fail always are. OTEL_TRACES_SAMPLER wins.",
    )
    details_from_status: int = setting(
        500,
        "OTELPOND_DETAILS_FROM_STATUS",
        at_least=100,
        at_most=600,
        says="Status code from which on a request's sanitised headers are sent (and bodies, if on); 600 is never.",
    )
    bodies: bool = setting(False, "OTELPOND_BODIES", says="Send the sanitised bodies of such requests and of their answers.")
    body_bytes: int = setting(
        4096, "OTELPOND_BODY_BYTES", at_least=1, at_most=65536, says="Bytes of a body that are kept for that; the rest is left out."
    )
    trusted_proxies: int = setting(
        0,
        "OTELPOND_TRUSTED_PROXIES",
        at_least=0,
        at_most=16,
        says="Proxies in front whose `X-Forwarded-For` says who the client is; where the server listens on a Unix socket, at least 1.",
    )
    user_hook: str = setting(
        "",
        "OTELPOND_USER_HOOK",
        says="A function `module:name` that is given the ASGI scope or WSGI environ of a handled request, and says who made it.",
    )


def exclude(paths: Iterable[str]) -> None:
    """Have every instrumentation package leave requests for these paths alone, by the variable that all of them read."""
    if paths and not os.environ.get(EXCLUDED_URLS):
        os.environ[EXCLUDED_URLS] = ",".join(url_pattern(path) for path in paths)


def url_pattern(path: str) -> str:
    """A path in which `*` is anything, as a pattern for the URLs it may stand in."""
    return rf"^[a-z]+://[^/]*{re.escape(path).replace(re.escape('*'), '.*')}/?(?:\?|$)"
