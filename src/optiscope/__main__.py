"""`python -m optiscope`."""

from .cli import main

main()
