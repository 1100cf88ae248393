"""What a request's span says beyond OpenTelemetry's ASGI middleware: sizes, route, user, details of failures."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import fastapi
import httpx
import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry import _logs, trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.instrumentation._semconv import _OpenTelemetrySemanticConventionStability as Stability
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.util.http import parse_excluded_urls
from otelpond.instrumentation import context, requests
from otelpond.instrumentation.requests import answering, asgi, principal, settings
from otelpond.instrumentation.traffic import traffic
from starlette.applications import Starlette
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute

Ask = Callable[..., dict[str, Any]]


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"abc"


async def _broken() -> AsyncIterator[bytes]:
    yield b"abc"
    raise ValueError("in the middle")


app = fastapi.APIRouter()


@app.get("/items/{number}")
def item(number: int) -> dict[str, int]:
    """Answers in a thread."""
    return {"n": number}


@app.post("/echo")
async def echo(request: fastapi.Request) -> dict[str, int]:
    """Reads the body whole."""
    return {"n": len(await request.body())}


@app.post("/unread")
async def unread() -> None:
    """Reads nothing of the body."""


@app.get("/stream")
async def stream() -> StreamingResponse:
    """Says no length."""
    return StreamingResponse(_pieces())


@app.get("/broken")
async def broken() -> StreamingResponse:
    """Fails after the first piece."""
    return StreamingResponse(_broken())


@app.get("/file")
async def file() -> FileResponse:
    """This very file."""
    return FileResponse(__file__)


@app.get("/boom")
def boom() -> None:
    """Fails."""
    raise LookupError("boom")


@app.get("/unavailable")
def unavailable() -> None:
    """Refuses."""
    raise fastapi.HTTPException(503, "not now")


@app.get("/state")
def state(request: fastapi.Request, name: str = "user") -> None:
    """Knows its user."""
    setattr(request.state, name, {"id": 7, "role": "admin"} if name == "user" else "u7")
    request.state.session_id = "s1"


@app.get("/logs")
def logs(request: fastapi.Request) -> None:
    """Reports an error."""
    request.state.user = SimpleNamespace(id=9, role="r")
    _logs.get_logger_provider().get_logger("test").emit(severity_number=SeverityNumber.ERROR, body="x", attributes={})


@app.get("/set")
def set_in_a_thread() -> None:
    """Says its user."""
    context.set_user("ada", role="owner")


@app.get("/later")
@app.head("/later")
def later(background: fastapi.BackgroundTasks) -> None:
    """Goes on behind its answer."""
    background.add_task(lambda: None)


router = fastapi.APIRouter(prefix="/pre")


@router.get("/x/{y}")
def below(y: int) -> int:
    """Under a prefix."""
    return y


def _service() -> fastapi.FastAPI:
    service, mounted = fastapi.FastAPI(), fastapi.FastAPI()
    mounted.include_router(router)
    service.include_router(app)
    service.include_router(router)
    service.mount("/sub/{tenant}", mounted)
    service.mount("/plain", _starlette())
    return service


def _starlette() -> Starlette:
    async def good(_request: Any) -> PlainTextResponse:
        return PlainTextResponse("0123456789")

    async def bad(_request: Any) -> PlainTextResponse:
        raise LookupError("bad")

    async def socket(websocket: Any) -> None:
        await websocket.accept()
        await websocket.send_text("hi")
        await websocket.close()

    below = Mount("/below", routes=[Route("/g/{h}", good)])
    return Starlette(routes=[Route("/good/{number}", good), Route("/bad", bad), WebSocketRoute("/ws", socket), below])


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    """Who acts in one test does not in the next."""
    context._current.set(None)
    traffic.reset()
    yield
    context._current.set(None)


@pytest.fixture
def watch(observed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Starts the part with variables of the environment."""

    def start(**variables: str) -> Any:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
        monkeypatch.setattr(Stability, "_initialized", False)  # a test before may have had it read
        monkeypatch.setattr(Stability, "_OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING", {})
        part = observed(requests)
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: part.tracer_provider)
        monkeypatch.setattr(_logs, "get_logger_provider", lambda: part.logger_provider)
        return part

    return start


@pytest.fixture
def ask(watch: Callable[..., Any]) -> Ask:
    """Asks a service for one thing, and gives the attributes of the one span that this makes."""

    def asked(
        method: str, path: str, *, app: Any = None, headers: dict[str, str] | None = None, hooks: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        variables = {name: more.pop(name) for name in list(more) if name.isupper()}
        part = watch(**variables)
        app = app or _service()
        if isinstance(app, fastapi.FastAPI):
            FastAPIInstrumentor.instrument_app(app, tracer_provider=part.tracer_provider, **hooks or {})

        response = get(app, path, method=method, headers=headers, **more)
        spans = [span for span in part.finished_spans() if not span.name.startswith("BackgroundTask")]
        assert 1 == len(spans)
        return {**(spans[0].attributes or {}), "part": part, "name": spans[0].name, "span": spans[0], "response": response}

    return asked


def get(app: Any, path: str, *, method: str = "GET", **more: Any) -> httpx.Response:
    """What it answers."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


def exceptions(span: ReadableSpan) -> list[Any]:
    """The types of the exceptions a span reports."""
    return [(event.attributes or {}).get("exception.type") for event in span.events if event.name == "exception"]


@pytest.mark.parametrize(
    ("method", "path", "body", "received", "sent"),
    [
        ("GET", "/items/3", b"", 0, 7),
        ("HEAD", "/later", b"", 0, 0),
        ("POST", "/echo", b"x" * 100_000, 100_000, 12),
        ("POST", "/unread", b"x" * 10, 10, 4),
        ("GET", "/stream", b"", 0, 9),
        ("GET", "/missing", b"", 0, 22),
    ],
)
def test_sizes_are_those_of_the_bodies(ask: Ask, method: str, path: str, body: bytes, *, received: int, sent: int) -> None:
    """Counted where they stream, told by the client where nobody reads them."""
    told = ask(method, path, content=body)
    assert (received, sent) == (told["http.request.body.size"], told["http.response.body.size"])


@pytest.mark.parametrize("path", ["/items/3?page=1", "/stream", "/boom", "/broken", "/missing", "/sub/9/pre/x/3"])
def test_a_service_with_hooks_of_its_own_is_told_the_same(ask: Ask, path: str) -> None:
    """Then OpenTelemetry's middleware makes the span, and ours is only inside it."""
    called: list[str] = []
    theirs = ask("GET", path, hooks={"server_request_hook": lambda span, _scope: called.append(span.name)})
    ours = ask("GET", path)
    assert 1 == len(called)
    unlike = {"span", "response", "part", "server.address", "server.port"}  # theirs says the port twice
    assert {key: value for key, value in theirs.items() if key not in unlike} == {
        key: value for key, value in ours.items() if key not in unlike
    }
    assert exceptions(theirs["span"]) == exceptions(ours["span"])
    assert theirs["span"].status.status_code == ours["span"].status.status_code


def test_a_file_is_as_large_as_it_is(ask: Ask) -> None:
    """Whoever reads it, the application or the server."""
    told = ask("GET", "/file")
    assert len(told["response"].content) == told["http.response.body.size"]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/items/3", "/items/{number}"),
        ("/pre/x/3", "/pre/x/{y}"),
        ("/sub/9/pre/x/3", "/sub/{tenant}/pre/x/{y}"),
        ("/plain/good/4", "/plain/good/{number}"),
        ("/plain/below/g/4", "/plain/below/g/{h}"),
        ("/missing", None),
    ],
)
def test_the_route_is_whole_below_mounts_too(ask: Ask, path: str, route: str | None) -> None:
    """And mounted applications with an instrumentation of their own make no second span."""
    told = ask("GET", path)
    assert (route, f"GET {route}" if route else "GET") == (told.get("http.route"), told["name"])


@pytest.mark.parametrize(("path", "route"), [("/good/3", "/good/{number}"), ("/below/g/3", "/below/g/{h}"), ("/missing", None)])
def test_a_service_of_starlette_alone_is_instrumented(ask: Ask, path: str, route: str | None) -> None:
    """Whose package is not in the light install."""
    told = ask("GET", path, app=_starlette())
    assert (route, trace.SpanKind.SERVER) == (told.get("http.route"), told["span"].kind)


@pytest.mark.parametrize(
    ("path", "app"), [("/boom", _service), ("/bad", _starlette), ("/plain/bad", _service)], ids=["fastapi", "starlette", "mounted"]
)
def test_an_exception_is_reported_once(ask: Ask, path: str, app: Callable[[], Any]) -> None:
    """On the span of the request that it ended."""
    told = ask("GET", path, app=app())
    assert ["LookupError"] == exceptions(told["span"])
    assert (500, 1, 0) == (told["http.response.status_code"], traffic.failed, traffic.active)


def test_an_exception_in_the_middle_of_an_answer_is_reported_once(ask: Ask) -> None:
    """The status has been sent, the sizes are of what went out."""
    told = ask("GET", "/broken")
    assert ["ValueError"] == exceptions(told["span"])
    assert (200, 3, 1) == (told["http.response.status_code"], told["http.response.body.size"], traffic.failed)


def test_an_error_that_is_answered_for_has_its_stack(ask: Ask) -> None:
    """A handler makes an answer of an HTTPException, and nobody else sees it."""
    told = ask("GET", "/unavailable")
    assert ["fastapi.exceptions.HTTPException"] == exceptions(told["span"])
    assert "raise fastapi.HTTPException" in told["span"].events[0].attributes["exception.stacktrace"]


def test_a_refusal_is_no_error_but_has_its_reason(ask: Ask) -> None:
    """Below 500 there is no exception event."""
    told = ask("GET", "/items/x")
    assert [] == exceptions(told["span"])
    assert (422, "fastapi.exceptions.RequestValidationError") == (told["http.response.status_code"], told["exception.type"])
    assert 0 == traffic.failed


@pytest.mark.parametrize(
    ("path", "user", "roles"),
    [
        ("/state", "7", ("admin",)),
        ("/state?name=user_id", "u7", None),
        ("/state?name=current_user", "u7", None),
        ("/set", "ada", ("owner",)),
    ],
)
def test_the_user_is_whom_the_handler_found(ask: Ask, path: str, user: str, roles: tuple[str, ...] | None) -> None:
    """By `request.state`, or said by `set_user`."""
    told = ask("GET", path)
    assert (user, roles) == (told["user.id"], told.get("user.roles"))
    assert path == "/set" or told["session.id"] == hashlib.sha256(b"s1").hexdigest()[:32]


def test_an_error_in_the_log_is_its_users(ask: Ask) -> None:
    """Also where the user was found by the service alone, and the request is not over."""
    told = ask("GET", "/logs")
    (record,) = told["part"].logs()
    assert ("9", ("r",)) == (record["user.id"], record["user.roles"])


def test_a_hook_says_who_it_is(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given the scope when the handler has run."""
    monkeypatch.setattr(settings, "who", lambda scope: {"user_id": scope["path"], "roles": ["a", "b"], "session_id": "s"}, raising=False)
    told = ask("GET", "/items/3", OTELPOND_USER_HOOK="otelpond.instrumentation.requests.settings:who")
    assert ("/items/3", ("a", "b"), "s") == (told["user.id"], told["user.roles"], told["session.id"])


def test_a_hook_that_fails_harms_nobody(ask: Ask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer is what it was, one line is said."""
    monkeypatch.setattr(settings, "who", lambda scope: scope["nothing"], raising=False)
    told = ask("GET", "/items/3", OTELPOND_USER_HOOK="otelpond.instrumentation.requests.settings:who")
    assert 200 == told["response"].status_code
    assert "KeyError" in capsys.readouterr().err


def test_headers_are_told_of_failures_only(ask: Ask) -> None:
    """Secrets are not among them."""
    headers = {"authorization": "Bearer abcdefghijklmnop", "x-shop": "1"}
    failed = ask("GET", "/boom", headers=headers)
    assert ("1",) == failed["http.request.header.x-shop"]
    assert not any("abcdefghijklmnop" in str(value) for value in failed.values())
    assert "http.request.header.x-shop" not in ask("GET", "/items/3", headers=headers)
    assert "otelpond.http.request.body" not in failed


def test_bodies_are_told_if_one_wants_them(ask: Ask) -> None:
    """At most so much of them as was said."""
    variables = {"OTELPOND_BODIES": "1", "OTELPOND_BODY_BYTES": "4", "OTELPOND_DETAILS_FROM_STATUS": "200"}
    told = ask("POST", "/echo", content=b"0123456789", headers={"content-type": "text/plain"}, **variables)
    assert ("0123", '{"n"') == (told["otelpond.http.request.body"], told["otelpond.http.response.body"])


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        ("0", "9.9.9.9", "127.0.0.0"),
        ("1", "1.1.1.1, 2.2.2.2", "2.2.2.0"),
        ("2", "1.1.1.1, 2.2.2.2", "1.1.1.0"),
        ("5", "1.1.1.1", "1.1.1.0"),
    ],
)
def test_the_client_is_whom_the_trusted_proxies_saw(ask: Ask, hops: str, forwarded: str, address: str) -> None:
    """What a client writes there itself counts for nothing."""
    told = ask("GET", "/items/3", headers={"x-forwarded-for": forwarded}, OTELPOND_TRUSTED_PROXIES=hops)
    assert address == told["client.address"]


def test_secrets_leave_the_query(ask: Ask) -> None:
    """Under the new name of the conventions and the old one."""
    told = ask("GET", "/items/3?token=abc&page=2")
    assert "abc" not in told["url.query"]
    assert "page=2" in told["url.query"]


@pytest.mark.parametrize(
    ("pattern", "url", "excluded"),
    [
        ("/health", "http://shop:80/health", True),
        ("/health", "http://shop/health/?x=1", True),
        ("/health", "http://shop/healthy", False),
        ("/health", "http://shop/a/health", False),
        ("/static/*", "https://shop/static/a/b.js", True),
    ],
)
def test_an_excluded_path_is_that_path(pattern: str, url: str, *, excluded: bool) -> None:
    """A star is anything."""
    assert excluded == parse_excluded_urls(settings.url_pattern(pattern)).url_disabled(url)


def test_an_excluded_request_is_not_counted_either(watch: Callable[..., Any]) -> None:
    """It has no span, and is no traffic."""
    part = watch(OTEL_PYTHON_EXCLUDED_URLS=settings.url_pattern("/good/*"))
    app = _starlette()
    assert (200, 404) == (get(app, "/good/3").status_code, get(app, "/other").status_code)
    assert (1, 1) == (len(part.finished_spans()), traffic.started)


def test_a_websocket_is_one_span(watch: Callable[..., Any]) -> None:
    """And no request: it has neither method nor status."""
    part = watch()
    said: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        said.append(message["type"])

    asyncio.run(_starlette()({"type": "websocket", "path": "/ws", "headers": [], "query_string": b""}, receive, send))
    assert ["websocket.accept", "websocket.send", "websocket.close"] == said
    (span,) = part.finished_spans()
    assert "http.request.method" not in (span.attributes or {})
    assert 0 == traffic.started


async def _plain(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    if scope["path"] == "/silent":
        return
    if scope["path"] == "/boom":
        raise LookupError("boom")
    if scope["path"] == "/gone":
        assert "http.disconnect" == (await receive())["type"]
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.parametrize(
    ("path", "status", "failed", "kinds"),
    [("/", 200, 0, []), ("/silent", 500, 1, []), ("/boom", 500, 1, ["LookupError"]), ("/gone", None, 0, [])],
)
def test_an_application_of_no_framework(watch: Callable[..., Any], path: str, status: int | None, failed: int, kinds: list[str]) -> None:
    """Where it answers nothing the server says 500; where the client has gone nobody says anything."""
    part = watch()
    app = asgi.wrapped(_plain)

    async def nothing() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def take(_message: Any) -> None:
        """The server's."""

    async def served() -> None:
        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
        try:
            await app(scope, nothing, take)
        except LookupError:
            assert path == "/boom"

    asyncio.run(served())
    (span,) = part.finished_spans()
    assert status == (span.attributes or {}).get("http.response.status_code")
    assert kinds == exceptions(span)
    assert (failed, 0) == (traffic.failed, traffic.active)


def _answered(app: Any, headers: list[tuple[bytes, bytes]]) -> list[Any]:
    """The status that an application answers with where a client sends these headers, as a server hands them on."""
    said: list[Any] = []

    async def nothing() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def take(message: Any) -> None:
        said.append(message.get("status"))

    asyncio.run(app({"type": "http", "method": "GET", "path": "/", "headers": headers, "query_string": b""}, nothing, take))
    return said[:1]


STRANGE = [b"x:\xb2", b"x:" + b"9" * 5000, b"[::1", b":", b"x:-1", b"9" * 30, b"\xff", b""]
NAMES = st.sampled_from(
    [b"host", b"content-length", b"user-agent", b"traceparent", b"tracestate", b"baggage", b"x-forwarded-for", b"cookie"]
)


@pytest.mark.parametrize("excluded", ["", "/health"])
def test_no_header_keeps_a_request_from_the_application(watch: Callable[..., Any], excluded: str) -> None:
    """Whatever bytes it has, the application answers, and the request has its span."""
    part = watch(OTEL_PYTHON_EXCLUDED_URLS=excluded, OTELPOND_DETAILS_FROM_STATUS="200")
    app = asgi.wrapped(_plain)

    @hypothesis.settings(max_examples=150, deadline=None)
    @given(st.lists(st.tuples(NAMES | st.binary(max_size=20), st.sampled_from(STRANGE) | st.binary(max_size=60)), max_size=6))
    @example([(b"host", b"x:\xb2")])
    @example([(b"host", b"x:" + b"9" * 5000)])
    @example([(b"content-length", b"\xb2")])
    @example([(b"content-length", b"9" * 30)])
    def sent(headers: list[tuple[bytes, bytes]]) -> None:
        before = len(part.finished_spans())
        assert [200] == _answered(app, headers)
        assert before + 1 == len(part.finished_spans())
        assert not any(isinstance(value, int) and value >= 2**63 for value in (part.finished_spans()[-1].attributes or {}).values())

    sent()


def test_a_request_that_cannot_be_described_is_answered(
    watch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """OpenTelemetry's middleware is left to it, and one line is said."""

    def broken(*_: object) -> None:
        raise ValueError("what nobody thought of")

    part = watch()
    monkeypatch.setattr(answering, "_told", broken)
    assert [200] == _answered(asgi.wrapped(_plain), [])
    assert 1 == len(part.finished_spans())
    assert "what nobody thought of" in capsys.readouterr().err


def test_a_handler_of_any_kind_still_answers(watch: Callable[..., Any]) -> None:
    """Functions, coroutines and objects whose call is a coroutine."""
    watch()

    class Handler:
        async def __call__(self, _request: Any, error: Exception) -> JSONResponse:
            return JSONResponse({"said": str(error)}, 418)

    async def bad(_request: Any) -> None:
        raise LookupError("x")

    app = Starlette(routes=[Route("/bad", bad)], exception_handlers={LookupError: Handler()})
    assert 418 == get(app, "/bad").status_code


def test_an_application_that_exists_already(watch: Callable[..., Any]) -> None:
    """`instrument(app)` reaches it, also where it has answered before."""
    app = _starlette()
    get(app, "/good/1")
    part = watch()
    assert requests.instrument_app(app)
    get(app, "/good/1")
    assert ["GET /good/{number}"] == [span.name for span in part.finished_spans()]
    assert not requests.instrument_app(object())


def test_the_key_of_djangos_session_stays_in_the_service(watch: Callable[..., Any]) -> None:
    """Who has it is the user; its digest tells sessions apart as well."""
    part = watch()
    request = SimpleNamespace(META={}, session=SimpleNamespace(_session_key="k3y"))
    with part.tracer.start_as_current_span("request", kind=trace.SpanKind.SERVER) as span:
        requests.OPTIONS["django"]["response_hook"](span, request, SimpleNamespace(content=b"", status_code=200))
        assert {"session.id": hashlib.sha256(b"k3y").hexdigest()[:32]} == context.current()


@pytest.mark.parametrize(
    ("loaded", "found"),
    [
        ({"_sa_instance_state": object(), "id": 7}, ("7", ())),
        ({"_sa_instance_state": object()}, (None, ())),
        ({"_state": object(), "id": 7, "role_id": 3}, ("7", ())),
        ({"__data__": {"id": 7, "role": 3}, "__rel__": {}}, ("7", ())),
        ({"_wrapped": SimpleNamespace(id=7, role="r")}, ("7", ("r",))),
        ({"_wrapped": object()}, (None, ())),
    ],
    ids=["sqlalchemy", "expired", "django", "peewee", "lazy", "not loaded"],
)
def test_only_what_is_loaded_is_read_of_an_orm_object(loaded: dict[str, Any], found: tuple[str | None, tuple[str, ...]]) -> None:
    """Another attribute would be a query; of Django's lazy objects even the class is."""

    class Row:
        def __init__(self) -> None:
            vars(self).update(loaded)

        @property
        def __class__(self) -> Any:
            if "_wrapped" in loaded:
                raise AssertionError("a query")
            return Row

        @property
        def role(self) -> str:
            raise AssertionError("a query")

        is_authenticated = role

    assert found == principal._of(Row())


@pytest.mark.parametrize(
    ("user", "found"),
    [
        (None, (None, ())),
        (7, ("7", ())),
        ("ada", ("ada", ())),
        ({"sub": "x", "roles": ["a", "b"]}, ("x", ("a", "b"))),
        (SimpleNamespace(id=1, is_authenticated=False), (None, ())),
        (SimpleNamespace(id=None, username="bob", role="r"), ("bob", ("r",))),
        (True, (None, ())),
    ],
    ids=["none", "number", "text", "mapping", "anonymous", "object", "flag"],
)
def test_what_stands_for_a_user(user: Any, found: tuple[str | None, tuple[str, ...]]) -> None:
    """An id, a mapping, or any object with one."""
    assert found == principal._of(user)
