"""What the settings say of channels, as the exporters take it; the alerts' process is handed it, as secrets are masked in settings."""

from __future__ import annotations

from pydantic import TypeAdapter

from ...exporters.notifications.channels import channel
from ...exporters.notifications.outbox import Limits
from ...exporters.notifications.quiet_hours import QuietHours
from ...exporters.notifications.target import MailServer, Target
from ..errors import CommandError
from ..notify import Notify
from ..settings import Settings

TARGETS: TypeAdapter[list[Target]] = TypeAdapter(list[Target])
"""Writes them for a process's greeting and reads them there."""


class ChannelError(CommandError):
    """A channel cannot be used.

    Attributes:
        number: which of the settings' list it is.
    """

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text, exit_code=2)
        self.number = number


def check_channels(settings: Settings) -> None:
    """Try whether files of authorities can be read.

    Raises:
        ChannelError: one cannot.
    """
    for number, target in enumerate(targets(settings)):
        try:
            channel(target)
        except OSError as error:
            raise ChannelError(number, f"{target.name}: its ca_file cannot be used: {error}") from None


def targets(settings: Settings) -> list[Target]:
    """All channels."""
    return [_target(notify) for notify in settings.notify]


def _target(notify: Notify) -> Target:
    return Target(
        name=notify.name,
        kind=notify.kind,
        limits=Limits(
            notify.max_per_hour, notify.gather_s, QuietHours.of(notify.quiet_hours, notify.timezone) if notify.quiet_hours else None
        ),
        url="" if notify.url is None else notify.url.get_secret_value(),
        headers={name: value.get_secret_value() for name, value in notify.headers.items()},
        timeout_s=notify.timeout_s,
        allow_private=notify.allow_private,
        ca_file=None if notify.ca_file is None else notify.ca_file.absolute(),
        mail=_mail_server(notify) if notify.kind == "email" else None,
    )


def _mail_server(notify: Notify) -> MailServer:
    return MailServer(
        host=notify.smtp_host or "",
        port=notify.smtp_port,
        sender=notify.mail_from or "",
        recipients=notify.mail_to,
        tls=notify.smtp_tls,
        user=notify.smtp_user,
        password=notify.smtp_password.get_secret_value(),
    )
