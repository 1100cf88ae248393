"""For all tests: one cache of kernels, the order of files; and a whole run fails where a test that the ledger names did not pass."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

LEDGER = Path(__file__).parent / "ledger.toml"
PASSED = pytest.StashKey[set[str]]()
WARMING = pytest.StashKey[subprocess.Popen[bytes]]()
_WHOLE: Final = ("not long", "long")
_INTEROP: Final = "tests/interop"
_LEFT_OUT: Final = "left out"
_ORDER: Final = (
    *(
        "tests/storage/",
        "tests/databases/",
        "tests/test_readme.py",
        "tests/chaos/",
        "tests/e2e/",
        "tests/exporters/",
        "tests/instrumentation/",
        "tests/config/",
    ),
    *("tests/", "tests/fuzz/", "tests/storage/decode/"),
)
"""Of files, by the longest beginning that fits: while the kernels compile those that neither need them nor wait for processes, and those
that take long before those that do not, so that no process waits for another's last file."""


def pytest_configure(config: pytest.Config) -> None:
    """Remember what passes; have the decode kernels compiled once for all tests, and kept from one run to the next."""
    if config.cache is not None:
        os.environ.setdefault("OTELPOND_CACHE_DIR", str(config.cache.mkdir("otelpond-kernels")))
    config.stash[PASSED] = set()
    config.pluginmanager.register(_Ledger(config), "otelpond-ledger")


@pytest.fixture(scope="session")
def kernel_cache() -> str:
    """Where processes that a test starts find compiled kernels: what their OTELPOND_CACHE_DIR must be."""
    return os.environ["OTELPOND_CACHE_DIR"]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have the kernels compiled, by nobody else and before the first test: it takes longer than a test may.

    A whole run in several processes begins with tests that need none meanwhile.
    """
    config = session.config
    if _is_first(config) and not config.option.collectonly:
        config.stash[WARMING] = warming = subprocess.Popen([sys.executable, "-m", "otelpond.config.cli", "warm"])
        if not (_is_whole(config) and config.option.markexpr == "not long" and getattr(config.option, "numprocesses", None)):
            assert 0 == warming.wait(timeout=900)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where the run was broken off, nobody waits for kernels any more."""
    if (warming := session.config.stash.get(WARMING, None)) is not None:
        warming.terminate()
        warming.wait()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Several processes take files in an order of their own; see `_ORDER`."""
    if not _is_first(config):
        items.sort(key=lambda item: _ORDER.index(max((start for start in _ORDER if item.nodeid.startswith(start)), key=len)))


def _is_first(config: pytest.Config) -> bool:
    """Whether this is the process that was started, and not one of pytest-xdist's."""
    return not hasattr(config, "workerinput")


def _is_whole(config: pytest.Config) -> bool:
    """Whether all tests are run, or all long ones."""
    option = config.option
    narrowing = ("keyword", "collectonly", "ignore_glob", "deselect", "lf", "maxfail")
    narrowed = any(getattr(option, name, None) for name in narrowing) or (option.ignore or [_INTEROP]) != [_INTEROP]
    return not narrowed and option.markexpr in _WHOLE and config.args == config.getini("testpaths")


class _Ledger:
    """Sees that a whole run, of the tests or of the long ones, leaves no test of the ledger out that it does not leave to the other."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._left_out: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test counts under its own id and, parametrised, under its function's."""
        if report.when == "call" and report.passed:
            self._config.stash[PASSED] |= _names(report.nodeid)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """What the marker leaves to the other run."""
        self._left_out |= {name for item in items for name in _names(item.nodeid)}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """The same, of a process of pytest-xdist."""
        self._left_out |= set(node.workeroutput.get(_LEFT_OUT, ()) if hasattr(node, "workeroutput") else ())

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a whole run that leaves a test of the ledger out."""
        if not _is_first(self._config):
            self._config.workeroutput[_LEFT_OUT] = sorted(self._left_out)  # type: ignore[attr-defined]
            return
        if not _is_whole(self._config):
            return
        named = {test for entry in tomllib.loads(LEDGER.read_text(encoding="utf-8")).values() for test in entry["tests"]}
        self.absent = sorted(named - self._config.stash[PASSED] - self._left_out)
        if self.absent and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name them."""
        for test in getattr(self, "absent", []):
            terminalreporter.write_line(f"the ledger names a test that did not pass: {test}", red=True)


def _names(test: str) -> set[str]:
    return {test, test.partition("[")[0]}
