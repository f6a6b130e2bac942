import pytest

import optiscope as osc
from optiscope.errors import StudyError
from optiscope.study import Study, demo_text
from optiscope.tuning import FIRST_TUNING_SEED, LrRange

FLAT = """
name       = "mine"
problems   = ["rosenbrock", "beale(noise=0.1)"]
optimizers = ["SGD", "SGD(momentum=0.9)", "Adam"]
schedules  = ["constant", "CosineAnnealingLR"]
lr         = "tune"
seeds      = 10
start      = "random"
steps      = 500
"""


def test_the_contract_s_study():
    study = Study.parse(FLAT)
    [block] = study.blocks
    assert study.name == "mine"
    assert len(list(block.cells)) == 12
    assert block.tuned
    assert block.seeds == tuple(range(10))
    assert (block.start, block.steps) == ("random", 500)


def test_blocks_have_axes_of_their_own():
    study = Study.parse(
        'name = "two"\n[[block]]\nproblems = ["beale"]\noptimizers = ["SGD"]\nlr = 0.1\nseeds = [3, 5]\nsteps = 7\n'
        '[[block]]\nproblems = ["digits-cnn"]\noptimizers = ["Adam"]\nlr = [1e-3, "default"]\nsteps = 2\n'
    )
    assert [block.steps for block in study.blocks] == [7, 2]
    assert study.blocks[0].seeds == (3, 5)
    assert study.blocks[0].lr == (0.1,)
    assert study.blocks[1].lr == (1e-3, "default")


def test_a_block_says_what_is_traced(tmp_path):
    text = 'name = "thin"\n' + "".join(
        f'[[block]]\nproblems = ["beale"]\noptimizers = ["SGD"]\nlr = {lr}\nseeds = 1\nsteps = 10\ntrace = {trace}\n'
        for lr, trace in ((0.01, 5), (0.02, '"none"'), (0.03, '"all"'))
    )
    Study.parse(text).run(tmp_path)
    store = osc.Store(tmp_path)
    rates = store.runs().set_index("run_id")["lr"]
    steps = (
        store.trace().assign(lr=lambda frame: frame["run_id"].map(rates)).groupby("lr")["step"].apply(list).to_dict()
    )
    assert steps == {0.01: [0, 5, 10], 0.03: list(range(11))}


def test_the_demo_is_the_issue_s():
    functions, digits, demo = Study.parse(demo_text()).blocks
    assert [p.name for p in functions.problems] == ["rosenbrock", "beale", "himmelblau", "rastrigin", "saddle"]
    assert [s.name for s in functions.schedules] == [
        "constant", "StepLR", "ExponentialLR", "CosineAnnealingLR", "OneCycleLR", "ReduceLROnPlateau"
    ]  # fmt: skip
    assert [o.name for o in functions.optimizers] == ["SGD", "Momentum", "Adam"]
    assert functions.tuned
    assert digits.tuned
    assert [p.name for p in demo.problems] == ["demo-cnn"]
    assert [s.name for s in demo.schedules] == ["StepLR(gamma=0.1, step_size=50)"]


def test_runs_and_resumes(tmp_path):
    text = (
        FLAT.replace("500", "20")
        .replace("seeds      = 10", "seeds = 2")
        .replace('"tune"', "{low = 1e-3, high = 1e-1, per_decade = 1}")
    )
    finished = []
    result = Study.parse(text).run(tmp_path, progress=finished.extend)
    runs = osc.Store(tmp_path).runs()
    results, tuning = runs[runs["purpose"] == "result"], runs[runs["purpose"] == "tuning"]
    assert len(results) == len(result.run_ids) == 2 * 3 * 2 * 2
    assert results["seed"].max() < FIRST_TUNING_SEED <= tuning["seed"].min()
    chosen = {(t.problem, t.optimizer, t.schedule): t.lr for t in result.tuned}
    assert all(chosen[row.problem, row.optimizer, row.schedule] == row.lr for row in results.itertuples())
    assert set(osc.Store(tmp_path).trace()["run_id"]) == set(results["run_id"])
    parts = sorted(path.name for path in (tmp_path / "runs").iterdir())
    again = Study.parse(text).run(tmp_path)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == parts
    assert again.run_ids == result.run_ids


def test_a_range_grows_as_far_as_the_library_s_unless_told():
    [block] = Study.parse(FLAT.replace('"tune"', "{low = 1e-3, high = 1}")).blocks
    assert block.lr == LrRange(1e-3, 1.0)


SEARCH = """
name       = "searched"
problems   = ["beale"]
optimizers = ["SGD", "Adam"]
schedules  = ["constant", "StepLR"]
seeds      = 2
steps      = 20

[search]
trials = 6
lr = {low = 1e-4, high = 0.1}
momentum = {low = 0.0, high = 0.99, scale = "near_one"}
schedule.gamma = {low = 0.1, high = 0.9, scale = "linear"}
"""


def test_a_search_block_runs_its_winner_on_the_evaluation_seeds(tmp_path):
    study = Study.parse(SEARCH)
    assert study.blocks[0].tuned
    finished = []
    result = study.run(tmp_path, progress=finished.extend)
    runs = osc.Store(tmp_path).runs()
    results, tuning = runs[runs["purpose"] == "result"], runs[runs["purpose"] == "tuning"]
    # One tuning seed: nothing depends on it. Four cells of six trials, then two evaluation seeds each.
    assert (len(tuning), len(results)) == (4 * 6, 4 * 2)
    assert sum(study.blocks[0].work().values()) == 4 * (6 * 3 + 2) * 20
    assert results["seed"].max() < FIRST_TUNING_SEED <= tuning["seed"].min()
    best = {(s.best.optimizer.name, s.best.schedule.name): s for s in result.searched}
    assert set(best) == {(o, s) for o in ("SGD(…)", "Adam") for s in ("constant", "StepLR(…)")}
    for row in results.itertuples():
        assert row.lr == best[row.optimizer, row.schedule].best.lr
        assert row.engine == "single"
    assert sorted(result.run_ids) == sorted(results["run_id"])
    assert Study.parse(SEARCH).run(tmp_path).run_ids == result.run_ids
    table = osc.metrics.comparison(runs)
    assert set(table["chosen_on"]) == {"tuning"}
    assert set(table["trials"]) == {6}


def test_a_search_of_a_number_of_trials_takes_the_default_spaces():
    [block] = Study.parse(FLAT.replace('lr         = "tune"', "search = 16")).blocks
    assert block.search.trials == 16
    assert block.search.space is None


BAD_SEARCHES = [
    (SEARCH.replace("momentum =", "momentm ="), r"SGD, Adam: no argument 'momentm' to search, did you mean 'momentum'\?"),
    (SEARCH.replace("schedule.gamma", "schedule.gama"), r"constant, StepLR: no argument 'gama' to search, did you mean 'gamma'\?"),
    (SEARCH.replace("trials = 6", "trials = 0"), "search: trials must be a whole number >= 1, got 0"),
    (SEARCH.replace("low = 1e-4, ", ""), "search.lr: low is missing"),
    (SEARCH.replace("steps ", "lr = 0.1\nsteps "), "lr: a search draws the rate, too"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD_SEARCHES)
def test_a_malformed_search_is_one_line_that_names_the_key(text, message):
    with pytest.raises(osc.StudyError, match=message) as caught:
        Study.parse(text, "study.toml")
    assert "\n" not in str(caught.value)


def test_the_study_of_forgotten_zero_grad_is_shipped():
    from importlib.resources import files

    text = files("optiscope").joinpath("studies/forgotten_zero_grad.toml").read_text(encoding="utf-8")
    [block] = Study.parse(text).blocks
    assert [problem.name for problem in block.problems] == ["digits-cnn", "digits-cnn(zero_grad='never')"]


def test_groups_in_a_study_are_tried_before_anything_runs():
    text = """
name = "grouped"
problems = ["digits-cnn"]
optimizers = ["AdamW(groups={'%s': {'weight_decay': 0.0}})"]
lr = 0.01
"""
    assert Study.parse(text % "bias, norm").blocks[0].optimizers[0].groups == {"bias, norm": {"weight_decay": 0.0}}
    with pytest.raises(StudyError, match="group 'features' matches no parameter"):
        Study.parse(text % "features")
