"""The settings of passing on: what is refused and how it is said, and that headers are shown to nobody but the destination."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from otelpond.config.collector.forward_child import DESTINATIONS, ForwardChild
from otelpond.config.collector.forwarding import destinations, kept
from otelpond.config.commands import check
from otelpond.config.errors import CommandError
from otelpond.config.settings import Settings
from otelpond.config.sources import SettingsError, load
from otelpond.storage.signals import Signal

TWO = """
[[forward]]
name = "backend"
endpoint = "https://backend.example:4317"
signals = ["traces"]
headers = { authorization = "Bearer ${env:BACKEND_TOKEN}", x-team = "pond" }

[[forward]]
name = "shop"
endpoint = "http://127.0.0.1:14318/otlp"
protocol = "http"
tenant = "shop"
ca_file = "ca.pem"
"""


@pytest.fixture(autouse=True)
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory of its own, and no variables of ours but the token."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OTELPOND_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BACKEND_TOKEN", "s3cret")


def _loaded(text: str) -> Settings:
    Path("otelpond.toml").write_text(text, encoding="utf-8")
    return load()


def _mistake(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        _loaded(text)
    return str(caught.value)


def test_destinations_are_those_of_the_settings() -> None:
    """By tenant; headers with their variables, files relative to the configuration."""
    found = destinations(_loaded(TWO))
    assert {"default": ["backend"], "shop": ["shop"]} == {tenant: [one.name for one in listed] for tenant, listed in found.items()}
    backend, shop = found["default"][0], found["shop"][0]
    assert {"authorization": "Bearer s3cret", "x-team": "pond"} == backend.headers
    assert (frozenset({Signal.TRACES}), frozenset(Signal)) == (backend.signals, shop.signals)
    assert ("http", Path.cwd() / "ca.pem") == (shop.protocol, shop.ca_file)


def test_each_pond_keeps_for_its_own_destinations() -> None:
    """The pipeline of a tenant's pond knows who waits for its segments; a tenant without destinations keeps nothing."""
    settings = _loaded(TWO)
    assert ("backend",) == kept(settings, "default").destinations
    assert (Path.cwd() / "pond" / "tenants" / "shop", ("shop",)) == (kept(settings, "shop").pond, kept(settings, "shop").destinations)
    assert () == kept(settings, "other").destinations


def test_the_process_is_told_headers_and_nobody_else_is(capsys: pytest.CaptureFixture[str]) -> None:
    """`otelpond check`, the settings for other processes and reprs show stars."""
    settings = _loaded(TWO.replace('ca_file = "ca.pem"', ""))
    check.run(None)
    shown = capsys.readouterr().out
    greeting = json.loads(json.dumps(ForwardChild(settings).greeting(crashed=False)))
    assert DESTINATIONS.validate_python(greeting["destinations"]) == destinations(settings)
    assert "authorization" in shown
    for text in (shown, json.dumps(greeting["settings"]), repr(settings), repr(destinations(settings))):
        assert "s3cret" not in text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('name = "Big"', "otelpond.toml:2: forward.0.name: expected String should match pattern '^[a-z0-9][a-z0-9_-]{0,63}$', got 'Big'"),
        ('endpoint = "backend:4317"', "otelpond.toml:3: forward.0.endpoint: expected http://HOST:PORT or https://HOST:PORT, without "),
        ('endpoint = "http://me:pw@b:1"', "otelpond.toml:3: forward.0.endpoint: expected http://HOST:PORT or https://HOST:PORT, without "),
        ('endpoint = "http://localhost:4317"', "otelpond.toml:1: forward: expected another endpoint than this collector's own grpc "),
        ('headers = "hush"', "otelpond.toml:4: forward.0.headers: expected a valid dictionary"),
        ('headers = { "a b" = "hush" }', "otelpond.toml:4: forward.0.headers: expected names and values of headers in printable ASCII"),
        ('headers = { a = "${env:NOT_SET}" }', "otelpond.toml:4: forward.0.headers: expected the environment variable NOT_SET to be set"),
        ("signals = []", "otelpond.toml:4: forward.0.signals: "),
        ("timeout = 3", "otelpond.toml:4: forward.0.timeout: no such setting; did you mean timeout_s?"),
    ],
)  # fmt: skip
def test_a_wrong_destination_is_blamed_where_it_stands(line: str, said: str) -> None:
    """File, line, key and what was expected; never what stands in headers."""
    given = {"name": 'name = "a"', "endpoint": 'endpoint = "http://127.0.0.1:1"', line.partition(" ")[0]: line}
    text = _mistake("[[forward]]\n" + "\n".join(given.values()) + "\n")
    assert text.startswith(said)
    assert "hush" not in text


def test_names_are_distinct() -> None:
    """A cursor belongs to one destination."""
    one = '[[forward]]\nname = "a"\nendpoint = "http://127.0.0.1:1"\n'
    assert "otelpond.toml:1: forward: expected a name of its own for each destination" == _mistake(one + one)


def test_a_certificate_that_is_not_there_is_found_by_check() -> None:
    """Before the collector starts."""
    _loaded('[[forward]]\nname = "a"\nendpoint = "https://127.0.0.1:1"\nca_file = "none.pem"\n')
    with pytest.raises(CommandError, match=r"otelpond.toml:1: a: a certificate or key cannot be used: .*none\.pem"):
        check.run(None)
