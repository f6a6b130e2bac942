"""A study as one HTML file: nothing is fetched, and any number leads to the runs behind it. No torch.

evidence     the frames, and every statistic of them, once
verdict      the recommendation in plain words
charts       the frames that are drawn
paths, maps  runs and their traces; the ground of a race
repeat       whether a command makes a run again
references   who is to be cited, as BibTeX
notes        the method, as the Markdown report tells it
pack         frames as text that a page can carry
assets/      the template, the style and the scripts
"""

from .make import html_report

__all__ = ["html_report"]
