"""A page of 50,000 runs, at its full size: how many bytes it has, and what it says of the runs beyond them."""

import base64
import gzip
import json
import re

from page_large import large_study

from optiscope.report import html_report
from optiscope.report.page.evidence import Evidence
from optiscope.report.page.paths import MOST_RUNS, paths


def test_fifty_thousand_runs_are_all_on_a_page_of_less_than_fifteen_megabytes():
    runs, trace = large_study(50_000)
    page = html_report(title="Large", runs=runs, trace=trace)
    assert len(page.encode()) < 15_000_000
    assert not re.search(r"Of [0-9,]+ runs this page lists", page)
    frames = json.loads(gzip.decompress(base64.b64decode(re.search(r'id="data-packed">([^<]*)<', page)[1])))["frames"]
    assert frames["runs"]["n"] == 50_000
    assert frames["trace"]["n"] > 200_000


def test_beyond_fifty_thousand_it_samples_trials_keeps_the_results_and_says_so():
    runs, _ = large_study(60_000, traced=0)
    kept = paths(Evidence(runs))
    assert len(kept.runs) == MOST_RUNS == 50_000
    assert (kept.runs["purpose"] == "result").sum() == (runs["purpose"] == "result").sum() == 12_000
    assert kept.left_out == (
        "Of 60,000 runs this page lists 50,000, evenly picked; every statistic is of all of them.",
    )
