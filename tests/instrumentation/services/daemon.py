"""Closes every descriptor it does not know, as daemons do, and opens its own; says whether one of them heard what it was not sent."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import suppress

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

tracer = trace.get_tracer("daemon")
provider = trace.get_tracer_provider()
assert isinstance(provider, TracerProvider)
tracer.start_span("before").end()
provider.force_flush()
os.closerange(3, 65536)
sockets = [end for _ in range(20) for end in socket.socketpair()]
for _ in range(600):
    tracer.start_span("after").end()
provider.force_flush()  # by then ours are new ones: Python itself complains of a signal that comes while they are closed
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.raise_signal(signal.SIGUSR1)
tracer.start_span("after").end()
provider.force_flush()
heard = b""
for each in sockets:
    each.setblocking(False)
    with suppress(BlockingIOError):
        heard += each.recv(100)
sys.stdout.write("quiet\n" if not heard else f"{heard!r}\n")
sys.stdout.flush()
tracer.start_span("last").end()
threading.Timer(0.1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)).start()
threading.Event().wait()
