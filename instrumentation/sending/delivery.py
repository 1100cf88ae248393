"""The one thread of ours in a service: it collects metrics, and sends what waits in the outboxes, until the process ends.

Before a fork it ends and the exporters close their sockets, unless an export takes long: then it goes on, and the fork does not wait.
Afterwards the parent starts it again, and the child starts with empty outboxes, a metric reader of its own, and exporters of its own.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.trace import ReadableSpan

from ..guard import say_once, skipped
from ..process import termination
from ..settings import Settings
from .exporting import Exporting
from .outbox import Outbox
from .tracked import Tracked, metrics_data
from .wakeups import Wakeups

PAUSE_S = 0.2
"""How long an export may have taken for a fork to wait for its end; a fork after a longer one does not wait."""

FIRST_S = 2.0
"""The same for a first export: a child must not find modules half-imported."""


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
        self.tracked = Outbox[Tracked](
            "tracked metrics",
            delay_s=settings.log_delay_ms / 1000,
            max_items=settings.log_queue,
            max_batch=settings.log_batch,
            threshold=settings.log_batch,
            wake=self._wake,
        )
        self._outboxes: tuple[Outbox[Any], ...] = (self.spans, self.log_records, self.tracked)
        self._collect = collect
        self._metric_interval_s = settings.metric_interval_ms / 1000
        self.closed = False
        self._wakeups = Wakeups()
        self._renew()

    def _renew(self) -> None:
        """What a process must not share: locks, those who wait, the thread."""
        self._woken = False
        self._flushes: deque[threading.Event] = deque()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = False
        self._busy_since: float | None = None
        self._is_slow = False

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            self._wakeups.knock()

    @property
    def wakeup_fd(self) -> int:
        """Where Python may write the numbers of signals, for `signal.set_wakeup_fd`."""
        return self._wakeups.fd

    def start(self) -> None:
        """Start the thread, where it does not run."""
        with self._turn:
            if self._thread is not None or self.closed:
                return
            self._stop = False
            self._thread = threading.Thread(target=self._run, name="otelpond", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        now = time.monotonic()
        due = {"spans": now + self.spans.delay_s, "logs": now + self.log_records.delay_s, "metrics": now + self._metric_interval_s}
        due["tracked"] = now + self.tracked.delay_s
        while True:
            written = self._wakeups.wait(None if self.closed else max(0.001, min(due.values()) - time.monotonic()))
            self._woken = False
            if signal.SIGTERM in written:
                termination.arrived()
            with self._turn:
                if self._stop:
                    self._thread = None
                    break
                self._busy_since = time.monotonic()
            with skipped("sending"):
                self._send_due(due)
            self._is_slow = time.monotonic() - self._busy_since > PAUSE_S
            self._busy_since = None
        if self.closed:
            self._wakeups.close()

    def _send_due(self, due: dict[str, float]) -> None:
        flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
        for name, step, interval_s, is_due in (
            ("logs", self._send_logs, self.log_records.delay_s, self.log_records.is_due()),
            ("spans", self._send_spans, self.spans.delay_s, self.spans.is_due()),
            ("metrics", self._send_metrics, self._metric_interval_s, False),
            ("tracked", self._send_tracked, self.tracked.delay_s, self.tracked.is_due()),
        ):
            if self._wakeups.are_lost():
                self._replace_descriptors()
            if flushes or (not self._stop and (is_due or time.monotonic() >= due[name])):
                with skipped(f"sending {name}"):
                    step()
                due[name] = time.monotonic() + interval_s
        for flushed in flushes:
            flushed.set()

    def _replace_descriptors(self) -> None:
        """The service has closed them all: the numbers that the exporters know may be its own by now."""
        for exporting in (self.traces, self.metrics, self.logs):
            exporting.abandon()
        self._wakeups.renew()
        termination.tell(self.wakeup_fd)

    def _send_spans(self) -> None:
        self.spans.send(self.traces.export, last=self.closed)

    def _send_logs(self) -> None:
        self.log_records.send(self.logs.export, last=self.closed)

    def _send_metrics(self) -> None:
        self._collect()

    def _send_tracked(self) -> None:
        self.tracked.send(lambda batch: self.metrics.export(metrics_data(batch)), last=self.closed)

    def flush(self, timeout_s: float) -> bool:
        """Send what waits now, and the metrics of now; False where that took longer than `timeout_s`."""
        if self._thread is None or not self._thread.is_alive() or self._thread is threading.current_thread():
            return False
        done = threading.Event()
        self._flushes.append(done)
        self._wakeups.knock()
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
        thread, self._thread = self._thread, None
        if not final:
            self._stop = True
            self._wakeups.knock()
            if thread is None or not thread.is_alive():
                self._wakeups.close()
        if flushed:
            for exporting in (self.logs, self.traces, self.metrics):
                exporting.close()
        left = sum(len(outbox) + outbox.dropped for outbox in self._outboxes)
        if left:
            say_once(f"{left} spans, log records and tracked metrics could not be delivered")
        for outbox in self._outboxes:
            outbox.close()

    def before_fork(self) -> None:
        """End the thread and close the sockets; where an export takes longer than `PAUSE_S`, let it be."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        self._stop = True
        self._wakeups.knock()
        thread.join(self._patience_s())
        with self._turn:
            if self._thread is thread and thread.is_alive():
                self._stop = False
                return
            self._thread = None
        thread.join(PAUSE_S)  # it has said that it ends
        for exporting in (self.traces, self.metrics, self.logs):
            exporting.close()

    def _patience_s(self) -> float:
        since = self._busy_since
        if since is None:
            return PAUSE_S
        if any(exporting.is_first for exporting in (self.traces, self.metrics, self.logs)):
            return max(0, since + FIRST_S - time.monotonic())
        return 0 if self._is_slow else max(0, since + PAUSE_S - time.monotonic())

    def after_fork_in_child(self) -> None:
        """Begin anew: what waited is the parent's to send."""
        for exporting in (self.traces, self.metrics, self.logs):
            exporting.abandon()
        for outbox in self._outboxes:
            outbox.clear()
        self._renew()
        if not self.closed:
            self._wakeups.renew()
            self.start()
