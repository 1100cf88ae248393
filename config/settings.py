"""Every setting of the collector: name, type, default and one sentence each; `sources.load` reads them, the collector is handed them.

The list is the documentation: the settings table in README.md of this room is generated from it. A setting is here only when
something reads it.
"""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationInfo,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from ..storage.log_lines import Format, Level
from .alerts import AlertRule, of_known_channels
from .notify import Notify, of_different_names
from .secrets_of_settings import Headers

_ORIGIN = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9._-]+)(:[0-9]{1,5})?")


def split_address(address: str) -> tuple[str, int]:
    """HOST:PORT, or [IPv6]:PORT, as host and port; port 0 is any free one.

    Raises:
        ValueError: it is not of that form.
    """
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535 or (":" in host and not bracketed):
        raise ValueError("HOST:PORT, such as 127.0.0.1:4317")
    return host.strip("[]"), int(port)


def _address(value: str) -> str:
    split_address(value)
    return value


def _origin(value: str) -> str:
    """An origin as browsers send it.

    Raises:
        ValueError: it is not of that form.
    """
    if not _ORIGIN.fullmatch(value):
        raise ValueError("SCHEME://HOST or SCHEME://HOST:PORT, such as https://shop.example, without a path and without `*`")
    return value.lower()


def _with_commas(value: object) -> object:
    """An environment variable lists values with commas between; a file gives a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _folders(value: object) -> object:
    """An environment variable names folders as PATH does; a file gives a list."""
    return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value


def _goes_with_cert(value: Path | None, info: ValidationInfo) -> Path | None:
    if "tls_cert" in info.data and (value is None) != (info.data["tls_cert"] is None):
        raise ValueError("both tls_cert and tls_key, or none of them")
    return value


def _needs_cert(value: Path | None, info: ValidationInfo) -> Path | None:
    if value is not None and info.data.get("tls_cert") is None:
        raise ValueError("tls_cert and tls_key beside it")
    return value


def _endpoint(value: str) -> str:
    """A URL of an OTLP endpoint.

    Raises:
        ValueError: it is not of that form.
    """
    try:
        url = urlsplit(value)
        usable = url.scheme in {"http", "https"} and url.hostname and (url.port is None or url.port > 0)
    except ValueError:
        usable = False
    if not usable or url.username is not None or url.query or url.fragment:
        raise ValueError("http://HOST:PORT or https://HOST:PORT, without user, query and fragment")
    return value


def _distinct(values: list[Forward], info: ValidationInfo) -> list[Forward]:
    """Destinations of different names, none of which is this collector.

    Raises:
        ValueError: two have one name, or payloads would go round in a circle.
    """
    names = [destination.name for destination in values]
    if len(set(names)) < len(names):
        raise ValueError("a name of its own for each destination")
    for destination in values:
        url = urlsplit(destination.endpoint)
        if url.port and _is_loopback(url.hostname or "") and info.data.get(destination.protocol, "").endswith(f":{url.port}"):
            raise ValueError(
                f"another endpoint than this collector's own {destination.protocol} listener, which {destination.name!r} names"
            )
    return values


Origin = Annotated[str, AfterValidator(_origin)]


def _self_telemetry(value: str) -> str:
    if value not in ("off", "pond") and not re.fullmatch(r"https?://[^/\s]+\S*", value):
        raise ValueError("off, pond or a URL, such as http://localhost:4318")
    return value


SelfTelemetry = Annotated[str, AfterValidator(_self_telemetry)]
Address = Annotated[str, AfterValidator(_address)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Prefix = Annotated[str, Field(min_length=1)]
Threshold = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Days = Annotated[int, Field(ge=0)]


class KeepDays(BaseModel):
    """How many days rows are kept, by family of tables; 0 keeps them for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signals: Days = Field(
        default=90, description="Days that `spans`, `span_events`, `logs`, `metric_points` and `rejected_records` are kept."
    )
    apm: Days = Field(default=90, description="Days that the API, database and server performance tables are kept.")
    users: Days = Field(default=730, description="Days that `events`, and the sessions made of them, are kept.")
    errors: Days = Field(default=365, description="Days that the error and crash tables, and `alerts`, are kept.")


class Drop(BaseModel):
    """One rule that leaves records out of every table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signal: Literal["traces", "metrics", "logs"] = Field(description="Which signal the rule is about.")
    where: str = Field(description="SQL over the columns of that signal's table: `http_route = '/health'`, `host_name like 'test-%'`.")


class Redact(BaseModel):
    """What of attributes and texts reaches no table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attributes: list[str] = Field(default_factory=list, description="Keys whose value is replaced by `[redacted]`.")
    drop_attributes: list[str] = Field(default_factory=list, description="Keys that are left out with their value.")
    patterns: list[str] = Field(default_factory=list, description="Regular expressions (RE2); what they match is replaced by `[redacted]`.")
    columns: list[str] = Field(
        default_factory=lambda: ["attributes", "body", "exception_message", "exception_stacktrace", "status_message"],
        description="The text columns in which patterns are replaced.",
    )


def _part(value: str) -> str:
    if "{{" in value and not re.fullmatch(r"\{\{\s*default\s*\}\}", value.strip()):
        raise ValueError("a text without `{{`, or `{{ default }}` as a value of its own: nothing else is filled in")
    return value


class Grouping(BaseModel):
    """One rule that says which errors are the same; all of its globs must fit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200, description="What column `grouping` calls the rule.")
    type: str | None = Field(None, min_length=1, description="Glob for the exception's type, with its module or without. [any]")
    message: str | None = Field(None, min_length=1, description="Glob for the error's message: `*timed out*`. [any]")
    path: str | None = Field(None, min_length=1, description="Glob for the module or file of any frame of the stack. [any]")
    service: str | None = Field(None, min_length=1, description="Glob for the service's name. [any]")
    fingerprint: tuple[Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_part)], ...] = Field(
        min_length=1, max_length=16, description="What is equal for the group; `{{ default }}` is what would be without the rule."
    )

    @model_validator(mode="after")
    def _has_a_glob(self) -> Self:
        if not (self.type or self.message or self.path or self.service):
            raise ValueError("at least one of type, message, path and service, else all errors would be one group")
        return self


class Forward(BaseModel):
    """One OTLP endpoint that accepted payloads are passed on to, as they came: `drop` and `redact` are about tables only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] = Field(
        description="What logs and metrics call it, and its cursor's folder: 1 to 64 of a-z, 0-9, _ and -."
    )
    endpoint: Annotated[str, AfterValidator(_endpoint)] = Field(
        description="Where it is: `https://HOST:PORT`, or `http://` without TLS; for HTTP what stands before `/v1/traces`."
    )
    protocol: Literal["grpc", "http"] = Field("grpc", description="OTLP/gRPC or OTLP/HTTP.")
    signals: tuple[Literal["traces", "metrics", "logs"], ...] = Field(
        ("traces", "metrics", "logs"), min_length=1, description="Which signals are passed on."
    )
    tenant: str = Field("default", description="Whose payloads are passed on.")
    headers: Headers = Field(
        default_factory=dict, description="Sent with every request, never shown; `${env:NAME}` in a value is that environment variable."
    )
    compression: Literal["gzip", "none"] = Field("gzip", description="How bodies are sent.")
    timeout_s: PositiveSeconds = Field(10.0, description="Seconds after which a request without an answer is sent again.")
    max_in_flight: PositiveInt = Field(8, le=256, description="Requests under way at once.")
    ca_file: Path | None = Field(None, description="PEM file of the authorities that may sign the endpoint's certificate. [the system's]")
    certificate_file: Path | None = Field(None, description="PEM file of the certificate that is shown to the endpoint (mutual TLS).")
    key_file: Path | None = Field(None, description="PEM file of its private key, without passphrase.")


class Settings(BaseSettings):
    """The collector's configuration, checked."""

    model_config = SettingsConfigDict(env_prefix="OTELPOND_", env_nested_delimiter="__", extra="forbid", frozen=True)

    data: Path = Field(Path("pond"), description="The pond: the directory that holds everything the collector keeps.")
    grpc: Address = Field("127.0.0.1:4317", description="Where OTLP/gRPC listens.")
    http: Address = Field("127.0.0.1:4318", description="Where OTLP/HTTP listens.")
    admin: Address = Field("127.0.0.1:13133", description="Where health, the collector's own metrics and publish are answered.")
    insecure: bool = Field(False, description="Allow listening on more than this machine, although nobody has to show a token.")
    tls_cert: Path | None = Field(
        None, description="PEM file of the certificate that OTLP listeners show, and of those up to its root; they then speak TLS only."
    )
    tls_key: Annotated[Path | None, AfterValidator(_goes_with_cert)] = Field(
        None, validate_default=True, description="PEM file of the private key of `tls_cert`, without passphrase."
    )
    tls_client_ca: Annotated[Path | None, AfterValidator(_needs_cert)] = Field(
        None, description="PEM file of the authorities that must have signed senders' certificates (mutual TLS)."
    )
    token_in_query: bool = Field(
        False, description="Take tokens of the role ingest from `?token=` of OTLP/HTTP too: browsers' beacons can set no header."
    )
    workers: PositiveInt = Field(1, description="Processes that receive, each with its own inbox, on the same ports; 1 needs least memory.")
    drain_timeout_s: PositiveSeconds = Field(
        20.0, description="Seconds that stopping may take: requests under way are answered, and what waits is published."
    )
    max_body_bytes: ByteSize = Field(
        ByteSize(64 * 2**20),
        gt=0,
        description="Largest body of a request, before and after decompression; requests under way hold at most 9 times as much memory.",
    )
    cors_allowed_origins: Annotated[list[Origin], NoDecode, BeforeValidator(_with_commas)] = Field(
        default_factory=list, description="Pages whose scripts may send to OTLP/HTTP, as `https://shop.example`; none leaves CORS out."
    )
    log_format: Format = Field("console", description="How the log is written: `console`, or `json`, an object a line.")
    log_level: Level = Field("info", description="What the log holds: `debug`, `info`, `warning` or `error`, and what is graver.")
    self_telemetry: SelfTelemetry = Field(
        "off",
        description="Where the collector's own metrics go as OTLP: `off`, `pond` for its own, or the base URL of an OTLP/HTTP endpoint.",
    )
    self_telemetry_interval_s: PositiveSeconds = Field(60.0, description="Seconds between two exports of the collector's own metrics.")
    batch_items: PositiveInt = Field(
        75_000, description="Items (spans, points, records) that are decoded together; a quarter more where otherwise few were left."
    )
    batch_interval_s: PositiveSeconds = Field(2.0, description="Seconds after which what waits is decoded, however little.")
    commit_interval_s: PositiveSeconds = Field(10.0, description="Seconds between publishes: how old an answer of a query can be.")
    retry_window_s: PositiveSeconds = Field(900.0, description="Seconds in which a byte-equal payload counts as a retry, stored once.")
    inbox_soft_bytes: ByteSize = Field(
        ByteSize(128_000_000), gt=0, description="Accepted bytes waiting, above which answers are paced to what is being stored."
    )
    inbox_max_bytes: ByteSize = Field(
        ByteSize(4_000_000_000),
        gt=0,
        description="Accepted bytes waiting, above which senders hear try-later; under load up to 1.5 GB of old files lie beside.",
    )
    vacuum_after_h: PositiveSeconds = Field(24.0, description="Hours that files of replaced snapshots stay, for readers that opened them.")
    keep_days: KeepDays = Field(KeepDays(), description="Days that rows are kept, by family of tables.")
    slow_api_threshold_ms: Threshold = Field(500.0, description="Milliseconds above which an API request counts as slow.")
    slow_query_threshold_ms: Threshold = Field(1000.0, description="Milliseconds above which a query counts as slow.")
    tables: Annotated[list[Path], NoDecode, BeforeValidator(_folders)] = Field(
        default_factory=list, description="Folders of `.sql` files with own tables, relative to the file that names them."
    )
    events_folders: Annotated[list[Path], NoDecode, BeforeValidator(_folders)] = Field(
        default_factory=list, description="Folders of `.toml` files that declare own events, relative to the file that names them."
    )
    events_policy: Literal["reject", "stamp", "drop"] = Field(
        "reject",
        description="What becomes of events that the catalogue refuses: `reject` keeps them in `rejected_records`, `stamp` stores them with"
        " the reason in `validation_error`, `drop` only counts them.",
    )
    page_slugs: Path | None = Field(
        None, description="TOML file that maps paths of pages to slugs; else a page's slug is its route, or its path with ids as `{id}`."
    )
    forward: Annotated[list[Forward], AfterValidator(_distinct)] = Field(
        default_factory=list, description="OTLP endpoints that accepted payloads are passed on to, as they came."
    )
    forward_backlog_bytes: ByteSize = Field(
        ByteSize(4_000_000_000),
        gt=0,
        description="Bytes kept for endpoints that do not answer; beyond them the oldest are not passed on (the tables have them).",
    )
    grouping: list[Grouping] = Field(default_factory=list, description="Rules that say which errors are the same, before all else.")
    in_app_include: Annotated[list[Prefix], NoDecode, BeforeValidator(_with_commas)] = Field(
        default_factory=list,
        description="Prefixes of modules or paths that are your own code though they look like a library's: `acme_platform`, `/opt/acme/`.",
    )
    in_app_exclude: Annotated[list[Prefix], NoDecode, BeforeValidator(_with_commas)] = Field(
        default_factory=list,
        description="Prefixes of modules or paths that are not your own code; of both lists the longest that fits decides.",
    )
    notify: Annotated[list[Notify], AfterValidator(of_different_names)] = Field(
        default_factory=list, description="Channels that are told of alerts: webhooks, Slack, Teams, e-mail."
    )
    alerts: Annotated[list[AlertRule], AfterValidator(of_known_channels)] = Field(
        default_factory=list, description="Rules that say what people are told of."
    )
    drop: list[Drop] = Field(default_factory=list, description="Rules that leave records out of every table.")
    scrub: bool = Field(
        True,
        description="Take secrets out of the texts of errors, whoever sent them: passwords, tokens, keys, cookies, card numbers; what is"
        " removed is marked, as `[password]`.",
    )
    scrub_keys: Annotated[list[str], NoDecode, BeforeValidator(_with_commas)] = Field(
        default_factory=list,
        description="Names whose values are removed from them too, by their words: `home address` is `homeAddress` as well. Own patterns"
        " are `[redact] patterns`.",
    )
    scrub_keep: Annotated[list[str], NoDecode, BeforeValidator(_with_commas)] = Field(
        default_factory=list, description="Whole names whose values stay in them."
    )
    redact: Redact = Field(Redact(), description="Attributes whose values reach no table.")

    document_variables: ClassVar[dict[str, str]] = {
        "APM_SLOW_API_THRESHOLD_MS": "slow_api_threshold_ms",
        "APM_SLOW_QUERY_THRESHOLD_MS": "slow_query_threshold_ms",
    }
    """Environment variables of other names that are read too, weaker than OTELPOND_*."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`sources.load` merges file, environment and command line itself, to name the guilty one; so does a test its own values."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @property
    def wide_addresses(self) -> dict[str, str]:
        """The listeners that others than this machine can reach, by setting name."""
        listeners = {"grpc": self.grpc, "http": self.http, "admin": self.admin}
        return {name: address for name, address in listeners.items() if not _is_loopback(split_address(address)[0])}


def _is_loopback(host: str) -> bool:
    """Whether only this machine reaches that host; a name other than localhost is taken for a wide one."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
