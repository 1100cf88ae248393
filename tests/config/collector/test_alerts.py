"""The settings of alerts, and the process that evaluates them: what is refused, and that a kill at any moment neither loses nor repeats."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from otelpond.config.collector import guarded_pond, telling
from otelpond.config.collector.alerting import rules
from otelpond.config.collector.alerts_child import AlertsChild
from otelpond.config.collector.guarded_pond import GuardedPond
from otelpond.config.collector.notifying import targets
from otelpond.config.collector.pond_alerts import PondAlerts
from otelpond.config.commands import check
from otelpond.config.errors import CommandError
from otelpond.config.operations.metrics import METRICS, _of_alerts
from otelpond.config.settings import Settings
from otelpond.config.sources import SettingsError, load
from otelpond.exporters.destination import Refused, TryLater
from otelpond.exporters.notifications import outbox
from otelpond.exporters.notifications.notification import Message, Outcome, Sent
from otelpond.storage.alerts.state_file import StateError
from otelpond.storage.alerts.table import publish
from otelpond.storage.schema import load_tables

from ...storage.alerts.small_pond import START, SmallPond, documented, issue_of

STARTED = START - timedelta(hours=1)
DEADLINE_S = 60.0
CHANNEL = {"name": "ops", "kind": "webhook", "url": "https://hooks.example/x", "gather_s": 0}
RULE = {"name": "new", "kind": "new_issue", "notify": ["ops"]}
TOML = """
[[notify]]
name = "ops"
kind = "webhook"
url = "https://hooks.example/x"

[[alerts]]
"""


class FakeChannel:
    """A channel that remembers what it was told, and answers what a test says."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.answer: Callable[[Message], Outcome] = lambda _: Sent()

    def send(self, message: Message) -> Outcome:
        """One attempt."""
        outcome = self.answer(message)
        self.told += [each.alert_id for each in message.notifications]
        return outcome


class KilledError(BaseException):
    """Stands for the end of the process."""


def until(condition: Callable[[], Any], what: str) -> Any:
    """What `condition` gives as soon as it is true."""
    end = time.monotonic() + DEADLINE_S
    while not (result := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.01)
    return result


@pytest.fixture
def small_pond(tmp_path: Path) -> SmallPond:
    """A pond with the tables of errors."""
    return SmallPond(tmp_path / "pond", documented())


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> FakeChannel:
    """What all channels are."""
    made = FakeChannel()
    monkeypatch.setattr(telling, "channel", lambda _: made)
    monkeypatch.setattr(outbox, "backoff_s", lambda _: 0.01)
    return made


@contextmanager
def alerts_of(pond: SmallPond, **more: Any) -> Iterator[PondAlerts]:
    """The alerts of a pond, begun; then killed."""
    settings = Settings(data=pond.data, notify=[CHANNEL], alerts=[RULE], **more)
    publishing = partial(publish, pond.lake)
    alerts = PondAlerts(settings, "default", rules(settings)["default"], targets(settings), STARTED, publish=publishing)
    alerts.start()
    yield alerts
    alerts.stop()
    assert alerts._telling.join(time.monotonic() + DEADLINE_S)
    if alerts._publishing is not None:
        alerts._publishing.join(DEADLINE_S)
    alerts._file.close()


def states(pond: SmallPond) -> Counter[tuple[str, str]]:
    """How many rows of the table there are, by status and channel."""
    return Counter(pond.rows("select status, channel from alerts"))


def test_an_alert_is_told_once_and_the_table_says_so(small_pond: SmallPond, channel: FakeChannel) -> None:
    """After the first attempt, or a later one; who comes after has nothing to tell."""
    channel.answer = lambda _: TryLater("HTTP 503", 0.01) if len(channel.told) < 2 else Sent()
    small_pond.publish(small_pond.error("a"))
    with alerts_of(small_pond) as alerts:
        alerts.tend()
        until(lambda: not alerts._dispatches.waiting(), "the channel has it")
        assert {"alerts": [["new", "failed", 2], ["new", "fired", 1], ["new", "sent", 1]], "waiting": {"ops": 0}} == alerts.progress()
        alerts._publish()
    with alerts_of(small_pond) as alerts:
        alerts.tend()

    assert (3, 1) == (len(channel.told), len(set(channel.told)))
    assert Counter({("failed", "ops"): 2, ("fired", ""): 1, ("sent", "ops"): 1}) == states(small_pond)
    assert [(issue_of("a"), "HTTP 503")] == small_pond.rows("select distinct issue_id::varchar, error from alerts where status = 'failed'")


def test_what_fired_before_a_kill_is_told_after_it(small_pond: SmallPond, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was durable before the channel was asked."""
    small_pond.publish(small_pond.error("a"))
    with monkeypatch.context() as killed, alerts_of(small_pond) as alerts:
        killed.setattr(alerts._telling, "hand_over", lambda *_: (_ for _ in ()).throw(KilledError))
        with pytest.raises(KilledError):
            alerts.tend()
    assert [] == channel.told

    with alerts_of(small_pond) as alerts:
        until(lambda: not alerts._dispatches.waiting(), "the channel has it")
        alerts.tend()
    assert 1 == len(channel.told)


def test_what_was_being_told_at_a_kill_is_told_again_under_its_id(small_pond: SmallPond, channel: FakeChannel) -> None:
    """Nobody can know whether the other side has it; the id lets it know."""
    small_pond.publish(small_pond.error("a"))
    with alerts_of(small_pond) as alerts:
        alerts._dispatches.settle = lambda *_, **__: (_ for _ in ()).throw(OSError("the disk is gone"))  # type: ignore[assignment]
        alerts.tend()
        until(lambda: channel.told, "it is being told")
    with alerts_of(small_pond) as alerts:
        until(lambda: not alerts._dispatches.waiting(), "the channel has it")

    assert (2, 1) == (len(channel.told), len(set(channel.told)))


def test_a_refusal_is_final(small_pond: SmallPond, channel: FakeChannel) -> None:
    """It stands in the table, with why."""
    channel.answer = lambda _: Refused("HTTP 404")
    small_pond.publish(small_pond.error("a"))
    with alerts_of(small_pond) as alerts:
        alerts.tend()
        until(lambda: not alerts._dispatches.waiting(), "it is refused")
        alerts._publish()

    assert 1 == len(channel.told)
    assert [("failed", 1, "HTTP 404")] == small_pond.rows("select status, attempt, error from alerts where channel = 'ops'")


def test_rows_of_the_table_are_published_once_through_kills(small_pond: SmallPond, channel: FakeChannel) -> None:
    """A plan that was committed and not noted as done is found in the table, and left out."""
    small_pond.publish(*(small_pond.error(text) for text in "abc"))
    with alerts_of(small_pond) as alerts:
        alerts.tend()
        until(lambda: not alerts._dispatches.waiting(), "the channel has them")
        alerts._dispatches.finish_plan = lambda _: (_ for _ in ()).throw(OSError("killed"))  # type: ignore[assignment,method-assign]
        alerts._publish()
    for _ in range(2):
        with alerts_of(small_pond) as alerts:
            alerts._publish()

    assert Counter({("fired", ""): 3, ("sent", "ops"): 3}) == states(small_pond)
    assert len(channel.told) == 3


def test_an_answer_that_comes_while_stopping_is_noted(small_pond: SmallPond, channel: FakeChannel) -> None:
    """All channels have one time for it; who comes after tells nobody twice."""
    asked, answers = threading.Semaphore(0), threading.Event()

    def answer(_: Message) -> Outcome:
        asked.release()
        return Sent() if answers.wait(DEADLINE_S) else Refused("the test is over")

    channel.answer = answer
    small_pond.publish(small_pond.error("a"))
    channels = [{**CHANNEL, "name": name} for name in ("ops", "dev", "pager")]
    settings = Settings(data=small_pond.data, notify=channels, alerts=[{**RULE, "notify": ["ops", "dev"]}])
    alerts = PondAlerts(settings, "default", rules(settings)["default"], targets(settings), STARTED, publish=lambda _: None)
    assert ["ops", "dev"] == alerts._telling.channels
    alerts.start()
    alerts.evaluate()
    assert all(asked.acquire(timeout=DEADLINE_S) for _ in range(2))
    alerts.stop()
    assert not alerts._telling.join(time.monotonic())
    answers.set()
    assert alerts._telling.join(time.monotonic() + DEADLINE_S)
    assert {} == alerts._dispatches.waiting()
    alerts.end(time.monotonic())


@pytest.mark.usefixtures("channel")
def test_what_is_told_by_number_is_counted_before_it_is_taken_off(small_pond: SmallPond, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the disk was full when it was handed over."""
    monkeypatch.setattr(outbox, "MOST_WAITING", 1)
    small_pond.publish(*(small_pond.error(text) for text in "abc"))
    with alerts_of(small_pond) as alerts:
        with monkeypatch.context() as full:
            full.setattr(alerts._dispatches, "settle", lambda *_, **__: (_ for _ in ()).throw(OSError("no space left on device")))
            with pytest.raises(OSError, match="no space"):
                alerts.tend()
        until(lambda: not alerts._dispatches.waiting(), "the channel has them")
        assert {} == alerts._dispatches.beyond("ops")


def test_a_tenant_whose_alerts_fail_costs_no_other(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of it is guarded; it is begun again after a pause."""
    monkeypatch.setattr(guarded_pond, "_AFTER_FAILURE_S", 0.0)
    begun = []

    class Failing:
        def __getattr__(self, name: str) -> Any:
            begun.append(name)
            return (lambda *_: None) if name == "start" else (lambda *_: (_ for _ in ()).throw(ValueError("their secret")))

    def begin() -> Any:
        begun.append("begin")
        if len(begun) == 1:
            raise StateError("a newer release wrote it")
        return Failing()

    pond = GuardedPond("shop", begin)
    for call in (pond.tend, pond.tend, pond.progress, pond.stop, pond.evaluate, lambda: pond.end(0.0)):
        call()
    assert ["begin", "begin", "start", "tend", "progress", "stop", "evaluate", "end"] == begun
    assert {"alerts": [], "waiting": {}} == pond.progress()
    assert "the alerts of tenant shop failed" in caplog.text
    assert "a newer release wrote it" in caplog.text
    assert "secret" not in caplog.text


def test_metrics_say_what_became_of_alerts() -> None:
    """All of them are documented, with their labels."""
    samples = list(_of_alerts("default", {"alerts": [["new", "fired", 2]], "waiting": {"ops": 1}}))

    assert [
        ("otelpond_alerts", (("tenant", "default"), ("rule", "new"), ("status", "fired")), 2),
        ("otelpond_alerts_waiting", (("tenant", "default"), ("channel", "ops")), 1),
    ] == samples
    documented_labels = {metric.name: metric.labels for metric in METRICS}
    assert all(documented_labels[name] == tuple(key for key, _ in labels) for name, labels, _ in samples)


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver on this machine: its URL, and the bodies that it got."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", bodies
    server.shutdown()
    server.server_close()


@pytest.mark.long
def test_the_process_tells_each_alert_through_kills(tmp_path: Path, webhook: tuple[str, list[dict[str, Any]]]) -> None:
    """Killed three times at random moments, at its end it has told all, and each fired once."""
    url, bodies = webhook
    pond = SmallPond(tmp_path / "pond", load_tables())
    told = {**CHANNEL, "url": url, "allow_private": True, "max_per_hour": 1000}
    greeting = AlertsChild(Settings(data=pond.data, notify=[told], alerts=[RULE])).greeting(crashed=False) | {
        "started": STARTED.isoformat()
    }
    texts = ["a", "b", "c", "d"]
    for text in texts:
        pond.publish(pond.error(text))
        process = subprocess.Popen(
            [sys.executable, "-m", "otelpond.config.collector.alerts_process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(greeting).encode() + b"\n")
        process.stdin.flush()
        if text != texts[-1]:
            time.sleep(random.uniform(0.5, 2.5))
            process.kill()
            process.communicate()
    until(lambda: {each["issue_id"] for body in bodies for each in body["alerts"]} >= {issue_of(text) for text in texts}, "all are told")
    process.communicate(timeout=DEADLINE_S)

    assert 0 == process.returncode
    assert Counter({("fired", ""): 4, ("sent", "ops"): 4}) == states(pond)
    assert 4 == len({each["alert_id"] for body in bodies for each in body["alerts"]})


@pytest.fixture
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory of its own, and no variables of ours."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OTELPOND_") and name != "OTELPOND_CACHE_DIR"]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("_empty_place")
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('kind = "new_issue"', "alerts.0.name: is needed and not given"),
        ('name = "a"\nkind = "new"', "alerts.0.kind: expected 'new_issue', "),
        ('name = "a"\nkind = "new_issue"\nthreshold = 1', "alerts.0: expected no threshold, as 'a' is of kind new_issue"),
        ('name = "a"\nkind = "error_count"', "alerts.0: expected a threshold, as 'a' is of kind error_count"),
        ('name = "a"\nkind = "sql"\nthreshold = 1', "alerts.0: expected sql where the kind is sql, and only there, for 'a'"),
        ('name = "a"\nkind = "new_issue"\nnotify = ["mail"]', "alerts: expected the name of a channel ([[notify]]) in notify of 'a', "),
        ('name = "a"\nkind = "new_issue"\nminute = 1', "alerts.0.minute: no such setting; did you mean minutes?"),
        ('name = "a"\nkind = "new_issue"\n[[alerts]]\nname = "a"\nkind = "regression"', "alerts: expected a name of its own for each rule"),
    ],
)
def test_a_wrong_rule_is_blamed_where_it_stands(lines: str, said: str) -> None:
    """File, line, key and what was expected."""
    Path("otelpond.toml").write_text(TOML + lines + "\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load()
    assert f": {said}" in str(caught.value)
    assert str(caught.value).startswith("otelpond.toml:")


@pytest.mark.usefixtures("_empty_place")
def test_check_tries_each_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """All that is wrong is told, each with its line; right ones are printed."""
    right = 'name = "a"\nkind = "error_count"\nthreshold = 3\nwhere = "user_role = \'admin\'"\n'
    wrong = '[[alerts]]\nname = "{0}"\nkind = "new_issue"\nwhere = "{0}_column = 1"\n'
    Path("otelpond.toml").write_text(TOML + right, encoding="utf-8")
    check.run(None)
    assert "user_role = 'admin'" in capsys.readouterr().out
    Path("otelpond.toml").write_text(TOML + right + wrong.format("b") + wrong.format("c"), encoding="utf-8")
    with pytest.raises(CommandError) as caught:
        check.run(None)
    first, second = str(caught.value).splitlines()
    assert first.startswith("otelpond.toml:12: b: where: Binder Error:")
    assert second.startswith("otelpond.toml:16: c: where: Binder Error:")
