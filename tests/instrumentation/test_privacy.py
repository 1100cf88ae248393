"""What is removed, what must stay, and what it costs: the sanitiser, function by function."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from otelpond.instrumentation import privacy
from otelpond.instrumentation.privacy import names, policy, texts
from otelpond.instrumentation.privacy.names import Kind, kind, words
from otelpond.storage.addresses import AddressHasher
from otelpond.storage.literals import without_literals

Observed = Callable[..., Any]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
HEX = "9f86d081884c7d659a2feaa0c55ad015"


@pytest.fixture
def enforced() -> Iterator[Callable[..., None]]:
    """Has other settings hold for a test."""
    yield lambda **settings: policy.enforce(policy.PrivacySettings(**settings))
    policy.enforce(policy.PrivacySettings())


NAMES_OF_SECRETS = """
    password userPassword user_password2 PASSWORD passwd pwd db_pass pass passphrase password_hash password_confirmation newPassword
    accessToken access_token refreshToken id_token x-api-key X-API-Key apiKey apikey APIKEY api_key secret client_secret clientSecret
    SECRET_KEY AWS_SECRET_ACCESS_KEY stripeSecretKey privateKey authorization Proxy-Authorization cookie Set-Cookie csrfmiddlewaretoken
    user[password] PHPSESSID connect.sid sessionid x-auth-token credentials jwt ssn cardNumber card_number cvv CVV2 pin iban phone
    phoneNumber dateOfBirth db.connectionString
"""
PLAIN_NAMES = """
    tokenizer author authority passenger compass passing bypass secretary cookiecutter monkey keyboard shipping pinned mapping spin
    tokens max_tokens total_tokens gen_ai.usage.input_tokens token_count token_type tokenId next_page_token password_reset_at
    passwordLength has_password is_secret secret_name cookie_consent session_id sessionId user.id auth_method auth_user_id phone_model
    passport_country PWD description classname trace_id order_id status_code
"""


@pytest.mark.parametrize("name", NAMES_OF_SECRETS.split())
def test_a_name_is_known_by_its_words(name: str) -> None:
    """Whatever joins them."""
    assert kind(name) >= Kind.TOKEN
    assert {name: "[removed]"} == privacy.values({name: "x1"})


@pytest.mark.parametrize("name", PLAIN_NAMES.split())
def test_a_name_that_only_looks_alike_stays(name: str) -> None:
    """Part of a word is no word, and what is said about a secret is not the secret."""
    assert kind(name) < Kind.TOKEN
    assert {name: "x1"} == privacy.values({name: "x1"})


def test_lists_are_read_alike_by_services_and_the_collector() -> None:
    """They share no code, so that the file stands twice."""
    own = Path(privacy.__file__).parent / "lists.py"
    assert own.read_bytes() == (own.parents[2] / "storage" / "scrubbing" / "lists.py").read_bytes()


def test_words_of_a_name() -> None:
    """By case, by what is no letter, by digits."""
    assert "user_access_token_2" == words("user[accessToken2]")
    assert ["http_api_key", "x_api_key"] == [words(name) for name in ("HTTPApiKey", "x-API-key")]


MUST_STAY = f"""
    8f14e45f-ceea-467f-a0e6-1d6f3a2b3c4d
    order 1234567890123456 was shipped, invoice 4111111111111112
    2026-11-21T10:11:12.123456Z took 1763740000000000000 ns, then 1763740000000 ms
    trace 0af7651916cd43dd8448eb211c80319c
    00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
    Python 3.12.4, openssl 3.0.13, requests==2.31.0, python@3.12, image@sha256:{HEX}
    git@github.com:otelpond/otelpond.git
    ratio 0.4111111111111111, or 4.111111111111111e+15
    KeyError: 'password'
    SyntaxError: invalid token: '}}'
    Unexpected token: expected ';' but got ','
    password: must be at least 8 characters
    password: required
    has_password=true password_reset_at=2026-11-21
    max_tokens=4096 prompt_tokens: 12
    basic authentication failed
    Bearer authentication is required
    the tokenizer failed at author=ada passenger=3 monkey: banana
    HTTP 401 for https://api.example.com:8443/v1/users?page=2
    https://cdn.example.com/@scope/pkg@1.2.3
    null value in column "name" of relation "users" violates not-null constraint
    DETAIL: Key (id)=(42) already exists.
    'NoneType' object has no attribute 'token'
    module 'settings' has no attribute 'secret_key'
    primary_key=order:1234 session_id=4711 state=running code=ORD-17
    auth_method=oauth token_type=bearer expires_in=3600 secret_name=db-prod
    <token> must not be empty
    idempotency_key=8f14e45f-ceea-467f-a0e6-1d6f3a2b3c4d
    DE12 3456 is no IBAN, nor is DE89370400440532013001
    row (1, 2, 3) key=(a, b), retry in 4111 ms
    password=None token=null secret= api_key=*** cookie=%s auth=$1
    token=[removed] https://[removed]@db.example.com/x
    pass: 3 tests, fail: 0, pass=12 of 15
    {{'password': [ErrorDetail(string='Enter a valid password.', code='invalid')]}}
"""
STAYING = [line.strip() for line in MUST_STAY.strip().splitlines()]


@pytest.mark.parametrize("message", STAYING, ids=range(len(STAYING)))
def test_a_message_stays(message: str) -> None:
    """Who reads it needs it."""
    assert message == privacy.text(message)


REMOVED = [
    ("for {'password': ['x', 'y'], 'page': ['1']}", "for {'password': ['[removed]', '[removed]'], 'page': ['1']}"),
    ("connect(password=('a',), secrets={'old': ['b2b2b2']})", "connect(password=('[removed]',), secrets={'old': ['[removed]']})"),
    ("user=bob pass=hunter 'pw': 'swordfish'", "user=bob pass=[removed] 'pw': '[removed]'"),
    ("next=%2Flogin%3Fpassword%3Dabc%26user%3Dx", "next=%2Flogin%3Fpassword%3D[removed]%26user%3Dx"),
    ("card 4111 1111 1111 1111 was declined", "card [removed] was declined"),
    ("card 4111111111111111, 2024", "card [removed], 2024"),
    ("3782 822463 10005 and 5500-0000-0000-0004.", "[removed] and [removed]."),
    ("write to bob.smith+x@mail.example.com.", "write to [removed]."),
    ("'bob@example.com' exists", "'[removed]' exists"),
    ("https://user:hunter2@db.example.com/x", "https://[removed]@db.example.com/x"),
    ("postgresql+psycopg://shop:pa/ss@db:5432/shop", "postgresql+psycopg://[removed]@db:5432/shop"),
    ("amqp://:hunter2@host", "amqp://[removed]@host"),
    (f"got {JWT} there", "got [removed] there"),
    ("Authorization: Bearer abcdef123456", "Authorization: Bearer [removed]"),
    ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [removed]"),
    ("sent Bearer abc123def456 to", "sent Bearer [removed] to"),
    ("password=hunter2&page=2", "password=[removed]&page=2"),
    ("connect(host='db', password='hun\\'ter2', port=1)", "connect(host='db', password='[removed]', port=1)"),
    ('{"password": "hunter2", "a": 1}', '{"password": "[removed]", "a": 1}'),
    ('"{\\"password\\": \\"hunter2\\"}"', '"{\\"password\\": \\"[removed]\\"}"'),
    ("password: hunter2", "password: [removed]"),
    ("password: swordfish\nuser: bob", "password: [removed]\nuser: bob"),
    ("user=bob,password=hunter2,host=c", "user=bob,password=[removed],host=c"),
    ("Cookie: sid=abc; theme=dark", "Cookie: [removed]"),
    ("psql --password hunter2 --host db", "psql --password [removed] --host db"),
    ("api key: 0123456789abcdef", "api key: [removed]"),
    (f"token {HEX} in the request", "token [removed] in the request"),
    (f"signature={HEX}", "signature=[removed]"),
    ("<password>hunter2</password>", "<password>[removed]</password>"),
    ("to DE89 3704 0044 0532 0130 00 PAID", "to [removed] PAID"),
    ("GB82WEST12345698765432 DE89370400440532013000", "[removed] [removed]"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nq==\n-----END RSA PRIVATE KEY-----\nbye", "[removed]\nbye"),
    ("ghp_0123456789abcdefghij0123456789abcdef", "[removed]"),
    ("id AKIAIOSFODNN7EXAMPLE.", "id [removed]."),
    ("sk-proj-abcdefghij0123456789 sk_live_4eC39HqLyjWDarjtT1zdp7dc", "[removed] [removed]"),
    ("otelpond_0123456789ab_" + "aB3-" * 10, "[removed]"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPx", "AWS_SECRET_ACCESS_KEY=[removed]"),
    ("ssn=123-45-6789; phone: +49 170 1234567", "ssn=[removed]; phone: [removed]"),
]


@pytest.mark.parametrize(("message", "expected"), REMOVED, ids=range(len(REMOVED)))
def test_a_message_loses_what_is_secret_or_personal(message: str, expected: str) -> None:
    """And keeps the rest; a second time changes nothing."""
    assert expected == privacy.text(message)
    assert expected == privacy.text(expected)


@pytest.mark.parametrize("length", [200, 300, 4000])
def test_a_long_value_is_removed_whole(length: int) -> None:
    """Also what stands behind the characters by which it is judged."""
    secret = "hunter2x" * (length // 8)
    for form in ("password={}", "key={}", "password: {}", "a 'token': '{}', b", "<token>{}</token>", "Cookie: a={}", "--password {}"):
        assert form.format("[removed]").replace("a=[", "[") == privacy.text(form.format(secret))
    assert "password: [removed] or" == privacy.text(f"password: {'h' * 300} or")


def _alternatives(expression: str) -> tuple[list[str], str]:
    """Every word of an expression up to its closing bracket, optional parts with and without, and what follows that."""
    found, read = [], [""]
    while expression and expression[0] != ")":
        if expression[0] == "|":
            found, read, expression = [*found, *read], [""], expression[1:]
            continue
        if expression.startswith("(?:"):
            part, expression = _alternatives(expression[3:])
            expression = expression[1:]
        elif expression[0] == "[":
            inside, _, expression = expression[1:].partition("]")
            part = ["x"] if inside == "a-z" else list(inside)
        else:
            part, expression = [expression[0]], expression[1:]
        if expression[:1] in {"?", "*"}:
            part, expression = [*part, ""], expression[1:]
        read = [begun + each for begun in read for each in part]
    return [*found, *read], expression


@pytest.mark.parametrize("terms", [names._PASSWORD, names._PERSONAL, names._TOKEN, names._KEYED], ids=range(4))
def test_the_first_look_at_a_text_finds_every_name(terms: str) -> None:
    """However its words are joined, and what stands beside it is removed."""
    for name in _alternatives("".join(terms.split()))[0]:
        camel = "".join(word.title() for word in name.split("_"))
        for written in (name, name.replace("_", "-"), name.replace("_", "."), camel, camel.upper()):
            assert texts._may_hold_secret(f"{written}=x"), written
        assert f"at {name}=[removed]" == privacy.text(f"at {name}=a1b2c3d4e5f6g7h8i9j0")


def test_a_stack_trace_keeps_the_lines_of_the_program() -> None:
    """But for the secrets that are written in them, and in the message."""
    stack = """Traceback (most recent call last):
  File "shop.py", line 9, in login
    token = get_token(request, password=password, secret=self.secret)
  File "shop.py", line 4, in get_token
    return ask(url, api_key="0123456789", password = 'hunter2')
ValueError: password=hunter
"""
    expected = stack.replace("0123456789", "[removed]").replace("hunter2", "[removed]").replace("hunter", "[removed]")
    assert expected == privacy.text(stack)
    assert expected.replace("\n", "\n    | ") == privacy.text(stack.replace("\n", "\n    | "))


def test_long_texts_are_bounded_and_not_cut_through_a_secret() -> None:
    """Beginning and end stay."""
    text = "begin " + "word " * 10_000 + "password=hunter2 end"
    assert len(privacy.text(text)) <= 32_768
    assert privacy.text(text).startswith("begin word ")
    assert privacy.text(text).endswith("password=[removed] end")
    assert "ghp_" not in privacy.text("x " * 32_762 + "ghp_0123456789abcdefghij0123456789abcdef")


def test_headers_are_judged_by_name_and_by_value() -> None:
    """Names of secrets keep their names; what identifies a request stays; addresses are those of networks."""
    given = [
        (b"Authorization", b"Bearer abc"),
        ("cookie", "a=b"),
        (b"X-Api-Key", b"k"),
        (b"X-Internal", b"0123456789abcdef0123456789abcdef"),
        (b"X-Request-ID", b"0123456789abcdef0123456789abcdef"),
        (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        (b"User-Agent", b"Mozilla/5.0 (X11)"),
        (b"X-Forwarded-For", b"203.0.113.77, 10.1.2.3"),
        (b"Forwarded", b'for="[2001:db8:1:2::3]:80";proto=https'),
        (b"Referer", b"https://shop.example/a?token=x&page=2"),
        (b"Accept", b"text/html"),
        (b"Accept", b"*/*"),
    ]
    assert {
        "authorization": "[removed]",
        "cookie": "[removed]",
        "x-api-key": "[removed]",
        "x-internal": "[removed]",
        "x-request-id": "0123456789abcdef0123456789abcdef",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "user-agent": "Mozilla/5.0 (X11)",
        "x-forwarded-for": "203.0.113.0, 10.1.2.0",
        "forwarded": "for=2001:db8:1::;proto=https",
        "referer": "https://shop.example/a?token=[removed]&page=2",
        "accept": "text/html, */*",
    } == privacy.headers(given)


def test_only_the_headers_that_the_settings_list(enforced: Callable[..., None]) -> None:
    """As they are."""
    enforced(headers=("accept", "x-api-key"))
    assert {"accept": "a", "x-api-key": "k", "host": "[removed]"} == privacy.headers([("Accept", "a"), ("X-Api-Key", "k"), ("Host", "h")])


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("page=2&q=blue+shoes", "page=2&q=blue+shoes"),
        ("token=abc&page=2", "token=[removed]&page=2"),
        ("pass%77ord=abc", "pass%77ord=[removed]"),
        ("user%5Bpassword%5D=abc&flag", "user%5Bpassword%5D=[removed]&flag"),
        ("to=bob%40example.com", "to=[removed]"),
        ("bob%40example.com", "[removed]"),
        ("X-Amz-Signature=abc&sig=d", "X-Amz-Signature=[removed]&sig=[removed]"),
        ("code=SplxlOBeZQ&state=af0", "code=[removed]&state=af0"),
        ("code=DE&token=", "code=DE&token="),
        ("", ""),
    ],
)
def test_a_query_string_keeps_its_writing(asked: str, expected: str) -> None:
    """But for the values of suspicious names, and suspicious values."""
    assert expected == privacy.query(asked)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://u:p@h.example:8/a/b?x=1&api_key=k#top", "https://[removed]@h.example:8/a/b?x=1&api_key=[removed]#top"),
        ("/orders/7?password=x", "/orders/7?password=[removed]"),
        (f"/reset/{JWT}", "/reset/[removed]"),
        ("https://h/cb#access_token=abc&state=1", "https://h/cb#access_token=[removed]&state=1"),
        ("https://h/users/bob%40example.com/edit", "https://h/users/[removed]/edit"),
        ("//h/@scope/x", "//h/@scope/x"),
        ("http://[::1", "http://[::1"),
    ],
)
def test_a_url_keeps_its_parts(given: str, expected: str) -> None:
    """Whole or from its path on, and broken ones."""
    assert expected == privacy.url(given)


@pytest.mark.parametrize(
    ("sql", "system", "expected"),
    [
        ("select * from t where a = 'x''y' and b = 12.5e-3", "postgresql", "select * from t where a = ? and b = ?"),
        ("select \"order\" from t -- 'secret'\nwhere x = $$it's$$", "postgresql", 'select "order" from t  \nwhere x = ?'),
        ('select * from t where a = "it\\"s" and `b` = 1', "mysql", "select * from t where a = ? and `b` = ?"),
        (
            "select * from t where a = %(a_1)s and b = :b and c = $1 and d = ?",
            "",
            "select * from t where a = %(a_1)s and b = :b and c = $1 and d = ?",
        ),
        ("select q'[it's]' from dual", "oracle", "select ? from dual"),
        ("insert into t values (1, 'unclosed", "sqlite", "insert into t values (?, ?"),
        ("/* traceparent='x' */ select t2.c1 from t2", "", "select t2.c1 from t2"),
        ('{"find": "users", "filter": {"name": "bob", "age": 3}}', "mongodb", '{"find": ?, "filter": {"name": ?, "age": ?}}'),
        ("SET user:1 secret", "redis", "SET ?"),
    ],
)
def test_a_statement_loses_its_literals(sql: str, system: str, expected: str) -> None:
    """Parameters and names stay."""
    assert expected == privacy.statement(sql, system)


@settings(deadline=None)
@example("1:a", "postgresql")
@example("''.:a", "postgresql")
@given(st.text("sel'\"`-/*\\ \n?:%$1a,()=e.", max_size=60), st.sampled_from(["postgresql", "mysql", "clickhouse", "sqlite"]))
def test_the_collector_makes_the_same_pattern_of_a_statement_that_went_through(sql: str, system: str) -> None:
    """So that hashes agree, whoever removed the literals."""
    assert without_literals(sql, system) == without_literals(privacy.statement(sql, system), system) or "$" in sql


def test_bodies_by_their_type() -> None:
    """JSON and forms by names, texts by patterns, files not at all; what is cut or broken too."""
    given: dict[str, Any] = {"user": "bob", "password": "x", "items": [{"card": "4111 1111 1111 1111", "n": 1.5, "ok": True}], "none": None}
    expected = {"user": "bob", "password": "[removed]", "items": [{"card": "[removed]", "n": 1.5, "ok": True}], "none": None}
    assert expected == json.loads(privacy.body(json.dumps(given).encode(), "application/json; charset=utf-8"))
    assert '{"a": "x", "password": "[removed]' == privacy.body(b'{"a": "x", "password": "hunter2', "application/problem+json")
    assert "user=bob&password=[removed]" == privacy.body(b"user=bob&password=x", "application/x-www-form-urlencoded")
    assert "<a><token>[removed]</token></a>" == privacy.body(b"<a><token>abc</token></a>", "application/soap+xml")
    assert "[removed] 4 bytes" == privacy.body(b"\x89PNG", "image/png")
    part = b'--x\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2\r\n--x--'
    assert "[removed] fields: password" == privacy.body(part, "multipart/form-data; boundary=x")
    assert "" == privacy.body(b"", "application/json") == privacy.body(b"", "")
    deep = privacy.body(b"[" * 60_000, "application/json")
    assert len(deep) <= 16_384


def test_a_long_json_body_is_json_still() -> None:
    """Shortened, within the bound."""
    text = privacy.body(json.dumps({f"k{n}": "word " * 40 for n in range(150)}).encode(), "application/json")
    assert len(text) <= 16_384
    assert "k0" in json.loads(text)


def test_values_are_plain_nested_and_bounded() -> None:
    """Objects are not asked for their text: that could run anything."""

    class Model:
        def __repr__(self) -> str:
            raise AssertionError

    loop: dict[str, Any] = {"card": 4111111111111111, "n": 42}
    loop["self"] = loop
    given = {
        "when": dt.date(2026, 1, 2),
        "amount": Decimal("1.50"),
        "id": UUID(int=1),
        "model": Model(),
        "raw": b"secret",
        "error": ValueError("password=hunter2"),
        "credentials": {"user": "x"},
        "loop": loop,
        "huge": 10**5000,
        "many": list(range(5000)),
    }
    cleaned = privacy.values(given)
    assert {
        "when": "2026-01-02",
        "amount": "1.50",
        "id": "00000000-0000-0000-0000-000000000001",
        "raw": "<bytes of 6>",
        "error": "ValueError: password=[removed]",
        "credentials": "[removed]",
    } == {key: cleaned[key] for key in ("when", "amount", "id", "raw", "error", "credentials")}
    assert str(cleaned["model"]).endswith("Model>")
    assert str(cleaned["huge"]).startswith("<int of ")
    nested = json.loads(json.dumps(cleaned))["loop"]
    assert ("[removed]", 42) == (nested["card"], nested["n"])
    assert "[more]" == cleaned["many"][-1]  # type: ignore[index]


def test_a_value_that_raises_takes_no_other_with_it() -> None:
    """None is compared or asked for its text; what raises all the same is removed alone."""

    class Column:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, _other: object) -> bool:
            raise TypeError

    class SilentError(Exception):
        def __str__(self) -> str:
            raise AssertionError

    class Broken(dict[str, object]):
        def items(self) -> Any:
            raise RuntimeError

    given: dict[Any, object] = {
        "password": Column(),
        "token": "",
        "error": SilentError("password=hunter2", Column(), 7),
        "map": Broken(),
        10**5000: 1,
    }
    assert {
        "password": "[removed]",
        "token": "",
        "error": "SilentError: password=[removed], 7",
        "map": "[removed]",
        "[removed]": "[removed]",
        "n": 1,
    } == privacy.values({**given, "n": 1})


def test_the_settings_add_names_and_keep_others(enforced: Callable[..., None]) -> None:
    """By words, and by whole names; patterns can be left out."""
    enforced(remove=("home address", "nickname"), keep=("token",), patterns=("cards",))
    given = {"homeAddress": "x", "user_nickname": "y", "token": "z", "mail": "bob@example.com", "card": "4111111111111111"}
    assert {**given, "homeAddress": "[removed]", "user_nickname": "[removed]", "card": "[removed]"} == privacy.values(given)
    enforced(remove=("nickname",))
    assert "nickname=[removed]" == privacy.text("nickname=ada")


@pytest.mark.parametrize(
    ("given", "network"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("203.0.113.77:8080", "203.0.113.0"),
        ("2001:db8:1:2::3", "2001:db8:1::"),
        ("[2001:db8:1:2::3]:443", "2001:db8:1::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("fe80::1%eth0", "fe80::"),
        ("testclient", "testclient"),
        ("/run/app.sock", "/run/app.sock"),
        ("", ""),
    ],
)
def test_an_address_is_truncated_to_its_network(given: str, network: str) -> None:
    """What is none stays."""
    assert network == privacy.address(given)


def test_an_address_may_be_hashed_removed_or_left_whole(enforced: Callable[..., None]) -> None:
    """A hash is of the network, and keyed."""
    enforced(address="hashed", address_key="k")
    hashed = privacy.address("203.0.113.77")
    assert hashed.startswith("ip:")
    assert hashed == privacy.address(hashed)
    assert hashed == privacy.address("203.0.113.1") != privacy.address("203.0.114.1")
    enforced(address="hashed", address_key="other")
    assert hashed != privacy.address("203.0.113.77")
    enforced(address="removed")
    assert "[removed]" == privacy.address("203.0.113.77")
    enforced(address="whole")
    assert "203.0.113.77" == privacy.address("203.0.113.77")


def test_the_collector_hashes_a_truncated_address_like_the_whole_one(tmp_path: Any) -> None:
    """Tables lose nothing by it."""
    hasher = AddressHasher(tmp_path / "keys")
    for address in ("203.0.113.77", "2001:db8:1:2::3"):
        assert hasher(address, 0) == hasher(privacy.address(address), 0)


MARKS = r"""
    password token secret api_key = : " ' \ \" , ; & ( ) [ ] { } < > </ :// @ . - _ / eyJ Bearer Basic DE89 3704 4111 1111 ghp_ sk- xoxb-
    -----BEGIN -----END cookie: --password 0 9 a A é \n $$ $a$ -- /* */ q'[ %41 %( `
"""
PIECES = st.sampled_from([*MARKS.split(), " ", "\n", "\t", "\0", "\ud800", "x" * 50, "1" * 50])
HOSTILE = st.lists(PIECES, max_size=40).map("".join)
TEXT_FUNCTIONS = [privacy.text, privacy.query, privacy.url, privacy.statement, privacy.address]


@settings(deadline=None)
@given(st.one_of(HOSTILE, st.text()))
def test_nothing_raises_and_a_second_time_changes_nothing(value: str) -> None:
    """Whatever the text."""
    for function in TEXT_FUNCTIONS:
        assert isinstance(function(value), str)
    assert privacy.text(privacy.text(value)) == privacy.text(value)
    privacy.headers([(value, value), (value.encode("utf-8", "replace"), value.encode("utf-8", "replace"))])
    for content_type in ("application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "", value):
        privacy.body(value.encode("utf-8", "replace"), content_type)
    json.dumps(privacy.values({value: value, "list": [value, {value: value}]}))


@settings(deadline=None)
@given(st.sampled_from(["password", "api_key", "clientSecret"]), st.from_regex(r"\A[a-z][A-Za-z0-9]{5,30}[0-9]\Z"))
def test_a_named_secret_never_stays(name: str, secret: str) -> None:
    """In any of the usual forms."""
    forms = ("{n}={s}", '{n}="{s}"', "{{'{n}': '{s}'}}", '{{"{n}":"{s}"}}', "{n}: {s}", "x&{n}={s}&y", "f({n}='{s}', y=1)", "--{n} {s}")
    for form in forms:
        assert secret not in privacy.text("at " + form.format(n=name, s=secret))
    assert secret not in privacy.query(f"a=1&{name}={secret}")
    assert secret not in str(privacy.values({name: secret, "nested": [{name: secret}]}))


@settings(deadline=None)
@given(st.integers(0, 10**15 - 1))
def test_a_card_is_known_by_its_check_digit(digits: int) -> None:
    """One of ten sixteen-digit numbers of a brand's."""
    number = f"4{digits:015d}"
    total = sum(int(d) if place % 2 else sum(divmod(2 * int(d), 10)) for place, d in enumerate(number))
    assert (total % 10 == 0) == (privacy.text(number) == "[removed]")


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "a.", "a@", "1 ", "4111 ", "DE89 ", "://a:b", "eyJaaaaaaaa.", "-----BEGIN A-----", "'", "$a$", "/*"),
        *("password=", "password: ", "code=", "key=", "key=(", "key='", "/token/code=", "cookie a=", "--cookie -a="),
    ],
)
def test_the_work_grows_with_the_length_and_no_faster(piece: str) -> None:
    """Of the CPU: sixteen times the text takes far less than 256 times as much, also where each pair begins within the value before."""

    def cost(count: int) -> float:
        best = float("inf")
        for _ in range(3):
            value = (piece * 20_000)[:count]
            begun = time.process_time()
            for function in (privacy.text, privacy.statement, privacy.query, privacy.url):
                function(value + str(begun))  # not remembered
            best = min(best, time.process_time() - begun)
        return best

    assert cost(16_000) < 32 * cost(1_000) + 0.02


def test_spans_are_sanitised_when_they_end(observed: Observed) -> None:
    """What OpenTelemetry's packages record, and what the service sets itself."""
    seen = observed(privacy)
    given = {
        "url.query": "token=abc&page=2",
        "url.full": "https://u:p@h/a",
        "url.path": "/users/bob@example.com",
        "http.request.header.authorization": ("Bearer x",),
        "http.request.header.x_api_key": ["k"],
        "http.request.header.accept": ["*/*"],
        "client.address": "203.0.113.77",
        "network.peer.address": "203.0.113.77",
        "db.system.name": "postgresql",
        "db.query.text": "select \"a\" from t where b = 'x'",
        "user.id": "bob@example.com",
        "http.route": "/x",
        "app.password": "x",
        "app.note": "mail bob@example.com",
        "app.list": ("a", "bob@example.com"),
        "app.count": 3,
    }
    with seen.tracer.start_as_current_span("request", kind=trace.SpanKind.SERVER, attributes=given):
        pass
    with (
        pytest.raises(ValueError, match="hunter2"),
        seen.tracer.start_as_current_span("call", kind=trace.SpanKind.CLIENT, attributes={"network.peer.address": "203.0.113.77"}),
    ):
        raise ValueError("password=hunter2")
    request, call = seen.finished_spans()
    assert {
        "url.query": "token=[removed]&page=2",
        "url.full": "https://[removed]@h/a",
        "url.path": "/users/[removed]",
        "http.request.header.authorization": ("[removed]",),
        "http.request.header.x_api_key": ("[removed]",),
        "http.request.header.accept": ("*/*",),
        "client.address": "203.0.113.0",
        "network.peer.address": "203.0.113.0",
        "db.system.name": "postgresql",
        "db.query.text": 'select "a" from t where b = ?',
        "user.id": "bob@example.com",
        "http.route": "/x",
        "app.password": "[removed]",
        "app.note": "mail [removed]",
        "app.list": ("a", "[removed]"),
        "app.count": 3,
    } == dict(request.attributes)
    assert {"network.peer.address": "203.0.113.77"} == dict(call.attributes)
    assert "ValueError: password=[removed]" == call.status.description
    (event,) = call.events
    assert "password=[removed]" == event.attributes["exception.message"]
    assert "hunter2" not in event.attributes["exception.stacktrace"].rpartition("ValueError")[2]


def test_what_others_record_under_keys_of_the_conventions(observed: Observed) -> None:
    """A key that only begins like a harmless one is looked at; links are as events are."""
    seen = observed(privacy)
    given = {
        "log.record.original": "login password=hunter2",
        "db.connection_string": "postgresql://u:hunter2@h/db",
        "db.statement.parameters": "{'password': 'hunter2'}",
        "user.id_token": "hunter2",
        "session.id_token": "hunter2",
        "event.email": "bob@example.com",
        "process.command_line": "x --password=hunter2",
        "process.command_args": ("x", "--password", "hunter2", "--port", "1"),
        "rpc.grpc.request.metadata.authorization": ("hunter2",),
        "process.environment_variable.DATABASE_URL": "postgresql://u:hunter2@h/db",
    }
    cleaned = {
        "log.record.original": "login password=[removed]",
        "db.connection_string": "[removed]",
        "db.statement.parameters": "{'password': '[removed]'}",
        "user.id_token": "[removed]",
        "session.id_token": "[removed]",
        "event.email": "[removed]",
        "process.command_line": "x --password=[removed]",
        "process.command_args": ("x", "--password", "[removed]", "--port", "1"),
        "rpc.grpc.request.metadata.authorization": "[removed]",
        "process.environment_variable.DATABASE_URL": "postgresql://[removed]@h/db",
    }
    kept = {
        "user.id": "bob",
        "session.id": "s",
        "event.name": "x",
        "user.roles": ("a",),
        "http.response.status_code": 200,
        "process.pid": 1,
    }
    context = trace.SpanContext(1, 2, is_remote=True)
    with seen.tracer.start_as_current_span("a", attributes={**given, **kept}, links=[trace.Link(context, given)]) as span:
        span.add_link(context, given)
    (ended,) = seen.finished_spans()
    assert {**cleaned, **kept} == dict(ended.attributes)
    assert [cleaned, cleaned] == [dict(link.attributes) for link in ended.links]


def test_log_records_are_sanitised_as_they_are_emitted(observed: Observed) -> None:
    """Bodies, texts and maps, and attributes; the service's own objects stay as they were."""
    seen = observed(privacy)
    logger = seen.logger_provider.get_logger("test")
    properties = {"plan": "pro", "email": "bob@example.com"}
    logger.emit(body="login of bob@example.com, password=hunter2", attributes={"user.id": "bob", "user.properties": properties})
    logger.emit(body={"password": "hunter2", "n": 1})
    first, second = (each.log_record for each in seen._logs.get_finished_logs())
    assert "login of [removed], password=[removed]" == first.body
    assert {"user.id": "bob", "user.properties": {"plan": "pro", "email": "[removed]"}} == dict(first.attributes)
    assert {"body": {"password": "[removed]", "n": 1}} == {"body": second.body}
    assert "bob@example.com" == properties["email"]
