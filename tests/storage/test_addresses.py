"""Client addresses are stored only as keyed hashes of their network, with a key a day."""

from __future__ import annotations

import stat
import threading
from datetime import date
from pathlib import Path

import pytest
from otelpond.storage import addresses
from otelpond.storage.addresses import AddressHasher, forget_keys, hashes_of, looks_like_address

_DAY_NS = 86_400 * 1_000_000_000
_NOON = 20_000 * _DAY_NS + _DAY_NS // 2  # of 2024-10-04


@pytest.fixture
def hasher(tmp_path: Path) -> AddressHasher:
    """A hasher with an empty folder of keys."""
    return AddressHasher(tmp_path / "keys")


def test_a_hash_is_a_prefix_and_16_digits(hasher: AddressHasher) -> None:
    """The hash says that it stands for an address, and nothing more of it."""
    hashed = hasher("192.0.2.7", _NOON)
    assert ("ip:", 16, 19) == (hashed[:3], len(bytes.fromhex(hashed[3:])) * 2, len(hashed))
    assert hashed == hasher("192.0.2.7", _NOON)


@pytest.mark.parametrize(
    "same",
    [
        "192.0.2.200",
        "192.0.2.7:443",
        "192.0.2.7, 10.0.0.1",
        " 192.0.2.7 ",
        "for=192.0.2.7;proto=http;by=203.0.113.43",
        'by=203.0.113.43;For="192.0.2.7:80", for=10.0.0.1',
        "::ffff:192.0.2.7",
        "[::ffff:192.0.2.7]:443",
    ],
)
def test_addresses_of_one_ipv4_network_hash_equally(hasher: AddressHasher, same: str) -> None:
    """The last octet, ports, brackets, `for=` and later addresses make no difference."""
    assert hasher("192.0.2.7", _NOON) == hasher(same, _NOON)


@pytest.mark.parametrize(
    "same", ["2001:db8:1:ffff::9", "[2001:db8:1::1]", "[2001:db8:1::1]:80", 'for="[2001:db8:1::1]:4711"', "2001:DB8:1::1%eth0"]
)
def test_addresses_of_one_ipv6_network_hash_equally(hasher: AddressHasher, same: str) -> None:
    """An IPv6 address counts by its first 48 bits."""
    assert hasher("2001:db8:1::1", _NOON) == hasher(same, _NOON)


@pytest.mark.parametrize("other", ["192.0.3.7", "2001:db8:2::1", "unknown", "192.0.2.7.example.com"])
def test_other_networks_and_texts_hash_differently(hasher: AddressHasher, other: str) -> None:
    """Another network is told apart, and so is a text that is no address, which is hashed as it is."""
    assert hasher("192.0.2.7", _NOON) != hasher(other, _NOON)
    assert hasher(other, _NOON) != hasher(other + "x", _NOON)


def test_another_day_has_another_key(hasher: AddressHasher, tmp_path: Path) -> None:
    """The same address cannot be followed from one UTC day to the next."""
    assert hasher("192.0.2.7", _NOON) != hasher("192.0.2.7", _NOON + _DAY_NS)
    assert ["2024-10-04.key", "2024-10-05.key"] == sorted(path.name for path in (tmp_path / "keys").iterdir())


def test_keys_outlive_the_process_and_are_private(hasher: AddressHasher, tmp_path: Path) -> None:
    """A new hasher on the same folder gives the same hash; only the owner can read the key."""
    assert hasher("192.0.2.7", _NOON) == AddressHasher(tmp_path / "keys")("192.0.2.7", _NOON)
    key = tmp_path / "keys" / "2024-10-04.key"
    assert (0o600, 32) == (stat.S_IMODE(key.stat().st_mode), key.stat().st_size)


def test_hashers_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    """Whoever creates a day's key first wins, and all use that one."""
    hashers = [AddressHasher(tmp_path / "keys") for _ in range(8)]
    hashes: list[str] = []
    threads = [threading.Thread(target=lambda hasher=hasher: hashes.append(hasher("192.0.2.7", _NOON))) for hasher in hashers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (8, 1) == (len(hashes), len(set(hashes)))


def test_forgotten_days_never_give_the_same_hash_again(hasher: AddressHasher, tmp_path: Path) -> None:
    """After a day's key is gone, nobody can tell by the hash whether it was that address."""
    before = hasher("192.0.2.7", _NOON)
    forget_keys(tmp_path / "keys", date(2024, 10, 6))
    assert before != AddressHasher(tmp_path / "keys")("192.0.2.7", _NOON)


def test_today_and_yesterday_are_kept_and_what_is_no_key(hasher: AddressHasher, tmp_path: Path) -> None:
    """Two days' keys at most, though a day's last payloads are decoded after midnight; a clock that is behind removes nothing."""
    for day in range(-2, 2):
        hasher("192.0.2.7", _NOON + day * _DAY_NS)
    (tmp_path / "keys" / "1.key").touch()
    forget_keys(tmp_path / "keys", date(2024, 1, 1))
    assert 5 == len(list((tmp_path / "keys").iterdir()))
    forget_keys(tmp_path / "keys", date(2024, 10, 5))
    assert ["1.key", "2024-10-04.key", "2024-10-05.key"] == sorted(path.name for path in (tmp_path / "keys").iterdir())
    forget_keys(tmp_path / "nowhere", date(2024, 10, 5))


def test_a_cut_off_key_is_an_error_that_names_the_file(hasher: AddressHasher, tmp_path: Path) -> None:
    """A key file of the wrong length is not used as if nothing had happened."""
    (tmp_path / "keys" / "2024-10-04.key").write_bytes(b"short")
    with pytest.raises(ValueError, match=r"2024-10-04\.key holds 5 bytes, 32 expected"):
        hasher("192.0.2.7", _NOON)


def test_a_hash_by_bytes_and_day_is_the_one_by_text_and_time(hasher: AddressHasher) -> None:
    """Of what is hashed only as an address, other texts stay."""
    hashes = hashes_of(hasher)
    for _ in range(2):  # the second time it is remembered
        for text in ("192.0.2.7", "unknown", "é"):
            assert hasher(text, _NOON) == hashes[20_000, False][text.encode()]
        assert hasher("192.0.2.7", _NOON) == hashes[20_000, True][b"192.0.2.7"]
        assert ["", ""] == [hashes[20_000, True][text] for text in (b"unknown", b"db.example.com")]


def test_hashes_of_another_function_are_its_own() -> None:
    """It is asked with a time of the day."""
    asked = []
    hashes = hashes_of(lambda address, accepted: asked.append((address, accepted // _DAY_NS)) or f"hash of {address}")

    assert ["hash of x", "hash of x", ""] == [hashes[20_000, False][b"x"], hashes[20_000, False][b"x"], hashes[20_000, True][b"x"]]
    assert [("x", 20_000)] == asked


def test_of_ever_new_texts_the_last_are_remembered_and_no_long_one(hasher: AddressHasher, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender who makes them up costs time, and no memory."""
    monkeypatch.setattr(addresses, "_REMEMBERED", 10)
    for number in range(25):
        hasher(f"made up {number}", _NOON)
        hasher(f"made up {number}" + "x" * 300, _NOON)

    assert [f"made up {number}".encode() for number in range(15, 25)] == list(hashes_of(hasher)[20_000, False])


def test_of_the_last_days_hashes_are_remembered(hasher: AddressHasher) -> None:
    """A process that runs for years asks for ever new days."""
    for day in range(20_000, 20_020):
        hasher("192.0.2.7", day * _DAY_NS)

    assert [(day, False) for day in range(20_016, 20_020)] == list(hashes_of(hasher))


@pytest.mark.parametrize("text", ["192.0.2.7", "192.0.2.7:80", "[::1]:80", "::", "for=10.0.0.1", "fe80::1%eth0", "10.0.0.1,10.0.0.2"])
def test_addresses_look_like_addresses(text: str) -> None:
    """An address in any of its forms is known as one."""
    assert looks_like_address(text)


@pytest.mark.parametrize(
    "text", ["", "db.example.com", "localhost:5432", "1", "1.2.3", "300.1.1.1", "a:b", "postgres", "cafe.example", "x 10.0.0.1"]
)
def test_host_names_do_not_look_like_addresses(text: str) -> None:
    """A host name, also one that begins like an address, stays."""
    assert not looks_like_address(text)
