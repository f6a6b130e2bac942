"""A page of many runs: how long it takes to make, how many bytes it has, and how soon a browser has opened it.

The figures of the browser are its own clock's, from the moment that the file is asked for: the first words on screen,
the leaderboard in place, everything in place. Chromium is started before, and each opening is a page of its own.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_large import large_study  # type: ignore[import-not-found]  # of tests/

from optiscope.measure import Level
from optiscope.report import html_report

pytestmark = pytest.mark.benchmark(group="page")

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
# When the first row of the leaderboard is there, and when every section is filled.
WATCH = """
new MutationObserver(() => {
  if (!window.boardAt && document.querySelector("#leaderboard td")) window.boardAt = performance.now();
  if (!window.readyAt && document.documentElement.dataset.ready) window.readyAt = performance.now();
}).observe(document, { subtree: true, childList: true, attributes: true });
"""
CLOCKS = """() => ({
  first_words_s: performance.getEntriesByName("first-contentful-paint")[0]?.startTime / 1000,
  leaderboard_s: window.boardAt / 1000, ready_s: window.readyAt / 1000,
})"""


def page_cases(level: Level) -> list[int]:
    """Numbers of runs."""
    return level.pick([5_000], [5_000], [50_000, 200_000])


def opened(browser: Any, path: Path) -> dict[str, float]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(WATCH)
    page.goto(path.as_uri())
    page.wait_for_function("() => window.readyAt > 0")
    found = page.evaluate(CLOCKS)
    page.close()
    return found


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is on the path")
@pytest.mark.cases(of=page_cases)
def test_a_page_of_many_runs(benchmark: Any, tell: Callable[[str], None], tmp_path: Path, case: int) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    runs, trace = large_study(case)
    path = tmp_path / "report.html"
    begin = time.perf_counter()
    path.write_text(html_report(title="Large", runs=runs, trace=trace), encoding="utf-8")
    made, megabytes = time.perf_counter() - begin, path.stat().st_size / 1e6
    found: list[dict[str, float]] = []
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        opened(browser, path)  # the first one pays for the browser's own caches
        benchmark.pedantic(lambda: found.append(opened(browser, path)), rounds=3)
        browser.close()
    clocks = {name: statistics.median(one[name] for one in found) for name in found[0]}
    benchmark.extra_info.update(runs=case, made_s=made, megabytes=megabytes, **clocks)
    tell(
        f"a page of {case:,} runs: {megabytes:.1f} MB, made in {made:.0f} s; first words after "
        f"{clocks['first_words_s']:.2f} s, the leaderboard after {clocks['leaderboard_s']:.2f} s, all of it after "
        f"{clocks['ready_s']:.2f} s"
    )
