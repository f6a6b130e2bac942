"""Things to minimise: `FUNCTIONS`, the catalogue of test functions, and the frame of what one looks like.

Floor 1: imports `spec`, `syntax`, `errors` and `streams` only.
"""

from .family import Family
from .functions import FUNCTIONS
from .landscape import landscape, view_bounds

__all__ = ["FUNCTIONS", "Family", "landscape", "view_bounds"]
