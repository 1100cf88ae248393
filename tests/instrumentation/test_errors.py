"""Errors seen by several roads: one report each, complete; hooks that are put back; nothing that reaches the service."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import uvloop
from opentelemetry import trace
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk.trace import Span
from otelpond.instrumentation import breadcrumbs, context, errors, set_user
from otelpond.instrumentation.errors import aftermath, crash_file, endings, reports

Observed = Callable[..., Any]
SERVER, CLIENT = trace.SpanKind.SERVER, trace.SpanKind.CLIENT


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """Nothing of one test is left for the next."""
    tokens = breadcrumbs._current.set(None), context._current.set(None)
    breadcrumbs.scope().breadcrumbs.clear()
    yield
    breadcrumbs._current.reset(tokens[0])
    context._current.reset(tokens[1])


def _exceptions(seen: Any) -> list[dict[str, Any]]:
    """The attributes of exception events, in the order the spans ended."""
    return [dict(event.attributes or {}) for span in seen.finished_spans() for event in span.events if event.name == "exception"]


def _told(attributes: dict[str, Any]) -> list[str]:
    return [breadcrumb["message"] for breadcrumb in json.loads(attributes[reports.BREADCRUMBS])]


def test_a_request_that_fails_is_one_error_by_span_and_log(observed: Observed) -> None:
    """The server logs it when the span has ended: in the same trace, with the request's user and address, under the same id."""
    seen = observed(errors)
    failure = ValueError("no such order")
    request = {"http.request.method": "GET", "url.path": "/orders", "url.scheme": "http", "server.address": "shop", "user.id": "ada"}
    query = {"db.system.name": "sqlite", "db.query.text": "select 1"}

    def answer() -> None:
        with seen.tracer.start_as_current_span("GET /orders", kind=SERVER, attributes=request):
            logging.getLogger("shop").warning("looking for %s", 7)
            with seen.tracer.start_as_current_span("SELECT shop", kind=CLIENT, attributes=query):
                pass
            raise failure

    with pytest.raises(ValueError, match="no such"):
        answer()
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=failure)
    (event,), logged = _exceptions(seen), seen.logs()[-1]
    assert ["GET /orders", "looking for 7", "select ?"] == _told(event) == _told(logged)[:3]
    assert event[reports.EXCEPTION_ID] == logged[reports.EXCEPTION_ID]
    assert ("ValueError", "no such order") == (logged["exception.type"], logged["exception.message"])
    assert ("ada", "http://shop/orders", "GET") == (logged["user.id"], logged["url.full"], logged["http.request.method"])
    assert logged["process.memory.usage"] > 0
    (record,) = [each for each in seen._logs.get_finished_logs() if each.log_record.body == "Exception in ASGI application"]
    assert record.log_record.trace_id == seen.finished_spans()[-1].context.trace_id


def test_an_object_that_is_raised_again_in_another_request_is_another_error(observed: Observed) -> None:
    """Some libraries raise one and the same object again and again."""
    seen = observed(errors)
    failure = ValueError("always the same")
    for _ in range(2):
        with pytest.raises(ValueError, match="always"), seen.tracer.start_as_current_span("request", kind=SERVER):
            raise failure
    first, second = _exceptions(seen)
    assert first[reports.EXCEPTION_ID] != second[reports.EXCEPTION_ID]
    assert failure.args == pickle.loads(pickle.dumps(failure)).args  # noqa: S301 - our own


def test_chains_groups_and_notes_are_told(observed: Observed) -> None:
    """In the stack trace as Python prints them, and as a list."""
    seen = observed(errors)
    cause, member = KeyError("stock"), TypeError("member")
    member.add_note("third try")
    group = ExceptionGroup("two", [member, OSError("other")])
    group.__cause__ = cause
    logging.getLogger("shop").error("failed", exc_info=group)
    (told,) = seen.logs()
    related = [(each["relation"], each["type"]) for each in json.loads(told[reports.RELATED])]
    assert [("cause", "KeyError"), ("member", "TypeError"), ("member", "OSError")] == related
    assert "third try" in told["exception.stacktrace"]


def test_what_is_secret_is_removed(observed: Observed) -> None:
    """From messages, stacks, extra attributes and breadcrumbs."""
    seen = observed(errors)
    logging.getLogger("shop").warning("signed in with password=hunter2")
    logging.getLogger("shop").error("failed", exc_info=ValueError("password=hunter2\nand more"), extra={"password": "hunter2"})
    told = str(seen.logs()[-1])
    assert "hunter2" not in told
    assert "and more" in told
    assert told.count("[removed]") >= 4


def test_a_record_that_a_handler_of_opentelemetry_exports_is_sent_once(observed: Observed) -> None:
    """And made complete on its way."""
    seen = observed(errors)
    handler = LoggingHandler(logger_provider=seen.logger_provider)
    logging.getLogger("shop").addHandler(handler)
    try:
        logging.getLogger("shop").error("failed", exc_info=ValueError("x", 7))
    finally:
        logging.getLogger("shop").removeHandler(handler)
    (told,) = seen.logs()
    assert "('x', 7)" == told["exception.message"]
    assert reports.EXCEPTION_ID in told


def test_records_that_reach_no_handler_of_the_root_are_seen_too(observed: Observed) -> None:
    """Without a handler of ours anywhere: `logging.basicConfig` does nothing where the root has one."""
    handlers = list(logging.getLogger().handlers)
    seen = observed(errors)
    logger = logging.getLogger("alone")
    logger.propagate = False
    try:
        logger.error("%s and %s", "one")  # noqa: PLE1206 - a mistake of the service's
        logger.info("nothing of it is sent")
    finally:
        logger.propagate = True
    assert handlers == logging.getLogger().handlers
    assert ["%s and %s"] == [each.log_record.body for each in seen._logs.get_finished_logs()]


@pytest.mark.parametrize("loop_of", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("handled", [True, False], ids=["handler of the service", "default handler"])
def test_tasks_and_callbacks_of_loops(loop_of: Callable[[], asyncio.AbstractEventLoop], handled: bool, observed: Observed) -> None:
    """Once each, whether the service's handler logs it or not; the handler is called as ever."""
    seen = observed(errors)
    loop = loop_of()
    called: list[dict[str, Any]] = []

    async def work() -> None:
        raise ValueError("in a task")

    def fail() -> None:
        raise ValueError("in a callback")

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(work(), name="work")
        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0.01)
        del task

    if handled:
        loop.set_exception_handler(lambda _loop, told: called.append(told))
    loop.run_until_complete(main())
    loop.close()
    assert ["in a callback", "in a task"] == sorted(told["exception.message"] for told in seen.logs())
    assert 2 * handled == len(called)


def test_threads_tell_theirs(observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    """With who the thread served; SystemExit is no error."""
    monkeypatch.setattr(threading, "excepthook", lambda _args: None)
    seen = observed(errors)

    def work() -> None:
        set_user("ada")
        logging.getLogger("shop").warning("working")
        raise ValueError("in a thread")

    for target in (work, sys.exit):
        thread = threading.Thread(target=target, name="worker")
        thread.start()
        thread.join()
    told = seen.logs()[-1]
    assert 2 == len(seen.logs())
    assert ("in a thread", "worker", ["working"]) == (told["exception.message"], told["thread.name"], _told(told))


def test_who_calls_the_hook_and_goes_on_has_not_crashed(observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter notes what it ends by before it calls the hook; threads that are told by it are told once."""
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    monkeypatch.setattr(threading, "excepthook", lambda args: sys.excepthook(*args[:3]))
    monkeypatch.setattr(sys, "last_value", None, raising=False)
    monkeypatch.setattr(sys, "last_exc", None, raising=False)
    seen = observed(errors)

    def fail(where: str) -> None:
        raise ValueError(where)

    try:
        fail("on the way")
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    thread = threading.Thread(target=fail, args=["in a thread"])
    thread.start()
    thread.join()
    try:
        fail("at the end")
    except ValueError as error:
        sys.last_value = error
        sys.excepthook(type(error), error, error.__traceback__)
    told = [each.log_record for each in seen._logs.get_finished_logs()]
    expected = [("on the way", "ERROR", "exception"), ("in a thread", "ERROR", "exception"), ("at the end", "FATAL", "app.crash")]
    assert expected == [(each.body, each.severity_text, each.event_name) for each in told]


def test_stop_puts_every_hook_back(observed: Observed) -> None:
    """Those that somebody has wrapped stay, and do nothing any more."""
    places = [
        (sys, "excepthook"),
        (sys, "unraisablehook"),
        (threading, "excepthook"),
        (logging.Logger, "callHandlers"),
        (Span, "record_exception"),
        (asyncio.BaseEventLoop, "call_exception_handler"),
        (os, "_exit"),
        (os, "execv"),
        (signal, "signal"),
        (signal, "getsignal"),
    ]
    before = [getattr(owner, name) for owner, name in places]
    inherited = "call_exception_handler" in vars(uvloop.Loop)
    seen = observed(errors)
    errors.began()
    assert all(now is not then for now, then in zip([getattr(owner, name) for owner, name in places], before, strict=True))
    wrapped = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: wrapped(unraisable)  # noqa: PLW0108 - a function of its own
    seen.stop()
    sys.unraisablehook = before[1]
    assert before == [getattr(owner, name) for owner, name in places]
    assert inherited == ("call_exception_handler" in vars(uvloop.Loop))
    logging.getLogger("shop").error("unseen")
    assert [] == seen.logs()


def test_a_handler_of_a_signal_is_the_services_own(observed: Observed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for it is given it, and once we stop it is set as it was."""
    monkeypatch.setenv("OTELPOND_STATE_DIR", str(tmp_path))
    seen = observed(errors)
    errors.began()
    called: list[int] = []

    def handle(number: int, _frame: object) -> None:
        called.append(number)

    before = signal.signal(signal.SIGQUIT, handle)
    try:
        assert handle is signal.getsignal(signal.SIGQUIT)
        signal.raise_signal(signal.SIGQUIT)
        (path,) = tmp_path.iterdir()
        assert b"stopping SIGQUIT\0" == path.read_bytes()[:17]
        seen.metrics()
        assert b"stopping SIGQUIT\0" == path.read_bytes()[:17]
        monkeypatch.setattr(endings, "STOPPED_S", 0.0)  # it lives on
        seen.metrics()
        assert b"running\0" == path.read_bytes()[:8]
        seen.stop()
        assert handle is signal.getsignal(signal.SIGQUIT)
        assert [signal.SIGQUIT] == called
    finally:
        signal.signal(signal.SIGQUIT, before)
    assert [] == list(tmp_path.iterdir())


def test_a_full_disk_costs_the_file_and_nothing_else(observed: Observed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole file is written before it is used as memory: to touch what the disk has no room for ends a process by SIGBUS."""
    monkeypatch.setenv("OTELPOND_STATE_DIR", str(tmp_path))
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:4096]))
    seen = observed(errors)
    errors.began()
    assert [] == list(tmp_path.iterdir())
    logging.getLogger("shop").error("not sold")
    assert {} == seen.metrics()
    assert 1 == len(seen.logs())


def test_what_a_service_opens_under_our_numbers_stays_open(observed: Observed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon closes every descriptor at its start, and listens on one of those numbers; the file is opened again beside it."""
    monkeypatch.setenv("OTELPOND_STATE_DIR", str(tmp_path))
    observed(errors)
    errors.began()
    assert errors._running is not None
    file = errors._running._file
    assert file is not None
    here, there = socket.socketpair()
    numbers = {file._fd, file._memory_fd}
    for number in numbers:
        os.close(number)
        os.dup2(here.fileno(), number)
    assert not file.is_ours()
    logging.getLogger("shop").warning("before")
    errors._running._beat()
    assert file.is_ours()
    assert file._fd not in numbers
    logging.getLogger("shop").warning("after")
    (path,) = tmp_path.iterdir()
    trail = crash_file.read(path, path.read_bytes(), 0).trail
    assert ["before", "after"] == [breadcrumb["message"] for breadcrumb in trail][-2:]
    errors.stop()
    assert [] == list(tmp_path.iterdir())
    for number in numbers:
        os.write(number, b"x")
        os.close(number)
    assert b"xx" == there.recv(10)
    here.close()
    there.close()


def test_becoming_another_program_takes_every_argument(observed: Observed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name too; where it fails the process goes on."""
    monkeypatch.setenv("OTELPOND_STATE_DIR", str(tmp_path))
    observed(errors)
    errors.began()
    with pytest.raises(FileNotFoundError):
        os.execve(path="/nowhere", argv=["nothing"], env={})  # type: ignore[call-arg] # noqa: S606 - typeshed has no names
    (path,) = tmp_path.iterdir()
    assert b"running\0" == path.read_bytes()[:8]


def test_the_state_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary folder is everybody's."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    folder = errors.state_folder("")
    assert folder is not None
    assert 0o700 == folder.stat().st_mode & 0o777
    folder.chmod(0o755)
    with pytest.raises(PermissionError, match="OTELPOND_STATE_DIR"):
        errors.state_folder("")
    assert errors.state_folder("none") is None


def test_what_was_torn_is_left_out(tmp_path: Path) -> None:
    """A file of zeros, of rubbish, or cut off, is read as far as it goes."""
    for data in (b"", b"\0" * crash_file.SIZE, b"\xff" * (crash_file.SIZE + 100), b"running"):
        left = crash_file.read(tmp_path / "x.crash", data, 7)
        assert [] == left.scopes == left.trail
        assert {} == left.resource
        assert aftermath.report(left) is not None


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.events": "oom 1\noom_kill 3\n", "proc/vmstat": "oom_kill 9\n"}, 3),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/memory.events": "oom 1\noom_kill 4\n"}, 4),
        ({"proc/self/cgroup": "4:cpu,memory:/b\n", "sys/fs/cgroup/memory/b/memory.oom_control": "under_oom 0\noom_kill 2\n"}, 2),
        ({"proc/vmstat": "pgfault 1\noom_kill 9\n"}, 9),
        ({}, None),
    ],
    ids=["version 2", "in a container", "version 1", "machine", "nobody"],
)
def test_the_kernel_says_how_many_it_ended_for_want_of_memory(files: dict[str, str], count: int | None, tmp_path: Path) -> None:
    """Of the control group where it counts, else of the machine."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert count == aftermath.oom_kills(tmp_path)


def test_a_process_killed_for_want_of_memory_is_named_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count has grown since the last sign of life."""
    resource = {"boot": aftermath.boot()}
    for state, otherwise in (("running", "killed"), ("stopping SIGTERM", "abnormal_exit")):
        left = crash_file.Left(tmp_path / "x", state, resource, {"oom_kills": 3}, [], [], "", 1)
        monkeypatch.setattr(aftermath, "oom_kills", lambda: 4)
        assert "out_of_memory_kill" == aftermath.verdict(left)[0]
        monkeypatch.setattr(aftermath, "oom_kills", lambda: 3)
        assert otherwise == aftermath.verdict(left)[0]


def test_the_crash_file_forgets_requests_that_end_in_other_threads(
    observed: Observed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer hands each message to a worker, which ends its span."""
    monkeypatch.setenv("OTELPOND_STATE_DIR", str(tmp_path))
    seen = observed(errors)
    errors.began()
    with ThreadPoolExecutor(1) as workers:
        for _ in range(500):
            span = seen.tracer.start_span("message", kind=trace.SpanKind.CONSUMER)
            workers.submit(span.end).result()
        open_one = seen.tracer.start_span("message", kind=trace.SpanKind.CONSUMER)
    (path,) = tmp_path.iterdir()
    (scope,) = crash_file.read(path, path.read_bytes(), 0).scopes
    assert scope["trace"].endswith(f"{open_one.get_span_context().span_id:016x}")
