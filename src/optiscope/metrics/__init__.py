"""Frame in, frame out: statistics of the runs and trace frames, and tables as text.

What a run is worth, and how soon it got there

    gap               how far from the least loss known
    best_so_far       what each run had reached by each row of its trace
    shown_runs        the result rows at the rate that a comparison shows
    costs             one number a run, less being better, a failure infinite: what most of the following take
    median_costs      its median by setting and competitor
    targets_for       the targets of each problem, set before the runs
    steps_to_target   when each run first met each target, in steps, evaluations and seconds; a miss is infinite
    success           success rate and expected running time of each cell

    prepared          the runs frame, made ready for several of these at once

Search

    trials            the trials of a search, with their scores
    expected_best     how good the best of k trials is
    best_rates        the best learning rate of each cell, and whether its range held it
    lr_curves         how good each rate of each cell is
    lr_robustness     how many decades of rates are within ten times of the best

Who is better, and how sure that is

    comparison                   every cell at its best rate
    ranking                      who won each problem, ties named
    tied_ranks                   places in each problem; who cannot be told apart by a test shares one
    paired_tests                 everybody against one, by Wilcoxon's test on pairs of a seed, with Holm's correction
    holm                         the correction
    signed_rank_p, rank_sum_p    the tests alone, of pairs and of two sets of runs
    choose_test                  which of them can tell so many competitors apart on so few seeds
    smallest_detectable          the smallest difference that n seeds could have shown
    average_ranks                mean ranks over problems, with the critical difference
    win_rates                    how often each beats each other on the same seed
    probability_of_improvement   P(a run of the one is better than one of the other), with intervals
    interquartile_mean           the mean of the middle half, with stratified bootstrap intervals
    performance_profile          who solves which share within tau times the best's effort, and the area under it
    target_ecdf                  who had met which share of all targets by when, and the area under it
    schedule_gains, median_gains what each schedule gains over the constant rate
    variance_shares              how much problem, optimizer, schedule, rate and seed explain
    variance_levels              the complete factorial that this was taken from

Runs one by one

    basins            which minimum each run reached, and when
    noise_floor       how low each rate lets the loss come under gradient noise
    verdicts          how each run ended, in a word and a sentence
    endings           the same of each cell, counted

    to_markdown, to_csv, to_latex

Imports pandas, NumPy and, late, SciPy; no torch, no store, no pictures.
"""

from .basins import basins
from .budget import expected_best
from .cells import CELL, KEY, SETTING, final_loss, grouped_quantile, prepared, setting_names
from .compare import comparison, ranking
from .costs import best_so_far, costs, log_costs, median_costs
from .formatting import escape_latex, escape_markdown, number, to_csv, to_latex, to_markdown
from .iqm import interquartile_mean
from .noise import noise_floor
from .pairs import probability_of_improvement, win_rates
from .profiles import performance_profile, target_ecdf
from .rank_sum import choose_test, least_seeds, rank_sum_p
from .ranks import average_ranks, critical_difference, tied_ranks
from .rate_curves import lr_curves, lr_robustness, median_gains, schedule_gains
from .rates import best_rates, shown_rates, shown_runs
from .significance import holm, paired_tests, signed_rank_p, smallest_detectable
from .targets import SOLVED, gap, steps_to_target, success, targets_for
from .trials import flat_arguments, selection_loss, trial_scores, trials
from .variance import variance_levels, variance_shares
from .verdicts import endings, verdicts

__all__ = [
    "CELL", "KEY", "SETTING", "SOLVED", "average_ranks", "basins", "best_rates", "best_so_far", "choose_test",
    "comparison", "costs", "critical_difference", "endings", "escape_latex", "escape_markdown", "expected_best",
    "final_loss", "flat_arguments", "gap", "grouped_quantile", "holm", "interquartile_mean", "least_seeds", "log_costs",
    "lr_curves", "lr_robustness", "median_costs", "median_gains", "noise_floor", "number", "paired_tests",
    "performance_profile", "prepared", "probability_of_improvement", "rank_sum_p", "ranking", "schedule_gains",
    "selection_loss", "setting_names", "shown_rates", "shown_runs", "signed_rank_p", "smallest_detectable",
    "steps_to_target", "success", "target_ecdf", "targets_for", "tied_ranks", "to_csv", "to_latex", "to_markdown",
    "trial_scores", "trials", "variance_levels", "variance_shares", "verdicts", "win_rates",
]  # fmt: skip
