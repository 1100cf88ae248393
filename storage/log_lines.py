"""How every process of the collector writes its log: one line a record, as text for people or as JSON; each process calls `configure`.

A line never shows what was sent: of an error its text is shown only where it is ours or the system's, of others their type and place
(DuckDB's and protobuf's texts quote values). OTELPOND_TRACEBACK=1 shows all of them, for reports of faults.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import Final, Literal

from .fault_places import place_of

Format = Literal["console", "json"]
Level = Literal["debug", "info", "warning", "error"]

FORMAT_VARIABLE: Final = "OTELPOND_LOG_FORMAT"
LEVEL_VARIABLE: Final = "OTELPOND_LOG_LEVEL"
_OURS: Final = ("otelpond", "__main__")
_LONGEST_OF_OTHERS: Final = 300
"""Of a library's message, characters that are shown; asyncio's and uvicorn's may end with an object's text."""


def configure(process: str, form: Format | None = None, level: Level | None = None) -> None:
    """Have this process log to standard error.

    Args:
        process: what it is called in each line.
        form: as the setting says; None takes what the process that started this one was told.
        level: the same.
    """
    if form is not None:
        os.environ[FORMAT_VARIABLE] = form  # children inherit it, and theirs
    if level is not None:
        os.environ[LEVEL_VARIABLE] = level
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter((_Json if os.environ.get(FORMAT_VARIABLE) == "json" else _Console)(process))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(os.environ.get(LEVEL_VARIABLE, "info").upper())
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def fault(error: BaseException) -> str:
    """An error in one line, without what a sender may have written."""
    if isinstance(error, OSError) or type(error).__module__.startswith("otelpond."):
        return _line(f"{type(error).__name__}: {error}")
    if os.environ.get("OTELPOND_TRACEBACK"):
        return "".join(traceback.format_exception(error)).rstrip()
    return place_of(error)


def _uncaught(kind: type[BaseException], error: BaseException | None, where: object) -> None:
    del where
    if error is not None and not issubclass(kind, KeyboardInterrupt):
        logging.getLogger("otelpond").critical("this ended a thread or the process", exc_info=error)


def _line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    if record.name.partition(".")[0] in _OURS:
        return message
    return message.partition("\n")[0][:_LONGEST_OF_OTHERS]


def _error(record: logging.LogRecord) -> str:
    return fault(record.exc_info[1]) if record.exc_info and record.exc_info[1] is not None else ""


class _Console(logging.Formatter):
    """`2026-11-21 12:00:00.000 INFO pipeline: what happened: of which error`."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "milliseconds")
        parts = [f"{when} {record.levelname} {self._process}", _line(_message(record)), _error(record)]
        return ": ".join(part for part in parts if part)


class _Json(logging.Formatter):
    """An object a line: time (UTC), level, process, pid, logger, message and, where there is one, error."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "process": self._process,
            "pid": record.process,
            "logger": record.name,
            "message": _message(record),
            "error": _error(record),
        }
        return json.dumps({name: value for name, value in fields.items() if value != ""}, ensure_ascii=False)
