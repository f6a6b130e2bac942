"""Frames and pictures into pages and files. Joins `metrics` with what recipes drew; imports no torch.

html_report       the same as one HTML page, in which every number leads to its runs
page_server       that page, served to this machine alone
markdown_report   a study as one Markdown page
write_report      the page, into a folder
write_gallery     the page of all recipes' pictures
write_tables      the comparison as Markdown, CSV and LaTeX
write_study_page  all of that for a store, into its folder
remembered        what the last report of a folder was told, an About
Picture           a picture of the page
"""

from .gallery import PARTS, Recipe, gallery_page, read_recipes, write_gallery
from .kept import About, remembered
from .markdown import Picture, markdown_report, write_report
from .page import html_report
from .serve import page_server
from .study_page import write_study_page
from .tables import write_tables

__all__ = [
    "PARTS", "About", "Picture", "Recipe", "gallery_page", "html_report", "markdown_report", "page_server",
    "read_recipes", "remembered", "write_gallery", "write_report", "write_study_page", "write_tables",
]  # fmt: skip
