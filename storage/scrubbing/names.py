"""What a name says of its value: `accessToken`, `x-api-key` and `user[password]` hold secrets, `tokenizer`, `author` and `passenger` none.

A name is read as words, whatever joins them (camelCase, snake_case, kebab-case, dots, brackets). Services that otelpond instruments judge
names likewise before they send (`otelpond.instrumentation.privacy.names`), and remove more: here ids and plain words must stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

MAX_NAME: Final = 128
"""Characters of a name that are read, from its end."""


class Kind(IntEnum):
    """How much a name says."""

    KEYED = 1  # `key`, `signature`: secret where the value looks random
    MODE = 2  # `auth`: of a secret or of a way to log in
    WORD = 3  # `token`, `cookie`: of a secret, and a word of ordinary sentences too
    SECRET = 4  # `api_key`, `client_secret`: of a secret
    TERSE = 5  # `pass`, `pw`: of a password where a value is assigned to it, and a word of prose
    PASSWORD = 6  # `password`, `ssn`: of a secret that may look like anything


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name says: how surely, and what stands for the value, such as `[password]`."""

    kind: Kind
    mark: str


_WORD = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]|[0-9]+|[^\W\d_a-zA-Z]+")
_PASSWORD = r"""
    [a-z]*pass_?words?|[a-z]*passwds?|[a-z]*pwd|[a-z]*pass_?phrases?|pass_?codes?|passwort|kennwort|contrasena|senha
    |(?:db|user|my|mysql|pg|smtp|ftp|root|admin|login|mail|proxy|auth)_?(?:pass|pw)
"""
_SSN = "ssn|social_security(?:_number|_no)?"
_CARD = (
    "(?:(?:credit|debit|payment)_?)?card_?(?:number|num|no)|cc_?(?:number|num|no)|pan_number|cvv|cvc|cvv_2|card_verification_(?:code|value)"
)
_TOKEN = """
    [a-z]+_[a-z]*token|(?:access|refresh|auth|api|bearer|session|csrf|device|middleware|id)token|csrfmiddlewaretoken
    |(?:access|refresh|auth|api|bearer|session|csrf|device)_tokens|csrf|xsrf|session_key|phpsessid|jsessionid|connect_sid
"""
_SECRET = "[a-z]+_[a-z]*secrets?|(?:client|app|shared|webhook)secrets?|connection_?string|seed_phrase|mnemonic"
_API_KEY = """
    api_?keys?|(?:access|secret|private|signing|encryption|master|shared|account|storage|ssh|gpg|pgp|hmac|license)_?keys?
    |aws_?access_?key_?id
"""
_KEY = """
    (?:account|storage|shared|sas|auth|app|client|server|service|subscription|user|write|read|function|host|admin|deploy|project|ingest
    |instrumentation|integration|webhook|encrypt|decrypt|sign)?keys?
"""
_AUTHORIZATION = "authorization|basic_auth|(?:x|proxy|http)_auth"
_COOKIE = "cookies?"
_SIGNATURE = "signature|sig|hmac|salt|nonce|dsn|assertion"
_ABOUT = r"""
    age|algorithm|alg|at|attempts?|changed|class|column|count|created|enabled|error|errors|expected|expired?|expires|expiration|expiry|fields?|file|form|format
    |hint|id|ids|in|index|issuer|kind|length|len|limits?|link|manager|max|method|min|mode|name|names|on|page|path|policy|position|pos|prefix|provider
    |required|reset|rotation|scheme|scopes?|size|source|status|store|strength|template|ttl|types?|updated|uri|url|usage|used|uses|valid|validator|version
"""
_SECRET_ITSELF = (
    "value|header|str|string|raw|text|data|plain|clear|encrypted|decrypted|base_64|b_64|hex|bytes|old|new|current|previous|hash"
)
_VALUE = f"(?:_(?:{_SECRET_ITSELF}))?"


def _ending(terms: str, tail: str) -> re.Pattern[str]:
    return re.compile(f"(?:^|_)(?:{''.join(terms.split())})(?:_[0-9]+)?{''.join(tail.split())}$")


_MEANINGS: Final = (
    (_ending(_PASSWORD, rf"(?:_(?!(?:{_ABOUT})(?:_|$))[a-z0-9_]+)?"), Meaning(Kind.PASSWORD, "[password]")),
    (_ending(_SSN, _VALUE), Meaning(Kind.PASSWORD, "[ssn]")),
    (_ending(_CARD, _VALUE), Meaning(Kind.PASSWORD, "[card]")),
    (_ending(_API_KEY, _VALUE), Meaning(Kind.SECRET, "[api_key]")),
    (_ending(_AUTHORIZATION, _VALUE), Meaning(Kind.SECRET, "[authorization]")),
    (_ending(_TOKEN, _VALUE), Meaning(Kind.SECRET, "[token]")),
    (_ending(_SECRET, _VALUE), Meaning(Kind.SECRET, "[secret]")),
    (_ending(_COOKIE, _VALUE), Meaning(Kind.WORD, "[cookie]")),
    (_ending("token", _VALUE), Meaning(Kind.WORD, "[token]")),
    (_ending("secrets?", _VALUE), Meaning(Kind.WORD, "[secret]")),
    (_ending("auth|credentials?|creds|jwt|bearer", _VALUE), Meaning(Kind.MODE, "[credentials]")),
    (_ending(_KEY, ""), Meaning(Kind.KEYED, "[key]")),
    (_ending(_SIGNATURE, ""), Meaning(Kind.KEYED, "[signature]")),
)
_TERSE: Final = frozenset({"pass", "pw"})
_OF_TERSE: Final = Meaning(Kind.TERSE, "[password]")
_OWN: Final = Meaning(Kind.PASSWORD, "[removed]")
_ASKS: Final = re.compile(
    "(?:has|is|no|num|n|max|min|total|use|uses|with|show|forgot|needs?|requires?|next_page|page|continuation|sync|public|invalid|unexpected"
    "|missing|unknown|bad|wrong|expired|expected|current|previous|prev|next|last|first|stop|end|start|eos|bos|pad|unk|sep|cls|mask|special"
    "|lookahead|parse|syntax)_"
)
_SOURCE_FILE: Final = re.compile(
    r"\.(?:[cm]?[jt]sx?|pyx?|rb|erb|php|go|rs|java|kts?|scala|groovy|clj|cs|vb|fs|cc?|cpp|hh?|hpp|swift|mm?|exs?|erl|dart|lua|p[lm]|vue|svelte"
    r"|html?|css|sql)$",
    re.IGNORECASE,
)
_SHELL_FOLDERS: Final = frozenset({"PWD", "OLDPWD"})


def words(name: str) -> str:
    """A name's words in lower case, joined by `_`: `user[accessToken]` is `user_access_token`."""
    return "_".join(_WORD.findall(name[-MAX_NAME:])).lower()


class Names:
    """What names mean, by the settings too.

    Args:
        keys: names whose values are removed too, by their words: `home address` is `homeAddress` as well.
        keep: whole names whose values stay.
    """

    def __init__(self, keys: Iterable[str] = (), keep: Iterable[str] = ()) -> None:
        self._own = tuple(f"_{words(key)}_" for key in keys if words(key))
        self._keep = frozenset(name[-MAX_NAME:] for name in keep) | _SHELL_FOLDERS
        self._known = lru_cache(4096)(self._meaning)

    def meaning(self, name: str) -> Meaning | None:
        """What a name says, by its last `MAX_NAME` characters; None where its value is no secret, as of `password.js`."""
        return self._known(name[-MAX_NAME:])

    def _meaning(self, name: str) -> Meaning | None:
        if name in self._keep or _SOURCE_FILE.search(name):
            return None
        joined = words(name)
        if any(own in f"_{joined}_" for own in self._own):
            return _OWN
        if joined in _TERSE:
            return _OF_TERSE
        if _ASKS.match(joined):
            return None
        return next((meaning for pattern, meaning in _MEANINGS if pattern.search(joined)), None)
