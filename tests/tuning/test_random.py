import json
import shutil

import numpy as np
import pandas as pd
import pytest

import optiscope as osc
from optiscope.metrics import KEY, expected_best, trials
from optiscope.tuning import FIRST_TUNING_SEED, LogUniform, NearOne, SearchPlan, Space, search_cells

ADAM = Space(
    {
        "lr": LogUniform(1e-4, 10.0), "betas": (NearOne(0.0, 0.99), NearOne(0.9, 0.9999)),
        "eps": LogUniform(1e-10, 1e-2), "weight_decay": LogUniform(1e-5, 0.1),
    }
)  # fmt: skip
MOMENTUM = Space({"lr": LogUniform(1e-5, 0.1), "momentum": NearOne(0.0, 0.99)})


def planned(space, optimizer, count, seeds=(7,), steps=100, schedule="constant", problem="rosenbrock"):
    base, timetable = osc.optimizers()[optimizer], osc.schedules()[schedule]
    drawn = [space.trial(k, 0, base, timetable) for k in range(count)]
    return [run for t in drawn for run in osc.grid(problem, t.optimizer, t.schedule, t.lr, seeds, "random", steps)]


@pytest.mark.parametrize(("space", "optimizer"), [(ADAM, "Adam"), (MOMENTUM, "SGD")], ids=["Adam", "SGD"])
def test_64_trials_are_one_stacked_batch_and_equal_the_plain_loop(space, optimizer):
    runs = planned(space, optimizer, 64)
    batches = []
    lanes = osc.run(runs, trace="none", progress=batches.append).runs
    plain = osc.run(runs, trace="none", engine="single").runs
    assert set(lanes["engine"]) == {"stacked"}
    assert [len(batch) for batch in batches] == [64]
    assert lanes["status"].tolist() == plain["status"].tolist()
    assert lanes["steps_done"].tolist() == plain["steps_done"].tolist()
    whole = lanes["status"] == "max_steps"
    assert whole.sum() > 20
    np.testing.assert_allclose(lanes["loss_final"][whole], plain["loss_final"][whole], rtol=1e-9)


def test_what_is_zero_makes_a_batch_of_its_own():
    space = Space({"lr": LogUniform(1e-5, 1e-3), "momentum": NearOne(0.5, 0.99, zero=0.5)})
    runs = planned(space, "SGD", 32)
    batches = []
    lanes = osc.run(runs, trace="none", progress=batches.append).runs
    plain = osc.run(runs, trace="none", engine="single").runs
    zero = [{one.optimizer.arguments["momentum"] == 0 for one in batch} for batch in batches]
    assert sorted(map(sorted, zero)) == [[False], [True]]
    assert set(lanes["engine"]) == {"stacked"}
    np.testing.assert_allclose(lanes["loss_final"], plain["loss_final"], rtol=1e-9)


def test_a_search_is_proved_once_whatever_it_draws(tmp_path):
    osc.run(planned(ADAM, "Adam", 16), trace="none", store=tmp_path)
    assert len(osc.Store(tmp_path).verdicts()) == 1
    osc.run(planned(ADAM, "Adam", 32), trace="none", store=tmp_path)
    assert len(osc.Store(tmp_path).verdicts()) == 1
    # Lanes that differ in their rates alone prove nothing about betas by lane.
    osc.run(
        osc.grid("rosenbrock", "Adam(weight_decay=0.01)", lr=[0.01, 0.02, 0.03, 0.04]), trace="none", store=tmp_path
    )
    assert len(osc.Store(tmp_path).verdicts()) == 2


def test_an_argument_that_the_group_does_not_hold_never_varies_within_a_batch():
    from torch import no_grad
    from torch.optim import Optimizer

    class Outside(Optimizer):
        def __init__(self, params, lr=1e-3, factor=1.0):
            self.factor = factor
            super().__init__(params, {"lr": lr})

        @no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.sub_(p.grad * group["lr"] * self.factor)

    specs = [osc.OptimizerSpec(f"Outside(factor={f})", Outside, {"factor": f}) for f in (0.5, 1.0)]
    runs = osc.grid("sphere", specs, lr=[0.01, 0.02, 0.03, 0.04], steps=10)
    lanes, plain = osc.run(runs).runs, osc.run(runs, engine="single").runs
    assert set(lanes["engine"]) == {"stacked"}
    np.testing.assert_allclose(lanes["loss_final"], plain["loss_final"], rtol=1e-9)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    store = osc.Store(tmp_path_factory.mktemp("search"))
    return osc.random_search("rosenbrock", "Adam", steps=60, space=ADAM, trials=24, start="random", store=store), store


def test_the_winner_has_the_least_median_of_the_tuning_seeds(found):
    search, store = found
    runs = store.runs()
    assert set(runs["purpose"]) == {"tuning"}
    assert sorted(set(runs["seed"])) == [FIRST_TUNING_SEED + k for k in range(3)]
    assert len(search.table) == 24
    assert search.table["trial"].tolist() == list(range(24))
    for row in search.table.itertuples():
        own = runs[runs["lr"] == row.lr]
        assert len(own) == 3
        assert row.score == (own["loss_final"].median() if (own["status"] == "max_steps").all() else np.inf)
    assert search.score == search.table["score"].min()
    assert search.best.number == search.table["score"].idxmin()
    assert search.best.optimizer.arguments["betas"] == search.best.values["betas"]


def test_the_best_can_be_run_on_evaluation_seeds(found):
    search, _ = found
    runs = osc.run(
        osc.grid("rosenbrock", search.best.optimizer, lr=search.best.lr, seed=range(2), start="random", steps=60)
    )
    assert set(runs.runs["optimizer"]) == {"Adam(…)"}
    kept = json.loads(runs.runs["hyperparameters"][0])["optimizer"]
    assert kept == {name: list(v) if isinstance(v, tuple) else v for name, v in search.best.optimizer.arguments.items()}


def test_the_trials_come_back_from_the_runs_frame_alone(found):
    search, store = found
    again = trials(store.runs())
    whole = search.table.sort_values("lr", ignore_index=True)
    pd.testing.assert_frame_equal(again, whole[list(again.columns)], check_dtype=False)
    curves = [expected_best(frame, resamples=20) for frame in (again, search.table)]
    pd.testing.assert_frame_equal(*curves)
    assert curves[0]["expected"].iloc[-1] == search.score


def test_the_store_keeps_what_was_declared(found):
    search, store = found
    [facts] = store.searches()
    assert facts == json.loads(json.dumps(search.facts()))
    assert facts["space"]["lr"] == {"low": 1e-4, "high": 10.0, "scale": "log"}
    assert (facts["trials"], facts["seeds"], facts["edges"]) == (24, 3, search.edges)


def test_a_longer_search_begins_with_the_shorter_one(found, tmp_path):
    search, store = found
    store = osc.Store(shutil.copytree(store.path, tmp_path / "copy"))  # the other tests see the shorter one alone
    before = store.done()
    longer = osc.random_search("rosenbrock", "Adam", steps=60, space=ADAM, trials=30, start="random", store=store)
    pd.testing.assert_frame_equal(longer.table.iloc[:24], search.table)
    assert before < store.done()
    assert len(store.done() - before) == 6 * 3
    assert len(store.searches()) == 2


def test_every_optimizer_has_the_same_draws_of_what_it_shares():
    cells = [
        (osc.problems()["sphere"], osc.optimizers()[n], osc.schedules()["constant"]) for n in ("SGD", "Adam", "RMSprop")
    ]
    searches = search_cells(cells, 5, SearchPlan(12))
    rates = [search.table["lr"].tolist() for search in searches]
    decays = [search.table["weight_decay"].tolist() for search in searches]
    assert rates[0] == rates[1] == rates[2]
    assert decays[0] == decays[1] == decays[2]
    assert searches[0].table["momentum"].tolist() == searches[2].table["momentum"].tolist()


def test_one_space_for_several_optimizers_gives_each_what_it_has():
    space = Space({"lr": LogUniform(1e-3, 0.1), "momentum": NearOne(0, 0.9), "betas": (NearOne(0, 0.9), 0.99)})
    cells = [(osc.problems()["sphere"], osc.optimizers()[n], osc.schedules()["constant"]) for n in ("SGD", "Adam")]
    sgd, adam = search_cells(cells, 5, SearchPlan(4, space))
    assert (list(sgd.space.entries), list(adam.space.entries)) == (["lr", "momentum"], ["lr", "betas"])


def test_a_winner_close_to_a_bound_is_flagged():
    # On x² with lr at most 1e-3 the largest rate wins: of 64 draws the best lies in the top fiftieth.
    search = osc.random_search("sphere", "SGD", steps=20, space=Space({"lr": LogUniform(1e-5, 1e-3)}), trials=64)
    assert search.best.lr == search.table["lr"].max()
    assert search.edges == {"lr": "high"}


def test_divergence_is_infinite_and_counted():
    search = osc.random_search(
        "quadratic(condition=100)", "SGD", steps=300, space=Space({"lr": LogUniform(1e-4, 1e3)}), trials=32
    )
    bad = search.table["diverged"] > 0
    assert 0 < bad.sum() < 32
    assert np.isinf(search.table["score"][bad]).all()
    assert np.isfinite(search.score)
    assert search.facts()["diverged"] == bad.sum()


def test_everything_diverged_is_said():
    cliff = osc.Problem("cliff", lambda x: -((x**4).sum(-1)), start=(5.0,))
    search = osc.random_search(cliff, "SGD", steps=100, space=Space({"lr": LogUniform(1.0, 10.0)}), trials=4)
    assert np.isinf(search.score)
    assert search.facts()["score"] is None


def test_draws_that_are_equal_are_trials_all_the_same():
    search = osc.random_search("sphere", "SGD", steps=5, space=Space({"lr": 0.1}), trials=5)
    assert len(search.table) == 5
    assert search.table["score"].nunique() == 1
    assert search.best.number == 0


def test_networks_are_judged_by_validation():
    search = osc.random_search(
        "digits-cnn", "Adam", steps=23, space=Space({"lr": LogUniform(1e-3, 1e-2)}), trials=2, seeds=1
    )
    assert search.criterion == "val_loss_final"
    assert search.table["score"].notna().all()


def test_the_columns_are_those_that_statistics_take(found):
    assert list(found[0].table.columns)[: len(KEY)] == list(KEY)
