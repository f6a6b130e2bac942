"""Makes `pytest --benchmark` work: the benchmarks in bench/ and nothing else. Plain `pytest` runs the tests alone."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "bench"
# Tests that start processes or a browser, or draw whole pictures.
SLOW = (
    "test_compaction.py", "test_workers.py", "test_cluster.py", "test_browser.py", "test_browser_leads.py",
    "test_page_large.py", "test_viz.py", "test_run.py",
)  # fmt: skip
FLAGS = {
    "--benchmark": "run the benchmarks in bench/ only, within six minutes",
    "--benchmark-quick": "the same, within a minute: a few cases, each a few rounds",
    "--benchmark-full": "the same, everything at its full size: hours",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the flags, unless another plugin has one of them already."""
    for flag, text in FLAGS.items():
        # Somebody else's flag of this name does as well: it is read by name below.
        with contextlib.suppress(ValueError):
            parser.addoption(flag, action="store_true", default=False, help=text)


def benchmarks(config: pytest.Config) -> bool:
    """Whether one of the flags was given."""
    return any(config.getoption(flag.lstrip("-").replace("-", "_"), default=False) for flag in FLAGS)


def in_bench(path: Path) -> bool:
    """Whether this is the folder of the benchmarks, or in it."""
    return path == BENCH or BENCH in path.parents


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The whole test suite runs in a process a core, where pytest-xdist is there; `-n 0`, or paths, run it in one."""
    option = config.option
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS
    # A worker of pytest-xdist comes here as well, and must start none of its own.
    worker, benchmark = hasattr(config, "workerinput"), config.getoption("benchmark", default=False)
    alone = worker or benchmark or option.usepdb or option.capture == "no" or option.collectonly
    if whole and not alone and getattr(option, "numprocesses", 0) is None and not option.tx:
        option.numprocesses = min(os.cpu_count() or 1, 8)
        option.dist = "worksteal"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest goes first: nobody then waits at the end for one process that still has it to do."""
    items.sort(key=lambda item: SLOW.index(item.path.name) if item.path.name in SLOW else len(SLOW))


def pytest_configure(config: pytest.Config) -> None:
    """With a flag and no paths of the user's own, look in bench/; in an xdist worker the paths are given already."""
    named = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    inside = [in_bench((config.invocation_params.dir / one.partition("::")[0]).resolve()) for one in named]
    if benchmarks(config):
        from optiscope.measure.plugin import prepare

        if not all(inside):
            elsewhere = " ".join(one for one, here in zip(named, inside, strict=True) if not here)
            raise pytest.UsageError(f"benchmarks are in bench/, and {elsewhere} is not: leave out flag or path")
        prepare(config)
        if not named:
            config.args[:] = [str(BENCH)]
    elif inside and all(inside):
        raise pytest.UsageError(f"benchmarks run with a flag only: pytest --benchmark {' '.join(named)}")
    elif config.pluginmanager.hasplugin("benchmark"):
        config.option.benchmark_skip = True


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Benchmarks only with a flag, and nothing else with it."""
    inside = in_bench(collection_path)
    if benchmarks(config):
        return None if inside or collection_path in BENCH.parents else True
    return True if inside else None
