"""The times of plain events."""

from __future__ import annotations

import pytest
from otelpond.receivers.events.times import unix_nano

TEN_UNIX_NANO = 1_737_799_200_000_000_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-01-25T10:00:00Z", TEN_UNIX_NANO),
        ("2025-01-25T11:30:00+01:30", TEN_UNIX_NANO),
        ("2025-01-25 10:00", TEN_UNIX_NANO),
        (" 2025-01-25T10:00:00.5Z ", TEN_UNIX_NANO + 500_000_000),
        ("2025-01-25T10:00:00.123456789Z", TEN_UNIX_NANO + 123_456_789),
        ("2025-01-25T10:00:00.1234567+00:00", TEN_UNIX_NANO + 123_456_700),
        ("1737799200000", TEN_UNIX_NANO),
        (1_737_799_200_000, TEN_UNIX_NANO),
        (1_737_799_200_000.25, TEN_UNIX_NANO + 250_000),
        ("1970-01-01T00:00:01Z", 1_000_000_000),
    ],
)
def test_times_are_rfc_3339_or_milliseconds(value: object, expected: int) -> None:
    """To the nanosecond where they say so, in UTC where they say no offset."""
    assert expected == unix_nano(value)


@pytest.mark.parametrize(
    "value",
    ["noon", "", "2025-13-01", True, None, [], {}, 1_737_799_200, 1e300, -1, 2**70, "1969-12-31", "2300-01-01", 1_737_799_200_000_000],
)
def test_anything_else_is_no_time(value: object) -> None:
    """Seconds and microseconds would be other times; a record holds those from 1970 to 2262."""
    assert unix_nano(value) is None
