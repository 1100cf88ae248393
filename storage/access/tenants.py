"""Tenants and their ponds: which names there are, and which folder a tenant's pond is; for everybody who reads or writes one.

`default` is the tenant of who shows no token, and its pond is the data directory itself. Tenant T has a pond of its own,
`DATA/tenants/T`, with inbox, lake, views, plans and locks as in `DATA`: isolation is a folder, and no WHERE clause.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ..durable import hand_over, make_folder

DEFAULT_TENANT: Final = "default"
FOLDER: Final = "tenants"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class TenantError(ValueError):
    """The name is no tenant's. The text says what is expected."""


def check_tenant(tenant: str) -> str:
    """The name itself, where it is one: a path is made of it.

    Raises:
        TenantError: it is none.
    """
    if not _NAME.fullmatch(tenant):
        raise TenantError(f"{tenant!r} is no tenant's name: 1 to 64 of a-z, 0-9, _ and -, a letter or digit first")
    return tenant


def pond_folder(data: Path, tenant: str) -> Path:
    """The folder of a tenant's pond.

    Raises:
        TenantError: that is no tenant's name.
    """
    return data if tenant == DEFAULT_TENANT else data / FOLDER / check_tenant(tenant)


def make_pond(data: Path, tenant: str) -> None:
    """Make the folder of a tenant's pond; a running collector makes a pond of it.

    Raises:
        TenantError: that is no tenant's name.
    """
    folder = pond_folder(data, tenant)
    make_folder(folder)
    if folder != data:
        for made in (folder.parent, folder):
            hand_over(made, data)


def tenants(data: Path) -> list[str]:
    """The tenants that have a pond, `default` first, whether or not there is anything in it."""
    try:
        found = sorted(path.name for path in (data / FOLDER).iterdir() if path.is_dir() and _NAME.fullmatch(path.name))
    except FileNotFoundError:
        found = []
    return [DEFAULT_TENANT, *(name for name in found if name != DEFAULT_TENANT)]
