"""Asks a collector that runs on the same directory to publish, so that a query sees what was accepted a moment ago; `sql` calls it."""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from ...storage.access.tenants import DEFAULT_TENANT, FOLDER, pond_folder

INTERVAL_S = 1.0
"""A publish costs 20-40 ms a table, so that queries in a loop ask for one a second at most."""
TIMEOUT_S = 60.0


def publish(data: Path, tenant: str = DEFAULT_TENANT) -> None:
    """Have the collector on that directory publish a tenant's pond, where one runs; say on standard error where it does not manage to."""
    pond = pond_folder(data, tenant)
    if data.parent.name == FOLDER:  # a tenant's pond, named by its directory
        data, tenant = data.parent.parent, data.name
    admin = running_collector(data)
    if admin is None:
        return
    _wait_for_the_second(pond)
    # Always the address written by our collector, hence S310.
    request = urllib.request.Request(f"{admin}/publish?tenant={tenant}", method="POST", headers=_owner(data))  # noqa: S310
    try:
        with _opener(_context(data, admin)).open(request, timeout=TIMEOUT_S):
            pass
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        print(f"otelpond: the collector at {admin} did not publish ({error}); this is its last snapshot", file=sys.stderr)


def _opener(context: ssl.SSLContext | None) -> urllib.request.OpenerDirector:
    """Asks the collector itself: a proxy of the environment would see the key, and could not reach this machine's own addresses."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))


def _owner(data: Path) -> dict[str, str]:
    """What shows a guarded admin listener that the pond's owner asks."""
    try:
        return {"Authorization": f"Bearer {(data / 'admin.key').read_text(encoding='ascii')}"}
    except OSError:
        return {}


def _context(data: Path, admin: str) -> ssl.SSLContext | None:
    """For https: takes the very certificate that the collector shows, whatever name it is for."""
    if not admin.startswith("https:"):
        return None
    context = ssl.create_default_context(cafile=json.loads((data / "collector.json").read_text(encoding="utf-8"))["tls_cert"])
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def running_collector(data: Path) -> str | None:
    """The admin address (http://HOST:PORT or https://...) of the collector that runs on that directory; None where none does."""
    try:
        said = json.loads((data / "collector.json").read_text(encoding="utf-8"))
        pid, admin = int(said["pid"]), str(said["admin"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return admin if _lives(pid) else None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it is another user's
    return True


def _wait_for_the_second(pond: Path) -> None:
    """Let a second pass since the last publish; a collector at rest has not published, so that nobody waits for it."""
    try:
        age_s = time.time() - (pond / "pond.duckdb").stat().st_mtime
    except FileNotFoundError:
        return
    if 0 <= age_s < INTERVAL_S:
        time.sleep(INTERVAL_S - age_s)
