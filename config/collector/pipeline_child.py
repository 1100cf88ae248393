"""The collector's side of the pipeline's process: asks it to publish a tenant's pond, hears how far each pond is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ...storage.access.tenants import DEFAULT_TENANT
from ...storage.inbox.segments import Position
from ..settings import Settings
from .child import Child

logger = logging.getLogger(__name__)

_MEMORY = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "8388608",
    "MALLOC_TRIM_THRESHOLD_": "134217728",
    "MALLOC_TOP_PAD_": "8388608",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "NUMPY_MADVISE_HUGEPAGE": "0",
}
"""Columns of a batch take the memory of the batch before, of which up to 128 MB are kept; larger buffers are given back at once, and some
forty threads share two arenas of glibc. The first touch of a page costs up to 4 us on a virtual machine: against a threshold of 256 kB,
where each column took new pages, 6 to 25 % more items a CPU-second (pairs of `tests/bench/run.py --only throughput --quick`), and at 50,000
items/s 462 and 625 MB, steady and peak, in place of 407 and 553 (`--only steady --quick`). NumPy asks for huge pages for 4 MB and more: of
arrays that are filled in part, 2 MB were cleared for the first byte of each. One's own environment is stronger."""
_PUBLISH_S = 30.0

OnRead = Callable[[str, dict[str, Position]], None]


class PublishFailedError(Exception):
    """A pond cannot be published now. The text says why."""


class PipelineChild(Child):
    """The pipeline process of a collector's ponds.

    Attributes:
        progress: by tenant, what its pipeline told last.
        troubles: by tenant, why its pond stands still; those that go on are not in it.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__("pipeline process", "otelpond.config.collector.pipeline_process", environment=_MEMORY)
        self._settings = settings
        self._on_read: OnRead | None = None
        self.progress: dict[str, dict[str, Any]] = {}
        self.troubles: dict[str, str] = {}

    async def publish(self, tenant: str = DEFAULT_TENANT) -> None:
        """Have everything that is accepted by now for a tenant published.

        Raises:
            PublishFailedError: its pond stands still.
            TimeoutError: it takes too long; it will happen all the same.
        """
        answer = await self.ask({"publish": tenant}, timeout_s=_PUBLISH_S)
        if answer.get("failed"):
            raise PublishFailedError(answer["failed"])

    def greeting(self, *, crashed: bool) -> dict[str, Any]:
        """The settings, and how the last process ended."""
        self.troubles.clear()
        return {"settings": self._settings.model_dump(mode="json"), "crashed": crashed}

    def hear(self, message: dict[str, Any]) -> None:
        """Progress of a pond, or that it stands still."""
        tenant = message["tenant"]
        if "trouble" in message:
            self.troubles[tenant] = message["trouble"]
            return
        self.troubles.pop(tenant, None)
        self.progress[tenant] = message["progress"]
        self._tell_read(tenant)

    def tell_reads_to(self, on_read: OnRead) -> None:
        """Tell, now and from now on, up to which positions the inboxes have been read."""
        self._on_read = on_read
        for tenant in self.progress:
            self._tell_read(tenant)

    def _tell_read(self, tenant: str) -> None:
        if self._on_read is None:
            return
        try:
            self._on_read(tenant, {inbox: Position(*position) for inbox, position in self.progress[tenant]["positions"].items()})
        except OSError as failure:  # such as too many open files: the next message says the same and more
            logger.warning("cannot see how far the inbox is read: %s", failure)
