"""Verdicts on convergence: listed cases, and SciPy as the oracle of the tests."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from optiscope import InputError
from optiscope.metrics import holm, signed_rank_p
from optiscope.metrics.regression import convergence_verdicts, paired_steps


def test_the_signed_rank_test_is_that_of_scipy():
    rng = np.random.default_rng(1)
    for n in (5, 8, 12, 20):
        values = rng.normal(0.4, 1.0, n)
        assert signed_rank_p(values) == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)


def test_the_signed_rank_test_with_ties_is_the_permutation_test():
    values = np.array([1.0, 1.0, -1.0, 2.0, 2.0, 3.0, 0.0, np.inf])
    nonzero = values[values != 0]
    ranks = stats.rankdata(np.abs(nonzero))
    signs = np.array(np.meshgrid(*[[0, 1]] * len(ranks))).reshape(len(ranks), -1)
    sums = (ranks[:, None] * signs).sum(axis=0)
    seen = min(ranks[nonzero > 0].sum(), ranks[nonzero < 0].sum())
    assert signed_rank_p(values) == pytest.approx(min(1.0, 2 * (sums <= seen).mean()))
    assert signed_rank_p([0.0, 0.0]) == 1.0


def test_holm_is_the_textbook_s():
    assert holm(np.array([0.005, 0.011, 0.02, 0.04, 0.13])).tolist() == pytest.approx([0.025, 0.044, 0.06, 0.08, 0.13])
    assert holm(np.array([])).tolist() == []


def steps(values, target=1e-6, **cell) -> pd.DataFrame:
    named = {"problem": "rosenbrock", "optimizer": "Adam", "schedule": "constant", "horizon": 500, "lr": 0.1} | cell
    return pd.DataFrame(
        [{**named, "metric": "gap", "target": target, "seed": i, "steps": float(v)} for i, v in enumerate(values)]
    )


BASE = np.arange(100, 220, 10)


@pytest.mark.parametrize(
    ("other", "expected", "ratio"),
    [(1.3 * BASE, "later", 1.3), (BASE / 1.3, "sooner", 1 / 1.3), (BASE, "indistinguishable", 1.0),
     (BASE * np.where(np.arange(12) % 2, 1.1, 1 / 1.1), "indistinguishable", None),
     (np.full(12, np.inf), "later", np.inf)],
)  # fmt: skip
def test_convergence_is_judged_by_a_paired_test(other, expected, ratio):
    [row] = convergence_verdicts(steps(BASE), steps(other)).to_dict("records")
    assert row["verdict"] == expected
    assert row["seeds"] == 12
    if ratio is not None:
        assert row["ratio"] == pytest.approx(ratio)
    assert (row["p_holm"] < 0.05) == (expected in ("later", "sooner"))


def test_four_seeds_cannot_tell():
    [row] = convergence_verdicts(steps(BASE[:4]), steps(3 * BASE[:4])).to_dict("records")
    assert (row["verdict"], row["p"]) == ("too few seeds", 0.125)


def test_the_hardest_target_that_half_met_on_either_side_is_judged():
    easy, hard, never = (steps(BASE, target) for target in (1e-2, 1e-4, 1e-8))
    lost = np.where(np.arange(12) < 7, BASE, np.inf)
    one = pd.concat([easy, hard, never.assign(steps=np.inf)])
    other = pd.concat([easy, hard.assign(steps=lost), never.assign(steps=np.inf)])
    [row] = convergence_verdicts(one, other).to_dict("records")
    assert row["target"] == 1e-4
    assert row["ratio"] == 1.0  # the median seed is as fast as before
    assert convergence_verdicts(never.assign(steps=np.inf), never.assign(steps=np.inf))["ratio"].tolist() == [1.0]


def test_many_cells_raise_the_bar():
    one = pd.concat([steps(BASE[:6], optimizer=f"o{k}") for k in range(10)])
    other = pd.concat([steps(BASE[:6] * (2 if k == 0 else 1), optimizer=f"o{k}") for k in range(10)])
    table = convergence_verdicts(one, other)
    assert table["p"].min() == pytest.approx(2 / 2**6)
    # Six seeds cannot pass 0.05 / 10, and where nothing differs there is nothing to pass.
    assert sorted(table["verdict"]) == ["indistinguishable"] * 9 + ["too few seeds"]
    assert convergence_verdicts(one[:6], other[:6])["verdict"].tolist() == ["later"]


def test_what_twelve_seeds_could_have_shown_is_the_t_test_s():
    noise = np.exp(np.random.default_rng(0).normal(0.0, 0.2, 12))
    [row] = convergence_verdicts(steps(BASE), steps(BASE * noise, lr=0.3)).to_dict("records")
    assert (row["a_lr"], row["b_lr"]) == (0.1, 0.3)
    logs = np.log(noise)
    shift = np.log(row["detectable"]) / logs.std(ddof=1) * np.sqrt(12)
    critical = stats.t.ppf(0.975, 11)
    power = stats.nct.sf(critical, 11, shift) + stats.nct.cdf(-critical, 11, shift)
    assert power == pytest.approx(0.8, abs=1e-6)
    [few] = convergence_verdicts(steps(BASE[:4]), steps(BASE[:4] * noise[:4])).to_dict("records")
    assert np.isinf(few["detectable"])


def test_steps_of_a_study_are_paired_by_seed():
    import optiscope as osc

    results = osc.run(osc.grid("sphere", ["SGD", "Adam"], lr=0.3, seed=range(3), start="random", steps=40))
    frame = paired_steps(results.runs, results.trace)
    sgd = frame[(frame["optimizer"] == "SGD") & (frame["target"] == 1e-8)]
    assert sgd["seed"].tolist() == [0, 1, 2]
    assert (sgd["steps"] < 40).all()
    assert set(frame["horizon"]) == {40}
    table = convergence_verdicts(frame, frame)
    assert set(table["verdict"]) == {"indistinguishable"}
    with pytest.raises(InputError, match="convergence"):
        convergence_verdicts(frame.drop(columns="seed"), frame)
