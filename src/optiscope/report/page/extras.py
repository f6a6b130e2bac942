"""What a study's names tell beside its runs: the optimizers' memory, and the momentum that schedules move. No torch.

Both are taken from the real optimizers and schedulers, and only where names alone make the stored run again: a name
of somebody's own may stand for anything.
"""

from __future__ import annotations

import pandas as pd

from ... import metrics
from .evidence import Evidence
from .repeat import by_names

STATE = ("setting", "optimizer", "state_bytes", "state_share")


def memory(evidence: Evidence) -> pd.DataFrame:
    """One row a setting and optimizer: the bytes of its state, and their share of the parameters' own bytes."""
    from ...measure.footprint import footprint
    from ...naming import grid

    shown = evidence.shown
    rows = []
    if len(shown):
        first = by_names(shown.drop_duplicates([*metrics.SETTING, "optimizer"]).reset_index(drop=True))
        for place, row in zip(evidence.setting_of(first), first.to_dict("records"), strict=True):
            [run] = grid(row["problem"], row["optimizer"], lr=row["lr"], steps=1, dtype=row["dtype"])
            found = footprint(run)
            if found is not None:
                rows.append((int(place), row["optimizer"], found.state, found.state / found.parameters))
    kinds = {"setting": "int64", "optimizer": "str", "state_bytes": "float64", "state_share": "float64"}
    return pd.DataFrame(rows, columns=list(STATE)).astype(kinds)


def momenta(evidence: Evidence) -> pd.DataFrame:
    """The columns schedule, step, momentum of each schedule that moves it, at the longest horizon.

    The momentum is that of an SGD that has 0.9; of Adam and its like it is the first of betas.
    """
    from ...catalogues.schedule_curves import sample_schedules
    from ...naming import as_schedule

    shown, steps = evidence.shown, 0
    frame = pd.DataFrame(columns=["schedule", "step", "momentum"])
    if len(shown):
        steps = int(shown["steps"].max())
        first = by_names(shown.drop_duplicates("schedule").reset_index(drop=True))
        curves = [sample_schedules([as_schedule(str(name))], steps) for name in first["schedule"]]
        moving = [own[["schedule", "step", "momentum"]] for own in curves if own["momentum"].nunique() > 1]
        frame = pd.concat(moving, ignore_index=True) if moving else frame
    return frame
