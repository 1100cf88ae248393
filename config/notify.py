"""The settings of channels that are told of alerts."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, SecretStr, ValidationInfo, model_validator

from ..exporters.notifications.guard import is_public
from ..exporters.notifications.quiet_hours import QuietHours
from .secrets_of_settings import Headers, Secret

_URL = re.compile(r"https?://[\x21-\x7e]+")
_MASKED = str(SecretStr("-"))
"""What stands for a secret in the settings that the collector's other processes are handed."""
_MAIL_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}")


def _url(value: SecretStr) -> SecretStr:
    """A URL that can be posted to. The text of the error does not show it.

    Raises:
        ValueError: it is none.
    """
    text = value.get_secret_value()
    if text == _MASKED:
        return value
    try:
        url = urlsplit(text)
        usable = _URL.fullmatch(text) and url.hostname and url.username is None and not url.fragment and (url.port is None or url.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("https://HOST/PATH or http://HOST:PORT/PATH in printable ASCII, without user and fragment")
    return value


def _mail_address(value: str) -> str:
    if not _MAIL_ADDRESS.fullmatch(value):
        raise ValueError("an e-mail address such as alerts@shop.example")
    return value


def _timezone(value: str, info: ValidationInfo) -> str:
    QuietHours.of(info.data.get("quiet_hours") or "00:00-00:01", value)
    return value


def _quiet_hours(value: str | None) -> str | None:
    if value is not None:
        QuietHours.of(value)
    return value


MailAddress = Annotated[str, AfterValidator(_mail_address)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Notify(BaseModel):
    """One channel that is told of alerts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] = Field(
        description="What rules, logs and the table `alerts` call it: 1 to 64 of a-z, 0-9, _ and -."
    )
    kind: Literal["webhook", "slack", "teams", "email"] = Field(
        description="`webhook` posts documented JSON, `slack` and `teams` what their incoming webhooks take, `email` hands in a letter."
    )
    url: Annotated[Secret, AfterValidator(_url)] | None = Field(
        None, description="Where a webhook, Slack's or Teams' is; never shown. `${env:NAME}` in it is that environment variable."
    )
    headers: Headers = Field(
        default_factory=dict, description="Sent with every request, never shown; `${env:NAME}` in a value is that environment variable."
    )
    allow_private: bool = Field(False, description="Allow a URL that leads to this machine or a private network.")
    smtp_host: str | None = Field(None, min_length=1, max_length=255, description="The mail server that takes letters.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="`starttls` on a plain connection, `tls` from the beginning (port 465), or `none`."
    )
    smtp_user: str = Field("", description="Who logs in; nobody where it is empty.")
    smtp_password: Secret = Field(SecretStr(""), description="Its password, never shown; `${env:NAME}` is that environment variable.")
    mail_from: MailAddress | None = Field(None, description="The letters' sender.")
    mail_to: tuple[MailAddress, ...] = Field((), max_length=100, description="Who gets the letters.")
    timeout_s: float = Field(10.0, gt=0, le=300, description="Seconds after which a channel without an answer is tried again.")
    ca_file: Path | None = Field(None, description="PEM file of the authorities that may sign the other side's certificate. [the system's]")
    max_per_hour: PositiveInt = Field(
        20,
        description="Messages in any hour, of which one rule causes three quarters at most; alerts beyond them wait, and the next"
        " message has them, or their number.",
    )
    gather_s: Seconds = Field(10.0, description="Seconds after a message in which alerts are gathered for the next one.")
    quiet_hours: Annotated[str | None, AfterValidator(_quiet_hours)] = Field(
        None, description="Hours of the day without messages, such as `22:00-07:00`; their alerts come after them, in one message."
    )
    timezone: Annotated[str, AfterValidator(_timezone)] = Field(
        "UTC", description="Whose clocks tell these hours, such as `Europe/Berlin`."
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Notify:
        """What its kind needs is given.

        Raises:
            ValueError: it is not. The text shows no secret.
        """
        if self.kind == "email":
            _check_mail(self)
        elif self.url is None:
            raise ValueError(f"a url, as {self.name!r} is of kind {self.kind}")
        elif not self.allow_private and _is_private(urlsplit(self.url.get_secret_value()).hostname or ""):
            raise ValueError(f"a url with a public address, or allow_private = true, for {self.name!r}")
        return self


def of_different_names(values: list[Notify]) -> list[Notify]:
    """Channels that can be told apart.

    Raises:
        ValueError: two have one name.
    """
    if len({channel.name for channel in values}) < len(values):
        raise ValueError("a name of its own for each channel")
    return values


def _check_mail(channel: Notify) -> None:
    if channel.smtp_host is None or channel.mail_from is None or not channel.mail_to:
        raise ValueError(f"smtp_host, mail_from and mail_to, as {channel.name!r} is of kind email")
    if channel.smtp_user and channel.smtp_tls == "none" and not _is_this_machine(channel.smtp_host):
        raise ValueError(f"smtp_tls other than none for {channel.name!r}, as a password goes over the network")


def _is_private(host: str) -> bool:
    """Whether a URL's host is seen to be no public one; of a name it is known only when it is connected to."""
    try:
        return not is_public(host)
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
