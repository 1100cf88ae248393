"""Tenants' names and the folders of their ponds."""

from __future__ import annotations

from pathlib import Path

import pytest
from otelpond.storage.access.tenants import TenantError, pond_folder, tenants


def test_the_default_tenants_pond_is_the_data_directory() -> None:
    """Others have folders of their own in it."""
    assert Path("data") == pond_folder(Path("data"), "default")
    assert Path("data/tenants/shop-1_a") == pond_folder(Path("data"), "shop-1_a")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "A", "_a", "a b", "a\n", "a\0", "ä", "a" * 65])
def test_only_names_become_folders(name: str) -> None:
    """Whatever else there is says what was expected."""
    with pytest.raises(TenantError, match=r"1 to 64 of a-z, 0-9, _ and -"):
        pond_folder(Path("data"), name)


def test_the_tenants_of_a_directory(tmp_path: Path) -> None:
    """The default one first and in any case; files and what is no tenant's name are passed over."""
    assert ["default"] == tenants(tmp_path)
    for name in ("globex", "acme", "default", ".hidden", "Upper"):
        (tmp_path / "tenants" / name).mkdir(parents=True)
    (tmp_path / "tenants" / "file").touch()
    assert ["default", "acme", "globex"] == tenants(tmp_path)
