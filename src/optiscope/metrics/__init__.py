"""Frame in, frame out: statistics of the runs and trace frames, and tables as text.

    gap               how far from the least loss known
    targets_for       the targets of each problem, set before the runs
    steps_to_target   when each run first met each target; a miss is infinite
    success           success rate and expected running time of each cell
    trials            the trials of a search, with their scores
    expected_best     how good the best of k trials is
    best_rates        the best learning rate of each cell, and whether its range held it
    comparison        every cell at its best rate
    ranking           who won each problem, ties named
    basins            which minimum each run reached, and when
    noise_floor       how low each rate lets the loss come under gradient noise
    verdicts          how each run ended, in a word and a sentence
    to_markdown, to_csv, to_latex

Imports pandas and NumPy; no torch, no store, no pictures.
"""

from .basins import basins
from .budget import expected_best
from .cells import CELL, KEY, SETTING, final_loss, grouped_quantile
from .compare import SOLVED, comparison, ranking
from .formatting import escape_latex, escape_markdown, number, to_csv, to_latex, to_markdown
from .noise import noise_floor
from .rates import best_rates, shown_rates
from .targets import gap, steps_to_target, success, targets_for
from .trials import flat_arguments, selection_loss, trial_scores, trials
from .verdicts import verdicts

__all__ = [
    "CELL", "KEY", "SETTING", "SOLVED", "basins", "best_rates", "comparison", "escape_latex", "escape_markdown",
    "expected_best", "final_loss", "flat_arguments", "gap", "grouped_quantile", "noise_floor", "number", "ranking",
    "selection_loss", "shown_rates", "steps_to_target", "success", "targets_for", "to_csv", "to_latex", "to_markdown",
    "trial_scores", "trials", "verdicts",
]  # fmt: skip
