"""Saved benchmark runs: files of pytest-benchmark with the harness's own facts beside. No torch.

check    what such a file must hold; what it lacks is one clear line
runs     a file, read and put into frames; finding one by number or name
figures  the ratios and the memory figures that benchmarks record beside their time

"""

from .figures import Figure, figure_of, figures_of
from .runs import FOLDER, MACHINE, SavedRun, find_run, load_run, machines_apart, newest_runs, saved_runs

__all__ = [
    "FOLDER", "MACHINE", "Figure", "SavedRun", "figure_of", "figures_of", "find_run", "load_run", "machines_apart",
    "newest_runs", "saved_runs",
]  # fmt: skip
