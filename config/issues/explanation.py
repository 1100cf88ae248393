"""Why events are one issue: what their fingerprint was made of, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from ...storage.issue_details import Row
from .texts import counted, line, section

_REASONS: Final[Mapping[str, str]] = {
    "rule": "the rule {rule} of the configuration asks for it",
    "attribute": "the service asks for it, by the attribute exception.fingerprint",
    "in_app_frames": "the types of the exceptions and the service's own frames, without line numbers",
    "frames": "the types of the exceptions and the frames of libraries, as no frame is the service's own",
    "message": "type and message, what varies in it replaced, as there is no stack",
    "request": "method, endpoint and status of the request, as there is no stack",
    "query": "the statement, or operation and table, and the message, what varies in it replaced, as there is no stack",
    "type": "the type alone, as nothing else is told",
}


def explanation(issue: Row, groups: Sequence[Row]) -> RenderableType:
    """The fingerprints of an issue, each with what it is made of."""
    parts: list[RenderableType] = [Text(line(issue["title"]), style="bold")]
    if len(groups) > 1:
        parts.append(Text(f"{len(groups)} fingerprints are this issue, as issues were merged or the grouping has changed."))
    parts += [_group(group) for group in groups]
    hints = [
        "Equal errors of another service are an issue of their own.",
        "To group otherwise: [[grouping]] in the configuration, or the attribute exception.fingerprint, for errors from then on;",
        "`otelpond issues merge` and `split` for those that are stored.",
    ]
    return Group(*parts, Text(), *(Text(hint, style="dim") for hint in hints))


def _group(group: Row) -> RenderableType:
    told = _document(group["grouping"])
    reason = _REASONS.get(str(told.get("by")), str(told.get("by") or "an earlier release stored no reason")).replace(
        "{rule}", line(told.get("rule") or "")
    )
    version = f", version {group['grouping_version']}" if group.get("grouping_version") is not None else ""
    title = section(f"Fingerprint {line(group['fingerprint'] or 'none')}", f"{counted(group['events'], 'event')}{version}")
    tables = ", ".join(group["source_tables"])
    return Group(
        title,
        Text(f"made of {reason}:") if told.get("by") not in {"rule", "attribute"} else Text(f"{reason}:"),
        *(Text(f"  {line(part)}", style="cyan") for part in _parts(told)),
        Text(f"such as {line(group['example'] or '')}" + (f", in {line(group['culprit'])}" if group["culprit"] else ""), style="dim"),
        Text(f"from {tables}", style="dim"),
    )


def _document(grouping: Any) -> Mapping[str, Any]:
    return grouping if isinstance(grouping, dict) else {}


def _parts(told: Mapping[str, Any]) -> list[str]:
    parts = told.get("parts")
    return [str(part) for part in parts] if isinstance(parts, list) else []
