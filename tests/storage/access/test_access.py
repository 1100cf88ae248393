"""Tokens let in whom they name, for what their role may, as long as they are valid; a mistake with their file opens nothing."""

from __future__ import annotations

import json
import logging
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from otelpond.storage.access import ANYBODY, Access, Caller, ForbiddenError, LimitedError, Permission, UnauthenticatedError, tokens
from otelpond.storage.access.rate_limits import Rate
from otelpond.storage.access.tenants import TenantError, make_pond
from otelpond.storage.access.tokens import Role, TokensError
from otelpond.storage.access.watched_files import WatchedFiles


def refusal(access: Access, token: str | None, permission: Permission = Permission.WRITE) -> str:
    """What an unauthenticated caller hears."""
    with pytest.raises(UnauthenticatedError) as error:
        access.authenticate(token, permission)
    return str(error.value)


def test_without_tokens_everybody_is_the_default_tenant(tmp_path: Path) -> None:
    """As it was before there were tokens; what a sender shows is ignored."""
    access = Access(tmp_path)
    assert (False, ANYBODY, ANYBODY) == (access.required, access.authenticate(None), access.authenticate("anything"))
    access.spend(ANYBODY, 10**9, 10**12)


def test_a_token_says_tenant_and_role(tmp_path: Path) -> None:
    """And from the first one on nobody is let in without."""
    text, token = tokens.create(tmp_path, "shop", Role.INGEST)
    access = Access(tmp_path)
    assert Caller("shop", Role.INGEST, token.id) == access.authenticate(text)
    assert "a token is needed" in refusal(access, None)


@pytest.mark.parametrize("wrong", ["", "x", "otelpond_", "otelpond_0_x", "Bearer x", "otelpond__", "\udcff", "ünknown", "o" * 100_000])
def test_what_is_no_token_is_refused_and_not_repeated(tmp_path: Path, wrong: str) -> None:
    """Any text, long and strange ones too."""
    tokens.create(tmp_path, "shop", Role.INGEST)
    assert "the token is not known here" == refusal(Access(tmp_path), wrong)


def test_the_secret_matters_not_only_the_id(tmp_path: Path) -> None:
    """A right id with another secret, a cut one or a longer one is unknown."""
    text, _ = tokens.create(tmp_path, "shop", Role.INGEST)
    access = Access(tmp_path)
    for wrong in (text[:-1], text + "A", text[:-1] + ("A" if text[-1] != "A" else "B"), text.upper()):
        assert "the token is not known here" == refusal(access, wrong)


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.INGEST, {Permission.WRITE}),
        (Role.VIEWER, {Permission.READ}),
        (Role.ANALYST, {Permission.READ, Permission.PUBLISH}),
        (Role.ADMIN, {Permission.WRITE, Permission.READ, Permission.PUBLISH}),
    ],
)
def test_a_role_may_what_it_may(tmp_path: Path, role: Role, may: set[Permission]) -> None:
    """Who only reads cannot write, who only writes cannot read."""
    text, _ = tokens.create(tmp_path, "shop", role)
    access = Access(tmp_path)
    for permission in Permission:
        if permission in may:
            assert role == access.authenticate(text, permission).role
        else:
            with pytest.raises(ForbiddenError, match=f"has the role {role}"):
                access.authenticate(text, permission)


def test_a_token_ends_when_it_expires(tmp_path: Path) -> None:
    """To the second, by the clock of the collector."""
    expires = datetime.now(UTC) + timedelta(days=30)
    text, token = tokens.create(tmp_path, "shop", Role.INGEST, expires_at=expires)
    now = expires.timestamp() - 5
    access = Access(tmp_path, clock=lambda: now)
    assert "shop" == access.authenticate(text).tenant
    assert access.usable
    now = expires.timestamp()
    assert f"the token {token.id} has expired" == refusal(access, text)
    assert not access.usable


def test_a_revoked_token_is_refused_while_the_collector_runs(tmp_path: Path) -> None:
    """Also by itself, when the file is looked at; the other tokens stay."""
    text, token = tokens.create(tmp_path, "shop", Role.INGEST)
    other, _ = tokens.create(tmp_path, "bank", Role.INGEST)
    access = Access(tmp_path)
    tokens.revoke(tmp_path, token.id)
    access.reload()
    assert f"the token {token.id} was revoked" == refusal(access, text)
    assert "bank" == access.authenticate(other).tenant


def test_a_token_made_while_the_collector_runs_is_seen_without_being_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is looked at, once a second at most; the first token closes the door."""
    now = 1000.0
    monkeypatch.setattr("otelpond.storage.access.WatchedFiles", lambda paths: WatchedFiles(paths, clock=lambda: now))
    access = Access(tmp_path)
    text, _ = tokens.create(tmp_path, "shop", Role.INGEST)
    assert ANYBODY == access.authenticate(None)
    now += 1
    assert "a token is needed" in refusal(access, None)
    assert "shop" == access.authenticate(text).tenant


@pytest.mark.parametrize("mistake", ["gone", "empty", "no JSON", "unreadable"])
def test_a_mistake_with_the_file_opens_nothing(tmp_path: Path, mistake: str, caplog: pytest.LogCaptureFixture) -> None:
    """While the collector runs the tokens known so far stay, and the log says what is wrong."""
    text, _ = tokens.create(tmp_path, "shop", Role.INGEST)
    access = Access(tmp_path)
    path = tmp_path / tokens.FILE_NAME
    match mistake:
        case "gone":
            path.unlink()
        case "unreadable":
            path.unlink()
            path.mkdir()
        case _:
            path.write_text("" if mistake == "empty" else "{")
    with caplog.at_level(logging.ERROR):
        access.reload()
    assert (1, True) == (len(caplog.records), "tokens known so far stay" in caplog.text)
    assert "a token is needed" in refusal(access, None)
    assert "shop" == access.authenticate(text).tenant


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "this is no list of tokens"),
        ("[]", "this is no list of tokens"),
        ('{"version": 2, "tokens": []}', "version 2 is of another otelpond"),
        ('{"version": 1}', "no 'tokens'"),
        ('{"version": 1, "tokens": [{"id": "a"}]}', "no 'role'"),
        ('{"version": 1, "tokens": [{"id": "a", "role": "root"}]}', "'root' is not a valid Role"),
    ],
)
def test_a_broken_list_is_an_error_at_the_start(tmp_path: Path, content: str, reason: str) -> None:
    """It names the file; nothing is let in by a list that cannot be read."""
    (tmp_path / tokens.FILE_NAME).write_text(content)
    with pytest.raises(TokensError, match=reason) as error:
        Access(tmp_path)
    assert str(tmp_path / tokens.FILE_NAME) in str(error.value)


def test_a_tenant_that_leads_out_of_its_folder_is_not_taken_from_the_file(tmp_path: Path) -> None:
    """Edited by hand, the file still names folders of the pond only."""
    tokens.create(tmp_path, "shop", Role.INGEST)
    path = tmp_path / tokens.FILE_NAME
    path.write_text(path.read_text().replace('"shop"', '"../shop"'))
    with pytest.raises(TokensError, match=r"'\.\./shop' is no tenant's name"):
        Access(tmp_path)


@pytest.mark.parametrize("name", ["", "Shop", "../shop", "a/b", "-a", "_a", "a" * 65, "a b", "ä", "a\n"])
def test_a_tenants_name_is_a_folders_name(tmp_path: Path, name: str) -> None:
    """1 to 64 of a-z, 0-9, _ and -, the first a letter or digit."""
    with pytest.raises(TenantError, match="1 to 64 of a-z"):
        tokens.create(tmp_path, name, Role.INGEST)


def test_the_file_holds_no_token_and_is_the_owners(tmp_path: Path) -> None:
    """Hashes only, mode 0600; nothing else of the pond holds the token either."""
    text, token = tokens.create(tmp_path, "shop", Role.INGEST, note="the checkout")
    path = tmp_path / tokens.FILE_NAME
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert all(text not in file.read_text() and text.split("_", 2)[2] not in file.read_text() for file in tmp_path.iterdir())
    (listed,) = json.loads(path.read_text())["tokens"]
    assert (token.id, tokens.digest(text), "the checkout") == (listed["id"], listed["sha256"], listed["note"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_is_the_owners_of_the_pond(tmp_path: Path) -> None:
    """The list, its lock and the folders of a tenant; a link in their place gives nothing away."""
    outside = tmp_path / "outside"
    outside.touch()
    data = tmp_path / "pond"
    data.mkdir()
    os.chown(data, 12_345, 12_346)
    tokens.create(data, "shop", Role.INGEST)
    make_pond(data, "shop")
    for made in (data / tokens.FILE_NAME, data / ".tokens.lock", data / "tenants", data / "tenants" / "shop"):
        assert (12_345, 12_346) == (made.stat().st_uid, made.stat().st_gid), made
    (data / ".tokens.lock").unlink()
    (data / ".tokens.lock").symlink_to(outside)
    with pytest.raises(OSError, match="symbolic links"):
        tokens.create(data, "shop", Role.INGEST)
    assert 0 == outside.stat().st_uid


def test_tokens_made_at_once_are_all_kept(tmp_path: Path) -> None:
    """Commands that run at the same moment wait for each other."""
    children = []
    for number in range(6):
        if (pid := os.fork()) == 0:
            tokens.create(tmp_path, f"tenant-{number}", Role.INGEST)
            os._exit(0)
        children.append(pid)
    for pid in children:
        assert 0 == os.waitpid(pid, 0)[1]
    assert {f"tenant-{number}" for number in range(6)} == {token.tenant for token in tokens.read(tmp_path) or ()}


def test_what_is_agreed_limits_a_token_and_no_other(tmp_path: Path) -> None:
    """Beyond it a sender waits, told at the door, before its body is read."""
    text, token = tokens.create(tmp_path, "shop", Role.INGEST, rate=Rate(items_per_s=100))
    free, _ = tokens.create(tmp_path, "shop", Role.INGEST)
    access = Access(tmp_path)
    caller = access.authenticate(text)
    access.spend(caller, 10_000, 1)
    with pytest.raises(LimitedError, match=f"the token {token.id} may send 100 items/s; wait") as error:
        access.authenticate(text)
    assert 94 < error.value.retry_after_s <= 95
    other = access.authenticate(free)
    access.spend(other, 10**9, 10**9)
    tokens.limit(tmp_path, token.id, Rate())
    access.reload()
    access.spend(access.authenticate(text), 1, 1)


def test_an_unknown_id_is_an_error_of_its_own(tmp_path: Path) -> None:
    """Revoking and limiting say where ids are listed."""
    with pytest.raises(TokensError, match="abc: no such token; `otelpond token list` shows their ids"):
        tokens.revoke(tmp_path, "abc")
