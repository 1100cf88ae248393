"""The channels of the settings, as what sends to them takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .outbox import Limits


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and whose it is.

    Attributes:
        tls: `starttls` on a plain connection, `tls` from the beginning, or `none`.
        user, password: none where it asks for none; the password is in no repr.
        sender: address.
        recipients: addresses.
    """

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """One channel.

    Attributes:
        url: of a webhook, Slack's or Teams'; it is a secret, as whoever knows it can write there, and is in no repr.
        headers: sent with every request to it; secrets too.
        allow_private: whether the URL may lead to this machine or a private network.
        ca_file: who is trusted to sign the other side's certificate; None for those that the system trusts.
        mail: of a channel of kind email.
    """

    name: str
    kind: Literal["webhook", "slack", "teams", "email"]
    limits: Limits = field(default_factory=Limits)
    url: str = field(default="", repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 10.0
    allow_private: bool = False
    ca_file: Path | None = None
    mail: MailServer | None = None
