"""For all tests: one cache of kernels; and a whole run fails where a test that the ledger names did not run and pass."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

LEDGER = Path(__file__).parent / "ledger.toml"
PASSED = pytest.StashKey[set[str]]()


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
    """Have the kernels compiled before the first test, and by nobody else: it takes longer than a test may."""
    if _is_first(session.config) and not session.config.option.collectonly:
        subprocess.run([sys.executable, "-m", "otelpond.config.cli", "warm"], check=True, timeout=900)


def _is_first(config: pytest.Config) -> bool:
    """Whether this is the process that was started, and not one of pytest-xdist's."""
    return not hasattr(config, "workerinput")


class _Ledger:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test counts under its own id and, parametrised, under its function's."""
        if report.when == "call" and report.passed:
            self._config.stash[PASSED] |= {report.nodeid, report.nodeid.partition("[")[0]}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a whole run that leaves a test of the ledger out."""
        if not _is_first(self._config):
            return
        narrowing = ("keyword", "markexpr", "collectonly", "ignore", "ignore_glob", "deselect", "lf", "maxfail")
        if any(getattr(self._config.option, name, None) for name in narrowing) or self._config.args != self._config.getini("testpaths"):
            return
        named = {test for entry in tomllib.loads(LEDGER.read_text(encoding="utf-8")).values() for test in entry["tests"]}
        self.absent = sorted(named - self._config.stash[PASSED])
        if self.absent and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name them."""
        for test in getattr(self, "absent", []):
            terminalreporter.write_line(f"the ledger names a test that did not pass: {test}", red=True)
