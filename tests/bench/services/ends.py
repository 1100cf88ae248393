"""A script that has something to report, and says when it has nothing more to do (seconds of the system's monotonic clock)."""

from __future__ import annotations

import sys
import time

from measured import connected
from sqlalchemy import text

with connected() as connection:
    connection.execute(text("select 1"))
sys.stdout.write(f"{time.monotonic()}\n")
sys.stdout.flush()
