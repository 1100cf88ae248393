"""Makes what sends of what the settings say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import slack, teams, webhook
from .mail import MailChannel
from .notification import Channel
from .posting import Body, HttpChannel
from .target import Target

_BODIES: Final[Mapping[str, Body]] = {"webhook": webhook.body, "slack": slack.body, "teams": teams.body}


def channel(target: Target) -> Channel:
    """What sends to a channel.

    Raises:
        OSError: its file of authorities cannot be read, or is none.
    """
    return HttpChannel(target, _BODIES[target.kind]) if target.mail is None else MailChannel(target, target.mail)
