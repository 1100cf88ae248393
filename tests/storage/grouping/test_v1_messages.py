"""A message's pattern: what varies is replaced, what does not stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otelpond.storage.grouping.v1_messages import KEPT, READ, pattern


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Order 4711 for bob@x.com failed at 2026-11-20T10:00:00Z", "Order <value> for <email> failed at <date>"),
        ("connection to 10.0.0.1:5432 refused", "connection to <address> refused"),
        ("connection to [fe80::1]:80 refused", "connection to <address> refused"),
        ("can't open user's file 'abc.txt'", "can't open user's file <text>"),
        ("took 1.5s", "took <value>"),
        ("took 30 ms", "took <value>"),
        ("request 550e8400-e29b-41d4-a716-446655440000", "request <value>"),
        ("object 0x7f3aa at deadbeef", "object <value> at <value>"),
        ("got [1, 2, 3]", "got [<value>]"),
        ("no customer cus_9s6XKzkNRiz8i3", "no customer cus_<value>"),
        ("no charge ChMmlLrLkdIwHuxisnNGHi", "no charge <value>"),
        ("ConnectionRefusedException of XMLHttpRequestEventTarget", "ConnectionRefusedException of XMLHttpRequestEventTarget"),
        ("Fri, 20 Nov 2026 10:00:00 GMT", "<date>"),
        ("Nov 20 10:00:00 host", "<date> host"),
        ("1.234,56 EUR", "<value> EUR"),
        ("1,234.56 EUR", "<value> EUR"),
        ("GET https://shop.example/a?b=1 failed", "GET <url> failed"),
        ("“a” and «b» and `c`", "<text> and <text> and <text>"),
        ("order_4711 item-12-34 v1.2.3", "order_<value> item-<value> <value>"),
        ("many\n  lines\tand   spaces", "many lines and spaces"),
        ("", ""),
    ],
)
def test_what_varies_is_replaced(message: str, expected: str) -> None:
    """Numbers, ids, addresses, dates, durations and what is quoted; the words stay."""
    assert expected == pattern(message)


@pytest.mark.parametrize("part", ["a.", "'", "1.", ":", "f:", "x@", "a.b", "Jan ", "1:11", "<value>,", "\u00ab", "0x", "-"])
def test_hostile_texts_are_read_to_a_bounded_length(part: str) -> None:
    """However long: the pattern is short, and the text behind what is read changes nothing."""
    text = part * (10 * READ)
    assert len(pattern(text)) <= KEPT
    assert pattern(text) == pattern(text + "another end")


@given(st.text(max_size=200))
def test_any_text_has_a_pattern(text: str) -> None:
    """Nothing is raised."""
    assert len(pattern(text)) <= KEPT
