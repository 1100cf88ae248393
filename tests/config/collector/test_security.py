"""Settings of TLS and of wide listeners are checked before anything listens; the admin listener's guard lets in whom it should."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from otelpond.config.collector.pipeline_child import PipelineChild
from otelpond.config.collector.security import ADMIN_KEY, Security
from otelpond.config.commands.serve import refuse_wide_addresses, warn_of_plain_text
from otelpond.config.errors import CommandError
from otelpond.config.operations import admin
from otelpond.config.operations.receiver_report import ReceiverReport
from otelpond.config.settings import Settings
from otelpond.config.sources import SettingsError, load
from otelpond.storage.access import tokens
from otelpond.storage.access.tokens import Role
from starlette.types import Receive, Scope, Send

WIDE = "0.0.0.0:0"


@pytest.fixture(autouse=True)
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without configuration."""
    monkeypatch.chdir(tmp_path)


def refused(**settings: Any) -> str:
    """Why these settings may not listen; empty where they may."""
    try:
        refuse_wide_addresses(Settings(**settings))
    except CommandError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("listener", ["grpc", "http", "admin"])
def test_a_wide_listener_needs_a_token(listener: str) -> None:
    """The message says how to make one; with one the bind is allowed, revoked or not: nobody gets in without."""
    assert f"{listener} on {WIDE}, and nobody has to show a token: make one with `otelpond token create" in refused(**{listener: WIDE})
    assert "" == refused(**{listener: WIDE}, insecure=True)
    _, token = tokens.create(Path("pond"), "default", Role.INGEST)
    assert "" == refused(**{listener: WIDE})
    tokens.revoke(Path("pond"), token.id)
    assert "" == refused(**{listener: WIDE})


def test_certificates_of_senders_stand_for_tokens_of_receivers_only() -> None:
    """With mutual TLS not everybody can send; the admin listener asks for no certificate."""
    mutual = {"tls_cert": "a", "tls_key": "b", "tls_client_ca": "c"}
    assert "" == refused(grpc=WIDE, http=WIDE, **mutual)
    assert f"could reach admin on {WIDE}, and" in refused(grpc=WIDE, http=WIDE, admin=WIDE, **mutual)
    assert f"could reach grpc on {WIDE}, and" in refused(grpc=WIDE, tls_cert="a", tls_key="b")


def test_tokens_in_clear_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Where a wide listener speaks no TLS; not on this machine, and not with TLS."""
    _, token = tokens.create(Path("pond"), "default", Role.INGEST)
    with caplog.at_level(logging.WARNING):
        warn_of_plain_text(Settings())
        warn_of_plain_text(Settings(http=WIDE, tls_cert=Path("a"), tls_key=Path("b")))
        assert "" == caplog.text
        warn_of_plain_text(Settings(http=WIDE))
        assert f"cross the network in clear: http on {WIDE}; set tls_cert and tls_key" in caplog.text
        tokens.revoke(Path("pond"), token.id)
        warn_of_plain_text(Settings())
        assert "no token is valid any more" in caplog.text


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ('tls_cert = "a"', "default: tls_key: expected both tls_cert and tls_key, or none of them"),
        ('tls_key = "a"', "otelpond.toml:1: tls_key: expected both tls_cert and tls_key, or none of them"),
        ('tls_client_ca = "a"', "otelpond.toml:1: tls_client_ca: expected tls_cert and tls_key beside it"),
    ],
)
def test_half_of_tls_is_a_mistake(lines: str, complaint: str) -> None:
    """It names the key, and file and line where it stands in one."""
    Path("otelpond.toml").write_text(lines)
    with pytest.raises(SettingsError) as error:
        load()
    assert str(error.value).startswith(complaint)


def test_certificates_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    """As every path of a configuration file."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "otelpond.toml").write_text('tls_cert = "a.pem"\ntls_key = "/b.key"')
    settings = load(Path("etc/otelpond.toml"))
    assert (Path("etc/a.pem"), Path("/b.key")) == (settings.tls_cert, settings.tls_key)


async def _answers(scope: Scope, _receive: Receive, send: Send) -> None:
    """An application that answers everything."""
    del scope
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


ASKED = (("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("POST", "/publish"), ("GET", "/healthz/../x"))


def statuses(settings: Settings, asked: Sequence[tuple[str, str]] = ASKED, **authorization: str) -> dict[str, int]:
    """What the admin listener answers to a caller, by what is asked."""

    async def ask() -> dict[str, int]:
        with Security(settings).guarded(_answers) as app:
            if authorization.get("key"):
                authorization["authorization"] = f"Bearer {(settings.data / ADMIN_KEY).read_text()}"
            fields = {name: value for name, value in authorization.items() if name == "authorization"}
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://admin", headers=fields) as client:
                return {f"{method} {path}": (await client.request(method, path)).status_code for method, path in asked}

    return asyncio.run(ask())


def test_the_guard_lets_probes_in_and_asks_everybody_else() -> None:
    """Without a token only /healthz and /readyz; what a new path may be asked by is nobody until it is said."""
    shown = {role: f"Bearer {tokens.create(Path('pond'), 'default', role)[0]}" for role in Role}
    wide = Settings(admin=WIDE)
    assert [200, 200, 401, 401, 401] == list(statuses(wide).values())
    assert [200, 200, 403, 403, 403] == list(statuses(wide, authorization=shown[Role.INGEST]).values())
    assert [200, 200, 200, 403, 200] == list(statuses(wide, authorization=shown[Role.VIEWER]).values())
    assert [200] * 5 == list(statuses(wide, authorization=shown[Role.ANALYST]).values())
    assert [200] * 5 == list(statuses(wide, authorization=shown[Role.ADMIN]).values())
    assert [200] * 5 == list(statuses(wide, key="the owner's").values())
    assert [200] * 5 == list(statuses(Settings()).values()), "this machine alone reaches it"


def test_probes_without_a_token_tell_neither_rows_nor_tenants() -> None:
    """Yes or no is enough for an orchestrator; the rest is for roles that may read, and for this machine."""
    child = SimpleNamespace(running=True, restarts=0, progress={"default": {"items": 7}}, troubles={"shop": "its disk is full"})

    async def reports() -> list[ReceiverReport]:
        return []

    def answers(settings: Settings, **fields: str) -> list[Any]:
        operations = admin.Operations(settings, cast("PipelineChild", child), reports, lambda: True)

        async def ask() -> list[Any]:
            with Security(settings).guarded(admin.app(operations)) as app:
                async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://admin", headers=fields) as client:
                    return [(await client.get(path)).json() for path in ("/healthz", "/readyz")]

        return asyncio.run(ask())

    wide = Settings(admin=WIDE)
    viewer, _ = tokens.create(Path("pond"), "default", Role.VIEWER)
    sender, _ = tokens.create(Path("pond"), "shop", Role.INGEST)
    assert [{"status": "ok"}, {"ready": False}] == answers(wide)
    assert answers(wide) == answers(wide, authorization=f"Bearer {sender}")
    assert answers(Settings()) == answers(wide, authorization=f"Bearer {viewer}")
    assert {"items": 7} == answers(Settings())[0]["progress"]


def test_a_tenant_publishes_its_own_pond_and_reads_nothing() -> None:
    """The figures are of all tenants; another's pond, or two at once, is not a tenant's to publish, whatever the role."""
    shown = {role: f"Bearer {tokens.create(Path('pond'), 'shop', role)[0]}" for role in Role}
    publishes = [
        ("POST", f"/publish{query}") for query in ("?tenant=shop", "", "?tenant=bank", "?tenant=shop&tenant=bank", "?tenant=default")
    ]
    asked = [("GET", "/metrics"), ("GET", "/metrics?tenant=shop"), *publishes]
    for role in (Role.ANALYST, Role.ADMIN):
        answers = statuses(Settings(admin=WIDE), asked, authorization=shown[role])
        assert [403, 403, 200, 403, 403, 403, 403] == list(answers.values())
    for role in (Role.INGEST, Role.VIEWER):
        assert [403] * 7 == list(statuses(Settings(admin=WIDE), asked, authorization=shown[role]).values())


def test_the_owners_key_is_the_owners_and_ends_with_the_collector() -> None:
    """Mode 0600, another one at each start, none afterwards."""
    Path("pond").mkdir()
    path, keys = Path("pond") / ADMIN_KEY, set()
    for _ in range(2):
        with Security(Settings(admin=WIDE)).guarded(_answers):
            assert 0o600 == path.stat().st_mode & 0o777
            keys.add(path.read_text())
        assert not path.exists()
    assert 2 == len(keys)
