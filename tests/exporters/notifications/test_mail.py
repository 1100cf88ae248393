"""Letters handed to a mail server of this machine: sessions, logins, and what its answers mean."""

from __future__ import annotations

import base64
import itertools
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import trustme
from otelpond.exporters.destination import Refused, TryLater
from otelpond.exporters.notifications.channels import channel
from otelpond.exporters.notifications.notification import Message, Notification, Sent
from otelpond.exporters.notifications.target import MailServer, Target

MESSAGE = Message((Notification("5b0f9a3e", "new-issues", "ValueError: für 7", datetime(2026, 11, 21, tzinfo=UTC), text=".\n..\n."),))


@dataclass
class Server:
    """A mail server: what it heard, and what it answers a command instead of success."""

    port: int = 0
    context: ssl.SSLContext | None = None
    replies: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    letters: list[bytes] = field(default_factory=list)


class Session(socketserver.StreamRequestHandler):
    """One connection, as RFC 5321 has it."""

    def handle(self) -> None:
        """Greet, and answer commands until the other side goes."""
        self.say("220 mail.example")
        while given := self.rfile.readline().decode().rstrip("\r\n"):
            command, space, rest = given.partition(" ")
            command = command.upper()
            line = command + space + rest
            self.known.heard.append(line)
            answer = next((reply for start, reply in self.known.replies.items() if line.startswith(start)), None)
            if answer == "cut":
                return
            self.say(answer or self.answer(command))
            if answer is None and command == "DATA":
                self.take_letter()
            if answer is None and command == "STARTTLS":
                self.secure()
            if command == "QUIT":
                return

    @property
    def known(self) -> Server:
        """What the test knows."""
        server: Any = self.server
        known: Server = server.known
        return known

    def answer(self, command: str) -> str:
        """Success."""
        extensions = ["mail.example", "AUTH PLAIN", *(["STARTTLS"] if self.known.context else [])]
        multiline = [f"250-{one}" for one in extensions[:-1]] + [f"250 {extensions[-1]}"]
        return {"EHLO": "\r\n".join(multiline), "DATA": "354 go on", "AUTH": "235 hello", "STARTTLS": "220 go on"}.get(command, "250 ok")

    def take_letter(self) -> None:
        """Until the line with a dot."""
        rows = []
        while (row := self.rfile.readline()) != b".\r\n":
            rows.append(row.removeprefix(b".") if row.startswith(b"..") else row)
        self.known.letters.append(b"".join(rows))
        self.say(self.known.replies.get(".", "250 taken"))

    def secure(self) -> None:
        """Speak TLS from here on."""
        assert self.known.context is not None
        self.connection = self.known.context.wrap_socket(self.request, server_side=True)
        self.rfile = self.connection.makefile("rb")

    def finish(self) -> None:
        """Close the connection that TLS has put in the place of the first one, too."""
        super().finish()
        self.connection.close()

    def say(self, line: str) -> None:
        """One answer."""
        self.connection.sendall(f"{line}\r\n".encode())


@pytest.fixture
def mail_server() -> Iterator[Server]:
    """Takes letters on a port of this machine."""
    server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
    server.handle_error = lambda *_: None  # a client that does not trust the certificate goes
    known = server.known = Server(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield known
    server.shutdown()
    server.server_close()
    thread.join()


def sender(server: Server, **settings: Any) -> Any:
    """A channel of that server."""
    mail = {"host": "localhost", "port": server.port, "sender": "pond@shop.example", "recipients": ("a@shop.example", "b@shop.example")}
    ca_file = settings.pop("ca_file", None)
    return channel(Target("mail", "email", mail=MailServer(**{**mail, "tls": "none", **settings}), timeout_s=5, ca_file=ca_file))


def test_a_letter_is_handed_in(mail_server: Server) -> None:
    """For all recipients at once; lines of dots arrive as they were."""
    assert Sent() == sender(mail_server).send(MESSAGE)
    letter = message_from_bytes(mail_server.letters[0], policy=default)
    assert ("ValueError: für 7", "pond@shop.example") == (letter["Subject"], letter["From"])
    assert letter.get_content().replace("\r\n", "\n").endswith("\n.\n..\n.\n")
    assert ["RCPT TO:<a@shop.example>", "RCPT TO:<b@shop.example>"] == [line for line in mail_server.heard if line.startswith("RCPT")]


def test_a_password_is_given_inside_tls_only(mail_server: Server, tmp_path: Path) -> None:
    """By a server whose certificate is signed by whom we trust."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    mail_server.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(mail_server.context)
    account = {"tls": "starttls", "user": "pond", "password": "s3cret"}
    assert Sent() == sender(mail_server, ca_file=tmp_path / "ca.pem", **account).send(MESSAGE)
    login = "AUTH PLAIN " + base64.b64encode(b"\0pond\0s3cret").decode()
    assert ["STARTTLS", login] == [line for line in mail_server.heard if line.startswith(("STARTTLS", "AUTH"))]
    mail_server.heard.clear()
    assert isinstance(sender(mail_server, **account).send(MESSAGE), TryLater)
    assert not any(line.startswith("AUTH") for line in mail_server.heard)


def test_a_server_without_tls_is_told_nothing_where_tls_is_wanted(mail_server: Server) -> None:
    """It is refused for good: somebody has to change a setting."""
    outcome = sender(mail_server, tls="starttls").send(MESSAGE)
    assert isinstance(outcome, Refused)
    assert "STARTTLS" in outcome.reason
    assert [] == mail_server.letters


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ({"RCPT TO:<b": "550 who?"}, Sent("refused: b@shop.example: 550 who?")),
        ({"RCPT": "550 who?"}, Refused("refused: a@shop.example: 550 who?; b@shop.example: 550 who?")),
        ({"RCPT TO:<a": "550 who?", "RCPT TO:<b": "451 later"}, TryLater("refused: a@shop.example: 550 who?; b@shop.example: 451 later")),
        ({"MAIL": "421 too many"}, TryLater("SMTP 421: too many")),
        ({"MAIL": "553 not yours"}, Refused("SMTP 553: not yours")),
        ({".": "554 spam"}, Refused("SMTP 554: spam")),
        ({".": "452 full"}, TryLater("SMTP 452: full")),
        ({"QUIT": "cut"}, Sent()),
        ({"DATA": "cut"}, TryLater("SMTPServerDisconnected: Connection unexpectedly closed")),
    ],
)
def test_every_answer_of_a_mail_server_is_sent_try_later_or_refused(mail_server: Server, replies: dict[str, str], expected: Any) -> None:
    """5xx is final; a letter that was taken is sent, whatever comes after."""
    mail_server.replies = replies
    assert expected == sender(mail_server).send(MESSAGE)


def test_a_wrong_password_is_refused_for_good(mail_server: Server) -> None:
    """And not repeated in what is said of it."""
    mail_server.replies = {"AUTH": "535 no s3cret of POND in AHBvbmQAczNjcmV0"}
    assert Refused("SMTP 535: no *** of *** in ***") == sender(mail_server, user="pond", password="s3cret").send(MESSAGE)  # noqa: S106


def test_a_mail_server_that_answers_byte_by_byte_is_cut_off() -> None:
    """Its greeting and every later answer share one limit of time."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                for byte in itertools.cycle(b"220-wait\r\n"):
                    connection.sendall(bytes([byte]))
                    time.sleep(0.01)

        thread = threading.Thread(target=trickle)
        thread.start()
        mail = MailServer("127.0.0.1", server.getsockname()[1], "a@shop.example", ("b@shop.example",), tls="none")
        assert TryLater("no answer within 0.3 s") == channel(Target("mail", "email", mail=mail, timeout_s=0.3)).send(MESSAGE)
        thread.join()


def test_a_mail_server_that_never_ends_an_answer_is_left(mail_server: Server) -> None:
    """Its lines are bounded in number, too."""
    mail_server.replies = {"EHLO": "250-more\r\n" * 2000}
    outcome = sender(mail_server).send(MESSAGE)
    assert TryLater("SMTPServerDisconnected: Connection unexpectedly closed: more than 1,000 lines") == outcome
