"""A browser, a small study, and pages that open when they are first asked for."""

import shutil

import pytest
from page_study import hostile, real_study

from optiscope.audit import findings
from optiscope.report import html_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
LONG = "quadratic(condition=1000.0, dim=10, rotation=1, noise=0.001)"


@pytest.fixture(scope="module")
def browser():
    if BROWSER is None:
        pytest.skip("no Chromium is on the path")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install optiscope[test]"
    )
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def study():
    return real_study()


@pytest.fixture(scope="module")
def frames(study):
    """The runs and traces of each page by its name."""
    runs, trace = study
    long = runs.assign(problem=runs["problem"].replace("beale", LONG))
    return {"plain": (runs, trace), "hostile": hostile(runs, trace), "long": (long, trace)}


@pytest.fixture(scope="module")
def page_of(frames, tmp_path_factory):
    """The path of a page by its name, written when it is first asked for."""
    folder = tmp_path_factory.mktemp("page")

    def written(name):
        path = folder / f"{name}.html"
        if not path.exists():
            runs, trace = frames[name]
            text = html_report(title=f"A {name} study", runs=runs, trace=trace, audit=findings(runs))
            path.write_text(text, encoding="utf-8")
        return path

    return written


class Reader:
    """One open page, with everything it asked for and complained of."""

    def __init__(self, page, path):
        self.page, self.asked, self.said = page, [], []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda line: self.said.append(line.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")

    def see(self, section):
        """Scroll to a section and wait until its charts are drawn."""
        self.page.evaluate("name => document.getElementById(name).scrollIntoView({behavior: 'instant'})", section)
        drawn = "name => [...document.querySelectorAll(`#${name} .chart`)].filter(O.near).every((one) => one.drawn)"
        self.page.wait_for_function(drawn, arg=section)

    def column(self, name, table="Leaderboard"):
        """The texts of a column of a table."""
        place = f'table[aria-label="{table}"]'
        heads = [text.rstrip(" ↑↓") for text in self.page.locator(f"{place} th").all_inner_texts()]
        cells = self.page.locator(f"{place} tbody td:nth-child({heads.index(name) + 1})")
        return [text.strip() for text in cells.all_inner_texts()]


@pytest.fixture
def reader(browser, page_of):
    open_pages = []

    def read(name="plain", width=1280, theme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        page.set_default_timeout(20_000)
        one = Reader(page, page_of(name))
        open_pages.append(one)
        return one

    yield read
    for one in open_pages:
        one.page.close()
        assert one.said == []
        assert [url for url in one.asked if not url.startswith("file:")] == []
