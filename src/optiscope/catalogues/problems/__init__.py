"""Things to minimise: test functions, learning tasks, and the frame of what a function looks like.

Floor 1: imports `spec`, `syntax`, `errors` and `streams` only.
"""

from .family import Family
from .functions import FUNCTIONS
from .landscape import landscape, view_bounds
from .learning import LEARNING

PROBLEMS = (*FUNCTIONS, *LEARNING)

__all__ = ["FUNCTIONS", "LEARNING", "PROBLEMS", "Family", "landscape", "view_bounds"]
