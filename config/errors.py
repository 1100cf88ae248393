"""The one way a command fails: an error whose text is what the user reads; commands raise it, `cli.main` prints it."""

from __future__ import annotations


class CommandError(Exception):
    """A command cannot do what was asked. The text says in one line what, where, and what to do next.

    Attributes:
        exit_code: 1 where the request was fine, 2 where the request itself is wrong.
    """

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code
