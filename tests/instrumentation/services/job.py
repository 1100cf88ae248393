"""A script that does two things, one of them in a forked child, and ends."""

from __future__ import annotations

import os
import sys

from opentelemetry import trace

with trace.get_tracer("job").start_as_current_span("before"):
    pass
if "fork" in sys.argv and os.fork() == 0:
    with trace.get_tracer("job").start_as_current_span("in the child"):
        pass
    sys.exit(0)
if "fork" in sys.argv:
    os.wait()
with trace.get_tracer("job").start_as_current_span("after"):
    pass
