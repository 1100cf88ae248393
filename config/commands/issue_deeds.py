"""What is done about issues, appended to `issue_activity` and told: the commands of `issue_activity` decide about each issue."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from ...storage.issue_details import Row
from ...storage.issue_details.finding import short
from ...storage.issues.activity import Activity, ActivityError, append
from ..errors import CommandError
from ..issues.texts import console
from ..pond import open_lake
from ..settings import Settings
from ..sources import load
from .issues import found, pond
from .rows import print_document


@dataclass(frozen=True, slots=True)
class Request:
    """What every one of these commands is given.

    Attributes:
        issues: ids, or their beginnings.
        config: the configuration file.
        options: settings given on the command line.
        tenant: whose pond it is.
        actor: who acts; None for whoever is logged in.
        comment: what they say of it.
        form: table (sentences) or json.
    """

    issues: Sequence[str]
    config: Path | None
    options: Mapping[str, Any]
    tenant: str
    actor: str | None
    comment: str | None
    form: str


@dataclass(frozen=True, slots=True)
class Deed:
    """What one activity is beside its issue, time and actor.

    Attributes:
        activity: as in the column of that name; empty where nothing is done.
        told: how an issue is afterwards, in a sentence behind its id.
        columns: of `issue_activity`.
    """

    activity: str
    told: str
    columns: Mapping[str, Any]


Decide = Callable[[duckdb.DuckDBPyConnection, Row], Sequence[Deed] | str]
"""What to do about an issue, or why nothing is to be done."""


def act(request: Request, decide: Decide) -> None:
    """Append what is decided about each issue, all of it or nothing, and tell it."""
    settings = load(request.config, request.options)
    actor = request.actor or _logged_in()
    told: list[str] = []
    activities: list[Activity] = []
    with pond(settings, request.tenant) as con:
        issues = {issue["issue_id"]: issue for issue in (found(con, text) for text in request.issues)}
        for issue in issues.values():
            decided = decide(con, issue)
            deeds = _said(decided, request.comment) if isinstance(decided, str) else decided
            activities += [_activity(issue, deed, actor, request.comment) for deed in deeds if deed.activity]
            told += [f"{short(issue['issue_id'])} {deed.told}" for deed in deeds]
    _append(settings, request.tenant, activities)
    if request.form == "json":
        print_document([_described(activity) for activity in activities], sys.stdout)
        return
    for sentence in told:
        console().print(sentence, soft_wrap=True)


def _said(nothing: str, comment: str | None) -> list[Deed]:
    """What is left to do where nothing is: what somebody says of it is kept."""
    return [Deed("", nothing, {}) if comment is None else Deed("commented", f"{nothing}; it has the comment", {})]


def _activity(issue: Row, deed: Deed, actor: str, said: str | None) -> Activity:
    columns = {"service_name": issue["service_name"], "organization_id": issue["organization_id"], **deed.columns}
    try:
        return Activity(
            activity_id=uuid4(),
            issue_id=issue["issue_id"],
            activity=deed.activity,
            activity_timestamp=datetime.now(UTC),
            actor=actor,
            tenant_id=issue["tenant_id"],
            comment=said,
            **columns,
        )
    except ActivityError as error:
        raise CommandError(str(error), exit_code=2) from None


def _append(settings: Settings, tenant: str, activities: Sequence[Activity]) -> None:
    if activities:
        append(open_lake(settings, tenant), activities)


def _described(activity: Activity) -> dict[str, Any]:
    """The columns that say something."""
    told = {field.name: getattr(activity, field.name) for field in fields(activity)}
    return {name: value for name, value in told.items() if value is not None}


def _logged_in() -> str:
    """$USER, else who the system says it is."""
    try:
        return os.environ.get("USER") or getpass.getuser()
    except (OSError, KeyError):
        raise CommandError("nobody is known to be logged in here: --actor NAME", exit_code=2) from None
