"""What grouping is told of one error, and what it answers; columns.py makes the one, v1.py the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

By: TypeAlias = Literal["rule", "attribute", "in_app_frames", "frames", "message", "request", "query", "type"]


class Report(NamedTuple):
    """One error as a table tells it.

    Attributes:
        type: of the exception, as sent; '' where there is none.
        message: as sent.
        stack: its text, with the sources' places where they are known; '' where there is none.
        language: telemetry.sdk.language; '' where unknown.
        service: service.name.
        asked: values of the attribute exception.fingerprint.
        operation: what failed where no exception is told: method, endpoint and status of a request, or the name of a span.
        query: kind, database system, and the statement's hash, else operation and table; of failed database operations only.
        kind: what names it where neither type nor message do: the kind of a crash, a code.
        culprit: what is to blame where no frame is.
    """

    type: str = ""
    message: str = ""
    stack: str = ""
    language: str = ""
    service: str = ""
    asked: tuple[str, ...] = ()
    operation: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    kind: str = ""
    culprit: str | None = None


@dataclass(frozen=True)
class Grouping:
    """What an error is grouped by.

    Attributes:
        by: what decided.
        parts: what is equal for all errors of the group, in words.
        culprit: the frame to blame, `function in module`; None where nothing tells it.
        rule: its name, else its position, where a rule decided.
    """

    by: By
    parts: tuple[str, ...]
    culprit: str | None = None
    rule: str | None = None

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits of the parts; what decided is no part of it, so that a rule can put errors where others are."""
        return digest(self.parts)

    @cached_property
    def document(self) -> str:
        """The column `grouping`."""
        rule = {} if self.rule is None else {"rule": self.rule}
        return json.dumps({"by": self.by, **rule, "parts": self.parts}, ensure_ascii=False).encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Stack:
    """What counts of a stack, for all messages that it comes with.

    Attributes:
        grouping: by its frames.
        paths: modules and files of the frames, for rules.
        is_nameless: whether no frame has a name or a source line, so that the message counts too.
    """

    grouping: Grouping
    paths: tuple[str, ...] = ()
    is_nameless: bool = False


def digest(parts: Sequence[str]) -> str:
    """32 hex digits that stand for these parts in this order."""
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
