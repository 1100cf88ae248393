"""Nothing of ours reaches the service: a dead collector, a missing library, a fault of ours, another sitecustomize."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BLOCKED = ("duckdb", "numba", "pyarrow", "deltalake", "grpc", "fastapi", "uvicorn", "pydantic_settings", "sqlalchemy", "orjson", "xxhash")
BIN = Path(sys.executable).parent
OTELPOND = (sys.executable, "-m", "otelpond.config.cli")


def _seconds(ended: Any) -> tuple[float, float]:
    assert 0 == ended.returncode, ended.stderr
    working, ending = ended.stdout.split()
    return float(working), float(ending)


def test_a_dead_collector_costs_no_request_and_little_at_the_end(run: Callable[..., Any], free_address: Callable[[], str]) -> None:
    """Nobody listens: one line for each signal, and the end does not wait for tries in vain."""
    where = f"http://{free_address()}"
    ended = run(sys.executable, "plain.py", "stop", OTEL_EXPORTER_OTLP_ENDPOINT=where, OTELPOND_EXIT_TIMEOUT_S="20")
    _, ending = _seconds(ended)
    assert ending < 15
    lines = ended.stderr.splitlines()
    for signal in ("traces", "logs"):
        assert 1 == sum(line.startswith(f"otelpond: {signal} are not delivered to {where}") for line in lines)
    assert all(line.startswith("otelpond: ") for line in lines), ended.stderr


def test_a_collector_that_never_answers_delays_the_end_by_the_set_time(run: Callable[..., Any], black_hole: str) -> None:
    """Not by the exporters' own ten seconds a try."""
    started = time.monotonic()
    ended = run(sys.executable, "plain.py", "stop", OTEL_EXPORTER_OTLP_ENDPOINT=black_hole, OTELPOND_EXIT_TIMEOUT_S="1")
    _, ending = _seconds(ended)
    assert 1 <= ending < 5
    assert time.monotonic() - started < 60


def test_requests_are_answered_while_the_collector_does_not(
    serve: Callable[..., Any], free_address: Callable[[], str], black_hole: str
) -> None:
    """Each of them, and the server ends within the set time."""
    address = free_address()
    server = (str(BIN / "uvicorn"), "shop:app", "--port", address.rpartition(":")[2], "--log-level", "warning")
    with serve(address, *OTELPOND, "run", "--endpoint", black_hole, "--", *server, OTELPOND_EXIT_TIMEOUT_S="1") as ask:
        assert [200] * 50 == [ask(f"/who/{number}").status_code for number in range(50)]


def test_forks_do_not_wait_for_a_collector_that_never_answers(run: Callable[..., Any], black_hole: str) -> None:
    """Nor hang in what the parent's thread held: nine processes come and go while an export is under way."""
    command = (*OTELPOND, "run", "--endpoint", black_hole, "--", sys.executable, "pool.py", "fork")
    ended = run(*command, OTELPOND_EXIT_TIMEOUT_S="0.5", OTEL_METRIC_EXPORT_INTERVAL="100")
    assert 0 == ended.returncode, ended.stderr


def test_it_works_without_the_collectors_libraries(tmp_path: Path, collector: Any, run: Callable[..., Any]) -> None:
    """`otelpond run` and what it starts, where none of them can be imported; a sitecustomize that is there already runs too."""
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({BLOCKED!r}))\nsys.was_here = True\n")
    code = "import sys; from opentelemetry import trace; trace.get_tracer('x').start_span('light').end(); print(sys.was_here)"
    launch = f"import sys; sys.modules.update(dict.fromkeys({BLOCKED!r})); from otelpond.config.cli import main; main()"
    options = ("run", "--service", "light", "--endpoint", f"http://{collector.http}", "--")
    ended = run(sys.executable, "-c", launch, *options, sys.executable, "-c", code, PYTHONPATH=str(tmp_path))
    assert (0, "True\n") == (ended.returncode, ended.stdout), ended.stderr
    assert [("light",)] == collector.published("select name from spans where service_name = 'light'")


def test_nothing_is_sent_where_privacy_fails(run: Callable[..., Any]) -> None:
    """It says so, nobody sees what the service records, and the service runs."""
    code = (
        "from otelpond.instrumentation import instrument, privacy, shutdown, track; from opentelemetry import _logs, trace\n"
        "privacy.start = None; instrument(); track('raw'); shutdown()\n"
        "print(trace.get_tracer_provider()._active_span_processor._span_processors)\n"
        "print(_logs.get_logger_provider()._multi_log_record_processor._log_record_processors)"
    )
    ended = run(sys.executable, "-c", code)
    assert (0, "()\n()\n") == (ended.returncode, ended.stdout), ended.stderr
    first, second = ended.stderr.splitlines()
    assert first.startswith("otelpond: the part privacy is skipped: TypeError: ")
    assert "otelpond: nothing is observed: secrets and personal data would be sent" == second


def test_instrument_in_code_is_the_same_and_twice_is_harmless(collector: Any, run: Callable[..., Any]) -> None:
    """Every span and event arrives once, with the user."""
    ended = run(sys.executable, "plain.py", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.http}")
    assert (0, "") == (ended.returncode, ended.stderr)
    spans = collector.published("select count(*), count(distinct span_id) from spans where service_name = 'plain' and user_id = 'ada'")
    assert [(2000, 2000)] == spans
    events = "select count(*), count(distinct log_record_uid) from logs where service_name = 'plain' and event_name = 'asked'"
    assert [(2000, 2000)] == collector.rows(f"{events} and user_id = 'ada'")


def test_an_application_that_exists_already_is_instrumented(collector: Any, run: Callable[..., Any]) -> None:
    """`instrument(app)`: once, whoever calls it how often."""
    ended = run(sys.executable, "late.py", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.http}")
    assert (0, "") == (ended.returncode, ended.stderr)
    rows = collector.published("select endpoint_path, status_code, user_id from api_performance_metrics where service_name = 'late'")
    assert [("/late/{number}", 200, "ada")] == rows


def test_a_service_can_turn_it_all_off(run: Callable[..., Any]) -> None:
    """OTEL_SDK_DISABLED: nothing is sent, nothing is said."""
    ended = run(*OTELPOND, "run", "--", sys.executable, "-c", "import sys; print('fastapi' in sys.modules)", OTEL_SDK_DISABLED="true")
    assert (0, "False\n", "") == (ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--", "no-such-command"), "otelpond: no-such-command: no such command\n"),
        (("--endpoint", "localhost", "--", "true"), "otelpond: --endpoint localhost: expected a URL, as http://127.0.0.1:4318\n"),
    ],
)
def test_a_command_that_cannot_start_is_one_line(arguments: tuple[str, ...], said: str, run: Callable[..., Any]) -> None:
    """And exit code 2."""
    ended = run(*OTELPOND, "run", *arguments)
    assert (2, said) == (ended.returncode, ended.stderr)


def test_the_commands_own_exit_code_and_options_stay(run: Callable[..., Any]) -> None:
    """`otelpond run` becomes the command: also without `--` its options are its own."""
    ended = run(
        *OTELPOND, "run", sys.executable, "-c", "import sys; sys.exit(int(sys.argv[2]))", "--service", "7", OTEL_TRACES_EXPORTER="none"
    )
    assert 7 == ended.returncode
