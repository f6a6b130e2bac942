"""Searches on top of the engine: rules that are METHOD's, and what they find.

selection      what all searches share: tuning seeds, the criterion
rates          one log-spaced grid of learning rates that grows while the winner sits on its edge
distributions  what one hyperparameter may be
space          search spaces, and the trials drawn from them
written        a search as a study file writes it
random         random search over several hyperparameters
"""

from .distributions import Choice, Distribution, LogUniform, NearOne, Range, Uniform
from .random import Search, random_search, search_cells
from .rates import LrRange, Tuned, tune, tune_cells
from .selection import FIRST_TUNING_SEED, Cell
from .space import HYPERPARAMETERS, Space, Trial, default_space
from .written import SearchPlan, plan_from

__all__ = [
    "FIRST_TUNING_SEED", "HYPERPARAMETERS", "Cell", "Choice", "Distribution", "LogUniform", "LrRange", "NearOne",
    "Range", "Search", "SearchPlan", "Space", "Trial", "Tuned", "Uniform", "default_space", "plan_from",
    "random_search", "search_cells", "tune", "tune_cells",
]  # fmt: skip
