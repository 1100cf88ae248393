"""The targets of fuzzing by name: each a module with `check(input)`, and how its inputs are best changed."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otelpond.storage.decode.messages import SHAPES

from .mutations import Change, changed_message

SEEDS: Final = Path(__file__).parent / "seeds"

Check = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """Code that reads what comes from outside.

    Attributes:
        name: of the module `target_<name>`.
        message_after: what ends the words in front of a protobuf message in its inputs; None where they hold none.
        seeds: the target whose seeds it takes, where it has none of its own.
    """

    name: str
    message_after: bytes | None = None
    seeds: str = ""

    def load(self) -> Check:
        """Import what is checked, and give its check."""
        check: Check = importlib.import_module(f".target_{self.name}", __package__).check
        return check

    def seed_paths(self) -> list[Path]:
        """The committed inputs."""
        return sorted((SEEDS / (self.seeds or self.name)).iterdir())

    def changed(self, data: bytes, change: Change, chance: random.Random) -> bytes:
        """An input with a change somewhere, most often within the message that it holds."""
        if self.message_after is None or chance.random() < 0.2:
            return change(data)
        if self.message_after:
            words, mark, message = data.partition(self.message_after)
            return words + mark + changed_message(message, change, chance)
        return data[:1] + changed_message(data[1:], change, chance)


TARGETS: Final = {
    target.name: target
    for target in (
        Target("connection"),
        Target("http", b"\n\n"),
        Target("grpc", b"\n"),
        Target("json"),
        Target("events"),
        Target("coding"),
        Target("inbox"),
        Target("files"),
        Target("decode", b""),
        Target("tables", b"", seeds="decode"),
        Target("statements"),
    )
}


def words() -> list[bytes]:
    """Words that readers look for: the fields of OTLP in JSON, and what begins files."""
    found: set[str] = set()
    waiting = [shape.request.DESCRIPTOR for shape in SHAPES.values()]
    seen = set()
    while waiting:
        descriptor = waiting.pop()
        if descriptor.full_name in seen:
            continue
        seen.add(descriptor.full_name)
        found |= {f'"{name}":' for field in descriptor.fields for name in (field.json_name, field.name)}
        waiting += [field.message_type for field in descriptor.fields if field.message_type is not None]
    return [*(word.encode() for word in sorted(found)), b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"opf1", b'"NaN"', b"\\ud800", b"null", b"\n"]
