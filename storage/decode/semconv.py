"""Which attributes become typed columns, under old and new names of the semantic conventions; read by both decoders.

The rules on keys, for every KeyValue at every depth (resources, scopes, records, events, links, exemplars, metadata, kvlists in
values and in log bodies), in this order:

- A key of `Rules.drop_attributes` is left out. The value of a key of `Rules.redact_attributes` becomes the string "[redacted]".
- Every string at and below a key of ADDRESS_KEYS becomes `hash_address(text, accepted)`; below one of MAYBE_ADDRESS_KEYS only where
  `addresses.looks_like_address(text)`; the stricter of the keys above counts. An empty string stays empty; bytes stay.
- Of two equal keys in one list the last one counts, whatever its type; it stands where the last one stood.
- `string_value_strindex` (of profiles) reads as an empty value, `key_strindex` is not read.

The rule of promotion, the same in both decoders:

- An attribute is promoted when its key is one of a column's names and its value has the column's type. The value goes to the
  column; the new name wins over the old one, the old one over the aliases, an earlier alias over a later one.
- A promoted value leaves the JSON of the rest, so that it is stored once, unless somebody could not rebuild it. It stays where
  it came under an alias; under an old name in a row that mixes generations (`semconv` = 'mixed'); and where another name of its
  column, with the column's type, stands in the same row (then all of them stay).
- `semconv` is 'new' where a renamed attribute (one with an old name) came under its new name, 'old' where under its old name, 'mixed'
  where a row holds both, and NULL where a row holds neither. Only values of the column's type count, aliases never do.
- An empty string is promoted like any other, except of a resource: there it counts as absent, stays in the JSON, the next name is
  looked at, and the column's default applies. Of a resource an old name always stays in the JSON, and so does `unknown` as service
  name or environment (their default).
- `organization.id` always stays in the JSON too.
- A value of another type stays in the JSON, with its type. A null (empty) value is of no type: it stays in the JSON as null.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

ColumnType = Literal["string", "int", "double", "bool", "json"]
REDACTED: Final = "[redacted]"


@dataclass(frozen=True, slots=True)
class Promoted:
    """One promoted attribute: its column, its type (json takes any value, as JSON text), and the names it comes under."""

    column: str
    type: ColumnType
    new: str
    old: str | None = None
    aliases: tuple[str, ...] = ()


RESOURCE: tuple[Promoted, ...] = (
    Promoted("service_name", "string", "service.name"),
    Promoted("service_version", "string", "service.version"),
    Promoted("service_namespace", "string", "service.namespace"),
    Promoted("service_instance_id", "string", "service.instance.id"),
    Promoted("environment", "string", "deployment.environment.name", "deployment.environment"),
    Promoted("resource_organization_id", "string", "organization.id"),
    Promoted("host_name", "string", "host.name"),
    Promoted("telemetry_sdk_language", "string", "telemetry.sdk.language"),
)
"""Of a resource. `semconv` speaks of records only: an old environment name stays in `resource_attributes` too."""

_IDENTITY: tuple[Promoted, ...] = (
    Promoted("organization_id", "string", "organization.id"),
    Promoted("user_id", "string", "user.id", "enduser.id"),
    Promoted("user_role", "string", "user.role", "enduser.role"),
    Promoted("user_roles", "json", "user.roles"),
    Promoted("session_id", "string", "session.id"),
    Promoted("user_agent_original", "string", "user_agent.original", "http.user_agent"),
    Promoted("url_full", "string", "url.full", "http.url"),
    Promoted("error_type", "string", "error.type"),
)

SPAN: tuple[Promoted, ...] = (
    *_IDENTITY,
    Promoted("http_request_method", "string", "http.request.method", "http.method"),
    Promoted("http_response_status_code", "int", "http.response.status_code", "http.status_code"),
    Promoted("http_route", "string", "http.route"),
    Promoted("url_path", "string", "url.path"),
    Promoted("url_query", "string", "url.query"),
    Promoted("url_scheme", "string", "url.scheme", "http.scheme"),
    Promoted("http_target", "string", "http.target"),
    Promoted("http_request_body_size", "int", "http.request.body.size", "http.request_content_length", ("http.request.size",)),
    Promoted("http_response_body_size", "int", "http.response.body.size", "http.response_content_length", ("http.response.size",)),
    Promoted("server_address", "string", "server.address", "http.host", ("net.host.name", "http.server_name", "net.peer.name")),
    Promoted("server_port", "int", "server.port", "net.host.port", ("net.peer.port",)),
    Promoted("client_address", "string", "client.address", "http.client_ip"),
    Promoted("network_peer_address", "string", "network.peer.address", "net.peer.ip", ("net.sock.peer.addr",)),
    Promoted("network_protocol_version", "string", "network.protocol.version", "http.flavor"),
    Promoted("db_system_name", "string", "db.system.name", "db.system"),
    Promoted("db_namespace", "string", "db.namespace", "db.name"),
    Promoted(
        "db_collection_name",
        "string",
        "db.collection.name",
        "db.sql.table",
        ("db.mongodb.collection", "db.cassandra.table"),
    ),
    Promoted("db_operation_name", "string", "db.operation.name", "db.operation"),
    Promoted("db_query_text", "string", "db.query.text", "db.statement"),
    Promoted("db_query_summary", "string", "db.query.summary"),
    Promoted("db_response_status_code", "string", "db.response.status_code"),
    Promoted("db_response_returned_rows", "int", "db.response.returned_rows"),
    Promoted("rpc_system", "string", "rpc.system.name", "rpc.system"),
    Promoted("rpc_service", "string", "rpc.service"),
    Promoted("rpc_method", "string", "rpc.method"),
    Promoted("messaging_system", "string", "messaging.system"),
    Promoted("messaging_destination_name", "string", "messaging.destination.name", "messaging.destination"),
    Promoted("peer_service", "string", "service.peer.name", "peer.service"),
)

SPAN_EVENT: tuple[Promoted, ...] = (
    Promoted("exception_type", "string", "exception.type"),
    Promoted("exception_message", "string", "exception.message"),
    Promoted("exception_stacktrace", "string", "exception.stacktrace"),
)

LOG: tuple[Promoted, ...] = (
    *_IDENTITY,
    *SPAN_EVENT,
    Promoted("log_record_uid", "string", "log.record.uid"),
)

METRIC_POINT: tuple[Promoted, ...] = ()
"""None: the tables that read a metric's attributes read few points, and read them from the JSON."""


def _spellings(*words: str) -> Iterator[str]:
    """A name as people write it: client_ip, client.ip, client-ip, CLIENT_IP, Client-Ip, clientIp, clientIP."""
    for joint in "_.-":
        yield joint.join(words)
        yield joint.join(words).upper()
        yield joint.join(map(str.capitalize, words))
    camel = words[0] + "".join(map(str.capitalize, words[1:]))
    yield from (camel, camel.replace("Ip", "IP"))


ADDRESS_KEYS: frozenset[str] = frozenset(
    {
        *_spellings("client", "ip"),
        *_spellings("client", "address"),
        *_spellings("ip"),
        *_spellings("ip", "address"),
        *_spellings("user", "ip"),
        *_spellings("user", "ip", "address"),
        *_spellings("x", "forwarded", "for"),
        *_spellings("x", "real", "ip"),
        "client.socket.address",
        "http.client_ip",
        "net.peer.ip",
        "net.sock.peer.addr",
        "network.peer.address",
        "source.address",
        "user.ip_address",
        *(
            f"http.request.header.{header}"
            for name in (
                "cf-connecting-ip",
                "fastly-client-ip",
                "forwarded",
                "true-client-ip",
                "x-client-ip",
                "x-forwarded-for",
                "x-real-ip",
            )
            for header in (name, name.replace("-", "_"))
        ),
    }
)
"""Attributes whose string values (and strings in arrays) are addresses of clients: every one is replaced by its keyed hash."""

MAYBE_ADDRESS_KEYS: frozenset[str] = frozenset(
    {
        "client.name",
        "net.peer.name",
        "net.sock.peer.name",
        *_spellings("ip", "addr"),
        *_spellings("ipv4"),
        *_spellings("ipv6"),
        *_spellings("login", "ip"),
        *_spellings("remote", "addr"),
        *_spellings("remote", "address"),
        *_spellings("remote", "ip"),
        *_spellings("source", "ip"),
    }
)
"""Attributes that hold a host name or an address: replaced only where the text is an IP address."""
