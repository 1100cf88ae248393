"""Counts in a parent and in its forked child; the child must not repeat what the parent counted."""

from __future__ import annotations

import os
import sys

from opentelemetry import metrics

counter = metrics.get_meter("counted").create_counter("shop.orders")
counter.add(5)
if os.fork() == 0:
    counter.add(1)
    sys.exit(0)
os.wait()
counter.add(5)
