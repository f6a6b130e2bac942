"""What cannot be used is one clear line with exit code 2, and nothing is touched."""

import pytest
from cli_study import STUDY, complaint

import optiscope as osc
from optiscope.cli import exit_code

pytestmark = pytest.mark.usefixtures("here")
GIF = ["gif", "--lr", "0.01", "--steps", "5", "--frames", "3"]
BAD = [
    (
        ["lst"],
        "No such command 'lst', did you mean 'list'?; commands: demo, run, gif, gallery, report, audit, compact, list",
    ),
    (["frobnicate"], "commands: demo, run, gif, gallery, report, audit, compact, list"),
    (["--verison"], "--version"),
    (["gif", "--optimzer", "Adam"], "--optimizer"),
    (["list"], "Missing argument"),
    (["list", "problem"], "unknown catalogue 'problem', did you mean 'problems'?"),
    (["run"], "Missing argument"),
    (["run", "none.toml"], "cannot read study 'none.toml': No such file"),
    (["run", "stduy.toml"], "cannot read study 'stduy.toml': No such file, did you mean 'study.toml'?"),
    (["run", "."], "cannot read study '.': Is a directory"),
    (["run", "study.toml", "extra"], "extra"),
    (["run", "study.toml", "--jobs", "0"], "got '0'"),
    (["run", "study.toml", "--device", "cudda"], "device 'cudda' cannot be used here"),
    (["run", "study.toml", "--results", "in_the_way"], "'in_the_way/tiny'"),
    (["report", "nowhere"], "'nowhere' holds no runs"),
    (["report", "in_the_way"], "'in_the_way' holds no runs"),
    (["report"], "'results/demo' holds no runs"),
    ([*GIF, "rosenbrok"], "unknown problem 'rosenbrok', did you mean 'rosenbrock'?"),
    ([*GIF, ""], "cannot read ''"),
    ([*GIF, "beale("], "cannot read 'beale('"),
    ([*GIF, "beale(3)"], "arguments must be named"),
    ([*GIF, "beale(noise=open('x'))"], "is not a literal"),
    ([*GIF, "beale(nois=1)"], "did you mean 'noise'?"),
    ([*GIF, "beale(noise=-1)"], "noise must be a finite number >= 0, got -1"),
    ([*GIF, "nowhere.Problem"], "cannot import 'nowhere'"),
    ([*GIF, "torch.get_num_threads"], "torch.get_num_threads is no optiscope.Problem"),
    ([*GIF, "sphere(dim=3)"], "needs a problem of 2 coordinates, sphere(dim=3) has 3"),
    ([*GIF, "digits-cnn"], "needs a problem of 2 coordinates"),
    ([*GIF, "--optimizer", "Adm"], "unknown optimizer 'Adm', did you mean 'Adam'?"),
    ([*GIF, "--optimizer", "Adam(beta=1)"], "takes no argument 'beta', did you mean 'betas'?"),
    ([*GIF, "--optimizer", "Adam(betas=(2, 0.9))"], "Invalid beta parameter at index 0: 2"),
    ([*GIF, "--optimizer", "SGD(lr=1)"], "lr is an axis of its own"),
    ([*GIF, "--optimizer", "torch.nn.Linear"], "torch.nn.Linear is not a torch.optim.Optimizer class"),
    ([*GIF, "--optimizer", "Muon", "rosenbrock"], "Muon cannot run rosenbrock"),
    ([*GIF, "--schedule", "CosineAnealingLR"], "did you mean 'CosineAnnealingLR'?"),
    ([*GIF, "--schedule", "CosineAnnealingLR(T_max=3)"], "ends after 3 steps, the run after 5"),
    (["gif", "--lr", "fast"], "lr must be 'tune', 'default' or a rate > 0, got 'fast'"),
    (["gif", "--lr", "-1"], "lr must be > 0, got -1"),
    (["gif", "--lr", "nan"], "lr must be > 0, got nan"),
    (["gif", "--steps", "0"], "got '0'"),
    (["gif", "--steps=many"], "got 'many'"),
    (["gif", "--seed", "-1"], "got '-1'"),
    (["gif", "--seconds", "inf"], "got 'inf'"),
    (["gif", "--hold", "inf"], "got 'inf'"),
    ([*GIF, "--size", "big"], "size must be WIDTHxHEIGHT in pixels, such as 720x540, got 'big'"),
    ([*GIF, "--size", "100x100"], "480 by 360 pixels, got 100 by 100"),
    ([*GIF, "--size", "99999x99999"], "size must be at most"),
    ([*GIF, "--start", "here"], "got 'here'"),
    ([*GIF, "--start", "nan,1"], "got 'nan,1'"),
    ([*GIF, "--start", "1,2,3"], "a point of 2 numbers, got (1.0, 2.0, 3.0)"),
    ([*GIF, "--theme", "blue"], "theme must be one of light, dark, got 'blue'"),
    ([*GIF, "--clock", "cuckoo"], "got 'cuckoo'"),
    ([*GIF, "-o", "race.avi"], "cannot write 'race.avi': the file must end in one of .gif, .webp, .mp4, .png"),
    ([*GIF, "-o", "in_the_way/race.gif"], "cannot write 'in_the_way/race.gif'"),
    ([*GIF, "-o", "folder.gif"], "cannot write 'folder.gif': it is a folder"),
]
WRONG_STUDIES = [
    ("name = ", "is not TOML"),
    (STUDY.replace("steps", "stepz"), "unknown key 'stepz', did you mean 'steps'?"),
    (STUDY.replace("steps = 12", 'steps = "many"'), "steps: expected a whole number > 0"),
    (STUDY.replace("seeds = 2", "seeds = [0.5]"), "seeds[0]: expected a seed"),
    (STUDY.replace('["SGD", "Adam"]', '["SGD", "Adm"]'), "did you mean 'Adam'?"),
    (STUDY.replace('["SGD", "Adam"]', '["SGD(momentum=-1)"]'), "Invalid momentum value: -1"),
    (STUDY.replace('["SGD", "Adam"]', '["Muon"]'), "Muon cannot run beale"),
    (STUDY.replace('["SGD", "Adam"]', '"SGD"'), "optimizers: expected a list of optimizers, such as"),
    (STUDY.replace("lr = {", "lr = [-1] # {"), "lr[0]: expected a rate > 0"),
    (STUDY.replace('"random"', "[1, 2, 3]"), "start must be"),
    (STUDY.replace('"tiny"', '"../up"'), "name"),
    (STUDY + 'dtype = "float8"', "dtype must be one of"),
    ("name = 3\n" + STUDY.partition("\n\n")[2], "name"),
]


@pytest.fixture
def obstacles(here):
    (here / "in_the_way").touch()
    (here / "folder.gif").mkdir()
    return here


@pytest.mark.parametrize(
    ("arguments", "message"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_one_line(obstacles, capsys, arguments, message):
    assert message in complaint(capsys, arguments)
    assert {path.name for path in obstacles.iterdir()} == {"study.toml", "in_the_way", "folder.gif"}


@pytest.mark.parametrize(("text", "message"), WRONG_STUDIES, ids=[message for _, message in WRONG_STUDIES])
def test_a_malformed_study_is_one_line(here, capsys, text, message):
    (here / "wrong.toml").write_text(text)
    line = complaint(capsys, ["run", "wrong.toml"])
    assert line.startswith("optiscope: wrong.toml")
    assert message in line
    assert not (here / "results").exists()


def test_nothing_is_lost_by_bad_input(done, here, capsys):
    before = osc.Store(done).runs()
    for text, _ in WRONG_STUDIES:
        (here / "study.toml").write_text(text)
        complaint(capsys, ["run", "study.toml"])
    (here / "study.toml").write_text(STUDY)
    complaint(capsys, ["run", "study.toml", "--device", "cudda"])
    complaint(capsys, ["gif", "sphere(dim=3)"])
    assert osc.Store(done).runs().equals(before)
    assert exit_code(["run", "study.toml"]) == 0
    assert osc.Store(done).runs().equals(before)
