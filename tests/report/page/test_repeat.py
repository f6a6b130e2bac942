import pytest
from page_study import SCRIPT

import optiscope as osc
from optiscope.report.page.repeat import CHANGED, OWN, add_repeats, start_of


def made(**axes):
    return osc.run(osc.grid(**{"problem": "booth", "optimizer": "SGD", "lr": 0.01, "steps": 3} | axes), engine="single")


@pytest.mark.parametrize("axes", [
    {}, {"optimizer": "Adam(betas=(0.8, 0.9))", "seed": 4, "start": "random"}, {"start": (1.0, -2.5)},
    {"schedule": "StepLR(step_size=2, gamma=0.5)"}, {"problem": "quadratic(condition=50)", "dtype": "float32"},
])  # fmt: skip
def test_a_run_by_names_can_be_made_again(axes):
    assert add_repeats(made(**axes).runs)["again"].tolist() == [""]


def test_a_schedule_that_has_an_end_of_its_own_is_told():
    runs = made(schedule="CosineAnnealingLR(T_max=9)", horizon="free").runs
    assert add_repeats(runs)["again"].tolist() == ["free"]


def test_an_object_of_one_s_own_is_not_passed_off_as_the_catalogue_s(bowl):
    assert add_repeats(osc.run(osc.grid(bowl, "SGD", lr=0.01, steps=3), engine="single").runs)["again"].tolist() == [
        OWN
    ]
    mine = osc.OptimizerSpec("Adam", "torch.optim.SGD")
    assert add_repeats(made(optimizer=mine).runs)["again"].tolist() == [CHANGED]


def test_no_code_is_imported_for_a_name(monkeypatch):
    monkeypatch.setattr(
        "optiscope.catalogues.problems.imported.import_path", lambda name: pytest.fail(f"{name} was imported")
    )
    runs = made().runs
    for name in ("os.system('true')", "somebody.module.Optimizer", SCRIPT):
        assert add_repeats(runs.assign(optimizer=name))["again"].tolist() == [OWN]


def test_a_start_that_is_no_start_is_refused():
    with pytest.raises(osc.InputError, match="no start is called 'home'"):
        start_of("home")
