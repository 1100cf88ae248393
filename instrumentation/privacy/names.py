"""What a name says of its value: `accessToken`, `x-api-key` and `user[password]` hold secrets, `tokenizer`, `author` and `passenger` none.

A name is read as words, whatever joins them (camelCase, snake_case, kebab-case, dots, brackets).
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

from . import policy

MAX_NAME = 128
"""Characters of a name that are read, from its end."""


class Kind(IntEnum):
    """How much a name says."""

    PLAIN = 0
    KEYED = 1  # `key`, `signature`: secret where the value looks random
    TOKEN = 2  # `token`, `secret`: of a secret, and a word of ordinary sentences too
    TERSE = 3  # `pass`, `pw`: of a password where a value is assigned to it, and a word of prose
    PASSWORD = 4  # `password`, `ssn`: of a secret or a person's number, nothing else


_WORD = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]|[0-9]+|[^\W\d_a-zA-Z]+")

_PASSWORD = r"""
    [a-z]*pass_?words?|[a-z]*passwds?|[a-z]*pwd|[a-z]*pass_?phrases?|pass_?codes?|passwort|kennwort|contrasena|senha
    |(?:db|user|my|mysql|pg|smtp|ftp|root|admin|login|mail|proxy|auth)_?(?:pass|pw)
"""
_PERSONAL = r"""
    ssn|social_security(?:_number|_no)?|national_id|passport_(?:number|no)|tax_id|drivers?_licen[cs]e(?:_number|_no)?
    |cvv|cvc|cvv_2|card_verification_(?:code|value)|pass|pin|pin_code|pincode|t?otp|otp_code|(?:mfa|2_fa|otp|verification|recovery|backup)_codes?
    |(?:(?:credit|debit|payment)_?)?card_?(?:number|num|no)|(?:credit|debit|payment)_?card|cc_?(?:number|num|no)|pan_number
    |iban|(?:bank_)?account_(?:number|no)|routing_number|sort_code
    |(?:tele|cell|mobile_?)?phones?|msisdn|(?:phone|mobile|fax)_?(?:number|no)|dob|date_of_birth|birth_?da(?:te|y)s?
"""
_TOKEN = r"""
    [a-z]*token|(?:access|refresh|auth|api|bearer|session|csrf|device)_tokens|[a-z]*secrets?|authorization|auth|basic_auth|[a-z]*cookies?
    |credentials?|creds|jwt|bearer|csrf|xsrf|(?:php|j)_?sess(?:ion)?_?id|sessionid|session_key|sid|connection_?string|seed_phrase|mnemonic
    |api_?keys?|(?:access|secret|private|signing|encryption|master|shared|account|storage|ssh|gpg|pgp|hmac|license)_?keys?|aws_?access_?key_?id
"""
_KEYED = r"[a-z]*keys?|signature|sig|hmac|salt|nonce|seed|session|dsn|code|state|assertion|login|pw"
_TERSE = frozenset({"pass", "pw"})
_ABOUT = r"""
    age|algorithm|alg|at|attempts?|changed|class|column|count|created|enabled|error|errors|expected|expired?|expires|expiration|expiry|fields?|file|form|format
    |hint|id|ids|in|index|issuer|kind|length|len|limits?|link|manager|max|method|min|mode|name|names|on|page|path|policy|position|pos|prefix|provider
    |required|reset|rotation|scheme|scopes?|size|source|status|store|strength|template|ttl|types?|updated|uri|url|usage|used|uses|valid|validator|version
"""
_SECRET_ITSELF = "value|header|str|string|raw|text|data|plain|clear|encrypted|decrypted|base_64|b_64|hex|bytes|old|new|current|previous"


def _ending(terms: str, tail: str) -> re.Pattern[str]:
    terms, tail = "".join(terms.split()), "".join(tail.split())
    return re.compile(f"(?:^|_)(?:{terms})(?:_[0-9]+)?{tail}$")


_PATTERNS = (
    (Kind.PASSWORD, _ending(_PASSWORD, rf"(?:_(?!(?:{_ABOUT})(?:_|$))[a-z0-9_]+)?")),
    (Kind.PASSWORD, _ending(_PERSONAL, f"(?:_(?:{_SECRET_ITSELF}))?")),
    (Kind.TOKEN, _ending(_TOKEN, f"(?:_(?:{_SECRET_ITSELF}|hash))?")),
    (Kind.KEYED, _ending(_KEYED, "")),
)
_ASKS = re.compile(
    "(?:has|is|no|num|n|max|min|total|use|uses|with|show|forgot|needs?|requires?|next_page|page|continuation|sync|public|invalid|unexpected|missing)_"
)
_SHELL_FOLDERS = frozenset({"PWD", "OLDPWD"})


def kind(name: str) -> Kind:
    """What a name says of its value."""
    return _kind(name[-MAX_NAME:])


@lru_cache(4096)
def _kind(name: str) -> Kind:
    settings = policy.in_force()
    if name in settings.keep or name in _SHELL_FOLDERS:
        return Kind.PLAIN
    joined = words(name)
    if any(f"_{words(other)}_" in f"_{joined}_" for other in settings.remove):
        return Kind.PASSWORD
    if joined in _TERSE:
        return Kind.TERSE
    if _ASKS.match(joined):
        return Kind.PLAIN
    return next((kind for kind, pattern in _PATTERNS if pattern.search(joined)), Kind.PLAIN)


policy.forget_with(_kind.cache_clear)


def words(name: str) -> str:
    """A name's words in lower case, joined by `_`: `user[accessToken]` is `user_access_token`."""
    return "_".join(_WORD.findall(name[-MAX_NAME:])).lower()


def holds_secret(name: str) -> bool:
    """Whether a value of that name is removed whatever it looks like."""
    return kind(name) >= Kind.TOKEN


def is_kept(name: str) -> bool:
    """Whether the settings say that a value of that name stays."""
    return name in policy.in_force().keep
