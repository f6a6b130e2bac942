"""Who is to be cited for what was run: `references.toml`, by the names of the catalogues, as BibTeX. No torch."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ...render.style import short_name

FILE = Path(__file__).parent / "references.toml"
EVERY = "*"
_PLACES = ("journal", "booktitle", "publisher", "school", "institution", "howpublished")
# What TeX reads as a command, and a title need not.
_TEX = {"&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "^": r"\^{}"}


@dataclass(frozen=True)
class Reference:
    """One work: its BibTeX `key`, the names it is `of`, and its fields."""

    key: str
    of: tuple[str, ...]
    fields: dict[str, Any]

    @property
    def line(self) -> str:
        """Author (year), title, and where it stands."""
        authors = [name.partition(",")[0] for name in self.fields["author"].split(" and ")]
        who = ", ".join("et al." if name == "others" else name for name in authors)
        where = next((self.fields[name] for name in _PLACES if name in self.fields), "")
        return f"{who} ({self.fields['year']}), {self.fields['title']}" + (f", {where}" if where else "")

    @property
    def link(self) -> str:
        """Where to find it: a DOI, an arXiv id or an address, or nothing."""
        if "doi" in self.fields:
            return f"https://doi.org/{self.fields['doi']}"
        return f"https://arxiv.org/abs/{self.fields['arXiv']}" if "arXiv" in self.fields else self.fields.get("url", "")

    @property
    def bibtex(self) -> str:
        """The entry."""
        fields = {name: value for name, value in self.fields.items() if name not in ("kind", "arXiv")}
        if "arXiv" in self.fields:
            fields |= {"eprint": self.fields["arXiv"], "archiveprefix": "arXiv"}
        rows = [f"  {name} = {{{_for_tex(name, str(value))}}}" for name, value in fields.items()]
        return f"@{self.fields['kind']}{{{self.key},\n" + ",\n".join(rows) + "\n}"


def references_of(runs: pd.DataFrame) -> list[Reference]:
    """The works behind the problems, optimizers and schedules of some runs, and behind the statistics, in order."""
    if runs.empty:
        return []
    run = {short_name(name).partition("(")[0] for name in runs["optimizer"].unique()}
    run |= {name.partition("(")[0] for column in ("problem", "schedule") for name in runs[column].unique()}
    return [one for one in known() if run & set(one.of) or EVERY in one.of]


@functools.cache
def known() -> tuple[Reference, ...]:
    """Every work on the list: first those of the catalogues, then those of every page."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    found = [Reference(key, tuple(fields.pop("of")), fields) for key, fields in table.items()]
    return tuple(sorted(found, key=lambda one: EVERY in one.of))


def _for_tex(name: str, text: str) -> str:
    if name in ("doi", "url", "eprint"):
        return text
    return "".join(_TEX.get(letter, letter) for letter in text)
