"""`otelpond serve`: the configuration is read and checked, then the collector takes over."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...storage import log_lines
from ...storage.access import Access
from ..errors import CommandError
from ..settings import Settings, split_address
from ..sources import load

logger = logging.getLogger(__name__)


def run(config: Path | None, options: Mapping[str, Any]) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CommandError: the configuration is wrong, or others could reach a listener that asks for no token.
    """
    settings = load(config, options)
    log_lines.configure("collector", settings.log_format, settings.log_level)
    refuse_wide_addresses(settings)
    if settings.tables or settings.events_folders or settings.drop or settings.redact.patterns:
        _check_what_is_own(config)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its C core writes lines of its own form
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # read at import; the pipeline's process needs no gRPC
    from ..collector.forwarding import check_destinations
    from ..collector.serving import serve

    warn_of_plain_text(settings)
    try:
        check_destinations(settings)
        if settings.notify:
            from ..collector.notifying import check_channels

            check_channels(settings)
        serve(settings)
    except CommandError as error:
        if settings.log_format == "console":
            raise
        logger.error("%s", error)  # noqa: TRY400 - it is no fault of the program
        raise SystemExit(error.exit_code) from None


def _check_what_is_own(config: Path | None) -> None:
    """Have `otelpond check` look at own tables, events and rules: DuckDB does that, whose memory the receiving process does not want."""
    arguments = ["check", *(["--config", str(config)] if config else [])]
    environment = os.environ | {"OTELPOND_INSECURE": "true"}  # the addresses are decided already
    checked = subprocess.run(
        [sys.executable, "-m", "otelpond.config.cli", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if checked.returncode:
        lines = (line.removeprefix("otelpond: ") for line in checked.stderr.strip().splitlines())
        raise CommandError("\n".join(lines), exit_code=checked.returncode)


def refuse_wide_addresses(settings: Settings) -> None:
    """Refuse to listen where others than this machine could write without a token or certificate, unless told that this is meant.

    Raises:
        CommandError: with the fix, for containers too.
        TokensError: the list of tokens cannot be read.
    """
    if settings.insecure or Access(settings.data.absolute()).required:
        return
    certified = ("grpc", "http") if settings.tls_client_ca else ()
    open_to_all = {name: address for name, address in settings.wide_addresses.items() if name not in certified}
    if not open_to_all:
        return
    listeners = ", ".join(f"{name} on {address}" for name, address in open_to_all.items())
    ports = " ".join(f"-p 127.0.0.1:{port}:{port}" for _, port in map(split_address, open_to_all.values()))
    raise CommandError(
        f"others than this machine could reach {listeners}, and nobody has to show a token: make one with `otelpond token create "
        f"--tenant default --role ingest --data {settings.data}`, or listen on 127.0.0.1, or add --insecure where only trusted machines "
        f"reach it; in a container: docker run -e OTELPOND_INSECURE=true {ports} ...",
        exit_code=2,
    )


def warn_of_plain_text(settings: Settings) -> None:
    """Say where tokens would cross a network in clear."""
    plain = [f"{name} on {address}" for name, address in settings.wide_addresses.items() if settings.tls_cert is None]
    access = Access(settings.data.absolute())
    if plain and access.required:
        logger.warning(
            "tokens and payloads cross the network in clear: %s; set tls_cert and tls_key, or put a TLS proxy in front", ", ".join(plain)
        )
    if access.required and not access.usable:
        logger.warning("no token is valid any more: everybody is refused until `otelpond token create` makes one")
