"""The hours of the day in which a channel is told nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

import pytz

_HOURS: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `begin` until before `end`, by the clocks of a time zone; over midnight where `begin` is the later one."""

    begin: time
    end: time
    timezone: str = "UTC"

    @classmethod
    def of(cls, text: str, timezone: str = "UTC") -> QuietHours:
        """Hours such as `22:00-07:00`, and a time zone such as `Europe/Berlin`.

        Raises:
            ValueError: the hours are not of that form or equal, or the zone is unknown; the text says what was expected.
        """
        found = _HOURS.fullmatch(text)
        if found is None or found[0][:5] == found[0][6:]:
            raise ValueError("HH:MM-HH:MM, such as 22:00-07:00")
        if timezone not in pytz.all_timezones_set:
            raise ValueError("a time zone such as Europe/Berlin")
        return cls(time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4])), timezone)

    def contains(self, moment: datetime) -> bool:
        """Whether it is quiet then."""
        local = moment.astimezone(pytz.timezone(self.timezone)).time()
        if self.begin < self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end
