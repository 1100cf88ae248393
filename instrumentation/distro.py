"""The entry points by which `opentelemetry-instrument` finds us: it then does what `otelpond run` does.

Where another distribution is installed too, OTEL_PYTHON_DISTRO=otelpond and OTEL_PYTHON_CONFIGURATOR=otelpond choose this one.
"""

from __future__ import annotations

import os
from typing import Any

from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined] # the module asks not to be read
from opentelemetry.util._importlib_metadata import EntryPoint

from .guard import skipped
from .process import lifecycle


class Distro(BaseDistro):  # type: ignore[misc] # hence Any
    """Activates each instrumentor as we do, and skips one that fails instead of giving up on all."""

    def _configure(self, **_kwargs: Any) -> None:
        os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")

    def load_instrumentor(self, entry_point: EntryPoint, **_kwargs: Any) -> None:
        """Activate one instrumentor."""
        lifecycle.activate_one(entry_point)


class Configurator:
    """Starts providers and parts."""

    def configure(self, **_kwargs: Any) -> None:
        """As `instrument()`, but for the instrumentors, which come one by one."""
        with skipped("otelpond's instrumentation"):
            lifecycle.start()
