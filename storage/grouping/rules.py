"""The user's own grouping: rules of the configuration and the attribute exception.fingerprint; the grouper asks before any version."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from typing import Final

from .report import Grouping, Report
from .v1_names import short_type

DEFAULT: Final = "{{ default }}"
_DEFAULT: Final = re.compile(r"\{\{\s*default\s*\}\}")
_READ: Final = 2_000
"""Characters of a text that globs are held against."""


@dataclass(frozen=True)
class GroupingRule:
    """One rule: errors that fit all its globs are grouped by its fingerprint.

    Attributes:
        name: as `grouping` shows it.
        fingerprint: what is equal for the group; `{{ default }}` stands for what would be without the rule.
        type: glob for the exception's type, with its module or without; None fits all, as for the others.
        message: glob for the message.
        path: glob for the module or file of any frame.
        service: glob for the service's name.
    """

    name: str
    fingerprint: tuple[str, ...]
    type: str | None = None
    message: str | None = None
    path: str | None = None
    service: str | None = None

    @cached_property
    def _globs(self) -> tuple[re.Pattern[str] | None, ...]:
        return tuple(None if glob is None else re.compile(translate(glob)) for glob in (self.type, self.message, self.path, self.service))

    def fits(self, report: Report, paths: Sequence[str]) -> bool:
        """Whether the error is one of the rule's."""
        texts = ((report.type, short_type(report.type)), (report.message,), paths, (report.service,))
        return all(glob is None or any(glob.match(text[:_READ]) for text in given) for glob, given in zip(self._globs, texts, strict=True))


def regrouped(rules: Sequence[GroupingRule], report: Report, paths: Sequence[str], default: Grouping) -> Grouping:
    """What the error is grouped by: the first rule that fits, else the attribute, else the default."""
    for rule in rules:
        if rule.fits(report, paths):
            return Grouping("rule", _filled(rule.fingerprint, default), default.culprit, rule.name)
    return Grouping("attribute", _filled(report.asked, default), default.culprit) if report.asked else default


def _filled(values: Sequence[str], default: Grouping) -> tuple[str, ...]:
    """The values, `{{ default }}` replaced by the parts of the default."""
    parts = ((part for part in default.parts) if _DEFAULT.fullmatch(value.strip()) else (value,) for value in values)
    return tuple(part for each in parts for part in each)
