"""`otelpond run`: become the service's command, instrumented. Works in the light install."""

from __future__ import annotations

from collections.abc import Sequence

from ...instrumentation.process import launch
from ..errors import CommandError


def run(command: Sequence[str], service: str | None, endpoint: str | None) -> None:
    """Become the command; does not come back."""
    try:
        launch.run(command, service=service, endpoint=endpoint)
    except launch.LaunchError as error:
        raise CommandError(str(error), exit_code=2) from error
