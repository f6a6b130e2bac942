"""What is wrong with a study file is said in one line that names the key, or the line, and what is allowed."""

import pytest

import optiscope as osc
from optiscope.study import Study

FLAT = """
name       = "mine"
problems   = ["beale", "rosenbrock"]
optimizers = ["SGD", "Adam"]
schedules  = ["constant", "CosineAnnealingLR"]
lr         = 0.1
seeds      = 3
start      = "random"
steps      = 500
"""
MIXED = """
name = "mixed"
[[block]]
problems = ["beale"]
optimizers = ["SGD"]
lr = 0.1
steps = 7
[[block]]
problems = ["digits-cnn"]
optimizers = ["Adam"]
lr = [1e-3, "default"]
steps = 2
"""


def flat(key, value):
    """The flat study with another value of a key."""
    lines = [line for line in FLAT.splitlines() if line.split("=")[0].strip() != key]
    return "\n".join([*lines, f"{key} = {value}"])


RATE = 'expected "tune", "default", a rate > 0, a list of them, or {low = …, high = …, per_decade = …}, got '
ITEM = 'expected a rate > 0 or "default", got '
SEED = "expected a seed from 0 to 999999, since tuning uses those beyond, got "
COUNT = "seeds: expected a count from 1 to 1000000, or a list of seeds, got "
START = 'start: expected "canonical", "random", or a point: a list of numbers, got '
NAME = "name: it names a folder: letters, digits, '.', '_' and '-', a letter or digit first; got "
BLOCKS = "expected tables of axes, each under a line [[block]], got "
BAD = [
    # no TOML: the line is named
    ("name =", "this is not TOML: Invalid value (at end of document)"),
    ('name = "x"\nproblems = [\n"beale"\noptimizers', "(at line 4, column 1)"),
    (flat("steps", "1" * 5000), "this is not TOML: Exceeds the limit"),
    # keys
    ("", 'name is missing: give the study one, name = "…"'),
    ('name = "x"', "problems is missing"),
    (FLAT.replace("problems  ", "problem "), "unknown key 'problem', did you mean 'problems'? allowed: name, block, dtype"),
    (FLAT.replace("name", "nam"), "unknown key 'nam', did you mean 'name'?"),
    (FLAT.replace("steps", "stepz"), "unknown key 'stepz', did you mean 'steps'?"),
    (FLAT + "[[blocks]]\nsteps = 3", "unknown key 'blocks', did you mean 'block'?"),
    (MIXED.replace("[[block]]", "steps = 5\n[[block]]", 1), "key 'steps' belongs inside a [[block]]"),
    (MIXED.replace("[[block]]", "bloc = 5\n[[block]]", 1), "unknown key 'bloc', did you mean 'block'? allowed: name, block"),
    (MIXED + 'name = "late"', "key 'block[1].name' belongs at the top, before the first [[block]]"),
    (MIXED.replace("steps = 2", "step = 2"), "unknown key 'block[1].step', did you mean 'steps'? allowed: dtype"),
    (MIXED.replace('problems = ["beale"]', ""), "block[0].problems is missing"),
    (MIXED.replace("[[block]]", "[block]", 1).partition("[[block]]")[0], f"block: {BLOCKS}"),
    ('name = "x"\nblock = [1]', f"block[0]: {BLOCKS}1"),
    ('name = "x"\nblock = []', "block: the list is empty"),
    (flat("lr", "{low = 0.1, hihg = 1.0}"), "unknown key 'lr.hihg', did you mean 'high'? allowed: low, high, per_decade"),
    (flat("lr", "{low = 0.1}"), "lr.high is missing"),
    # values
    (flat("name", "3"), "name: expected text, got 3"),
    (flat("name", '"../up"'), f"{NAME}'../up'"),
    (flat("steps", "0"), "steps: expected a whole number > 0, got 0"),
    (flat("steps", '"many"'), "steps: expected a whole number > 0, got 'many'"),
    (flat("steps", '"5"'), "steps: expected a whole number > 0, got '5'"),
    (flat("steps", "true"), "steps: expected a whole number > 0, got true"),
    (flat("steps", "2.0"), "steps: expected a whole number > 0, got 2.0"),
    (flat("steps", "10000000000000000000"), "steps must be below 2**63"),
    (flat("tuning_seeds", "true"), "tuning_seeds: expected a whole number > 0, got true"),
    (flat("problems", '"beale"'), "problems: expected a list of problems, such as"),
    (flat("problems", '["beale", 3]'), "problems[1]: expected a name or a call, such as"),
    (flat("optimizers", "[]"), "optimizers: the list is empty"),
    (flat("engine", '"fast"'), "engine: expected \"single\", \"auto\", \"grouped\" or \"stacked\", got 'fast'"),
    (flat("trace", '"some"'), 'trace: expected "all", "loss", "best", "sample", "none", or a whole number > 0: every so many steps, got \'some\''),
    (flat("trace", "0"), 'trace: expected "all", "loss", "best", "sample", "none", or a whole number > 0: every so many steps, got 0'),
    (flat("dtype", '"float8"'), "dtype must be one of float16, bfloat16, float32, float64, got 'float8'"),
    (flat("lr", '"fast"'), f"lr: {RATE}'fast'"),
    (flat("lr", "-1.0"), f"lr: {RATE}-1.0"),
    (flat("lr", "true"), f"lr: {RATE}true"),
    (flat("lr", "inf"), f"lr: {RATE}inf"),
    (flat("lr", "nan"), f"lr: {RATE}nan"),
    (flat("lr", "[true]"), f"lr[0]: {ITEM}true"),
    (flat("lr", '[0.1, "fast"]'), f"lr[1]: {ITEM}'fast'"),
    (flat("lr", "[0.1, inf]"), f"lr[1]: {ITEM}inf"),
    (flat("lr", "[]"), "lr: the list is empty"),
    (flat("lr", "{low = 0.1, high = inf}"), "lr.high: expected a number > 0, got inf"),
    (flat("lr", "{low = true, high = 1}"), "lr.low: expected a number > 0, got true"),
    (flat("lr", "{low = 1.0, high = 0.1}"), "an lr range needs 0 < low < high"),
    (flat("seeds", "true"), f"{COUNT}true"),
    (flat("seeds", "0"), f"{COUNT}0"),
    (flat("seeds", "1000001"), f"{COUNT}1000001"),
    (flat("seeds", "[]"), "seeds: the list is empty"),
    (flat("seeds", "[0.5]"), f"seeds[0]: {SEED}0.5"),
    (flat("seeds", "[true]"), f"seeds[0]: {SEED}true"),
    (flat("seeds", "[-1]"), f"seeds[0]: {SEED}-1"),
    (flat("seeds", str([*range(5000), 1_000_000])), f"seeds[5000]: {SEED}1000000"),
    (flat("start", '"anywhere"'), f"{START}'anywhere'"),
    (flat("start", '[0.0, "a"]'), "start[1]: expected a finite number, got 'a'"),
    (flat("start", "[0.0, nan]"), "start[1]: expected a finite number, got nan"),
    # an axis holds each value once
    (flat("seeds", "[3, 5, 3]"), "seeds: 3 is given twice"),
    (flat("lr", "[0.1, 1e-1]"), "lr: 0.1 is given twice"),
    (flat("problems", '["beale", "beale()"]'), "problems: beale is given twice"),
    (flat("optimizers", '["SGD(momentum=0.9)", "Adam", "SGD( momentum = 0.90 )"]'), "optimizers: SGD(momentum=0.9) is given twice"),
    (flat("schedules", '["constant", "constant"]'), "schedules: constant is given twice"),
    # names and pairs
    (flat("problems", '["rosenbrok"]'), "unknown problem 'rosenbrok', did you mean 'rosenbrock'?"),
    (flat("optimizers", '["SGD(momentm=0.9)"]'), "did you mean 'momentum'?"),
    (flat("optimizers", '["Muon"]'), "Muon cannot run beale"),
    (flat("schedules", '["CosineAnnealingLR(T_max=50)"]'), "ends after 50 steps, the run after 500"),
    (MIXED.replace('"Adam"', '"Adm"'), "block[1]: unknown optimizer 'Adm', did you mean 'Adam'?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD, ids=[message[:60] for _, message in BAD])
def test_a_malformed_study_is_one_line_that_names_the_key(text, message):
    with pytest.raises(osc.StudyError) as caught:
        Study.parse(text, "study.toml")
    line = str(caught.value)
    assert line.startswith("study.toml: ")
    assert message in line
    assert "\n" not in line
    assert len(line) < 400


def test_the_largest_count_of_seeds_is_all_that_tuning_leaves():
    [block] = Study.parse(flat("seeds", "[0, 999999]")).blocks
    assert block.seeds == (0, 999_999)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read study 'studdy.toml': No such file, did you mean 'study.toml'?"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "cannot read study 'studdy.toml': it is no text in UTF-8"),
        (b"\x00\x01", "studdy.toml: this is not TOML: Invalid statement (at line 1, column 1)"),
        (b"", "studdy.toml: name is missing"),
        ("folder", "cannot read study 'studdy.toml': Is a directory"),
    ],
)
def test_a_file_that_is_no_study(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(FLAT)
    (tmp_path / "notes.toml").touch()
    path = tmp_path / "studdy.toml"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(osc.StudyError) as caught:
        Study.load(path.name)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_missing_file_in_a_missing_folder(tmp_path):
    with pytest.raises(osc.StudyError, match=r"none.toml': No such file$"):
        Study.load(tmp_path / "nowhere" / "none.toml")


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    (tmp_path / "study.toml").write_bytes(b"\xef\xbb\xbf" + FLAT.replace("\n", "\r\n").encode())
    assert Study.load(tmp_path / "study.toml").name == "mine"
