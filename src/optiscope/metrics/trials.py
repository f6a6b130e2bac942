"""The trials of a search, out of its rows in the runs frame. Imports pandas and NumPy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .cells import KEY, as_categories, final_loss, group_codes, grouped_quantile, numbers, one_row_a_run


def selection_loss(runs: pd.DataFrame) -> NDArray[np.float64]:
    """What a search judges a run by: the validation loss of a problem that measures one, else `final_loss`.

    Infinite for a run that diverged, failed, or left the domain.
    """
    loss = final_loss(runs)
    validation = numbers(runs, "val_loss_final")
    measured = pd.Series(~np.isnan(validation)).groupby(runs["problem"].to_numpy()).transform("any").to_numpy(bool)
    judged = np.where(measured, validation, loss)
    return np.where(np.isposinf(loss) | np.isnan(judged), np.inf, judged)


def trial_scores(runs: pd.DataFrame, codes: NDArray[np.intp], count: int) -> pd.DataFrame:
    """`score`, `seeds`, `diverged` and `errors` of trials 0 … count - 1; `codes` says which trial each row belongs to.

    The score is the median of `selection_loss`, infinite as soon as an infinite run weighs in.
    """

    def tally(status: str) -> NDArray[np.int64]:
        return np.bincount(codes[(runs["status"] == status).to_numpy(bool)], minlength=count)

    seeds = runs["seed"].groupby(codes).nunique().reindex(range(count), fill_value=0).to_numpy()
    score = grouped_quantile(selection_loss(runs), codes, count, 0.5)
    return pd.DataFrame(
        {"score": score, "seeds": seeds, "diverged": tally("diverged"), "errors": tally("error")}, index=range(count)
    )


def trials(runs: pd.DataFrame, by: Sequence[str] = KEY) -> pd.DataFrame:
    """One row a trial: a setting of the hyperparameters that a search tried, with its score over the tuning seeds.

    Only rows of purpose `"tuning"` are read. The trials of one search share every column of `by`: they carry one label,
    and differ in `lr` and in the arguments that the column `hyperparameters` holds. Equal settings are one trial.

    Returns:
        `by`, `lr`, a column for each argument (`betas[0]`, `weight_decay`, …; those of a schedule as `schedule.NAME`;
        empty where an optimizer was not given it), then `score` (the median of the final loss, or of the validation
        loss where the problem measures one; divergence is infinite), `seeds`, `diverged` and `errors` (numbers of
        runs). Sorted by `by`, then by rate.
    """
    runs = as_categories(one_row_a_run(runs), (*KEY, "hyperparameters", "purpose", "status"))
    pool = runs.rows(runs["purpose"] == "tuning")
    codes, found = group_codes(pool, (*by, "lr", "hyperparameters"))
    texts, which = np.unique(found["hyperparameters"].to_numpy(object), return_inverse=True)
    read = [flat_arguments(json.loads(text)) for text in texts]  # many trials differ in their rate alone
    values = [read[i] for i in which]
    names = list(dict.fromkeys(name for own in values for name in own))
    arguments = pd.DataFrame({name: [own.get(name) for own in values] for name in names}, index=found.index)
    parts = [found.drop(columns="hyperparameters"), arguments, trial_scores(pool, codes, len(found))]
    return pd.concat(parts, axis=1)


def flat_arguments(hyperparameters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Arguments of optimizer and schedule as one flat mapping, sequences by element.

    >>> flat_arguments({"optimizer": {"betas": [0.9, 0.99]}, "schedule": {"gamma": 0.5}})
    {'betas[0]': 0.9, 'betas[1]': 0.99, 'schedule.gamma': 0.5}
    """
    flat: dict[str, Any] = {}
    for prefix, room in (("", "optimizer"), ("schedule.", "schedule")):
        for name, value in hyperparameters.get(room, {}).items():
            if name == "groups" and not prefix:
                for i, group in enumerate(value, start=1):
                    flat |= {f"groups[{i}].{key}": part for key, part in group.items()}
            elif isinstance(value, (list, tuple)):
                flat |= {f"{prefix}{name}[{i}]": part for i, part in enumerate(value)}
            else:
                flat[f"{prefix}{name}"] = value
    return flat
