"""Messages: what is clean is found to be so by one look, as nearly all are; the rest goes through the patterns and the named values."""

from __future__ import annotations

from . import policy
from .encoded import encoded_values
from .pairs import named_values
from .patterns import credentials, emails, may_hold_token, numbers

MAX_READ = 65_536
"""Characters of a text that are read."""
MAX_TEXT = 32_768
"""Characters that are given back at most."""
_CUT = " [cut] "
_NAMES = tuple(
    """
    account assertion birth card cc_n cc-n cc.n ccn code contrasena cook cred cv dob driver dsn fax hmac iban jwt kennwort login mnemonic
    mobile msisdn national nonce num otp phone pin pw salt seed senha sess sid sig social srf ssn state string tax
    """.split()  # noqa: SIM905 - names read better as text
)
"""Parts of the names that `names.py` knows, as they stand before `=` and `:` or behind `--`; those in `_may_hold_secret` stand anywhere."""


def text(value: str) -> str:
    """A message without secrets and personal data."""
    cleaned = clean(value, MAX_READ)
    return cleaned if len(cleaned) <= MAX_TEXT else cut(cleaned, MAX_TEXT)


def clean(value: str, max_read: int) -> str:
    """What was read of a text, without secrets and personal data."""
    if len(value) > max_read:  # the last word may be half of a secret
        value = (value[:max_read].rsplit(None, 1) or [""])[0] + _CUT
    wanted = policy.in_force().patterns
    if "secrets" in wanted and _may_hold_secret(value):
        value = named_values(encoded_values(credentials(value)))
    if "emails" in wanted and "@" in value:
        value = emails(value)
    return numbers(value, cards="cards" in wanted, ibans="ibans" in wanted)


def cut(cleaned: str, length: int) -> str:
    """Beginning and end of a text that is longer: of a stack trace both matter."""
    end = (length - len(_CUT)) // 4
    return cleaned[: length - len(_CUT) - end] + _CUT + cleaned[len(cleaned) - end :]


def _may_hold_secret(value: str) -> bool:
    """Whether a text holds a part of a word or mark that is looked for: `in` finds one in 20 ns, an expression of all takes 2 us."""
    low = value.lower()
    return (
        "pass" in low
        or "token" in low
        or "secret" in low
        or "key" in low
        or "auth" in low
        or "://" in low
        or "eyj" in low
        or "bearer" in low
        or "basic" in low
        or "-----" in low
        or (
            ("=" in low or ":" in low or ">" in low or "--" in low)
            and (any(map(low.__contains__, _NAMES)) or bool(policy.in_force().remove))
        )
        or may_hold_token(value)
    )
