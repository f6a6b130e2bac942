"""`python -m optiscope.cli`, for environments without the console script."""

from . import main

main()
