"""Tells by e-mail: one letter of plain text a message, handed to the mail server of the settings."""

from __future__ import annotations

import smtplib
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from ..destination import Refused, TryLater
from .authorities import trusting
from .concealing import Concealing
from .mail_session import MailSession
from .notification import Message, Notification, Outcome, Sent
from .target import MailServer, Target
from .texts import facts, headline, lines, rest, title
from .time_limit import TimeLimit

_LONGEST_TEXT: Final = 4000
_PERMANENT: Final = 500


class MailChannel:
    """See `notification.Channel`.

    Raises:
        OSError: the file of authorities cannot be read, or is none.
    """

    def __init__(self, target: Target, server: MailServer) -> None:
        self._server, self._timeout_s = server, target.timeout_s
        self._concealing = Concealing(target)
        self._context = trusting(target.ca_file)

    def send(self, message: Message) -> Outcome:
        """One attempt; a letter that some of its recipients get is sent."""
        with TimeLimit(self._timeout_s) as limit:
            try:
                refused = self._hand_in(message, limit)
            except (smtplib.SMTPException, OSError, UnicodeError) as error:
                return TryLater(limit.fault) if limit.is_over else self._outcome(error)
        return Sent(self._refusals(refused)) if refused else Sent()

    def _hand_in(self, message: Message, limit: TimeLimit) -> dict[str, tuple[int, bytes]]:
        """Who does not get it."""
        session = self._session(limit)
        try:
            return session.send_message(letter(self._server, message), self._server.sender, self._server.recipients)
        finally:
            with suppress(OSError, smtplib.SMTPException):  # what was taken is taken, whatever becomes of the farewell
                session.quit()

    def _session(self, limit: TimeLimit) -> MailSession:
        """A session that may send."""
        server = self._server
        session = MailSession(server.host, server.port, limit, self._context if server.tls == "tls" else None)
        try:
            if server.tls == "starttls":
                session.starttls(context=self._context)
            if server.user:
                session.login(server.user, server.password)
        except BaseException:
            session.close()
            raise
        return session

    def _outcome(self, error: smtplib.SMTPException | OSError | UnicodeError) -> Outcome:
        """What a failure says: codes from 500 on are final, 4xx and no answer ask for another try."""
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            codes = [code for code, _ in error.recipients.values()]
            reason = self._refusals(error.recipients)
            return Refused(reason) if min(codes, default=0) >= _PERMANENT else TryLater(reason)
        if isinstance(error, smtplib.SMTPResponseException):
            said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
            reason = self._concealing.reason(f"SMTP {error.smtp_code}: {said}")
            return Refused(reason) if error.smtp_code >= _PERMANENT else TryLater(reason)
        reason = self._concealing.reason(f"{type(error).__name__}: {error}")
        return Refused(reason) if isinstance(error, smtplib.SMTPNotSupportedError) else TryLater(reason)

    def _refusals(self, refused: dict[str, tuple[int, bytes]]) -> str:
        """Who does not get it and why."""
        said = "; ".join(f"{recipient}: {code} {text.decode('utf-8', 'replace')}" for recipient, (code, text) in refused.items())
        return self._concealing.reason(f"refused: {said}")


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
