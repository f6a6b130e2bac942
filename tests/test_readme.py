"""What the README shows is what happens: its examples run, its commands exist, its tables name real columns."""

import ast
import re
import struct
from pathlib import Path

import pytest
import typer.main

import optiscope as osc
from optiscope.cli.commands import app
from optiscope.record import RUNS_COLUMNS, TRACE_COLUMNS
from optiscope.report.benchmark_tables import short_table
from optiscope.study import Study
from optiscope.timings import load_run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    "pip install -c constraints.txt -e . && optiscope demo",
    "pip install -c constraints.txt -e '.[test]' && pytest",
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


EXAMPLES = [block for block in blocks("python") if "optiscope.catalogues" not in block]
ADDITIONS = [block for block in blocks("python") if "optiscope.catalogues" in block]


def run_block(text: str):
    """Run a block; the value of its last line, where that is an expression."""
    tree = ast.parse(text)
    names = {"__name__": "readme"}
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "README.md", "exec"), names)
    return eval(compile(ast.Expression(last.value), "README.md", "eval"), names) if last else None


NAMES = [
    "grid", "tune", "search", "function", "race", "why", "any", "losses", "network", "idx", "groups", "switches",
]  # fmt: skip


def test_every_example_has_a_name():
    assert len(EXAMPLES) == len(NAMES)


@pytest.mark.parametrize("text", EXAMPLES, ids=NAMES)
def test_examples_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "IdxFolder" in text:
        small_mnist(tmp_path / "data" / "MNIST" / "raw")
    run_block(text)


def small_mnist(folder):
    """Files of MNIST's layout with a few images in each: bytes of any value, and each class in turn."""
    folder.mkdir(parents=True)
    for part, count in (("train", 100), ("t10k", 20)):
        images = (
            bytes([0, 0, 8, 3]) + struct.pack(">III", count, 28, 28) + bytes(i * i % 251 for i in range(count * 784))
        )
        (folder / f"{part}-images-idx3-ubyte").write_bytes(images)
        labels = bytes([0, 0, 8, 1]) + struct.pack(">I", count) + bytes(i % 10 for i in range(count))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(labels)


def test_the_table_of_networks_is_the_catalogue():
    section = README.split("## The networks")[1].split("\n## ")[0]
    told = dict(re.findall(r"^\| `([\w-]+)` \|.*\| (\w+)[^|]* \|$", section, re.MULTILINE))
    assert told == {name: one.metrics[-1] for name, one in osc.problems().items() if one.task}


def test_the_first_example_resumes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_block(EXAMPLES[0])
    parts = sorted((tmp_path / "results/mine/runs").iterdir())
    run_block(EXAMPLES[0])
    assert sorted((tmp_path / "results/mine/runs").iterdir()) == parts


def test_what_is_added_runs():
    family, optimizer, schedules = (run_block(text) for text in ADDITIONS)
    runs = osc.run(
        osc.grid(family.build({"width": 2.0}), optimizer, schedules.build({"factor": 0.5}), lr=1e-2, steps=10)
    )
    [row] = runs.runs.to_dict("records")
    assert row["loss_final"] < row["loss_start"]
    assert runs.trace["lr_t"].tolist()[:-1] == [1e-2] * 5 + [5e-3] * 5


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_those_that_ci_runs(command):
    assert command in README.splitlines()
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lines = [line for line in script.splitlines() if not line.lstrip().startswith("#")]
    assert any(command in line for line in lines)


def test_the_command_line_is_as_told():
    [overview] = [block for block in blocks("text") if block.startswith("optiscope")]
    told = [line.split()[1] for line in overview.splitlines()]
    root = typer.main.get_command(app)
    assert told == list(root.commands)
    assert all(root.commands[name].help for name in told)


def test_every_option_is_told():
    root = typer.main.get_command(app)
    told = set(re.findall(r"`(--[a-z-]+)`", README))
    there = {opt for command in root.commands.values() for one in command.params for opt in one.opts}
    assert told == {option for option in there if option.startswith("--")} - {"--help"}


def test_the_study_is_one():
    text, search = blocks("toml")
    assert Study.parse(text).name == "mine"
    [block] = Study.parse(re.sub(r"(?m)^lr .*$", "", text).replace("constant", "StepLR") + search).blocks
    assert block.search.trials == 64


def test_the_columns_are_those_recorded():
    rows = dict(re.findall(r"^\| `(runs|trace)` \| [^|]* \| ([^|]*) \|$", README, re.MULTILINE))
    for frame, columns in (("runs", RUNS_COLUMNS), ("trace", TRACE_COLUMNS)):
        told = re.findall(r"`(\w+)`", rows[frame])
        assert told[: len(columns)] == list(columns)
        assert [name.removesuffix("_final") for name in told[len(columns) :]] == ["accuracy"]
    assert all(f"`{status}`" in README for status in osc.Status)


def test_the_table_of_benchmarks_is_that_of_the_stored_file():
    [path] = re.findall(r"\]\((results/benchmarks/[^)]+\.json)\)", README)
    assert short_table(load_run(ROOT / path)) in README


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_recipe_that_is_named_is_there():
    named = re.findall(r"python (viz/\w+\.py)", README)
    assert named
    assert all((ROOT / path).exists() for path in named)
