"""Runs that end at a target and runs that do not are never taken for runs of one kind."""

import pandas as pd
import pytest

import optiscope as osc
from optiscope import metrics


def frame(target, **options):
    runs = osc.grid("beale", ["SGD", "Adam"], lr=1e-3, seed=range(3), start="random", steps=20)
    return osc.run(runs, trace="none", target=target, **options).runs


WHOLE, LOOSE, TIGHT = frame(None), frame(5.0), frame(1.0)


@pytest.mark.parametrize(
    ("parts", "ends"),
    [
        ((WHOLE, LOOSE), "at the target 5 and at no target"),
        ((LOOSE, TIGHT), "at the target 1 and at the target 5"),
        # Nor across optimizers: one would have had a shorter way to go.
        ((WHOLE[WHOLE["optimizer"] == "SGD"], LOOSE[LOOSE["optimizer"] == "Adam"]), "at the target 5 and at no target"),
    ],
)
@pytest.mark.parametrize("measure", [metrics.comparison, metrics.costs, metrics.shown_runs, metrics.shown_rates])
def test_two_kinds_are_refused(parts, ends, measure):
    with pytest.raises(osc.InputError) as error:
        measure(pd.concat(parts))
    text = f"beale: runs that end {ends} cannot be compared: keep one kind, such as runs[runs['target'].isna()]"
    assert str(error.value) == text


@pytest.mark.parametrize("one", [WHOLE, LOOSE, TIGHT])
def test_one_kind_is_what_it_was(one):
    bare = one.drop(columns="target", errors="ignore")
    assert metrics.comparison(one).equals(metrics.comparison(bare))


def test_whole_tuning_runs_may_choose_the_rate_of_runs_that_end():
    tuning = frame(None, purpose="tuning")
    table = metrics.comparison(pd.concat([tuning, LOOSE]))
    assert table["optimizer"].tolist() == metrics.comparison(LOOSE)["optimizer"].tolist()


def test_each_setting_has_a_target_of_its_own():
    other = osc.grid("booth", ["SGD", "Adam"], lr=1e-3, seed=range(3), start="random", steps=20)
    both = pd.concat([LOOSE, osc.run(other, trace="none").runs])
    assert set(metrics.comparison(both)["problem"]) == {"beale", "booth"}
