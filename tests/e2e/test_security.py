"""A collector that others can reach: TLS, certificates and tokens as OpenTelemetry's SDK shows them, tenants in rows, and silent logs."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import grpc
import httpx
import psutil
import pytest
import trustme
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

PROTOBUF = {"content-type": "application/x-protobuf"}
MIB = 1 << 20
BOMB = 384 * MIB


def otelpond(*arguments: str) -> str:
    """What a command prints; it must end well."""
    command = [sys.executable, "-m", "otelpond.config.cli", *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTELPOND_")}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout


def token(data: Path, tenant: str, role: str = "ingest", *options: str) -> str:
    """A new one."""
    return otelpond("token", "create", "--tenant", tenant, "--role", role, "--data", str(data), *options).strip()


def span_names(collector: Any, tenant: str) -> list[tuple[str, str]]:
    """Tenant and name of every span in a tenant's pond after a publish, as plain DuckDB reads it."""
    httpx.post(f"http://{collector.admin}/publish?tenant={tenant}", timeout=60).raise_for_status()
    folder = collector.data if tenant == "default" else collector.data / "tenants" / tenant
    with duckdb.connect(str(folder / "pond.duckdb"), read_only=True) as connection:
        return connection.execute("select tenant_id, name from spans order by all").fetchall()


def exported(exporter: SpanExporter, *names: str) -> bool:
    """Whether an SDK's exporter delivers spans of these names."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    for name in names:
        provider.get_tracer("shop").start_span(name).end()
    try:
        return exporter.export(memory.get_finished_spans()) is SpanExportResult.SUCCESS
    finally:
        exporter.shutdown()


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an authority, and a server's and a client's certificate of it."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # stronger than what an exporter over requests is told
        monkeypatch.delenv(name, raising=False)
    write_certificates(tmp_path)
    return tmp_path


def write_certificates(folder: Path) -> None:
    """Make a new authority, and have it sign both."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name, issued in (("server", authority.issue_cert("localhost", "127.0.0.1")), ("client", authority.issue_cert("shop.example"))):
        issued.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
        issued.private_key_pem.write_to_path(str(folder / f"{name}.key"))


def http_exporter(collector: Any, folder: Path, shown: str, *, client: bool = True) -> HttpSpans:
    """The SDK's, over TLS, with a token and a certificate."""
    return HttpSpans(
        endpoint=f"https://{collector.http}/v1/traces",
        certificate_file=str(folder / "ca.pem"),
        client_certificate_file=str(folder / "client.pem") if client else None,
        client_key_file=str(folder / "client.key") if client else None,
        headers={"authorization": f"Bearer {shown}"},
        timeout=3,
    )


def grpc_exporter(collector: Any, folder: Path, shown: str, *, client: bool = True) -> GrpcSpans:
    """The SDK's, over TLS, with a token and a certificate."""
    key, certificate = ((folder / f"client.{kind}").read_bytes() if client else None for kind in ("key", "pem"))
    credentials = grpc.ssl_channel_credentials((folder / "ca.pem").read_bytes(), key, certificate)
    return GrpcSpans(endpoint=f"https://{collector.grpc}", credentials=credentials, headers={"authorization": f"Bearer {shown}"}, timeout=3)


EXPORTERS: Sequence[Callable[..., SpanExporter]] = (http_exporter, grpc_exporter)


@pytest.mark.long
@pytest.mark.timeout(180)
def test_the_sdk_sends_with_tokens_and_certificates_and_both_are_exchanged_while_it_runs(
    new_collector: Callable[..., Any], certificates: Path, eventually: Any
) -> None:
    """Rows are the token's tenant's, in a pond of its own; a certificate renewed and a token revoked hold without a restart."""
    files = {
        f"OTELPOND_TLS_{name}": str(certificates / file)
        for name, file in (("CERT", "server.pem"), ("KEY", "server.key"), ("CLIENT_CA", "ca.pem"))
    }
    collector = new_collector(**files)
    shop, bank = token(collector.data, "shop"), token(collector.data, "bank", "admin")
    collector.start()
    for exporter in EXPORTERS:
        transport = exporter.__name__.partition("_")[0]
        assert exported(exporter(collector, certificates, shop), f"{transport} of the shop", f"{transport} too")
        assert exported(exporter(collector, certificates, bank), f"{transport} of the bank")
        assert not exported(exporter(collector, certificates, shop, client=False), "without a certificate")
        assert not exported(exporter(collector, certificates, "otelpond_0_0"), "without a token")
    assert [("shop", name) for name in ("grpc of the shop", "grpc too", "http of the shop", "http too")] == span_names(collector, "shop")
    assert [("bank", "grpc of the bank"), ("bank", "http of the bank")] == span_names(collector, "bank")
    assert [] == span_names(collector, "default")

    write_certificates(certificates)
    collector.process.send_signal(signal.SIGHUP)
    for exporter in EXPORTERS:
        eventually(lambda exporter=exporter: exported(exporter(collector, certificates, shop), "renewed"), "the new certificates are shown")
    listed = json.loads(otelpond("token", "list", "--data", str(collector.data), "--format", "json"))
    assert [("shop", "ingest", "valid"), ("bank", "admin", "valid")] == [(each["tenant"], each["role"], each["state"]) for each in listed]
    otelpond("token", "revoke", listed[0]["id"], "--data", str(collector.data))
    for exporter in EXPORTERS:
        eventually(lambda exporter=exporter: not exported(exporter(collector, certificates, shop), "revoked"), "the token is refused")
        assert exported(exporter(collector, certificates, bank), "the other token is not touched")


def test_a_token_made_while_the_collector_runs_closes_it(new_collector: Callable[..., Any], server_spans: Any, eventually: Any) -> None:
    """The first one; until then nobody had to show any, and what came then is the default tenant's."""
    collector = new_collector().start()
    collector.accept("/v1/traces", server_spans().SerializeToString())
    shown = token(collector.data, "shop")
    body = server_spans().SerializeToString()
    eventually(lambda: collector.post("/v1/traces", b"").status_code == httpx.codes.UNAUTHORIZED, "a token is needed")
    collector.accept("/v1/traces", body, PROTOBUF | {"authorization": f"Bearer {shown}"})
    assert [("default", "GET /")] == span_names(collector, "default")
    assert [("shop", "GET /")] == span_names(collector, "shop")


def test_curl_sends_with_a_token_over_tls(new_collector: Callable[..., Any], certificates: Path, server_spans: Any) -> None:
    """As the README says it; without the token a 401 with a Status."""
    collector = new_collector(OTELPOND_TLS_CERT=str(certificates / "server.pem"), OTELPOND_TLS_KEY=str(certificates / "server.key"))
    shown = token(collector.data, "shop")
    collector.start()
    body = certificates / "body"
    body.write_bytes(server_spans().SerializeToString())
    arguments = ["--cacert", str(certificates / "ca.pem"), "-H", "Content-Type: application/x-protobuf", "--data-binary", f"@{body}"]
    curl = ["curl", "-sS", "-o", str(certificates / "answer"), "-w", "%{http_code}", f"https://{collector.http}/v1/traces", *arguments]
    assert "200" == subprocess.run([*curl, "-H", f"Authorization: Bearer {shown}"], check=True, capture_output=True, text=True).stdout
    assert "401" == subprocess.run(curl, check=True, capture_output=True, text=True).stdout
    assert b"a token is needed" in (certificates / "answer").read_bytes()


@pytest.mark.long
def test_a_wide_admin_listener_asks_for_a_token_and_the_owner_needs_none(
    new_collector: Callable[..., Any], certificates: Path, server_spans: Any, eventually: Any
) -> None:
    """Probes pass; figures need a role that reads, publishing one that acts; `otelpond sql` on the same machine just works."""
    collector = new_collector(OTELPOND_TLS_CERT=str(certificates / "server.pem"), OTELPOND_TLS_KEY=str(certificates / "server.key"))
    collector.data.mkdir()
    shown = {role: {"authorization": f"Bearer {token(collector.data, 'default', role)}"} for role in ("ingest", "viewer", "analyst")}
    port = collector.admin.rpartition(":")[2]
    collector.admin = f"0.0.0.0:{port}"
    trusting = ssl.create_default_context(cafile=certificates / "ca.pem")
    with httpx.Client(verify=trusting, base_url=f"https://127.0.0.1:{port}", timeout=60) as admin:  # publishing waits for the pipeline
        collector.launch()
        eventually(lambda: _succeeds(admin, "/readyz"), "the collector is ready")
        assert 200 == admin.get("/healthz").status_code
        answers = {
            (method, path, role): admin.request(method, path, headers=shown.get(role, {})).status_code
            for method, path in (("GET", "/metrics"), ("POST", "/publish"))
            for role in ("", "ingest", "viewer", "analyst")
        }
    assert [401, 403, 200, 200, 401, 403, 403, 200] == list(answers.values())
    with httpx.Client(verify=trusting) as client:
        body = server_spans().SerializeToString()
        assert client.post(f"https://{collector.http}/v1/traces", content=body, headers=PROTOBUF | shown["ingest"]).is_success
    assert "count\n1\n" == otelpond("sql", "select count(*) as count from spans", "--data", str(collector.data), "--format", "csv")


def _succeeds(admin: httpx.Client, path: str) -> bool:
    try:
        return admin.get(path).is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("listener", ["grpc", *(pytest.param(name, marks=pytest.mark.long) for name in ("http", "admin"))])
def test_an_open_bind_is_refused_and_the_message_says_how_to_make_a_token(tmp_path: Path, listener: str) -> None:
    """One line, exit code 2; the command in it works, and then the same bind is allowed."""
    hosts = {"grpc": "127.0.0.1", "http": "127.0.0.1", "admin": "127.0.0.1", listener: "0.0.0.0"}  # noqa: S104 - this is what is tested
    free = [part for name, host in hosts.items() for part in (f"--{name}", f"{host}:0")]
    command = [sys.executable, "-m", "otelpond.config.cli", "serve", "--data", str(tmp_path / "pond"), *free]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (2, 1) == (ended.returncode, len(ended.stderr.splitlines()))
    assert f"others than this machine could reach {listener} on 0.0.0.0:0" in ended.stderr
    _, _, rest = ended.stderr.partition("`otelpond ")
    otelpond(*rest.partition("`")[0].split())
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            deadline = time.monotonic() + 60
            while not (tmp_path / "pond" / "collector.json").exists():
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            process.terminate()
            process.wait(60)
    assert f"in clear: {listener} on 0.0.0.0:0; set tls_cert" in (tmp_path / "log").read_text()


SECRETS = ("s3cret-name", "s3cret-value", "s3cret-body", "s3cret-header", "s3cret-query", "s3cret-path", "s3cret-garbage")


@pytest.mark.timeout(180)
def test_no_log_holds_a_token_a_header_or_a_body(new_collector: Callable[..., Any], server_spans: Any) -> None:
    """Everything that a run says is searched: good requests, refused ones, payloads that fail in decode and derive, a stop."""
    faults = os.pathsep.join(filter(None, (str(Path(__file__).parent / "faults"), os.environ.get("PYTHONPATH"))))
    failing = "raise:s3cret-body-decode,derive-raise:s3cret-value-derive"
    collector = new_collector(PYTHONPATH=faults, INJECTED_FAULTS=failing, OTELPOND_TOKEN_IN_QUERY="true")  # noqa: S106 - no secret
    good, viewer = token(collector.data, "shop"), token(collector.data, "shop", "viewer")
    collector.start()
    shown = PROTOBUF | {"authorization": f"Bearer {good}", "x-more": "s3cret-header"}
    for service in ("s3cret-value", "s3cret-body-decode", "s3cret-value-derive"):
        collector.accept("/v1/traces", server_spans(2, service).SerializeToString(), shown)
    body = server_spans(1, "s3cret-value").SerializeToString()
    json_body = b'{"resourceSpans": [{"s3cret-name": "s3cret-body", "scopeSpans": 7}]}'
    requests: list[tuple[str, bytes, dict[str, str], int]] = [
        (f"/v1/traces?token={good}&more=s3cret-query", body, PROTOBUF, 200),
        ("/v1/traces", body, PROTOBUF | {"authorization": f"Bearer {viewer}"}, 403),
        ("/v1/traces", body, PROTOBUF | {"authorization": "Bearer s3cret-header"}, 401),
        ("/v1/traces?token=s3cret-query", body, PROTOBUF, 401),
        ("/v1/s3cret-path?q=s3cret-query", body, shown, 404),
        ("/v1/traces", b"s3cret-body", shown, 400),
        ("/v1/traces", json_body, shown | {"content-type": "application/json"}, 400),
        ("/v1/traces", json_body[:-9], shown | {"content-type": "application/json"}, 400),
        ("/v1/traces", b"s3cret-body", shown | {"content-type": "s3cret/header"}, 415),
        ("/v1/traces", b"s3cret-body", shown | {"content-encoding": "gzip"}, 400),
    ]
    for path, content, headers, status in requests:
        assert status == httpx.post(f"http://{collector.http}{path}", content=content, headers=headers).status_code, path
    garbage = (b"s3cret-garbage s3cret-path\r\n\r\n", b"GET / HTTP/1.1\r\ns3cret-header\x00: x\r\n\r\n", b"\x16\x03\x01s3cret-garbage")
    for address in (collector.http, collector.grpc):
        for data in garbage:
            _say(address, data)
    with grpc.insecure_channel(collector.grpc) as channel:
        for key in (f"Bearer {good}", "Bearer s3cret-header"):
            call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            with pytest.raises(grpc.RpcError):
                call(b"s3cret-body", metadata=(("authorization", key), ("x-more", "s3cret-header")))
    httpx.post(f"http://{collector.admin}/publish?tenant=shop", timeout=60)
    assert 0 == collector.stop()
    said = collector.log.read_bytes()
    assert b"payloads failed" in said, "the failing payloads were met"
    assert [] == [secret for secret in (*SECRETS, good, viewer, good.split("_", 2)[2], viewer.split("_", 2)[2]) if secret.encode() in said]


def _say(address: str, data: bytes) -> None:
    """Send bytes that are no request, and hear what may come."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        try:
            while connection.recv(65_536):
                pass
        except ConnectionError:
            pass


@pytest.mark.long
@pytest.mark.timeout(180)
def test_decompression_bombs_are_stopped(new_collector: Callable[..., Any]) -> None:
    """A few kB that would become 384 MB cost neither memory nor time: 413 and RESOURCE_EXHAUSTED, on both transports."""
    collector = new_collector().start()
    memory = psutil.Process(collector.process.pid)
    once = gzip.compress(bytes(32 * MIB))
    bombs = {"one stream": gzip.compress(bytes(BOMB), 1), "many streams": once * 40, "a bomb of bombs": gzip.compress(once * 40)}
    zstandard = pytest.importorskip("zstandard")
    before = memory.memory_info().rss
    expected = {"one stream": 413, "many streams": 413, "a bomb of bombs": 400}
    for name, bomb in bombs.items():
        answer = collector.post("/v1/traces", bomb, PROTOBUF | {"content-encoding": "gzip"})
        assert expected[name] == answer.status_code, name
    frames = zstandard.compress(bytes(BOMB))
    assert 413 == collector.post("/v1/logs", frames, PROTOBUF | {"content-encoding": "zstd"}).status_code
    with grpc.insecure_channel(collector.grpc, options=[("grpc.max_send_message_length", -1)]) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError) as error:
            call(bytes(BOMB), compression=grpc.Compression.Gzip, timeout=60)
    assert grpc.StatusCode.RESOURCE_EXHAUSTED == error.value.code()
    assert memory.memory_info().rss - before < BOMB - 128 * MIB
