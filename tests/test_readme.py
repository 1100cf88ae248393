"""The README's commands work as they stand there, and its links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme
from otelpond.config.demo.processes import child, clean_environment

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
ROOMS = sorted(path.relative_to(ROOT) for path in ROOT.glob("[a-z]*/README.md"))

SEND = """
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
provider.get_tracer("shop").start_span("till").end()
provider.shutdown()
"""


def _block(language: str, needle: str) -> str:
    """The one block of a language that holds that text."""
    (found,) = [text for kind, text in BLOCKS if kind == language and needle in text]
    return str(found)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def serve(place: Path, tmp_path: Path, kernel_cache: str) -> Iterator[Callable[[], int]]:
    """Runs the README's `otelpond serve` in the working directory, on free ports; gives the port of OTLP/HTTP."""
    assert "otelpond serve\n" == _block("sh", "otelpond serve")
    free = {f"OTELPOND_{listener}": "127.0.0.1:0" for listener in ("GRPC", "HTTP", "ADMIN")}
    note = place / "pond" / "collector.json"
    with ExitStack() as stack:

        def start() -> int:
            environment = clean_environment(OTELPOND_CACHE_DIR=kernel_cache, **free)
            collector = stack.enter_context(child("collector", "otelpond.config.cli", ["serve"], tmp_path, environment))
            collector.wait_until(note.exists)
            return int(json.loads(note.read_text())["http"].rpartition(":")[2])

        yield start


def _shell(commands: str, port: int = 0, *, said: str = "") -> str:
    """What a block prints, run by bash in the working directory; it must end with 0, and say no more on standard error than expected."""
    environment = clean_environment(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    script = commands.replace("127.0.0.1:4318", f"127.0.0.1:{port}")
    ended = subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (0, bool(said)) == (ended.returncode, bool(ended.stderr))
    assert re.search(said, ended.stderr)
    return ended.stdout


def test_the_first_query_answers(serve: Callable[[], int]) -> None:
    """Serve, send, ask: the rows of the README's request are there at once, with what the text promises."""
    port = serve()
    _shell(_block("sh", "/v1/traces"), port)
    table, listing = _shell(_block("sh", "otelpond tables api_performance_metrics")).split("[\n")
    assert ["endpoint_path", "requests", "slowest_ms", "/orders", "1", "640"] == table.split()
    rows = json.loads("[" + listing.partition("\n]\n")[0] + "]")
    expected = {
        "query_type": "INSERT",
        "table_name": "orders",
        "query_text": "insert into orders (id, value) values (?, ?)",
        "query_duration_ms": 600,
    }
    assert [expected] == rows
    assert "slow_api" in listing


def test_user_events_are_answered_stored_and_asked_for(serve: Callable[[], int]) -> None:
    """The README's three events: two are rows, the third is refused with its reason; the catalogue and a recipe answer."""
    said = _shell(_block("sh", "/v1/events"), serve())
    answer, length = json.JSONDecoder().raw_decode(said)
    assert (2, 1) == (answer["accepted"], answer["rejected"])
    assert 'properties.login_method: "pin" is not one of "password", "sso", "mfa"' == answer["events"][2]["error"]
    assert re.search(r"dashboard +ada +\d{4}-", said[length:])
    assert "One of `password`, `sso`, `mfa`." in said
    rejected = _shell("otelpond sql 'select reason from rejected_records' --format csv")
    assert "pin" in rejected


@pytest.mark.long
def test_an_error_is_an_issue_until_it_is_resolved(serve: Callable[[], int]) -> None:
    """Beside the collector: the README's exception is listed, shown with its own frames, explained and resolved."""
    listed = _shell(_block("sh", "otelpond issues list"), serve())
    assert re.search(r"KeyError: 'A-17' +open +1 +1 ", listed)
    said = _shell(_block("sh", "otelpond issues show"))
    assert "  ▸ total  /srv/shop/shop/orders.py:61\n        return prices[line.article]\n" in said
    assert "made of the types of the exceptions and the service's own frames" in said
    assert re.search(r"^[0-9a-f]{8} is resolved in 1\.1\.0: an event of that release or a later one brings it back$", said, re.MULTILINE)
    assert re.search(r"KeyError: 'A-17' +resolved +1 +1.0.0", _shell(_block("sh", "events_count desc")))


def test_the_rules_of_alerts_are_valid(place: Path) -> None:
    """As they stand there; the channel's secret comes from the environment."""
    (place / "otelpond.toml").write_text(_block("toml", "[[alerts]]"))
    said = _shell("export SLACK_WEBHOOK_URL=https://hooks.example/services/T0/B0/s3cret\notelpond check")
    assert "# the configuration is valid" in said
    assert "s3cret" not in said


@pytest.mark.long
def test_the_own_table_is_filled(serve: Callable[[], int], place: Path) -> None:
    """The worked example's file, configuration and query, as they stand there; its rule keeps a health check out."""
    (place / "tables").mkdir()
    (place / "tables" / "orders.sql").write_text(_block("sql", "create table orders"))
    (place / "otelpond.toml").write_text(_block("toml", "[[drop]]"))
    assert "own table orders: 9 columns" in _shell(_block("sh", "otelpond check"))
    port = serve()
    _shell(_block("sh", "/v1/traces"), port)
    header, row = _shell(_block("sh", "from orders")).splitlines()
    assert ["order_id", "value_eur", "placed_at", "ms"] == header.split()
    assert ["A-17", "59.90", "620.0"] == [row.split()[index] for index in (0, 1, 3)]
    _shell(_block("sh", "/v1/traces").replace('"/orders"', '"/health"').replace("5b8efff79803", "6b8efff79803"), port)
    names = _shell("otelpond sql 'select name from spans order by trace_id, span_id' --format csv").splitlines()
    assert ["name", "POST /orders", "place order", "INSERT orders", "place order", "INSERT orders"] == names


def test_a_tenant_sends_with_its_token_over_tls(serve: Callable[[], int], place: Path) -> None:
    """The README's token, variables and certificates, as they stand there: the SDK's span is in the tenant's own pond."""
    authority = trustme.CA()
    for name, issued in (("server", authority.issue_cert("127.0.0.1")), ("client", authority.issue_cert("shop.example"))):
        issued.cert_chain_pems[0].write_to_path(str(place / f"{name}.pem"))
        issued.private_key_pem.write_to_path(str(place / f"{name}.key"))
    authority.cert_pem.write_to_path(str(place / "clients.pem"))
    (place / "otelpond.toml").write_text(_block("toml", "tls_cert"))
    listed = _shell(_block("sh", "otelpond token create"), said="this is the first token of pond")
    assert ["shop", "ingest", "valid"] == listed.splitlines()[1].split()[1:4]
    assert "# the configuration is valid" in _shell("otelpond check")
    port = serve()
    files = {
        "CERTIFICATE": "clients.pem",
        "CLIENT_CERTIFICATE": "client.pem",
        "CLIENT_KEY": "client.key",
        "ENDPOINT": f"https://127.0.0.1:{port}",
    }
    variables = "export OTEL_SERVICE_NAME=till-7\n" + "".join(
        f"export OTEL_EXPORTER_OTLP_{name}={value}\n" for name, value in files.items()
    )
    assert all(f"OTEL_EXPORTER_OTLP_{name}" in README for name in files)
    send = f"unset REQUESTS_CA_BUNDLE CURL_CA_BUNDLE\n{sys.executable} - <<'EOF'\n{SEND}EOF\n"
    _shell(variables + _block("sh", "OTEL_EXPORTER_OTLP_HEADERS") + send)
    rows = _shell(_block("sh", '--tenant shop "select')).splitlines()
    assert [["tenant_id", "service_name", "name"], ["shop", "till-7", "till"]] == [row.split() for row in rows]


def test_a_mistake_in_an_own_table_stops_the_collector(place: Path) -> None:
    """The README promises file and line, and no start."""
    (place / "tables").mkdir()
    (place / "tables" / "orders.sql").write_text(
        _block("sql", "create table orders").replace("name = 'place order'", "nam = 'place order'")
    )
    (place / "otelpond.toml").write_text(_block("toml", "[[drop]]"))
    command = [sys.executable, "-m", "otelpond.config.cli", "serve"]
    ended = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False, timeout=60)
    assert 2 == ended.returncode
    assert re.match(r"otelpond: tables/orders.sql:\d+: .*nam", ended.stderr)
    assert 1 == len(ended.stderr.splitlines())


@pytest.mark.parametrize(
    "document", ["README.md", "CHANGELOG.md", "SECURITY.md", *(f"{room}/README.md" for room in ("config", "exporters", "instrumentation"))]
)
def test_links_lead_to_files(document: str) -> None:
    """Every relative link of a document is a file or folder of the repository."""
    path = ROOT / document
    targets = [target for target in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")) if "://" not in target]
    assert [] == [target for target in targets if not (path.parent / target).exists()]


def test_every_command_is_documented() -> None:
    """The README names each command once at least."""
    listed = set(re.findall(r"#### `otelpond (\w+)", (ROOT / "config" / "README.md").read_text(encoding="utf-8")))
    assert {
        "serve",
        "sql",
        "tables",
        "import",
        "demo",
        "check",
        "warm",
        "token",
        "rejected",
        "run",
        "events",
        "recipes",
        "issues",
        "alerts",
        "sourcemaps",
    } == listed


def test_a_process_writes_a_pond_without_a_collector(place: Path) -> None:
    """The example for batch jobs, run as a script."""
    example = _block("python", "PondSpanExporter")
    ended = subprocess.run([sys.executable, "-c", example], cwd=place, capture_output=True, text=True, timeout=90, check=False)
    assert ("", 0) == (ended.stderr, ended.returncode)
    assert "('import prices', " in ended.stdout
