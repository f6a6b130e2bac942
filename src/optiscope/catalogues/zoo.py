"""The optimizers of the package `pytorch_optimizer` (the extra `zoo`): what there is, read from the package itself.

They are no part of the catalogue: each runs by its import path, `pytorch_optimizer.Lion(betas=(0.9, 0.99))`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from typing import Any

from ..errors import InputError
from ..spec import OptimizerSpec

PACKAGE = "pytorch_optimizer"


def zoo() -> tuple[OptimizerSpec, ...]:
    """A spec for each optimizer class of the package, by name. Raises InputError where it is not installed."""
    from torch.optim import Optimizer

    try:
        package = importlib.import_module(PACKAGE)
    except ImportError as error:
        raise InputError(f"the zoo needs {PACKAGE}: pip install 'optiscope[zoo]' ({error})") from error
    sources = _sources()
    found: list[OptimizerSpec] = []
    for name in sorted(vars(package), key=str.lower):
        cls: Any = getattr(package, name)
        if isinstance(cls, type) and issubclass(cls, Optimizer) and cls is not Optimizer:
            path = f"{PACKAGE}.{name}"
            note = "torch's own" if cls.__module__.startswith("torch.") else ""
            found.append(OptimizerSpec(path, path, note=note, source=sources.get(_key(name), "")))
    return tuple(found)


def _sources() -> dict[str, str]:
    """Papers by name, from the table in the package's own description."""
    facts: Any = importlib.metadata.metadata(PACKAGE)
    text = facts.get_payload() or facts["Description"]
    row = re.compile(r"^\|\s*([^|]+?)\s*\|\s*\*[^|]*\*\s*\|[^|]*\|[^|]*?\[paper\]\(([^\s()]+)\)", re.MULTILINE)
    papers = {_key(name): _short(link) for name, link in row.findall(str(text))}
    # The table names families; the classes are their members.
    for family, prefix in (("dadaptation", "DAdapt"), ("schedulefree", "ScheduleFree")):
        if family in papers:
            papers |= {_key(prefix + kind): papers[family] for kind in ("AdaGrad", "Adam", "Adan", "Lion", "SGD")}
            papers |= {_key(prefix + kind): papers[family] for kind in ("AdamW", "RAdam", "Wrapper")}
    return papers


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _short(link: str) -> str:
    arxiv = re.search(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})", link)
    return f"arXiv:{arxiv.group(1)}" if arxiv else link
