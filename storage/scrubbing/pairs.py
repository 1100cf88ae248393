r"""Values that stand beside their names in a text: `password=...`, `"token": "..."`, `\"secret\": \"...\"`, `Cookie: ...`, `?sig=...`.

What is an assignment is removed. Behind a colon may stand a sentence ("invalid token: expected ';'", "password: must be longer"), and
`token` or `auth` may be a word of a parser or a mode, so that there a word is removed only where it looks like a secret. In lines of a
program that a text quotes, names stay. What stands in a list or an object behind a name is judged item by item.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from .lists import Listed
from .names import Kind, Meaning, Names
from .patterns import MARK, looks_like_key, looks_random

MAX_VALUE: Final = 4096
_JUDGED: Final = 256
"""Characters of a value that are looked at. What is removed is removed whole; in what stays the next pair may begin, and is judged too."""
_LISTS_READ: Final = 2
"""How many times a text's characters are read in lists: a list in a list is read again."""
SHORTEST_SECRET: Final = 8
"""Digits that are no number of something."""
_LONGEST_LINE: Final = 400
_FRAME: Final = '  File "'
_PROGRAM_NAME = re.compile(r"[A-Za-z_$][\w.]*+")
_PAIR = re.compile(
    r"""(?<![\w.-])(?P<name>(?i:(?:api|access|secret|private|signing|encryption)\ key|card\ number|social\ security\ number)(?!\w)
    |(?P<option>--)?[\w.-]{2,64}+)(?P<close>\\{0,3}["']?\]?)
    (?P<join>\s{0,4}(?:=>|:=|={1,3}|:(?!:))\s{0,4}|>|\s{1,2}(?(option)|(?=\\{0,3}["'`]?[\w.~+/=:%-]{16})))""",
    re.VERBOSE,
)
"""A name and what joins it to its value; where that is a space, the value is an option's, or a word that may be random."""
_SCHEME = re.compile(r"(?i:bearer|basic|digest|token|apikey|negotiate|hmac|aws4-hmac-sha256)[ \t]+(?=\S)")
_OPENING = re.compile(r"""(?:[bBuUrR]{0,2}(?P<quote>\\{0,3}["'`]))""")
_INSIDE = {quote: re.compile(rf"[^{quote}\\]*+(?:\\.[^{quote}\\]*+)*+", re.DOTALL) for quote in "\"'`"}
_BARE = re.compile(r"""(?:[^\s&"'`<>,;(){}\[\]]++|[,;](?!\s|$|[\w.-]{1,64}+[=:])|[(\[{](?=[^\s&"'`<>,;()\[\]{}]))++""")
_COOKIES = re.compile(r"""[^\s=;"'`<>]{1,64}+=[^\r\n"'`<>]++""")
_TEXT_OF_ELEMENT = re.compile("[^<]++(?=</)")
_COMPARISONS = ("==", "===")
_FOLDER = re.compile(r"(?:/[\w.-]+){2,}+/?|~(?:/[\w.-]+)*+")
_SLUG = re.compile(r"[a-z]+(?:[-./][a-z0-9]+)++")
_NEXT_PAIR = re.compile(r"[\w.-]{1,64}+=")
_NUMBER = re.compile(r"(?:[A-Z]{2}|\+?\(?)[0-9](?:[ ()./-]{0,2}[0-9])++")
_HARMLESS = re.compile(
    r"""(?i:none|null|nil|true|false|undefined|unset|not|empty|required|invalid|missing|incorrect|wrong|expired|redacted|filtered|mandatory
    |optional|blank|weak|strong|changed|unchanged|updated|reset|forgotten|unknown|disabled|enabled|mismatch|ok|failed|failure|error|denied
    |rejected|accepted|expire|update|change|check|validate|refresh|create|delete|rotate|revoke|edit|verify|oauth(?:_?2(?:\.0)?)?|saml2?
    |scram-sha-[0-9]+|sha[0-9]+|md5|valid|present|absent|provided|given|set|hidden|masked|secret|password|confirmed|unconfirmed|authentication
    |pass|passed|fail|yes|no|\[\w{0,20}\]|[*x.•-]{3,}|<[\w -]+>|%[\w.]|%\(\w+\)s|\?|\$\d+|:\w+|[$#]?\{[^{}]*\}?|\$\w+|[0-9.]{0,1})""",
    re.VERBOSE,
)


_COMPLAINT = re.compile(
    r"(?i)[^\r\n]{0,80}\b(?:must|required?|too (?:short|long|common|weak|similar)|invalid|match|at least|characters?|blank|incorrect|not"
    r"|expected|missing|field|cannot|can't|should|expired?)\b"
)


def is_key(meaning: Meaning, value: str) -> bool:
    """Whether what stands under a name of the kind KEYED is secret: under `key` stand ids too, under `signature` none."""
    return looks_like_key(value) if meaning.mark == "[key]" else looks_random(value, at_least=20)


def is_harmless(value: str) -> bool:
    """Whether it is nobody's secret: a word that programs say, a mark, a placeholder."""
    return _HARMLESS.fullmatch(value) is not None


def is_complaint(value: str) -> bool:
    """Whether it is what a program says of a value, and not the value, such as `This field is required.`."""
    return " " in value and _COMPLAINT.match(value) is not None


def without_named_values(text: str, names: Names) -> str:
    """The text without values whose names say that they are secret."""
    kept: list[str] = []
    done, left = 0, _LISTS_READ * len(text)
    for found in _PAIR.finditer(text):
        if found.start() < done or (meaning := names.meaning(found["name"])) is None or not _is_pair(meaning, found):
            continue
        secrets, read = _listed(text, found, meaning, left)
        left -= read
        for begin, end in _single(text, found, meaning) if secrets is None else secrets:
            kept += (text[done:begin], meaning.mark)
            done = end
    return "".join((*kept, text[done:])) if kept else text


def is_secret_member(meaning: Meaning, value: str) -> bool:
    """Whether a text that is a member of a document or a list is the secret that its name speaks of."""
    if meaning.kind is Kind.KEYED:
        return is_key(meaning, value)
    if meaning.kind is Kind.MODE:
        return looks_random(value, at_least=20)
    return any(map(str.isalnum, value)) and not is_harmless(value) and not is_complaint(value)


def _is_pair(meaning: Meaning, found: re.Match[str]) -> bool:
    join, start = found["join"].strip(), found.start()
    return not (meaning.kind is Kind.KEYED and not join) and (join != ">" or found.string[max(0, start - 1) : start] == "<")


def _single(text: str, found: re.Match[str], meaning: Meaning) -> list[tuple[int, int]]:
    """Where the one secret stands that a pair has."""
    begin, end = _value(text, found, meaning.kind, _JUDGED)
    value = text[begin:end]
    if begin == end or is_harmless(value) or not _is_removed(meaning, found, value, quoted=begin > found.end()):
        return []
    return [(begin, max(end, _value(text, found, meaning.kind, MAX_VALUE)[1]))]


def _listed(text: str, found: re.Match[str], meaning: Meaning, left: int) -> tuple[list[tuple[int, int]] | None, int]:
    """Where secrets stand in the list behind a name, None where there is no list, and how many of the `left` characters were read."""
    begin = found.end()
    if not found["join"].strip() or text[begin : begin + 1] not in {"[", "(", "{"} or MARK.match(text, begin):
        return None, 0
    listed = Listed(text, begin, min(len(text), begin + min(MAX_VALUE, left)))
    if not listed:
        return None, listed.end - begin
    is_removed = partial(_is_removed_item, meaning, found)
    secrets = [(item.begin, item.end) for item in listed.items if is_removed(text[item.begin : item.end], quoted=item.quoted)]
    return secrets, listed.end - begin


def _is_removed_item(meaning: Meaning, found: re.Match[str], value: str, *, quoted: bool) -> bool:
    """Whether an item of a list is a secret: bare words may be of a program, and those of a word of prose anything."""
    if not is_secret_member(meaning, value) or (
        meaning.kind is Kind.WORD and not _is_member(found) and not looks_random(value, at_least=6)
    ):
        return False
    return quoted or (not (value.isdigit() and len(value) < SHORTEST_SECRET) and not _is_no_value(found, value))


def _value(text: str, pair: re.Match[str], kind: Kind, longest: int) -> tuple[int, int]:  # noqa: PLR0911 - a return a kind
    """Where the value behind a name stands, without its quotes and the scheme of an authorization."""
    position, join = pair.end(), pair["join"].strip()
    limit = min(len(text), position + longest)
    if MARK.match(text, position):
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
        if MARK.match(text, position) or _NEXT_PAIR.match(text, position):
            return position, position
    found = (_NUMBER.match(text, position, limit) if kind is Kind.PASSWORD else None) or _BARE.match(text, position, limit)
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


def _is_removed(meaning: Meaning, found: re.Match[str], value: str, *, quoted: bool) -> bool:  # noqa: C901, PLR0911 - a return a form
    """Whether a value is the secret that its name speaks of."""
    join, kind = found["join"].strip(), meaning.kind
    if kind is Kind.KEYED:
        return is_key(meaning, value)
    if not quoted and _is_no_value(found, value):
        return False
    if not join:
        is_option = found["option"] is not None and not value.startswith("-")
        return is_option or (kind is not Kind.TERSE and looks_random(value, at_least=16) and _SLUG.fullmatch(value) is None)
    if kind is Kind.TERSE:
        return _is_terse(found, value, quoted=quoted)
    if kind is not Kind.PASSWORD and ((value.isdigit() and len(value) < SHORTEST_SECRET) or not any(map(str.isalnum, value))):
        return False
    if is_complaint(value):
        return False
    if kind is Kind.MODE or (kind is Kind.WORD and not _is_member(found)):
        return looks_random(value, at_least=6) or "=" in value or (len(value) >= 16 and " " not in value)
    if join != ":" or found["close"] or not found["join"].endswith((" ", "\t")):
        return True
    if quoted:
        return kind is Kind.PASSWORD or looks_random(value) or len(value) >= 16
    if kind is not Kind.PASSWORD:
        return looks_random(value, at_least=6) or "=" in value
    return not value.isalpha() or len(value) >= _JUDGED or _ends_line(found.string, found.end() + len(value))


def _is_terse(found: re.Match[str], value: str, *, quoted: bool) -> bool:
    """Whether `pass` is a key here: quoted, or assigned to; `pass: 3 tests` and `pass=3/4` tell of something else."""
    if (found["join"].strip() == ":" and not found["close"].strip("\\]")) or is_complaint(value):
        return False
    return quoted or len(value) >= SHORTEST_SECRET or any(map(str.isalpha, value))


def _is_no_value(found: re.Match[str], value: str) -> bool:
    """Whether a bare word is no password: a place, what a program compares with or assigns, the folder of a shell."""
    if _is_place(found) or found["join"].strip() in _COMPARISONS or (found["name"] == "pwd" and _FOLDER.fullmatch(value)):
        return True
    return _is_expression(value) and _is_source(found)


def _is_place(found: re.Match[str]) -> bool:
    """Whether it names a place or a method, as `shop/password:12`, `config.secret_key:101` and `auth.Password:Check` do."""
    before = found.string[max(0, found.start() - 1) : found.start()]
    return found["close"] == "" and found["join"] == ":" and ("." in found["name"] or before == "/")


def _is_member(found: re.Match[str]) -> bool:
    """Whether a name is quoted, or of a query string or an element: nobody speaks so of modes and of tokens of a language."""
    before = found.string[found.start() - 1 : found.start()]
    return found["close"] != "" or (before in {"?", "&", "<"} and before != "")


def _is_expression(value: str) -> bool:
    """Whether it reads like a name of a program, and not like a password: `token`, `self.token`, `get_token(request`."""
    name = _PROGRAM_NAME.match(value)
    return name is not None and ("." in name[0] or value[name.end() : name.end() + 1] in {"(", "["} or not any(map(str.isdigit, name[0])))


def _is_source(found: re.Match[str]) -> bool:
    """Whether a line of a program stands there: one that a stack trace of Python quotes, or an assignment with spaces around."""
    text, position = found.string, found.start()
    if found["join"] in {" = ", " := "}:
        return True
    begin = text.rfind("\n", max(0, position - _LONGEST_LINE), position)
    return begin > 0 and _FRAME in text[max(0, text.rfind("\n", max(0, begin - _LONGEST_LINE), begin)) : begin]


def _ends_line(text: str, position: int) -> bool:
    return text[position : position + 64].split("\n", 1)[0].strip(" .,;\t\r") == ""
