"""`pytest --benchmark`, its two levels, and pytest-benchmark's own options, on a tiny bench in a folder of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# A session in this process forgets what it imported, and neither of these can be imported twice.
import torch._dynamo

import optiscope.measure.plugin

pytest_plugins = ["pytester"]
PRELOADED = (torch._dynamo, optiscope.measure.plugin)

ROOT = Path(__file__).parent.parent.parent
BENCH = """
import pytest

pytestmark = pytest.mark.benchmark(group="tiny")


@pytest.mark.cases(of=lambda level: level.pick(["a"], ["a", "b"], ["a", "b", "c"]))
def test_case(benchmark, harness, tell, case):
    benchmark.pedantic(sum, args=([1, 2],), rounds=4, iterations=2)
    benchmark.extra_info["level"] = harness.level.name
    tell(f"case {case} was timed")


@pytest.mark.parametrize("steps", [1, 3])
def test_step(benchmark, steps):
    from optiscope.measure import StepCase, Stepper, parameter_set
    from optiscope.measure.harness import timed

    stepper = Stepper(StepCase("Adam", "foreach", parameter_set("many-tiny", 16)))
    seconds = timed(benchmark, stepper.step, stepper.guard(), steps=steps, rounds=2)
    assert (seconds is None) == benchmark.disabled


@pytest.mark.only("full")
def test_large(benchmark):
    benchmark(sum, [1])
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project of our conftest.py, one bench and one test."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "conftest.py", folder)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "bench").mkdir()
    (folder / "bench/test_tiny.py").write_text(BENCH)
    (folder / "tests").mkdir()
    (folder / "tests/test_one.py").write_text("def test_one():\n    pass\n")
    return folder


@pytest.fixture
def run(pytester, monkeypatch, project):
    """`pytest` with these arguments, in the folder of a project: its output."""

    def run(*arguments: str, folder: Path = project, code: int = 0) -> str:
        for name in [name for name in os.environ if name.startswith("PYTEST_XDIST")]:
            monkeypatch.delenv(name)
        monkeypatch.chdir(folder)
        # What takes its time: a process that reads the processor, and the steps of the reference.
        monkeypatch.setattr("pytest_benchmark.plugin.get_cpu_info", dict)
        monkeypatch.setattr("optiscope.measure.harness.reference_step", reference)
        done = pytester.runpytest_inprocess("-v", "-rs", "-p", "no:cacheprovider", *arguments)
        output = "\n".join([*done.outlines, *done.errlines])
        assert done.ret == code, output
        return output

    return run


def saved(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "results/benchmarks").glob("*/*.json"))


def test_the_flags_choose_and_whole_runs_are_saved_by_number(project, run):
    output = run("--benchmark-full")
    assert "6 passed" in output
    assert "test_one" not in output
    assert "benchmarks: the full selection" in output
    assert "case c was timed" in output
    assert saved(project) == ["0001_full.json"]

    # Two more things of one process each: asked for workers it says no; what is compared may fail.
    output = run(
        "--benchmark", "-n", "2", "--benchmark-compare", "--benchmark-compare-fail=median:100000%",
        "--benchmark-group-by=param", "--benchmark-sort=name",
        "--benchmark-json=out.json", "--benchmark-cprofile=tottime",
    )  # fmt: skip
    assert "benchmarks run in one process: -n is for the tests" in output
    assert "4 passed, 1 skipped" in output
    assert "only with --benchmark-full" in output
    assert "Comparing against benchmarks from" in output
    assert "0001_full" in output
    assert "machine_info is different" not in output
    assert saved(project) == ["0001_full.json", "0002_default.json"]
    # Each file has the rounds, the machine and the probes.
    [path] = (project / "results/benchmarks").glob("*/0002_default.json")
    for file in (path, project / "out.json"):
        found = json.loads(file.read_text())
        assert path.parent.name == found["machine_info"]["machine"]
        assert {"torch", "threads", "commit", "dirty", "cpu"} <= set(found["machine_info"])
        assert "node" not in found["machine_info"]
        assert [len(one["stats"]["data"]) for one in found["benchmarks"]] == [4, 4, 2, 2]
        assert found["benchmarks"][0]["extra_info"] == {"level": "default"}
        assert found["optiscope"]["level"] == "default"
        assert len(found["optiscope"]["reference"]["cpu"]["seconds"]) == 30
        assert found["optiscope"]["lines"][-2:] == ["case a was timed", "case b was timed"]


def test_what_is_compared_may_differ_in_machine_and_torch_and_may_be_missing(project, run, tmp_path):
    """Each in a line: pytest-benchmark's own words are a page long, and a warning, which is an error here."""
    folder = shutil.copytree(project, tmp_path / "compared", ignore=shutil.ignore_patterns("results"))
    case = ("--benchmark-quick", "bench/test_tiny.py", "-k", "case")
    output = run(
        *case, "--benchmark-compare", "--benchmark-compare-fail=median:1%", "--benchmark-save=first", folder=folder
    )
    assert "compared with nothing: no run of this machine is saved in results/benchmarks/" in output
    [path] = (folder / "results/benchmarks").glob("*/0001_first.json")
    kept = json.loads(path.read_text())
    kept["machine_info"] |= {"torch": "1.0", "cores": 96}
    path.write_text(json.dumps(kept))
    output = run(*case, "--benchmark-compare=0001", folder=folder)
    assert re.search(r"compared with a run of another kind \(cores 96 → \d+; torch 1.0 → \d", output)
    assert "Comparing against benchmarks from" in output
    output = run(*case, "--benchmark-compare=0009", folder=folder, code=4)
    assert re.search("--benchmark-compare=0009: no such saved run; results/benchmarks/.* holds 0001_first", output)
    assert "case a was timed" not in output
    outside = f"--benchmark-storage={tmp_path / 'outside'}"
    for _ in range(2):
        run(*case, "--benchmark-save=there", "--benchmark-compare", outside, folder=folder)
    assert len([*(tmp_path / "outside").rglob("*.json")]) == 2


def test_a_part_is_no_whole_run(project, run, tmp_path):
    folder = shutil.copytree(project, tmp_path / "part", ignore=shutil.ignore_patterns("results"))
    for part in (("--deselect", "bench/test_tiny.py::test_step"), ("--ignore", "bench/none.py"), ("--ignore-glob=*z",)):
        run("--benchmark", *part, folder=folder)
    assert saved(folder) == []


def reference(device: str, rounds: int) -> dict:
    return {"what": "a stand-in", "device": device, "seconds": rounds * [0.004], "median": 0.004}


def test_a_subset_is_saved_only_where_asked(project, run, tmp_path):
    folder = shutil.copytree(project, tmp_path / "again", ignore=shutil.ignore_patterns("results"))
    # The bench that the README shows how to write is one.
    [mine] = re.findall(r"```text\n(import pytest.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (folder / "bench/test_mine.py").write_text(mine)
    output = run("--benchmark-quick", "--benchmark-disable", "-k", "case or step or mine", folder=folder)
    assert "4 passed" in output
    run("--benchmark-quick", "bench/test_tiny.py", "--benchmark-save=mine", "--benchmark-storage=else", folder=folder)
    assert saved(folder) == []
    assert [path.name for path in (folder / "else").glob("*/*.json")] == ["0001_mine.json"]
    output = run("--benchmark-quick", "bench/test_tiny.py", "-k", "large", "--benchmark-save=none", folder=folder)
    assert "nothing was saved: no benchmark was timed" in output


INTERRUPTED = """

@pytest.mark.benchmark
def test_stopped(benchmark):
    def stop():
        raise KeyboardInterrupt

    benchmark.pedantic(stop, rounds=3)


def test_never_reached(benchmark):
    benchmark(sum, [1])
"""


def alone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`pytest` in a process of its own, which nobody told how many threads to take."""
    told = ("PYTEST_", "OMP_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(told)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments], cwd=folder, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip


def test_an_interrupted_run_keeps_what_was_timed(tmp_path, project):
    folder = shutil.copytree(project, tmp_path / "stopped", ignore=shutil.ignore_patterns("results"))
    with (folder / "bench/test_tiny.py").open("a") as file:
        file.write(INTERRUPTED)
    done = alone(folder, "--benchmark")
    assert done.returncode == pytest.ExitCode.INTERRUPTED, done.stdout + done.stderr
    [path] = (folder / "results/benchmarks").rglob("*_interrupted.json")
    kept = json.loads(path.read_text())
    names = [one["name"] for one in kept["benchmarks"]]
    assert names == ["test_case[a]", "test_case[b]", "test_step[1]", "test_step[3]"]
    assert not kept["optiscope"]["whole"]
    assert kept["optiscope"]["threads"] == kept["machine_info"]["threads"] == 1


BROKEN = """

def stepper_of(step):
    from optiscope.measure import StepCase, Stepper, parameter_set

    stepper = Stepper(StepCase("Adam", "foreach", parameter_set("many-tiny", 16)))
    stepper.step = step(stepper.step)
    return stepper


@pytest.mark.parametrize("step", [lambda one: lambda: None, lambda one: lambda: (one(), one())], ids=["idle", "twice"])
def test_guarded(benchmark, step):
    from optiscope.measure.harness import timed

    stepper = stepper_of(step)
    timed(benchmark, stepper.step, stepper.guard(), steps=2, rounds=2)


def test_beyond_the_ceiling(benchmark, harness, monkeypatch):
    from optiscope.measure import step

    monkeypatch.setattr(step, "check_ceiling", refuse)
    harness.timed_step(benchmark, stepper_of(lambda one: one), 2)


def refuse(*_):
    from optiscope import GuardError

    raise GuardError("faster than memory")


def test_failed_after_its_timing(benchmark):
    benchmark.pedantic(sum, args=([1],), rounds=2)
    raise ValueError("too late")
"""


def test_what_a_guard_refuses_is_no_figure(tmp_path, run, project):
    folder = shutil.copytree(project, tmp_path / "broken", ignore=shutil.ignore_patterns("results"))
    with (folder / "bench/test_tiny.py").open("a") as file:
        file.write(BROKEN)
    output = run("--benchmark-quick", "--benchmark-json=out.json", folder=folder, code=1)
    assert "4 failed, 3 passed" in output
    assert "steps were stated, and the optimizer took" in output
    kept = json.loads((folder / "out.json").read_text())["benchmarks"]
    assert [one["name"] for one in kept] == ["test_case[a]", "test_step[1]", "test_step[3]"]


def test_a_histogram_is_drawn(project, tmp_path):
    # In a process of its own: what draws it takes the place of Python's own search for the versions of packages.
    folder = shutil.copytree(project, tmp_path / "drawn", ignore=shutil.ignore_patterns("results"))
    options = ("-k", "case", "--benchmark-histogram=drawn", "--benchmark-json=out.json")
    done = alone(folder, "--benchmark-quick", "bench/test_tiny.py", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in folder.glob("drawn*.svg")] == ["drawn-tiny.svg"]
    # As many threads as where it is typed without a path: pytest reads its options at another moment then.
    assert json.loads((folder / "out.json").read_text())["optiscope"]["threads"] == 1


def test_plain_pytest_runs_no_benchmark(run):
    output = run("tests")
    assert "1 passed" in output
    assert "tiny" not in output
    for named in ("bench", "bench/test_tiny.py", "bench/test_tiny.py::test_case"):
        assert f"benchmarks run with a flag only: pytest --benchmark {named}" in run(named, code=4)
    output = run("--benchmark", "tests/test_one.py", "bench", code=4)
    assert "benchmarks are in bench/, and tests/test_one.py is not" in output
    output = run("--benchmark-quick", "--benchmark-full", code=4)
    assert "exclude each other" in output
    output = run("--benchmark", "-p", "no:benchmark", code=4)
    assert "--benchmark needs pytest-benchmark: pip install 'optiscope[test]'" in output
