"""What `pytest --benchmark` adds to pytest; the conftest.py of the root registers it, with the flag and never without.

A bench asks for these fixtures: `level` (what to pick), `harness` (probes of this run, made once), `tell` (a line for
the end of the output). `@pytest.mark.cases(of=function)` parametrizes `case` with what `function(level)` lists;
`@pytest.mark.only("full")` keeps a bench for that level.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ..timings import machines_apart
from .harness import Harness
from .levels import Level
from .machine import accelerator, why_no_cuda

DEFAULT_STORAGE = "file://./.benchmarks"  # pytest-benchmark's own
NUMBERED = "[0-9][0-9][0-9][0-9]_"  # what pytest-benchmark looks for where no run is named


def _id(case: Any) -> str:
    """A case in the name of its benchmark."""
    return "-".join(map(str, case)) if isinstance(case, tuple) else str(case)


def prepare(config: pytest.Config) -> None:
    """Before pytest-benchmark and pytest-xdist read their options: one process, files by machine, all rounds."""
    quick, full = config.getoption("benchmark_quick"), config.getoption("benchmark_full")
    if quick and full:
        raise pytest.UsageError("--benchmark-quick and --benchmark-full exclude each other")
    if not config.pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError("--benchmark needs pytest-benchmark: pip install 'optiscope[test]'")
    if "OMP_NUM_THREADS" not in os.environ:
        # One for every way of typing it, and for the processes that are started; more where the user says so.
        os.environ["OMP_NUM_THREADS"] = "1"
        torch.set_num_threads(1)
    option = config.option
    fewer = (option.keyword, option.markexpr, option.deselect, option.ignore, option.ignore_glob)
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS and not any(fewer)
    harness = Harness(Level("quick" if quick else "full" if full else "default"), whole)
    # Benchmarks beside each other would time each other.
    if any(str(word).startswith(("-n", "--numprocesses", "--dist", "--tx")) for word in config.invocation_params.args):
        harness.lines.append("benchmarks run in one process: -n is for the tests")
    for name, alone in (("numprocesses", None), ("dist", "no"), ("tx", [])):
        if hasattr(option, name):
            setattr(option, name, alone)
    if getattr(option, "benchmark_storage", None) == DEFAULT_STORAGE:
        option.benchmark_storage = f"file://{_relative(config.rootpath)}/results/benchmarks"
    option.benchmark_save_data = True
    if not option.benchmark_columns:
        option.benchmark_columns = ["median", "iqr", "min", "rounds", "iterations"]
    config.pluginmanager.register(BenchmarkPlugin(config, harness), "optiscope-harness")
    _see_to_comparison(option, harness)


def _see_to_comparison(option: Any, harness: Harness) -> None:
    """What is to be compared with must be there: a number that is not is an error before anything is timed.

    The first run on a machine has nothing to be compared with, and goes on. pytest-benchmark warns in either case, and
    warnings are errors here.
    """
    wanted, storage = option.benchmark_compare, option.benchmark_storage.removeprefix("file://")
    if not wanted or "://" in storage:
        return
    folder, machine = Path(storage), harness.facts["machine"]
    try:
        files = _saved(folder, machine, NUMBERED if wanted is True else wanted)
    except ValueError as error:  # more than a folder and a name
        raise pytest.UsageError(f"--benchmark-compare: {error}") from error
    if files:
        return
    if wanted is not True:
        names = [path.stem for path in _saved(folder, machine, "*")]
        held = f"holds {', '.join(names)}" if names else "holds none"
        raise pytest.UsageError(f"--benchmark-compare={wanted}: no such saved run; {folder / machine} {held}")
    harness.lines.append(f"compared with nothing: no run of this machine is saved in {folder / machine} yet")
    option.benchmark_compare, option.benchmark_compare_fail = [], []


def _saved(folder: Path, machine: str, wanted: str) -> list[Path]:
    """The files that pytest-benchmark would take."""
    theirs: Any = importlib.import_module("pytest_benchmark.storage.file")
    return theirs.FileStorage(folder, None, machine).query(wanted) if folder.is_dir() else []


def _relative(root: Path) -> str:
    """The root as seen from where pytest was typed: pytest-benchmark tells its folder so."""
    return "." if root == Path.cwd() else str(root)


class BenchmarkPlugin:
    """The hooks."""

    def __init__(self, config: pytest.Config, harness: Harness):
        theirs: Any = importlib.import_module("pytest_benchmark.session")

        self.harness, self._theirs, self._their_id = harness, theirs, theirs.get_machine_id
        # Files go into a folder by system and Python version otherwise: two machines would share it.
        theirs.get_machine_id = lambda: harness.facts["machine"]
        config.addinivalue_line("markers", "cases(of): parametrize `case` with what of(level) lists")
        config.addinivalue_line("markers", "only(level): a benchmark of that level and those above it")

    def pytest_unconfigure(self) -> None:
        """Leave pytest-benchmark as it was: a test may run another session in this process."""
        self._theirs.get_machine_id = self._their_id

    def _told(self) -> str:
        """What is timed, on what, with how many threads."""
        facts, harness = self.harness.facts, self.harness
        small = (
            ""
            if harness.level.name == "full"
            else ", fewer networks, cases, seeds and rounds than --benchmark-full has; NAME/16 is a set with a "
            "sixteenth of each tensor's rows"
        )
        commit = f"{facts['commit'][:12] or 'unknown'}{' (dirty)' if facts['dirty'] else ''}"
        return (
            f"benchmarks: the {harness.level.name} selection{small}; {facts['cpu']}, {facts['cores']} cores, "
            f"{harness.threads} thread{'s' if harness.threads > 1 else ''} unless a bench says one; "
            f"load {'unknown' if harness.load is None else f'{harness.load:.2f}'}; GPU: "
            f"{facts.get('gpu') or why_no_cuda()}; torch {facts['torch']}; commit {commit}"
        )

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Cases by level."""
        marker = metafunc.definition.get_closest_marker("cases")
        if marker is not None:
            metafunc.parametrize("case", marker.kwargs["of"](self.harness.level), ids=_id)

    def pytest_deselected(self) -> None:
        """By --lf, --sw or a plugin: what is left is a part."""
        self.harness.whole = False

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """What belongs to a higher level is skipped, and says so."""
        for item in items:
            # A case may belong to a higher level than its function.
            wanted = {marker.args[0] for marker in item.iter_markers("only")}
            if not all(self.harness.level >= Level(name) for name in wanted):
                reason = "only with --benchmark-full" if "full" in wanted else "not in the quick selection"
                item.add_marker(pytest.mark.skip(reason=reason))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        """What failed after it was timed is an error, too, and no figure."""
        benchmark = getattr(item, "funcargs", {}).get("benchmark")
        if call.excinfo is not None and benchmark is not None:
            benchmark.has_error = True
        return (yield)

    @pytest.fixture
    def level(self) -> Level:
        """The selection that was asked for."""
        return self.harness.level

    @pytest.fixture(name="harness")
    def _harness(self) -> Harness:
        return self.harness

    @pytest.fixture
    def tell(self) -> Callable[[str], None]:
        """Take a line for the end of the output and for the file."""
        return self.harness.lines.append

    @pytest.fixture(autouse=True)
    def _pinned(self) -> Iterator[None]:
        """The session's number of threads before each benchmark, whatever the last one set."""
        torch.set_num_threads(self.harness.threads)
        yield
        torch.set_num_threads(self.harness.threads)

    @pytest.fixture(autouse=True)
    def _measured(self, request: pytest.FixtureRequest, _pinned: None) -> None:
        """The reference step before the first benchmark, and a few of it before each: by them runs are compared."""
        if "benchmark" in request.fixturenames and not request.getfixturevalue("benchmark").disabled:
            for device in filter(None, ("cpu", accelerator())):
                self.harness.reference(device)
                self.harness.beside(device)

    @pytest.hookimpl(optionalhook=True)
    def pytest_benchmark_update_machine_info(self, machine_info: dict[str, Any]) -> None:
        """torch, GPU, threads, commit, dirtiness; not the name of the computer."""
        for name in ("node", "release"):  # whose computer it is, nobody needs to know
            machine_info.pop(name, None)
        cpu = machine_info.pop("cpu", {})
        machine_info.update(self.harness.facts)
        machine_info["cache_bytes"] = {key: cpu[key] for key in cpu if key.endswith("cache_size")}

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_benchmark_compare_machine_info(
        self, machine_info: dict[str, Any], compared_benchmark: dict[str, Any]
    ) -> None:
        """Another commit is what one compares. Another machine or torch is told in a line: theirs has a page."""
        saved = compared_benchmark["machine_info"]
        versions = {key: (saved.get(key), machine_info[key]) for key in ("torch", "python")}
        pairs = machines_apart(saved, machine_info) | {key: two for key, two in versions.items() if two[0] != two[1]}
        apart = [f"{key} {theirs} → {mine}" for key, (theirs, mine) in pairs.items()]
        if apart:
            self.harness.lines.append(
                f"compared with a run of another kind ({'; '.join(apart)}): `optiscope compare` takes that into account"
            )
        compared_benchmark["machine_info"] = machine_info

    @pytest.hookimpl(optionalhook=True)
    def pytest_benchmark_update_json(self, output_json: dict[str, Any]) -> None:
        """The probes of this run."""
        output_json["optiscope"] = self.harness.as_record()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None, Any, Any]:
        """A whole selection is saved, unless it was quick or failed; where nothing was timed nothing is.

        One that was interrupted is saved as far as it came, under that name: what was timed took its time.
        """
        theirs: Any = session.config._benchmarksession  # type: ignore[attr-defined]
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        # The one that was on its way has no rounds, or not all of them.
        theirs.benchmarks[:] = [one for one in theirs.benchmarks if not interrupted or one.stats.data]
        if not [one for one in theirs.benchmarks if not one.has_error]:
            if theirs.save or theirs.autosave or theirs.json:
                self.harness.lines.append("nothing was saved: no benchmark was timed")
            theirs.save = theirs.autosave = theirs.json = None
        else:
            self.harness.finish()
            whole = self.harness.whole and self.harness.level.name != "quick" and not theirs.disabled
            if whole and not exitstatus:
                theirs.save = theirs.save or theirs.autosave or self.harness.level.name
            elif whole and interrupted:
                self.harness.whole = False
                theirs.save = theirs.save or theirs.autosave or "interrupted"
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """What was timed, and what the benchmarks had to say; pytest's own header is hidden by -q."""
        terminalreporter.section("benchmarks", sep="-")
        for line in (self._told(), *self.harness.lines):
            terminalreporter.write_line(line)
