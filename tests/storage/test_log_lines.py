"""One line a record, in one form in every process, and nothing in it that a sender has written."""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest
from otelpond.storage import log_lines
from otelpond.storage.signals import UndecodableError

SENT = "4111-1111-1111-1111"
PROGRAM = f"""
import logging, sys, threading, warnings
from otelpond.storage import log_lines
log_lines.configure("boat")
logger = logging.getLogger("otelpond.test")
logger.debug("too fine")
logger.info("first line\\nsecond line")
try:
    int("{SENT}")
except ValueError:
    logger.exception("it failed")
logging.getLogger("library").info("nobody wants this")
logging.getLogger("library").error("lost a task\\n{SENT}")
warnings.warn("old")
thread = threading.Thread(target=lambda: int("{SENT}"))
thread.start(); thread.join()
raise KeyError("{SENT}")
"""


def _log(form: str, **environment: str) -> list[str]:
    """What a process that was told so by its parent writes."""
    told = {log_lines.FORMAT_VARIABLE: form, **environment}
    ended = subprocess.run([sys.executable, "-c", PROGRAM], env=os.environ | told, capture_output=True, text=True, check=False)
    return ended.stderr.splitlines()


def test_json_is_an_object_a_line_whatever_happens() -> None:
    """Messages, errors, warnings, and what ends a thread or the process."""
    lines = [json.loads(line) for line in _log("json")]
    assert ["info", "error", "error", "warning", "critical", "critical"] == [line["level"] for line in lines]
    assert {"boat"} == {line["process"] for line in lines}
    assert "first line\nsecond line" == lines[0]["message"]
    assert lines[1]["error"].startswith("ValueError at <string>:")
    assert lines[0]["time"].endswith("Z")
    assert isinstance(lines[0]["pid"], int)
    assert SENT not in json.dumps(lines)


def test_the_console_has_a_line_a_record_too() -> None:
    """A line break in a message cannot forge a line."""
    lines = _log("console", **{log_lines.LEVEL_VARIABLE: "debug"})
    assert ["DEBUG", "INFO", "ERROR", "ERROR", "WARNING", "CRITICAL", "CRITICAL"] == [line.split()[2] for line in lines]
    assert lines[1].endswith(" INFO boat: first line\\nsecond line")
    assert not [line for line in lines if SENT in line]


def test_whoever_asks_sees_the_whole_fault() -> None:
    """OTELPOND_TRACEBACK=1 is for reports."""
    lines = [json.loads(line) for line in _log("json", OTELPOND_TRACEBACK="1")]
    assert "Traceback (most recent call last)" in lines[1]["error"]
    assert SENT in lines[1]["error"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/pond/x"), "OSError: [Errno 28] No space left on device: '/pond/x'"),
        (UndecodableError("a field is cut off"), "UndecodableError: a field is cut off"),
        (ValueError(SENT), "ValueError"),
    ],
)
def test_our_own_and_the_systems_errors_keep_their_text(error: Exception, text: str) -> None:
    """Others may quote what was sent."""
    assert text == log_lines.fault(error)


@pytest.fixture
def _as_it_was() -> Iterator[None]:
    """The test run's own logging, afterwards."""
    root, hooks = logging.getLogger(), (sys.excepthook, log_lines.threading.excepthook)
    handlers, level = list(root.handlers), root.level
    shown, environment = warnings.showwarning, dict(os.environ)
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level, warnings.showwarning = handlers, level, shown
    sys.excepthook, log_lines.threading.excepthook = hooks
    for variable in (log_lines.FORMAT_VARIABLE, log_lines.LEVEL_VARIABLE):
        os.environ.pop(variable, None)
    os.environ.update(environment)
    for name in ("otelpond", "__main__"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.mark.usefixtures("_as_it_was")
def test_children_are_told_by_their_environment() -> None:
    """Whatever starts a process hands the form on."""
    log_lines.configure("parent", "json", "error")
    assert ("json", "error") == (os.environ[log_lines.FORMAT_VARIABLE], os.environ[log_lines.LEVEL_VARIABLE])
