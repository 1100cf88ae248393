"""Secrets and personal data that are known by their form, wherever they stand in a text: cards, IBANs, e-mail, tokens, keys, credentials.

Each pattern is linear in its text: a repetition is possessive or bounded, and begins only where a word does. What is checked is exact
where it can be (Luhn, the IBAN's check digits, base64 with a colon), as order numbers and trace ids must stay.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable

from .policy import REMOVED

_CARD = re.compile(
    r"(?<![\w.])(?:[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]{4}|[0-9]{4}[ -][0-9]{6}[ -][0-9]{4,5}|[0-9]{14,16})(?!\w|[.-][0-9])"
)
_CARD_BRANDS = re.compile(
    "4[0-9]{15}|(?:5[0-8]|2[2-7]|6[23457])[0-9]{14}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:6011|35[2-8][0-9])[0-9]{12}"
)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}+")
_IBAN_LENGTHS = {
    length: frozenset(countries.split())
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH CR HR LI LV",
        22: "BG BH DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
}
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@(?P<domain>[\w-]++(?:\.[\w-]++)*+)")
_USERINFO = re.compile(
    r"""(?<=://)(?!git@)(?:[^\s/?#"'<>@]{1,1024}+@)+|(?<=://)[^\s:/@"'<>]{1,256}+:(?!\d{1,5}(?:[/?#\s"'<>]|$))[^\s@"'<>]{1,256}+@"""
)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{4,}+(?:\.[\w-]*+){0,3}")
_PREFIXED_TOKENS = (
    "ABIA[A-Z0-9]{16}",  # AWS
    "ACCA[A-Z0-9]{16}",
    "AGE-SECRET-KEY-1[0-9A-Z]{40,}+",
    r"AIza[\w-]{35}",  # Google
    "AKIA[A-Z0-9]{16}",
    "ASIA[A-Z0-9]{16}",
    r"GOCSPX-[\w-]{20,}+",
    r"SG\.[\w-]{16,}+\.[\w-]{16,}+",  # SendGrid
    r"dckr_pat_[\w-]{20,}+",
    "do[opr]_v1_[0-9a-f]{32,}+",  # DigitalOcean
    "gh[opusr]_[A-Za-z0-9]{20,}+",
    r"github_pat_\w{20,}+",
    r"gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[\w-]{16,}+",
    "hf_[A-Za-z0-9]{30,}+",
    r"hv[sb]\.[\w-]{20,}+",  # Vault
    "key-[0-9a-f]{32}",  # Mailgun
    "npm_[A-Za-z0-9]{30,}+",
    r"otelpond_[0-9a-f]{12}_[\w-]{20,}+",
    r"pypi-[\w-]{30,}+",
    "pk_(?:live|test)_[A-Za-z0-9]{10,}+",  # Stripe, as the next three
    "rk_(?:live|test)_[A-Za-z0-9]{10,}+",
    "sk_(?:live|test)_[A-Za-z0-9]{10,}+",
    "whsec_[A-Za-z0-9+/=]{16,}+",
    "shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32,}+",
    r"sk-(?=[\w-]{0,40}[0-9A-Z])[\w-]{20,}+",  # OpenAI, Anthropic
    r"sq0[a-z]{3}-[\w-]{20,}+",  # Square
    "xapp-[A-Za-z0-9-]{10,}+",  # Slack
    "xox[a-z]-[A-Za-z0-9-]{10,}+",
    r"ya29\.[\w-]{20,}+",
)
_TOKEN = re.compile(rf"(?<![\w-])(?:{'|'.join(_PREFIXED_TOKENS)})(?!\w)")
_SHORTEST_TOKEN = 15
_MARKS_WITH_UNDERSCORE = (
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "ghr_",
    "_pat_",
    "_live_",
    "_test_",
    "whsec_",
    "npm_",
    "hf_",
    "_v1_",
    "shp",
    "otelpond_",
)
_MARKS_WITH_HYPHEN = ("sk-", "xox", "xapp-", "gl", "GOCSPX-", "pypi-", "sq0", "key-", "AGE-")
_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{2,40}-----(?:[A-Za-z0-9+/=\s\\:,]|-(?!----))*+(?:-----END [A-Z0-9 ]{2,40}-----)?",
)
_CREDENTIALS = re.compile(r"(?<!\w)(?P<scheme>bearer|basic|negotiate)(?P<space>[ \t]{1,4})(?P<secret>[\w.~+/-]{8,}+={0,2})", re.IGNORECASE)
_PATTERN_OF_IDS = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_RANDOM = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[\w.~+/=:-]+")

_GROUPS = re.compile("[0-9A-Z][0-9A-Z][0-9][0-9][ -]?[0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][ -]?[0-9A-Z]")
"""Digits as cards and IBANs have them; written out, as `re` then skips to the first one fast."""


def numbers(text: str, *, cards: bool, ibans: bool) -> str:
    """Payment card numbers and IBANs removed, with and without spaces."""
    if _GROUPS.search(text) is None:
        return text
    if ibans:
        text = _without_ibans(text)
    return _CARD.sub(_without_card, text) if cards else text


def emails(text: str) -> str:
    """E-mail addresses removed; `git@host` is none."""
    return _EMAIL.sub(_without_email, text) if "@" in text else text


def credentials(text: str) -> str:
    """User and password of URLs, PEM blocks, JSON Web Tokens, tokens with a known prefix, and what follows `Bearer` or `Basic` removed."""
    if "://" in text and "@" in text:
        text = _USERINFO.sub(REMOVED + "@", text)
    if "-----BEGIN " in text:
        text = _PEM.sub(REMOVED, text)
    if "eyJ" in text:
        text = _JWT.sub(REMOVED, text)
    text = _TOKEN.sub(REMOVED, text)
    return _CREDENTIALS.sub(_without_credentials, text)


def may_hold_token(text: str) -> bool:
    """Whether a text may hold a token with a known prefix: one fast look, which is right whenever it says no."""
    return len(text) >= _SHORTEST_TOKEN and (
        ("_" in text and any(map(text.__contains__, _MARKS_WITH_UNDERSCORE)))
        or ("-" in text and any(map(text.__contains__, _MARKS_WITH_HYPHEN)))
        or "AKIA" in text
        or "ASIA" in text
        or "ABIA" in text
        or "ACCA" in text
        or "AIza" in text
        or "ya29." in text
        or "SG." in text
        or "hvs." in text
        or "hvb." in text
    )


def looks_random(text: str, at_least: int = 8) -> bool:
    """Whether a word is one that nobody would write: letters and digits, so long; no UUID."""
    return len(text) >= at_least and _RANDOM.fullmatch(text) is not None and _PATTERN_OF_IDS.fullmatch(text) is None


def is_card(digits: str) -> bool:
    """Whether digits are a payment card's: a brand's first ones and length, and Luhn's check digit."""
    if _CARD_BRANDS.fullmatch(digits) is None:
        return False
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def _without_card(found: re.Match[str]) -> str:
    return REMOVED if is_card(found[0].replace(" ", "").replace("-", "")) else found[0]


def _without_ibans(text: str) -> str:
    kept: list[str] = []
    done = position = 0
    while found := _IBAN.search(text, position):
        position = found.start() + 4
        length = next((length for length, countries in _IBAN_LENGTHS.items() if found[0][:2] in countries), 0)
        end = _end_of(found[0], length) if length else None
        if end is not None and _checks(found[0][:end].replace(" ", "")):  # what follows may be a word, or the next one
            kept += (text[done : found.start()], REMOVED)
            done = position = found.start() + end
    return "".join((*kept, text[done:])) if kept else text


def _end_of(text: str, count: int) -> int | None:
    """The position behind so many characters that are no spaces, where a word ends; None where there are fewer."""
    for position, character in enumerate(text, 1):
        count -= character != " "
        if count == 0:
            return position if position == len(text) or text[position] == " " else None
    return None


def _checks(iban: str) -> bool:
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def _without_email(found: re.Match[str]) -> str:
    domain = found["domain"].rpartition(".")
    known = found[0].startswith("git@") or not (domain[0] and domain[2].isalpha() and len(domain[2]) > 1)
    return found[0] if known else REMOVED


def _without_credentials(found: re.Match[str]) -> str:
    secret: str = found["secret"]
    is_one: Callable[[str], bool] = _is_basic if found["scheme"].lower() == "basic" else looks_random
    return f"{found['scheme']}{found['space']}{REMOVED}" if is_one(secret) else found[0]


def _is_basic(text: str) -> bool:
    """Whether it is base64 of `user:password`."""
    try:
        return b":" in b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
