import base64
import gzip
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from page_study import hostile, real_study
from study_frames import make_runs, make_trace

from optiscope.audit import findings
from optiscope.errors import InputError
from optiscope.report import html_report
from optiscope.report.page import make, paths


def data_of(page):
    packed = re.search(r'id="data-packed">([^<]*)<', page)[1]
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def words_of(page):
    """The text that stands on the page before any script has run."""
    body = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


class Loads(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.found += [(tag, value) for name, value in attrs if name in ("src", "srcset", "data", "poster", "action")]
        self.found += [(tag, dict(attrs).get("href"))] if tag == "link" else []


@pytest.fixture(scope="module")
def study():
    return real_study()


@pytest.fixture(scope="module")
def page(study):
    runs, trace = study
    audit = findings(runs)
    return html_report(
        title="Mine", runs=runs, trace=trace, audit=audit, methods={"Seeds": "apart"}, command="optiscope run"
    )


def test_the_page_is_whole(page):
    loads = Loads()
    loads.feed(page)
    assert loads.found == []
    assert "default-src 'none'" in page
    assert not re.search(r"@import|url\(", page.partition("</style>")[0])


def test_every_script_and_the_style_are_on_it():
    there = {path.stem for path in make.ASSETS.glob("*.js")}
    assert there == set(make.SCRIPTS)


def test_the_same_frames_make_the_same_page(study, page):
    runs, trace = study
    again = html_report(
        title="Mine", runs=runs, trace=trace, audit=findings(runs), methods={"Seeds": "apart"}, command="optiscope run"
    )
    assert again == page


def test_the_first_screen_says_what_to_use_and_what_the_audit_found(page):
    words = words_of(page)
    assert "On test functions, use" in words
    assert "Confidence:" in words
    assert "What it costs" in words
    assert "Where it fails" in words
    assert re.search(r"Audit\. Of \d+ rules", words)
    assert "2 problems" in words
    assert "72 runs" in words


def test_methods_references_and_command_are_there(page):
    words = words_of(page)
    assert "Search and evaluation" in words
    assert "0.001 … 0.01" in words
    assert "Beale (1958)" in words
    assert "@techreport{beale1958iterative," in words
    assert "optiscope run" in words


def test_every_chart_has_its_frame(study, page):
    data = data_of(page)
    counts = {name: frame["n"] for name, frame in data["frames"].items()}
    assert data["missing"] == {}
    assert (counts["board"], counts["overall"]) == (12, 6)
    assert counts["runs"] == 72 + 48
    assert counts["trace"] == len(study[1])
    assert all(counts[name] for name in ("rates", "gains", "budget", "profile", "ecdf", "wins", "bands", "losses"))
    assert [ground["name"] for ground in data["grounds"]] == ["beale", "himmelblau"]
    assert len(data["grounds"][1]["minima"]) == 4


def test_names_of_users_stay_text(study):
    runs, trace = hostile(*study)
    page = html_report(title="</title><script>steal()</script>", runs=runs, trace=trace, audit=findings(runs))
    loads = Loads()
    loads.feed(page)
    assert loads.tags.count("script") == 5  # the theme's, three packed ones, and the page's own
    assert "img" not in loads.tags
    assert "steal()</script>" not in page
    assert "example.org/stolen&#34;" in page


def test_an_empty_store_makes_a_page_that_says_so():
    words = words_of(html_report(title="Empty", runs=pd.DataFrame()))
    assert "There are no runs: run a study, then write the report again." in words


def test_one_run_alone_is_shown_and_compared_with_nothing():
    page = html_report(title="One", runs=make_runs({}), trace=make_trace(run0=[3.0, 2.0, 1.0]))
    assert "There is one run: it can be looked at, and compared with nothing." in words_of(page)
    assert data_of(page)["frames"]["board"]["n"] == 1


def test_all_runs_diverged():
    rows = [
        {"optimizer": name, "seed": seed, "status": "diverged", "loss_final": np.nan}
        for name in "ab"
        for seed in (0, 1)
    ]
    page = html_report(title="Lost", runs=make_runs(*rows))
    words = words_of(page)
    assert "All 4 runs diverged or failed: there is nothing to recommend." in words
    assert "use" not in words.partition("Leaderboard Every")[0].split("Lost", 1)[1].split("There")[0]


def test_a_search_without_results():
    page = html_report(title="Search", runs=make_runs({"purpose": "tuning"}))
    assert "There are 1 trials of a search and no results yet" in words_of(page)


def test_a_missing_column_is_one_line():
    with pytest.raises(InputError, match="the runs frame lacks schedule"):
        html_report(title="Old", runs=make_runs({}).drop(columns="schedule"))


def test_a_problem_that_is_not_in_the_catalogue_has_a_race_without_a_map():
    runs = make_runs({"problem": "mine", "steps": 2, "steps_done": 2})
    trace = make_trace(run0=[3.0, 2.0, 1.0]).assign(x0=[0.0, 1.0, 2.0], x1=[0.0, 1.0, 1.0], lr_t=0.1)
    (ground,) = data_of(html_report(title="Mine", runs=runs, trace=trace))["grounds"]
    assert "depth" not in ground
    assert "mine" in ground["reason"]


def test_beyond_its_room_the_page_samples_and_says_so(study, monkeypatch):
    runs, trace = study
    monkeypatch.setattr(paths, "MOST_RUNS", 80)
    monkeypatch.setattr(paths, "FEWEST", 24)
    monkeypatch.setattr(paths, "MOST_ROWS", 40 * 24)
    page = html_report(title="Large", runs=runs, trace=trace)
    words = words_of(page)
    assert "Of 120 runs this page lists 80, evenly picked; every statistic is of all of them." in words
    assert "Of 72 traced runs this page draws 40, those of the first seeds." in words
    frames = data_of(page)["frames"]
    assert frames["runs"]["n"] == 80
    assert frames["trace"]["n"] <= 40 * 24
    assert frames["board"]["n"] == 12
