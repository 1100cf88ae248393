"""Secrets that are known by their form, wherever they stand in a text: tokens, keys, credentials, payment cards.

Each pattern is linear in its text: a repetition is possessive or bounded, and begins only where a word does. What is checked is exact
where it can be (Luhn, base64 with a colon), as order numbers and trace ids must stay.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable
from typing import Final

MARK: Final = re.compile(r"\[[a-z_]{3,20}\]")
"""What stands for something removed, here or before."""
TOKEN: Final = "[token]"  # noqa: S105 - stands for one
CREDENTIALS: Final = "[credentials]"
API_KEY: Final = "[api_key]"
PRIVATE_KEY: Final = "[private_key]"
CARD: Final = "[card]"

_CARD = re.compile(
    r"(?<![\w.])(?:[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]{4}|[0-9]{4}[ -][0-9]{6}[ -][0-9]{4,5}|[0-9]{14,16})(?!\w|[.-][0-9])"
)
_CARD_BRANDS = re.compile(
    "4[0-9]{15}|(?:5[0-8]|2[2-7]|6[23457])[0-9]{14}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:6011|35[2-8][0-9])[0-9]{12}"
)
_USERINFO = re.compile(
    r"""(?<=://)(?!git@)(?:[^\s/?#"'<>@]{1,1024}+@)+|(?<=://)[^\s:/@"'<>]{1,256}+:(?!\d{1,5}(?:[/?#\s"'<>]|$))[^\s@"'<>]{1,256}+@"""
)
_DSN = re.compile(r"(?<![\w.:/@-])[\w.-]{1,64}+:[^\s@/\"']{1,128}+@(?=(?:tcp6?|udp|unix)\()", re.ASCII)  # of Go's drivers
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{4,}+(?:\.[\w-]*+){0,3}", re.ASCII)
_AWS_KEY = re.compile(r"(?<![\w-])A(?:BIA|CCA|KIA|SIA)[A-Z0-9]{16}(?!\w)", re.ASCII)
PREFIXED_TOKENS: Final = (
    "AGE-SECRET-KEY-1[0-9A-Z]{40,}",
    r"AIza[\w-]{35}",  # Google
    r"GOCSPX-[\w-]{20,}",
    r"SG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
    r"dckr_pat_[\w-]{20,}",
    "do[opr]_v1_[0-9a-f]{32,}",  # DigitalOcean
    "gh[opusr]_[A-Za-z0-9]{20,}",
    r"github_pat_\w{20,}",
    r"gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[\w-]{16,}",
    "hf_[A-Za-z0-9]{30,}",
    r"hv[sb]\.[\w-]{20,}",  # Vault
    "npm_[A-Za-z0-9]{30,}",
    r"otelpond_[0-9a-f]{12}_[\w-]{20,}",
    r"pypi-[\w-]{30,}",
    "[prs]k_(?:live|test)_[A-Za-z0-9]{10,}",  # Stripe, as the next one
    "whsec_[A-Za-z0-9+/=]{16,}",
    "shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32,}",
    "sk-(?:proj|ant|or|svcacct)-[A-Za-z0-9_-]{20,}",  # OpenAI, Anthropic
    "sk-[A-Za-z0-9]{32,}",
    r"sq0[a-z]{3}-[\w-]{20,}",  # Square
    "xapp-[A-Za-z0-9-]{10,}",  # Slack
    "xox[a-z]-[A-Za-z0-9-]{10,}",
    r"ya29\.[\w-]{20,}",
)
"""Without look-around and possessive parts, as RE2 reads them too."""
_TOKEN = re.compile(rf"(?<![\w-])(?:{'|'.join(PREFIXED_TOKENS)})(?!\w)", re.ASCII)
_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s\\:,.]|-(?!----))*+(?:-----END [A-Z0-9 ]{2,40}-----)?"
)
_CREDENTIALS = re.compile(
    r"(?<!\w)(?P<scheme>bearer|basic|negotiate)(?P<space>[ \t]{1,4})(?P<secret>[\w.~+/-]{8,}+={0,2})", re.IGNORECASE | re.ASCII
)
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_KEY = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9+]{20,}+={0,2}")
_DIGEST = re.compile("[0-9a-f]+|[0-9A-F]+")
_RANDOM = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])(?:[\w.~+/=:-]|%[0-9A-Fa-f]{2})+", re.ASCII)


def without_credentials(text: str) -> str:
    """User and password of URLs, private keys, JSON Web Tokens, tokens with known prefixes, what follows `Bearer` or `Basic` removed."""
    if "://" in text and "@" in text:
        text = _USERINFO.sub(_without_userinfo, text)
    if "@" in text:
        text = _DSN.sub(f"{CREDENTIALS}@", text)
    if "-----BEGIN " in text:
        text = _PEM.sub(PRIVATE_KEY, text)
    if "eyJ" in text:
        text = _JWT.sub(TOKEN, text)
    text = _AWS_KEY.sub(API_KEY, _TOKEN.sub(TOKEN, text))
    return _CREDENTIALS.sub(_without_secret, text)


def without_cards(text: str) -> str:
    """Payment card numbers removed, with and without spaces."""
    return _CARD.sub(_without_card, text)


def looks_random(text: str, at_least: int = 8) -> bool:
    """Whether a word is one that nobody would write: letters and digits, so long; no UUID."""
    return len(text) >= at_least and _RANDOM.fullmatch(text) is not None and _ID.fullmatch(text) is None


def looks_like_key(text: str) -> bool:
    """Whether a word can be nothing but a key: long, of digits and letters without anything between; no digest, as ids are."""
    return _KEY.fullmatch(text) is not None and _DIGEST.fullmatch(text) is None


def is_card(digits: str) -> bool:
    """Whether digits are a payment card's: a brand's first ones and length, and Luhn's check digit."""
    if _CARD_BRANDS.fullmatch(digits) is None:
        return False
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def _without_card(found: re.Match[str]) -> str:
    return CARD if is_card(found[0].replace(" ", "").replace("-", "")) else found[0]


def _without_userinfo(found: re.Match[str]) -> str:
    return found[0] if MARK.fullmatch(found[0][:-1]) else f"{CREDENTIALS}@"


def _without_secret(found: re.Match[str]) -> str:
    is_one: Callable[[str], bool] = _is_basic if found["scheme"].lower() == "basic" else looks_random
    return f"{found['scheme']}{found['space']}{TOKEN}" if is_one(found["secret"]) else found[0]


def _is_basic(text: str) -> bool:
    """Whether it is base64 of `user:password`."""
    try:
        return b":" in b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
