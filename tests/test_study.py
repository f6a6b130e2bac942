import optiscope as osc
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
    assert [s.name for s in demo.schedules] == ["StepLR(step_size=50, gamma=0.1)"]


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
