"""The part `requests`: what a request's span cannot tell by itself, its sizes, its user and details of its failure, and how many there are.

Sits on OpenTelemetry's packages: inside the ASGI middleware of FastAPI and Starlette, by hooks in Flask and Django.
"""

from __future__ import annotations

import os
from typing import Any

from ..sending.providers import Providers
from ..settings import Settings, read
from ..traffic import traffic
from .asgi import Asgi, instrument_app
from .exchange import Watch
from .identity import ChildIdentity, ErrorIdentity
from .sampling import Waiting, sampler
from .settings import RequestSettings, exclude
from .wsgi import Counting, Hooks

__all__ = ["OPTIONS", "SETTINGS", "after_fork", "instrument_app", "start", "stop"]

SETTINGS = RequestSettings
OPTIONS: dict[str, dict[str, Any]] = {}
_running: list[Asgi] = []
_waiting: list[Waiting] = []


def start(settings: Settings, providers: Providers) -> None:
    """Watch requests."""
    own = read(RequestSettings)
    exclude(own.excluded_paths)
    watch = Watch(own)
    providers.add_span_processor(Counting())
    providers.add_span_processor(ChildIdentity())
    providers.add_log_record_processor(ErrorIdentity())
    if own.sample_rate < 1 and not os.environ.get("OTEL_TRACES_SAMPLER"):
        _sample(own.sample_rate, providers)
    hooks = Hooks(watch)
    OPTIONS.update(flask={"response_hook": hooks.flask_response}, django={"response_hook": hooks.django_response})
    asgi = Asgi(watch, settings.disabled_instrumentors)
    asgi.begin()
    _running.append(asgi)


def _sample(rate: float, providers: Providers) -> None:
    providers.tracer_provider.sampler = sampler(rate)
    waiting = Waiting(providers.delivery.spans.put)
    providers.add_span_processor(waiting)
    _waiting.append(waiting)


def stop() -> None:
    """Leave the libraries as they were."""
    OPTIONS.clear()
    _waiting.clear()
    while _running:
        _running.pop().undo()


def after_fork() -> None:
    """A child has answered nothing yet, and sends nothing of its parent's."""
    traffic.reset()
    for waiting in _waiting:
        waiting.clear()
