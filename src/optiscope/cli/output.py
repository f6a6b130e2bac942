"""Rich's console, but for a reader that has gone: that is `exit_code`'s to judge, and no failure of the command."""

from __future__ import annotations

import sys
from typing import NoReturn

import rich.console


class Console(rich.console.Console):
    """A console that leaves a broken pipe to its caller, where rich would end the process with 1."""

    def on_broken_pipe(self) -> NoReturn:
        """Raises BrokenPipeError."""
        raise BrokenPipeError


def printer() -> Console:
    """A console on stdout. A pipe has no width: rich would take 80 columns for it and fold the labels."""
    return Console(width=None if sys.stdout.isatty() else 160)
