"""The small study of the tests of the command line, and how they look at what a command leaves."""

import sys

from optiscope.cli import exit_code

STUDY = """
name = "tiny"
problems = ["beale", "sphere(dim=3)"]
optimizers = ["SGD", "Adam"]
schedules = ["constant", "CosineAnnealingLR"]
lr = {low = 1e-3, high = 1e-2, per_decade = 1, lowest = 1e-3, highest = 1e-2}
seeds = 2
start = "random"
steps = 12
"""


def process(*arguments: str) -> list[str]:
    # Whoever runs the tests may ignore SIGINT, and a child would inherit that.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    return [sys.executable, "-c", f"{heed}; from optiscope.cli import main; main()", *arguments]


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def complaint(capsys, arguments) -> str:
    """The one line that a command which cannot be obeyed leaves."""
    assert exit_code(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("optiscope: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err
