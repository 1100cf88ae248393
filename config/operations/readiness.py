"""Whether the collector can really accept: what `/readyz` answers, and why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...storage.access.tenants import DEFAULT_TENANT
from .receiver_report import ReceiverReport


def reasons(
    reports: Sequence[ReceiverReport], *, stopping: bool, pipeline_up: bool, soft_bytes: int, troubles: Mapping[str, str] = {}
) -> list[str]:
    """Why a sender should go elsewhere now; empty where the collector is ready.

    Args:
        reports: of the receiver processes.
        stopping: the collector was told to end.
        pipeline_up: the pipeline's process runs; without it payloads are accepted as long as little waits.
        soft_bytes: what may wait in an inbox before answers are paced to the pipeline.
        troubles: by tenant, why its pond stands still.
    """
    found = ["the collector is stopping"] if stopping else []
    if not reports and not stopping:
        found.append("no receiver runs")
    inboxes = [(tenant, state) for report in reports for tenant, state in report.inboxes.items()]
    for tenant, state in inboxes:
        if state.problem:
            found.append(_of(tenant, state.problem))
        if state.unread_bytes > soft_bytes and not pipeline_up:
            found.append(_of(tenant, f"the pipeline does not run, and {state.unread_bytes} bytes wait for it"))
        if state.unread_bytes > soft_bytes and tenant in troubles:
            found.append(_of(tenant, f"the pond stands still, and {state.unread_bytes} bytes wait: {troubles[tenant]}"))
    return sorted(set(found))


def _of(tenant: str, reason: str) -> str:
    return reason if tenant == DEFAULT_TENANT else f"tenant {tenant}: {reason}"
