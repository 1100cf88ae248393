"""Secrets in settings: given as they are or as `${env:NAME}`, and never shown."""

from __future__ import annotations

import os
import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_FROM_ENVIRONMENT = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


def of_environment(value: SecretStr) -> SecretStr:
    """A value with `${env:NAME}` replaced.

    Raises:
        ValueError: a variable is not set. The text shows no value.
    """

    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ValueError(f"the environment variable {match[1]} to be set, as it is named here")
        return os.environ[match[1]]

    return SecretStr(_FROM_ENVIRONMENT.sub(variable, value.get_secret_value()))


def _headers(values: dict[str, SecretStr]) -> dict[str, SecretStr]:
    """Names and values as they are sent.

    Raises:
        ValueError: a name or value cannot be sent, or a variable is not set. The text shows no value.
    """
    result = {name: of_environment(value) for name, value in values.items()}
    for name, value in result.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value.get_secret_value()):
            raise ValueError(f"names and values of headers in printable ASCII; {name!r} is not, or its value")
    return result


Secret = Annotated[SecretStr, AfterValidator(of_environment)]
Headers = Annotated[dict[str, SecretStr], AfterValidator(_headers)]
