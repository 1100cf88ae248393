"""A sample site, Chromium that visits it (drive.mjs), and a collector that the site's pages send to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ..e2e.conftest import Collector, new_collector, quick, until

__all__ = ["new_collector", "quick"]

HERE = Path(__file__).parent
SCRIPT = HERE.parent.parent / "instrumentation" / "browser" / "otelpond.js"
MINIFIED = HERE.parent / "fixtures" / "bundles" / "built" / "esbuild-1.0"
SITES = ("visit", "leave", "later", "away", "official", "settings", "bundled", "returns", "minified")
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css"}


def chromium() -> str | None:
    """The browser, as Debian and others name it; CHROMIUM names another."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They take minutes, so only `run.sh` has them run; it sets BROWSER_TESTS, and says what is missing."""
    if not os.environ.get("BROWSER_TESTS"):
        skip = pytest.mark.skip(reason="run by `make browser`")
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(skip)


@dataclass
class Site:
    """The pages of `site/` on an origin of their own, whose records go under a service name of their own."""

    service: str
    collector: str = ""
    traceparents: list[tuple[str, str | None]] = field(default_factory=list)
    """Of each request to /api/: its path and the header."""

    def __post_init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def origin(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def _answer(self, path: str) -> tuple[str, bytes]:
        """Content type and body."""
        if path.startswith("/api/"):
            return "application/json", b'{"orders": [1, 2, 3]}'
        name = path.strip("/") or "index.html"
        own = {"otelpond.js": SCRIPT, "assets/main.js": MINIFIED / "assets" / "main.js"}
        file = (own | {name: HERE / "built" / name for name in ("official.js", "bundled.js")}).get(name, HERE / "site" / name)
        text = file.read_text(encoding="utf-8")
        return TYPES[file.suffix], text.replace("COLLECTOR", self.collector).replace("SERVICE", self.service).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path.startswith("/api/"):
                    site.traceparents.append((path, self.headers["traceparent"]))
                try:
                    kind, body = site._answer(path)
                except (FileNotFoundError, IsADirectoryError):
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture(scope="session")
def sites() -> Iterator[dict[str, Site]]:
    """One for each group of tests."""
    with ExitStack() as stack:
        made = {name: Site(f"browser-{name}") for name in SITES}
        for site in made.values():
            stack.callback(site.server.server_close)
            stack.callback(site.server.shutdown)
        yield made


@pytest.fixture(scope="session")
def collector(sites: dict[str, Site], tmp_path_factory: pytest.TempPathFactory, quick: dict[str, str]) -> Iterator[Collector]:
    """One that takes what the sites' pages send."""
    origins = ",".join(site.origin for site in sites.values())
    settings = {"OTELPOND_CORS_ALLOWED_ORIGINS": origins}
    made = Collector(tmp_path_factory.mktemp("collector") / "pond", quick | settings).start()
    for site in sites.values():
        site.collector = f"http://{made.http}"
    yield made
    made.kill()


@pytest.fixture(scope="session")
def drive(collector: Collector) -> Callable[..., Any]:
    """Runs a scenario of drive.mjs; gives what it tells."""
    assert collector.process is not None
    browser = chromium()
    assert browser is not None

    def run(scenario: str, site: Site, **given: object) -> Any:
        command = ["node", str(HERE / "drive.mjs"), scenario, json.dumps({"site": site.origin, "service": site.service, **given})]
        ended = subprocess.run(
            command,
            env=os.environ | {"CHROMIUM": browser, "COLLECTOR": site.collector},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert 0 == ended.returncode, ended.stderr
        return json.loads(ended.stdout)

    return run


@pytest.fixture(scope="session")
def arrived(collector: Collector) -> Callable[..., list[tuple[Any, ...]]]:
    """Columns of a site's rows in a table, `attributes` as a struct of texts; once so many are there."""

    def rows(site: Site, columns: str, where: str = "true", *, table: str = "logs", order: str = "time_unix_nano", least: int = 1) -> Any:
        sql = f"select {columns} from {table} where service_name = '{site.service}' and {where} order by {order}"
        return until(lambda: len(found := collector.published(sql)) >= least and found, f"{least} rows of: {sql}")

    return rows


@dataclass
class Visit:
    """What was done, and what arrived."""

    site: Any
    ids: list[str]
    scroll_height: int
    records: list[dict[str, Any]]
    collector: Any

    def named(self, *names: str) -> list[dict[str, Any]]:
        """Attributes of the records with one of these names, in order of time."""
        return [record["attributes"] for record in self.records if record["event_name"] in names]


@pytest.fixture(scope="session")
def visit(sites: dict[str, Any], drive: Callable[..., Any], arrived: Callable[..., Any], collector: Any) -> Visit:
    """Three pages, and everything that is observed once."""
    site = sites["visit"]
    done = drive("visit", site)
    leaves = "exists (from logs l where l.service_name = logs.service_name and l.event_name = 'form.abandon')"
    columns = """event_name, time_unix_nano, severity_number, trace_id, span_id, session_id, user_id, user_role, url_full, log_record_uid,
        exception_type, exception_message, exception_stacktrace, organization_id, attributes::varchar"""
    rows = arrived(site, columns, leaves, least=40)
    names = [name.strip() for name in columns.replace("::varchar", "").split(",")]
    records = [dict(zip(names, row, strict=True)) for row in rows]
    for record in records:
        own = json.loads(record.pop("attributes"))
        record["attributes"] = own | {key: value for key, value in record.items() if value is not None}
    return Visit(site, done["ids"], done["scrollHeight"], records, collector)
