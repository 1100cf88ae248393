"""What the settings say of passing on, as the exporters and the pipeline take it: destinations by tenant, and what is kept for them."""

from __future__ import annotations

from pathlib import Path

from ...exporters.destination import Destination
from ...storage.access.tenants import pond_folder
from ...storage.inbox.kept import Kept
from ...storage.signals import Signal
from ..errors import CommandError
from ..settings import Forward, Settings


class DestinationError(CommandError):
    """A destination cannot be used.

    Attributes:
        number: which of the settings' list it is.
    """

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text, exit_code=2)
        self.number = number


def check_destinations(settings: Settings) -> None:
    """Try whether certificates and keys can be read.

    Raises:
        DestinationError: one cannot.
    """
    from ...exporters.forwarding import client  # noqa: PLC0415 - gRPC, of which the pipeline's process needs nothing

    for number, forward in enumerate(settings.forward):
        try:
            client(_destination(forward)).close()
        except OSError as error:
            raise DestinationError(number, f"{forward.name}: a certificate or key cannot be used: {error}") from None


def destinations(settings: Settings) -> dict[str, list[Destination]]:
    """Where each tenant's payloads are passed on to; only tenants that have a destination."""
    result: dict[str, list[Destination]] = {}
    for forward in settings.forward:
        result.setdefault(forward.tenant, []).append(_destination(forward))
    return result


def kept(settings: Settings, tenant: str) -> Kept:
    """What of a tenant's pond is kept for its destinations."""
    names = tuple(forward.name for forward in settings.forward if forward.tenant == tenant)
    return Kept(pond_folder(Path(settings.data).absolute(), tenant), names, int(settings.forward_backlog_bytes))


def _destination(forward: Forward) -> Destination:
    return Destination(
        name=forward.name,
        endpoint=forward.endpoint,
        protocol=forward.protocol,
        signals=frozenset(Signal[name.upper()] for name in forward.signals),
        headers={name: value.get_secret_value() for name, value in forward.headers.items()},
        compression=forward.compression,
        timeout_s=forward.timeout_s,
        ca_file=_absolute(forward.ca_file),
        certificate_file=_absolute(forward.certificate_file),
        key_file=_absolute(forward.key_file),
        max_in_flight=forward.max_in_flight,
    )


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()
