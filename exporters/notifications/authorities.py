"""Who may sign the certificates of channels' servers: all channels with one file share a context, which takes megabytes."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path


@cache
def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """What checks certificates by this file's authorities; by the system's where it is None.

    Raises:
        OSError: the file cannot be read, or holds none.
    """
    return ssl.create_default_context(cafile=ca_file)
