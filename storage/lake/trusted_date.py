"""The date by which days are dropped: the clock's, unless that has leapt ahead; maintenance asks for it in every round.

A clock that is a year ahead for an afternoon must not cost a year of data. Rounds note what they saw in `DATA/lake/.dates.json`: a date
that lies more than a week ahead of the last one that was trusted is believed with the third day seen there, each later than the one before.
"""

from __future__ import annotations

import json
import logging
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from ..durable import write_file

logger = logging.getLogger(__name__)

_NOTE: Final = ".dates.json"
_LEAP: Final = timedelta(days=7)
_WITNESSES: Final = 3


def trusted_date(folder: Path, today: date) -> date:
    """Today, or the last trusted date where today lies too far ahead of it.

    Args:
        folder: of the lake; a lake without a note, and one whose note is damaged, trusts the clock.
        today: by the clock, UTC.
    """
    trusted, ahead = _read(folder / _NOTE) or (today, [])
    if today <= trusted + _LEAP:
        seen: tuple[date, list[date]] = (today, [])
    else:
        following = sorted({*(day for day in ahead if day < today), today})
        seen = (today, []) if len(following) >= _WITNESSES else (trusted, following)
        if seen[0] != today:
            logger.warning("the clock has leapt from %s to %s: no day is dropped by it until the third day it stands there", trusted, today)
    _write(folder / _NOTE, *seen)
    return seen[0]


def _read(note: Path) -> tuple[date, list[date]] | None:
    try:
        fields = json.loads(note.read_bytes())
        return date.fromisoformat(fields["trusted"]), [date.fromisoformat(day) for day in fields["ahead"]]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        logger.warning("%s is damaged and passed over (%s)", note, error)
        return None


def _write(note: Path, trusted: date, ahead: list[date]) -> None:
    content = json.dumps({"trusted": str(trusted), "ahead": [str(day) for day in ahead]}).encode()
    try:
        if not note.exists() or note.read_bytes() != content:
            write_file(note, content)
    except OSError as failure:  # a full disk, on which days must be dropped all the more
        logger.warning("%s cannot be written: %s", note, failure)
