"""The settings of channels: what is refused and how it is said, and that their secrets are shown to nobody but the channel."""

from __future__ import annotations

import json
import os
from datetime import time
from pathlib import Path

import pytest
from otelpond.config.collector.notifying import TARGETS, targets
from otelpond.config.commands import check
from otelpond.config.errors import CommandError
from otelpond.config.settings import Settings
from otelpond.config.sources import SettingsError, load
from otelpond.exporters.notifications.outbox import Limits
from otelpond.exporters.notifications.quiet_hours import QuietHours
from otelpond.exporters.notifications.target import MailServer, Target

ALL = """
[[notify]]
name = "ops"
kind = "slack"
url = "https://hooks.slack.example/services/${env:SLACK_KEY}"
max_per_hour = 5
quiet_hours = "22:00-07:00"
timezone = "Europe/Berlin"

[[notify]]
name = "robot"
kind = "webhook"
url = "http://127.0.0.1:9000/hook?key=k3y"
headers = { authorization = "Bearer ${env:SLACK_KEY}" }
allow_private = true
gather_s = 0
ca_file = "ca.pem"

[[notify]]
name = "mail"
kind = "email"
smtp_host = "mail.example"
smtp_port = 465
smtp_tls = "tls"
smtp_user = "pond"
smtp_password = "${env:SLACK_KEY}"
mail_from = "pond@shop.example"
mail_to = ["ada@shop.example"]
"""


@pytest.fixture(autouse=True)
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory of its own, and no variables of ours but the secret."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OTELPOND_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLACK_KEY", "s3cret")


def _loaded(text: str) -> Settings:
    Path("otelpond.toml").write_text(text, encoding="utf-8")
    return load()


def _mistake(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        _loaded(text)
    return str(caught.value)


def test_channels_are_those_of_the_settings() -> None:
    """Secrets with their variables, files relative to the configuration; another process reads them as they were written."""
    found = targets(_loaded(ALL))
    quiet = QuietHours(time(22), time(7), "Europe/Berlin")
    assert [
        Target("ops", "slack", Limits(5, 10.0, quiet), "https://hooks.slack.example/services/s3cret"),
        Target(
            "robot",
            "webhook",
            Limits(gather_s=0),
            "http://127.0.0.1:9000/hook?key=k3y",
            {"authorization": "Bearer s3cret"},
            allow_private=True,
            ca_file=Path("ca.pem").absolute(),
        ),
        Target("mail", "email", mail=MailServer("mail.example", 465, "pond@shop.example", ("ada@shop.example",), "tls", "pond", "s3cret")),
    ] == found
    assert found == TARGETS.validate_python(json.loads(json.dumps(TARGETS.dump_python(found, mode="json"))))
    assert "s3cret" not in repr(found)


def test_secrets_of_channels_are_masked_and_other_processes_take_the_masks(capsys: pytest.CaptureFixture[str]) -> None:
    """`otelpond check` prints no URL, header or password; every child is handed the settings, and the channels apart from them."""
    settings = _loaded(ALL.replace('ca_file = "ca.pem"\n', ""))
    check.run(None)
    printed = capsys.readouterr().out
    assert '"robot"' in printed
    assert not any(secret in printed for secret in ("s3cret", "k3y", "hooks.slack"))
    again = Settings.model_validate(json.loads(json.dumps(settings.model_dump(mode="json"))))
    assert ["ops", "robot", "mail"] == [channel.name for channel in again.notify]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('name = "Ops"', "otelpond.toml:2: notify.0.name: expected String should match pattern"),
        ('kind = "pager"', "otelpond.toml:3: notify.0.kind: expected 'webhook', 'slack', 'teams' or 'email', got 'pager'"),
        ('url = "hush"', "otelpond.toml:4: notify.0.url: expected https://HOST/PATH or http://HOST:PORT/PATH in printable ASCII"),
        ('url = "https://hush:x@h/"', "otelpond.toml:4: notify.0.url: expected https://HOST/PATH or http://HOST:PORT/PATH"),
        ('url = "https://h/${env:NOT_SET}/hush"', "otelpond.toml:4: notify.0.url: expected the environment variable NOT_SET to be set"),
        ('url = "http://169.254.169.254/hush"', "otelpond.toml:1: notify.0: expected a url with a public address, or allow_private = true"),
        ('url = "http://[::ffff:127.0.0.1]/hush"', "otelpond.toml:1: notify.0: expected a url with a public address, or allow_private"),
        ('url = "http://localhost:1/hush"', "otelpond.toml:1: notify.0: expected a url with a public address, or allow_private = true"),
        ('headers = { "a b" = "hush" }', "otelpond.toml:5: notify.0.headers: expected names and values of headers in printable ASCII"),
        ('quiet_hours = "22-7"', "otelpond.toml:5: notify.0.quiet_hours: expected HH:MM-HH:MM, such as 22:00-07:00, got '22-7'"),
        ('timezone = "Berlin"', "otelpond.toml:5: notify.0.timezone: expected a time zone such as Europe/Berlin, got 'Berlin'"),
        ("max_per_hour = 0", "otelpond.toml:5: notify.0.max_per_hour: expected greater than 0, got 0"),
        ('kind = "email"', "otelpond.toml:1: notify.0: expected smtp_host, mail_from and mail_to, as 'ops' is of kind email"),
        (
            'mail_to = ["nobody"]',
            "otelpond.toml:5: notify.0.mail_to.0: expected an e-mail address such as alerts@shop.example, got 'nobody'",
        ),
        ('mail_from = "a@b.c\\nBcc: x@y.z"', "otelpond.toml:5: notify.0.mail_from: expected an e-mail address such as"),
        ("quiet = 1", "otelpond.toml:5: notify.0.quiet: no such setting; did you mean quiet_hours?"),
    ],
)
def test_a_wrong_channel_is_said_with_its_line_and_without_its_secrets(lines: str, said: str) -> None:
    """Which key, what was expected."""
    given = {"name": 'name = "ops"', "kind": 'kind = "webhook"', "url": 'url = "https://h.example/hush"', lines.partition(" ")[0]: lines}
    text = _mistake("[[notify]]\n" + "\n".join(given.values()) + "\n")
    assert text.startswith(said)
    assert "hush" not in text


def test_a_webhook_needs_a_url_and_each_channel_a_name_of_its_own() -> None:
    """Rules name channels."""
    one = '[[notify]]\nname = "a"\nkind = "teams"\n'
    assert "otelpond.toml:1: notify.0: expected a url, as 'a' is of kind teams" == _mistake(one)
    two = 2 * (one + 'url = "https://h.example/"\n')
    assert "otelpond.toml:1: notify: expected a name of its own for each channel" == _mistake(two)


def test_a_password_goes_over_no_network_in_the_open() -> None:
    """To a server of this machine it may."""
    mail = '[[notify]]\nname = "a"\nkind = "email"\nmail_from = "a@b.c"\nmail_to = ["a@b.c"]\nsmtp_tls = "none"\nsmtp_user = "u"\n'
    assert "smtp_tls other than none" in _mistake(mail + 'smtp_host = "mail.example"\n')
    assert _loaded(mail + 'smtp_host = "127.0.0.1"\n').notify[0].smtp_user == "u"


def test_authorities_that_are_not_there_are_found_by_check() -> None:
    """Before the collector starts."""
    _loaded('[[notify]]\nname = "a"\nkind = "webhook"\nurl = "https://h.example/"\nca_file = "none.pem"\n')
    with pytest.raises(CommandError, match=r"otelpond.toml:1: a: its ca_file cannot be used: "):
        check.run(None)
