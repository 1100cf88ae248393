"""The option `--tenant`: whose pond a command is about."""

from __future__ import annotations

from pathlib import Path

from ...storage.access.tenants import TenantError, pond_folder
from ..errors import CommandError


def pond_of(data: Path, tenant: str) -> Path:
    """The folder of a tenant's pond, be it there or not.

    Raises:
        CommandError: that is no tenant's name.
    """
    try:
        return pond_folder(data, tenant)
    except TenantError as error:
        raise CommandError(f"--tenant: {error}", exit_code=2) from None
