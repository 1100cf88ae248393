"""The sample shop's night worker, which dies of an exception nobody catches: `python -m otelpond.config.demo.worker`.

Its exception hook reports the crash as a FATAL log record with the exception, and the process ends as it would have ended anyway.
"""

from __future__ import annotations

import logging
import sys
from types import TracebackType

from . import telemetry

logger = logging.getLogger("worker")


def main() -> None:
    """Report, work, and die with exit code 1."""
    stop = telemetry.start("shop-worker")

    def report(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        logger.critical("uncaught exception", exc_info=(kind, error, where))
        stop()
        sys.__excepthook__(kind, error, where)

    sys.excepthook = report
    logger.info("counting the stock")
    _count_stock({"oar": 3, "net": 5})


def _count_stock(stock: dict[str, int]) -> int:
    return sum(stock[name] for name in ("oar", "net", "sextant"))


if __name__ == "__main__":
    main()
