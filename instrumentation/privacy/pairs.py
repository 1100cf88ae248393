r"""Values that stand beside their names in a text: `password=...`, `"token": "..."`, `\"secret\": \"...\"`, `Cookie: ...`.

What is an assignment is removed. Behind a colon may stand a sentence ("invalid token: expected ';'", "password: must be longer"), so
that there a word is removed only where it looks like a secret. In the lines of the program that a stack trace quotes, names stay.
What stands in a list or an object behind a name is judged item by item.
"""

from __future__ import annotations

import re
from functools import partial

from .lists import Listed
from .names import Kind, kind
from .patterns import looks_random
from .policy import REMOVED

MAX_VALUE = 4096
_JUDGED = 256
"""Characters of a value that are looked at. What is removed is removed whole; in what stays the next pair may begin, and is judged too."""
_LISTS_READ = 2
"""How many times a text's characters are read in lists: a list in a list is read again."""
SHORTEST_SECRET = 8
"""Digits that are no number of something."""
_LONGEST_LINE = 400
_FRAME = '  File "'
_PROGRAM_NAME = re.compile(r"[A-Za-z_][\w.]*+")
_PAIR = re.compile(
    r"""(?<![\w.-])(?P<name>(?i:(?:api|access|secret|private|signing|encryption)\ key|(?:card|account|social\ security)\ number)(?!\w)
    |(?P<option>--)?[\w.-]{2,64}+)(?P<close>\\{0,3}["']?\]?)
    (?P<join>\s{0,4}(?:=>|:=|[=:])\s{0,4}|>|\s{1,2}(?(option)|(?=\\{0,3}["'`]?[\w.~+/=:%-]{16})))""",
    re.VERBOSE,
)
"""A name and what joins it to its value; where that is a space, the value is an option's, or a word that may be random."""
_SCHEME = re.compile(r"(?i:bearer|basic|digest|token|apikey|negotiate|hmac|aws4-hmac-sha256)[ \t]+(?=\S)")
_OPENING = re.compile(r"""(?:[bBuUrR]{0,2}(?P<quote>\\{0,3}["'`]))""")
_INSIDE = {quote: re.compile(rf"[^{quote}\\]*+(?:\\.[^{quote}\\]*+)*+", re.DOTALL) for quote in "\"'`"}
_BARE = re.compile(r"""(?:[^\s&"'`<>,;(){}\[\]]++|[,;](?!\s|$|[\w.-]{1,64}+[=:])|[(\[{](?=[^\s&"'`<>,;()\[\]{}]))++""")
_COOKIES = re.compile(r"""[^\s=;"'`<>]{1,64}+=[^\r\n"'`<>]++""")
_TEXT_OF_ELEMENT = re.compile("[^<]++(?=</)")
_NEXT_PAIR = re.compile(r"[\w.-]{1,64}+=")
_NUMBER = re.compile(r"\+?\(?[0-9](?:[ ()./-]{0,2}[0-9])++")
_HARMLESS = re.compile(
    r"""(?i:none|null|nil|true|false|undefined|unset|empty|required|invalid|missing|incorrect|wrong|expired|redacted|filtered|\[?redacted\]?|\[removed\]"""
    r"""|[*x.]{3,}|<\w+>|%s|%\(\w+\)s|\?|\$\d+|:\w+|\$?\{\w*\}|[0-9.]{0,1})"""
)


def named_values(text: str) -> str:
    """The text without values whose names say that they are secret."""
    kept: list[str] = []
    done, left = 0, _LISTS_READ * len(text)
    for found in _PAIR.finditer(text):
        if found.start() < done or (known := kind(found["name"])) is Kind.PLAIN or not _is_pair(known, found):
            continue
        secrets, read = _listed(text, found, known, left)
        left -= read
        for begin, end in _single(text, found, known) if secrets is None else secrets:
            kept += (text[done:begin], REMOVED)
            done = end
    return "".join((*kept, text[done:])) if kept else text


def is_secret_member(known: Kind, value: str) -> bool:
    """Whether a text that is a member of a list is the secret that its name speaks of."""
    if known is Kind.KEYED:
        return looks_random(value, at_least=20)
    return any(map(str.isalnum, value)) and _HARMLESS.fullmatch(value) is None


def _is_pair(known: Kind, found: re.Match[str]) -> bool:
    join, start = found["join"].strip(), found.start()
    return not (known is Kind.KEYED and not join) and (join != ">" or found.string[max(0, start - 1) : start] == "<")


def _single(text: str, found: re.Match[str], known: Kind) -> list[tuple[int, int]]:
    """Where the one secret stands that a pair has."""
    begin, end = _value(text, found, known, _JUDGED)
    value = text[begin:end]
    if begin == end or _HARMLESS.fullmatch(value) is not None or not _is_removed(known, found, value, quoted=begin > found.end()):
        return []
    return [(begin, max(end, _value(text, found, known, MAX_VALUE)[1]))]


def _listed(text: str, found: re.Match[str], known: Kind, left: int) -> tuple[list[tuple[int, int]] | None, int]:
    """Where secrets stand in the list behind a name, None where there is no list, and how many of the `left` characters were read."""
    begin = found.end()
    if not found["join"].strip() or text[begin : begin + 1] not in {"[", "(", "{"} or text.startswith(REMOVED, begin):
        return None, 0
    listed = Listed(text, begin, min(len(text), begin + min(MAX_VALUE, left)))
    if not listed:
        return None, listed.end - begin
    is_removed = partial(_is_removed_item, known, found)
    secrets = [(item.begin, item.end) for item in listed.items if is_removed(text[item.begin : item.end], quoted=item.quoted)]
    return secrets, listed.end - begin


def _is_removed_item(known: Kind, found: re.Match[str], value: str, *, quoted: bool) -> bool:
    """Whether an item of a list is a secret: bare words may be of a program, and those of a word of prose anything."""
    if not is_secret_member(known, value) or (known is Kind.TOKEN and not found["close"] and not looks_random(value, at_least=6)):
        return False
    is_count = value.isdigit() and len(value) < SHORTEST_SECRET
    return quoted or not (is_count or (_is_expression(value) and _is_source(found.string, found.start())))


def _value(text: str, pair: re.Match[str], known: Kind, longest: int) -> tuple[int, int]:  # noqa: PLR0911 - a return a kind
    """Where the value behind a name stands, without its quotes and the scheme of an authorization."""
    position, join = pair.end(), pair["join"].strip()
    limit = min(len(text), position + longest)
    if text.startswith(REMOVED, position):
        return position, position
    if join == ">":
        found = _TEXT_OF_ELEMENT.match(text, position, position + MAX_VALUE)  # in which no pair of an element begins
        return position, found.end() if found else position
    if opening := _OPENING.match(text, position):
        return opening.end(), _closing(text, opening["quote"], opening.end(), limit)
    if "cookie" in pair["name"].lower() and (cookies := _COOKIES.match(text, position, limit)):
        return position, cookies.end()
    if text[position - 1 : position].isspace() and _NEXT_PAIR.match(text, position):
        return position, position
    if scheme := _SCHEME.match(text, position):
        position = scheme.end()
        if text.startswith(REMOVED, position):
            return position, position
    found = (_NUMBER.match(text, position, limit) if known is Kind.PASSWORD else None) or _BARE.match(text, position, limit)
    return position, found.end() if found else position


def _closing(text: str, quote: str, position: int, limit: int) -> int:
    """Where the closing quote stands, else where the line ends."""
    if len(quote) > 1:
        closing = text.find(quote, position, limit)
    else:
        inside = _INSIDE[quote].match(text, position, limit)
        closing = inside.end() if inside and inside.end() < limit else -1
    if closing >= 0:
        return closing
    line_end = text.find("\n", position, limit)
    return line_end if line_end >= 0 else limit


def _is_removed(known: Kind, found: re.Match[str], value: str, *, quoted: bool) -> bool:  # noqa: PLR0911 - a return a form
    """Whether a value is the secret that its name speaks of."""
    join = found["join"].strip()
    if known is Kind.KEYED:
        return looks_random(value, at_least=20)
    if not quoted and _is_expression(value) and _is_source(found.string, found.start()):
        return False
    if not join:
        return (found["option"] is not None and not value.startswith("-")) or (known is not Kind.TERSE and looks_random(value, at_least=16))
    if known is Kind.TERSE:
        return _is_terse(found, value, quoted=quoted)
    if join != ":" or found["close"] or not found["join"].endswith((" ", "\t")):
        return True
    if quoted:
        return known is Kind.PASSWORD or looks_random(value) or len(value) >= 16
    if known is Kind.TOKEN:
        return looks_random(value, at_least=6) or "=" in value
    return not value.isalpha() or len(value) >= _JUDGED or _ends_line(found.string, found.end() + len(value))


def _is_terse(found: re.Match[str], value: str, *, quoted: bool) -> bool:
    """Whether `pass` is a key here: quoted, or assigned to; `pass: 3 tests` and `pass=3/4` tell of something else."""
    if found["join"].strip() == ":" and not found["close"].strip("\\]"):
        return False
    return quoted or len(value) >= SHORTEST_SECRET or any(map(str.isalpha, value))


def _is_expression(value: str) -> bool:
    """Whether it reads like a name of a program, and not like a password: `token`, `self.token`, `get_token(request`."""
    name = _PROGRAM_NAME.match(value)
    return name is not None and ("." in name[0] or value[name.end() : name.end() + 1] in {"(", "["} or not any(map(str.isdigit, name[0])))


def _is_source(text: str, position: int) -> bool:
    """Whether a line of a stack trace stands there that quotes the program."""
    begin = text.rfind("\n", max(0, position - _LONGEST_LINE), position)
    return begin > 0 and _FRAME in text[max(0, text.rfind("\n", max(0, begin - _LONGEST_LINE), begin)) : begin]


def _ends_line(text: str, position: int) -> bool:
    return text[position : position + 64].split("\n", 1)[0].strip(" .,;\t\r") == ""
