"""Where accepted payloads are passed on to, as the settings say it; what sends there takes an `Answer` from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from ..storage.signals import Signal


@dataclass(frozen=True, slots=True)
class Destination:
    """One OTLP endpoint.

    Attributes:
        name: what it is called in logs and metrics, and its folder's name.
        endpoint: URL; `http://` without, `https://` with TLS. For HTTP the base, to which `/v1/traces` and so on are added.
        signals: what is passed on.
        headers: sent with every request. They hold secrets and are in no repr.
        ca_file: who is trusted to sign the other side's certificate; None for those that the system trusts.
        certificate_file, key_file: what we show it, in PEM.
        timeout_s: how long one request may take.
        max_in_flight: how many are under way at once.
    """

    name: str
    endpoint: str
    protocol: Literal["grpc", "http"] = "grpc"
    signals: frozenset[Signal] = frozenset(Signal)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    compression: Literal["gzip", "none"] = "gzip"
    timeout_s: float = 10.0
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    max_in_flight: int = 8


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side has it; `rejected` items of it were not wanted, for the reason in `message`."""

    rejected: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class TryLater:
    """It may be sent again, after `delay_s` where the other side says so."""

    reason: str
    delay_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It must not be sent again."""

    reason: str


Answer: TypeAlias = Delivered | TryLater | Refused


class Client(Protocol):
    """What sends payloads to one destination; used by several threads at once."""

    def send(self, signal: Signal, payload: bytes) -> Answer:
        """One attempt. Never raises for what the other side or the network does."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
