"""The one thread of ours in a service: it collects metrics, and sends what waits in the outboxes, until the process ends.

It never lives over a fork. Before one it ends and the exporters close their sockets; afterwards the parent starts it again, and the child
starts with empty outboxes, a metric reader of its own, and exporters of its own.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.trace import ReadableSpan

from . import termination
from .exporting import Exporting
from .guard import say_once, skipped
from .outbox import Outbox
from .settings import Settings

PAUSE_S = 0.2
"""How long a fork waits for an export that is under way; then the child lets the exporters alone."""


class Delivery:
    """Outboxes, exporters and the thread between them."""

    def __init__(self, settings: Settings, collect: Callable[[], None]) -> None:
        self.traces = Exporting("traces", settings.traces_exporter, settings)
        self.metrics = Exporting("metrics", settings.metrics_exporter, settings)
        self.logs = Exporting("logs", settings.logs_exporter, settings)
        self.spans = Outbox[ReadableSpan](
            "spans",
            delay_s=settings.span_delay_ms / 1000,
            max_items=settings.span_queue,
            max_batch=settings.span_batch,
            threshold=min(512, settings.span_batch),
            wake=self._wake,
        )
        self.log_records = Outbox[ReadableLogRecord](
            "log records",
            delay_s=settings.log_delay_ms / 1000,
            max_items=settings.log_queue,
            max_batch=settings.log_batch,
            threshold=settings.log_threshold,
            wake=self._wake,
        )
        self._collect = collect
        self._metric_interval_s = settings.metric_interval_ms / 1000
        self._renew()

    def _renew(self) -> None:
        """What a process must not share: locks, the queue of wake-ups, the thread."""
        self._woken_by, self._wakes = socket.socketpair()
        self._wakes.setblocking(False)
        self._woken = False
        self._sending = threading.Lock()
        self._flushes: list[threading.Event] = []
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.closed = False

    def _wake(self) -> None:
        """Reentrant, unlike a threading.Event: a signal handler may log while the main thread is in here."""
        if not self._woken:
            self._woken = True
            self._knock()

    def _knock(self) -> None:
        with suppress(OSError):  # so many wait already that one more makes no difference
            self._wakes.send(b"\0")

    @property
    def wakeup_fd(self) -> int:
        """Where Python may write the numbers of signals, for `signal.set_wakeup_fd`."""
        return self._wakes.fileno()

    def start(self) -> None:
        """Start the thread, where it does not run."""
        if self._thread is None and not self.closed:
            self._stop = threading.Event()
            self._thread = threading.Thread(target=self._run, args=(self._stop,), name="otelpond", daemon=True)
            self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        now = time.monotonic()
        due = {"spans": now + self.spans.delay_s, "logs": now + self.log_records.delay_s, "metrics": now + self._metric_interval_s}
        while not stop.is_set():
            self._woken_by.settimeout(None if self.closed else max(0.001, min(due.values()) - time.monotonic()))
            knocks = b""
            with suppress(TimeoutError):
                knocks = self._woken_by.recv(4096)
            self._woken = False
            if signal.SIGTERM in knocks:
                termination.insist()
            with self._sending, skipped("sending"):  # a fork may have left a thread behind whose export takes longer
                if not stop.is_set():
                    self._send_due(due, stop)

    def _send_due(self, due: dict[str, float], stop: threading.Event) -> None:
        flushes, self._flushes = self._flushes, []
        for name, step, interval_s, is_due in (
            ("logs", self._send_logs, self.log_records.delay_s, self.log_records.is_due()),
            ("spans", self._send_spans, self.spans.delay_s, self.spans.is_due()),
            ("metrics", self._send_metrics, self._metric_interval_s, False),
        ):
            if not stop.is_set() and (flushes or is_due or time.monotonic() >= due[name]):
                with skipped(f"sending {name}"):
                    step()
                due[name] = time.monotonic() + interval_s
        for flushed in flushes:
            flushed.set()

    def _send_spans(self) -> None:
        self.spans.send(self.traces.export, last=self.closed)

    def _send_logs(self) -> None:
        self.log_records.send(self.logs.export, last=self.closed)

    def _send_metrics(self) -> None:
        self._collect()

    def flush(self, timeout_s: float) -> bool:
        """Send what waits now, and the metrics of now; False where that took longer than `timeout_s`."""
        if self._thread is None or not self._thread.is_alive() or self._thread is threading.current_thread():
            return False
        done = threading.Event()
        self._flushes.append(done)
        self._knock()
        return done.wait(timeout_s)

    def close(self, timeout_s: float, *, final: bool = False) -> None:
        """Send what is left, for at most `timeout_s`, and end the thread.

        Where it is `final` the thread ends with the process: gevent, if it has patched `threading` since, would complain of one that
        it does not know.
        """
        if self.closed:
            return
        self.closed = True
        for exporting in (self.logs, self.traces, self.metrics):
            exporting.hurry()
        flushed = self.flush(timeout_s)
        self._stop.set()
        if not final:
            self._knock()
        self._thread = None
        if flushed:
            for exporting in (self.logs, self.traces, self.metrics):
                exporting.close()
        left = len(self.spans) + len(self.log_records) + self.spans.dropped + self.log_records.dropped
        if left:
            say_once(f"{left} spans and log records could not be delivered")

    def before_fork(self) -> None:
        """End the thread and close the sockets, where nothing is being sent for longer than `PAUSE_S`."""
        thread, self._thread = self._thread, None
        if thread is None or thread is threading.current_thread():
            return
        self._stop.set()
        self._knock()
        thread.join(PAUSE_S)
        if not thread.is_alive():
            for exporting in (self.traces, self.metrics, self.logs):
                exporting.close()

    def after_fork_in_child(self) -> None:
        """Begin anew: what waited is the parent's to send."""
        for exporting in (self.traces, self.metrics, self.logs):
            exporting.abandon()
        self.spans.clear()
        self.log_records.clear()
        self._woken_by.close()
        self._wakes.close()
        closed = self.closed
        self._renew()
        self.closed = closed
        self.start()
