"""Tells by e-mail: one letter of plain text a message, handed to the mail server of the settings."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from ..destination import Refused, TryLater
from .notification import Message, Notification, Outcome, Sent
from .target import MailServer, Target
from .texts import facts, headline, lines, one_line, rest, title

_LONGEST_TEXT: Final = 4000
_LONGEST_REASON: Final = 200
_PERMANENT: Final = 500


class MailChannel:
    """See `notification.Channel`.

    Raises:
        OSError: the file of authorities cannot be read, or is none.
    """

    def __init__(self, target: Target, server: MailServer) -> None:
        self._server, self._timeout_s = server, target.timeout_s
        self._context = ssl.create_default_context(cafile=target.ca_file)

    def send(self, message: Message) -> Outcome:
        """One attempt; a letter that some of its recipients get is sent."""
        try:
            client = self._client()
            try:
                refused = client.send_message(letter(self._server, message), self._server.sender, self._server.recipients)
            finally:
                with suppress(OSError, smtplib.SMTPException):  # what was taken is taken, whatever becomes of the farewell
                    client.quit()
        except (smtplib.SMTPException, OSError) as error:
            return _outcome(error)
        return Sent(_refusals(refused)) if refused else Sent()

    def _client(self) -> smtplib.SMTP:
        """A session that may send."""
        server = self._server
        client: smtplib.SMTP
        if server.tls == "tls":
            client = smtplib.SMTP_SSL(server.host, server.port, timeout=self._timeout_s, context=self._context)
        else:
            client = smtplib.SMTP(server.host, server.port, timeout=self._timeout_s)
        try:
            if server.tls == "starttls":
                client.starttls(context=self._context)
            if server.user:
                client.login(server.user, server.password)
        except BaseException:
            client.close()
            raise
        return client


def letter(server: MailServer, message: Message) -> EmailMessage:
    """The letter; every attempt at a message has the same Message-ID, by which mail programs know a letter twice."""
    mail = EmailMessage()
    mail["From"] = server.sender
    mail["To"] = ", ".join(server.recipients)
    mail["Subject"] = title(message)
    mail["Date"] = format_datetime(message.notifications[0].fired_at)
    mail["Message-ID"] = f"<{message.message_id}@{server.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # nobody's absence answers it
    mail["X-Otelpond-Alert-Id"] = message.message_id
    parts = [*map(_paragraph, message.notifications), rest(message.others)]
    mail.set_content("\n\n".join(filter(None, parts)) + "\n", cte="quoted-printable")  # not every server takes 8 bits
    return mail


def _paragraph(notification: Notification) -> str:
    return "\n".join(filter(None, [headline(notification), facts(notification), lines(notification.text, _LONGEST_TEXT)]))


def _outcome(error: smtplib.SMTPException | OSError) -> Outcome:
    """What a failure says: codes from 500 on are final, 4xx and no answer ask for another try."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        reason = _refusals(error.recipients)
        return Refused(reason) if min(codes, default=0) >= _PERMANENT else TryLater(reason)
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        reason = one_line(f"SMTP {error.smtp_code}: {said}", _LONGEST_REASON)
        return Refused(reason) if error.smtp_code >= _PERMANENT else TryLater(reason)
    reason = one_line(f"{type(error).__name__}: {error}", _LONGEST_REASON)
    return Refused(reason) if isinstance(error, smtplib.SMTPNotSupportedError) else TryLater(reason)


def _refusals(refused: dict[str, tuple[int, bytes]]) -> str:
    """Who does not get it and why."""
    said = "; ".join(f"{recipient}: {code} {text.decode('utf-8', 'replace')}" for recipient, (code, text) in refused.items())
    return one_line(f"refused: {said}", _LONGEST_REASON)
