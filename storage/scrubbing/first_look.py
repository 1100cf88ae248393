"""The first look at texts: one expression of RE2 that matches all from which `texts` may remove something, and few others.

It says the vocabulary of `names` again, roughly: a test holds that whatever is removed is matched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .names import words
from .patterns import PREFIXED_TOKENS

_SPACE = r"(?:\s|\\[nrt])"
_ANY_TAIL = (
    "pass(?:[_.-]*(?:word|phrase|code)|wd|wort)|pwd|kennwort|contrasena|senha"
    "|(?:[_.-]|db|user|my|mysql|pg|smtp|ftp|root|admin|login|mail|proxy|auth)p(?:ass|w)"
)
_OWN_TAIL = (
    r"token|secret|auth|authorization|cookie|cred|credential|jwt|bearer|[cx]srf|phpsessid|jsessionid|connect[_.-]*sid|key[_.-]*id|mnemonic"
    r"|connection[_.-]*string|seed[_.-]*phrase|ssn|social[ _.-]*security(?:[ _.-]*(?:number|no))?|cv[vc]|pan[_.-]*number"
    r"|c(?:ard|c)[ _.-]*(?:number|num|no)|card[_.-]*verification[_.-]*(?:code|value)"
    r"|(?:api|access|secret|private|signing|encryption|master|shared|account|storage|ssh|gpg|pgp|hmac|license|session)[ _.-]*key"
)
_TERSE = r"(?:\b|\\[bfnrt])(?:pass|pw)[_.-]*"
_ENCODED = "(?:%(?:25)?2[27]%(?:25)?3a|(?:%(?:25)?5d)?%(?:25)?3d)"
_KEYED = "keys?|signature|sig|hmac|salt|nonce|dsn|assertion"
_TAIL = (
    r"s?(?:[_.-]*(?:value|header|str|string|raw|text|data|plain|clear|encrypted|decrypted|base_?64|b_?64|hex|bytes|old|new|current|previous"
    r"|hash|[0-9]+))*[_.-]*"
)
"""What may follow the words of a name that says the same; see `names`."""
_FORMS = (
    r"eyJ[\w-]{8}",
    r":(?:\\?/){2}[^\s@\"'<>]+@",
    "-----BEGIN ",
    r"@(?:tcp6?|udp|unix)\(",
    rf"(?i:bearer|basic|negotiate){_SPACE}+[\w.~+/-]{{8}}",
    "A(?:BIA|CCA|KIA|SIA)[A-Z0-9]{16}",
    *(re.sub(r"\{[0-9]{2},?\}", "{8,}", token) for token in PREFIXED_TOKENS),  # shorter is compiled sooner
    r"(?:^|[^0-9A-Za-z_.]|\\[bfnrt]|\\u00[01][0-9a-f])[2-6][0-9]{3}[ -]?[0-9]{4,6}[ -]?[0-9]{4,5}(?:[ -]?[0-9]{4})?(?:$|[^0-9A-Za-z_])",
)


def suspicious(keys: Sequence[str] = ()) -> str:
    """An expression of RE2 that matches every text from which something may be removed: nine of ten that it matches stay as they are."""
    own = [known.replace("_", "[ _.-]*") for key in keys if (known := words(key))]
    name = rf"(?:(?:{'|'.join((_ANY_TAIL, *own))})[\w.-]*|(?:{_OWN_TAIL}){_TAIL})"
    closed = r"\\*[\"']?\]?"
    word = r"[\w.~+/=:%-]"
    return "|".join(
        (
            rf"(?i:{name}(?:{closed}(?:{_SPACE}*[=:>]|{_SPACE}+\\*[\"'`]?{word}{{16}})|{_ENCODED}))",
            rf"(?i:--[\w.-]*{name}{closed}{_SPACE})",
            rf"(?i:(?:{_KEYED})(?:[_.-]*[0-9]+)?[_.-]*(?:{closed}{_SPACE}*[=:>][\s\\\[\"'`>nrt]*|{_ENCODED}(?:%(?:25)?2[27])?){word}{{20}})",
            rf"(?i:{_TERSE}(?:{_SPACE}*:?=|\]?{_SPACE}*=|\\*[\"']\]?{_SPACE}*[=:]))",
            rf"(?i:<{_TERSE}>|--{_TERSE}{_SPACE}|(?:pass|pw){_ENCODED})",
            *_FORMS,
        )
    )
