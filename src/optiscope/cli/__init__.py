"""The command line. Thin: it reads options, calls the library, prints, and decides paths.

What is wrong with the input is said in one line, with exit code 2. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..errors import OptiscopeError


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `optiscope`: run a command and exit with 0, or 2 for bad input, or 130 when interrupted."""
    from .commands import app

    sys.exit(_exit_code(app, arguments))


def _exit_code(app: object, arguments: Sequence[str] | None) -> int:
    import typer.main

    command = typer.main.get_command(app)  # type: ignore[arg-type]
    try:
        return command.main(arguments, prog_name="optiscope", standalone_mode=False) or 0
    except OptiscopeError as error:
        return _complain(str(error))
    except (KeyboardInterrupt, typer.Abort):
        print("\noptiscope: interrupted; what was finished is kept, the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone (`optiscope list problems | head`); that is their choice, not an error.
        sys.stderr.close()
        return 0
    except Exception as error:
        # Typer's usage errors know how to say themselves; which class they are depends on Typer's version.
        if hasattr(error, "format_message"):
            return _complain(" ".join(error.format_message().split()))
        raise


def _complain(text: str) -> int:
    print(f"optiscope: {text}", file=sys.stderr)
    return 2
