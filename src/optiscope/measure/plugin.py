"""What `pytest --benchmark` adds to pytest; the conftest.py of the root registers it, with the flag and never without.

A bench asks for these fixtures: `level` (what to pick), `harness` (probes of this run, made once), `tell` (a line for
the end of the output). `@pytest.mark.cases(of=function)` parametrizes `case` with what `function(level)` lists;
`@pytest.mark.only("full")` keeps a bench for that level.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import torch

from ..errors import GuardError
from .bandwidth import QUICK_SIZES, SIZES, Bandwidth, probe_bandwidth, probe_beside
from .clocks import Spread, device_clock
from .levels import Level
from .machine import accelerator, load, machine_facts, why_no_cuda
from .reference import reference_beside, reference_step
from .step import Stepper

DEFAULT_STORAGE = "file://./.benchmarks"  # pytest-benchmark's own
_VOLATILE = ("commit", "dirty")


class Checked(Protocol):
    """A guard."""

    def check(self, steps: int) -> None:
        """Raises GuardError unless so many steps were taken, and did their work."""
        ...


def timed(
    benchmark: Any, step: Callable[[], object], guard: Checked, *, steps: int, rounds: int, device: str = "cpu"
) -> float | None:
    """Time `rounds` blocks of `steps` steps, after one that is not read, under a guard: the median seconds of a step.

    On CUDA, with `device_clock.read` as its timer, it records `event_s` beside: the same blocks by CUDA's events.
    With `--benchmark-disable` the step is called once, the guard asked, and there is no time to give.
    """
    device_clock.watch(device)
    benchmark.pedantic(step, rounds=rounds, iterations=steps, warmup_rounds=1)
    calls = 1
    if not benchmark.disabled:
        # Where a round has several calls, pytest-benchmark makes another one for the result; and some for a profile.
        calls = steps * (rounds + 1) + (steps > 1) + (benchmark.cprofile_loops or steps) * bool(benchmark.cprofile)
    guard.check(calls)
    if benchmark.disabled:
        return None
    if events := device_clock.blocks(rounds, steps):
        benchmark.extra_info["event_s"] = Spread.of(events).median
    return benchmark.stats.stats.median


class Harness:
    """One benchmark session: its level, its threads, the machine's facts, and probes that are made once a device."""

    def __init__(self, level: Level, whole: bool):
        self.level, self.whole = level, whole
        self.threads = torch.get_num_threads()
        self.facts = machine_facts()
        self.lines: list[str] = []
        self.begin, self.load = time.time(), load()
        self._bandwidth: dict[str, Bandwidth] = {}
        self._reference: dict[str, dict[str, Any]] = {}
        self._step_beside: dict[str, Callable[[], float]] = {}
        self._beside: dict[str, list[float]] = {}

    def bandwidth(self, device: str = "cpu") -> Bandwidth:
        """The bandwidth probe of a device, made when it is first asked for."""
        if device not in self._bandwidth:
            sizes, rounds = (QUICK_SIZES, 3) if self.level.name == "quick" else (SIZES, 7)
            self._bandwidth[device] = probe_bandwidth(device, sizes=sizes, rounds=rounds)
        return self._bandwidth[device]

    def figures(self, stepper: Stepper, seconds: float, beside: Bandwidth) -> dict[str, Any]:
        """`Stepper.figures`; where they beat the ceiling the probe is made once more, for it may have been disturbed.

        Raises GuardError where they beat that one, too.
        """
        device, touched = stepper.case.device, stepper.working_set
        try:
            return stepper.figures(seconds, beside, self.bandwidth(device).ceiling(touched))
        except GuardError as error:
            before = self._bandwidth.pop(device)
            self._bandwidth[device] = before.improved(self.bandwidth(device))
            self.lines.append(f"{stepper.case}: the bandwidth was probed once more, for {error}")
            return stepper.figures(seconds, beside, self._bandwidth[device].ceiling(touched))

    def timed_step(self, benchmark: Any, stepper: Stepper, rounds: int) -> dict[str, Any]:
        """Time a stepper under its guard, the memory's bandwidth probed right before and after: its figures.

        With `--benchmark-disable` there are none.
        """
        device, touched = stepper.case.device, stepper.working_set
        before = None if benchmark.disabled else probe_beside(device, touched)
        steps = stepper.case.steps
        seconds = timed(benchmark, stepper.step, stepper.guard(), steps=steps, rounds=rounds, device=device)
        if seconds is None or before is None:
            return {}
        beside = before.joined(probe_beside(device, touched))
        return {"steps_per_s": 1 / seconds} | self.figures(stepper, seconds, beside)

    def reference(self, device: str = "cpu") -> dict[str, Any]:
        """The reference step of a device, likewise."""
        if device not in self._reference:
            self._reference[device] = reference_step(device, rounds=self.level.pick(5, 15, 15))
        return self._reference[device]

    def beside(self, device: str = "cpu") -> None:
        """Take a few reference steps between two benchmarks: a machine wavers, from one minute to the next."""
        if device not in self._step_beside:
            self._step_beside[device] = reference_beside(device)
        self._beside.setdefault(device, []).append(self._step_beside[device]())

    def finish(self) -> None:
        """Measure each reference step once more: what the machine was at the end belongs to the run, too."""
        for device, first in self._reference.items():
            last = reference_step(device, rounds=len(first["seconds"]))
            seconds = [*first["seconds"], *last["seconds"]]
            self._reference[device] = first | {"seconds": seconds, "median": Spread.of(seconds).median}

    def as_record(self) -> dict[str, Any]:
        """What the JSON file holds beside pytest-benchmark's own."""
        return {
            "level": self.level.name, "whole": self.whole, "threads": self.threads,
            "seconds": time.time() - self.begin,
            "load_before": self.load, "load_after": load(),
            "bandwidth": {device: one.as_record() for device, one in self._bandwidth.items()},
            "reference": dict(self._reference), "beside": self._beside, "lines": self.lines,
        }  # fmt: skip


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
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS and not (option.keyword or option.markexpr)
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
        """Another commit is what one compares; only another machine is worth a warning."""
        compared_benchmark["machine_info"].update({key: machine_info.get(key) for key in _VOLATILE})

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
