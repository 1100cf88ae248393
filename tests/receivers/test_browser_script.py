"""GET /otelpond.js: the browser's script as it is, compressed, and not again where it is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from otelpond.receivers import browser_script

SCRIPT = b"// the script\n" * 100


@pytest.fixture
def url(sink: Any, http_receiver: Callable[..., Any]) -> Iterator[str]:
    """Where it is."""
    with http_receiver(sink, others={browser_script.PATH: browser_script.handler(SCRIPT)}) as port:
        yield f"http://127.0.0.1:{port}/otelpond.js"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip, br", "gzip"), ("br;q=1, GZIP ;q=0.5", "gzip"), ("gzip;q=0", None), ("gzip; q=0.000", None), ("br", None)],
)
def test_every_page_may_load_it(url: str, accepted: str, coding: str | None) -> None:
    """Of any origin, compressed where the browser takes that."""
    response = httpx.get(url, headers={"accept-encoding": accepted, "origin": "https://shop.example"})
    assert (200, SCRIPT, coding) == (response.status_code, response.content, response.headers.get("content-encoding"))
    assert ("text/javascript; charset=utf-8", "*") == (
        response.headers["content-type"],
        response.headers["access-control-allow-origin"],
    )
    assert ("public, max-age=3600", "accept-encoding") == (response.headers["cache-control"], response.headers["vary"])


def test_who_has_it_is_not_sent_it_again(url: str) -> None:
    """304 to its ETag, also a weak one among others; another tag is another script."""
    tag = httpx.get(url).headers["etag"]
    for known in (tag, f'"other", W/{tag}'):
        response = httpx.get(url, headers={"if-none-match": known})
        assert (304, b"", tag) == (response.status_code, response.content, response.headers["etag"])
    assert tag != httpx.get(url, headers={"accept-encoding": "identity"}).headers["etag"]
    assert 200 == httpx.get(url, headers={"if-none-match": '"other"'}).status_code


def test_it_is_only_read(url: str) -> None:
    """HEAD tells of it; other methods are 405."""
    response = httpx.head(url, headers={"accept-encoding": "identity"})
    assert (200, str(len(SCRIPT)), b"") == (response.status_code, response.headers["content-length"], response.content)
    response = httpx.post(url)
    assert (405, "GET, HEAD") == (response.status_code, response.headers["allow"])
