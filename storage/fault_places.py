"""What a log may say of an error that a payload caused: its kind and where it was raised. Its text may repeat what somebody sent."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

_FRAMES: Final = 3


def place_of(error: BaseException) -> str:
    """`ValueError at keys.py:41 in _key < spans.py:88 in decode < ...`, the innermost frame first."""
    frames = traceback.extract_tb(error.__traceback__)[: -_FRAMES - 1 : -1]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames)
    return f"{type(error).__name__} at {places}" if places else type(error).__name__
