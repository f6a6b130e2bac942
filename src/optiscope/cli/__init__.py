"""The command line. Thin: it reads options, calls the library, prints, and decides paths.

What is wrong with the input is said in one line, with exit code 2. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import itertools
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from ..errors import OptiscopeError


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `optiscope`: run a command and exit with its code.

    0; 1 where every run of a study failed or diverged, or `compare` found a regression; 2 for bad input; 130 when
    interrupted.
    """
    warnings.showwarning = _warn
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell (`>&-`): what is said goes nowhere, and work goes on
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    sys.exit(exit_code(sys.argv[1:] if arguments is None else arguments))


def exit_code(arguments: Sequence[str]) -> int:
    """Run a command, say in one line on stderr what is wrong with it, and give the exit code."""
    try:
        return _invoke(list(arguments))
    except OptiscopeError as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        print("\noptiscope: interrupted; finished runs are kept, the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone (`optiscope list problems | head`); that is their choice, not an error.
        sys.stderr.close()
        return 0
    except OSError as error:
        # A full disk, a file where a folder belongs: whichever file it was, it is not ours to read or write.
        what = "the output" if error.filename is None else repr(str(error.filename))
        return _complain(f"cannot read or write {what}: {error.strerror or error}")


def _invoke(words: list[str]) -> int:
    """Run a command. Not by its own `main`, which would swallow an interruption and a reader that has gone."""
    import typer.main

    from .commands import app

    command: Any = typer.main.get_command(app)
    try:
        with command.make_context("optiscope", list(words)) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as error:
        return error.exit_code
    except Exception as error:
        # Usage errors know how to say themselves; which class they are depends on Typer's version.
        if not hasattr(error, "format_message"):
            raise
        return _complain(_usage(error, command, words))
    return 0


def _usage(error: Any, command: Any, words: list[str]) -> str:
    """One line about a usage error: what is wrong, what was given, what is allowed."""
    text = " ".join(error.format_message().split())
    if text.startswith("No such command"):
        return f"{text.rstrip('.').replace('. Did', ', did')}; commands: {', '.join(command.commands)}"
    options = getattr(getattr(error, "param", None), "opts", ())
    pairs = [pair for pair in itertools.pairwise(words) if pair[0] in options]
    pairs += [(word, word.partition("=")[2]) for word in words if "=" in word and word.partition("=")[0] in options]
    return f"{text.rstrip('.')}, got {pairs[-1][1]!r}" if pairs else text


def _complain(text: str) -> int:
    print(f"optiscope: {text}", file=sys.stderr)
    return 2


def _warn(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
    print(f"optiscope: warning: {message}", file=sys.stderr)
