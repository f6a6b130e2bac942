"""Any number leads to its runs, by mouse and by keyboard; and filters that change the figures of all problems together."""

import re

import numpy as np
import pytest
from study_frames import make_runs

from optiscope.report.page.charts import chart_frames
from optiscope.report.page.evidence import Evidence

# Numbers on the page that no button, lead or chart makes a way to runs.
LOOSE = """() => {
  const digits = /[0-9∞]/, way = "button, [data-runs], a, summary, select, .who";
  const loose = [];
  for (const cell of document.querySelectorAll("main td")) {
    const table = cell.closest("table");
    const names = cell === cell.parentElement.cells[0] && !cell.matches(".n");
    const advice = cell.closest(".audit") && cell.matches(":last-child");
    if (names || advice || !digits.test(cell.textContent) || cell.querySelector(way)) continue;
    loose.push(`${table.getAttribute("aria-label") ?? table.closest("section").id}: ${cell.textContent}`);
  }
  for (const part of document.querySelectorAll(".counts b, .card li, .trouble")) {
    if (digits.test(part.textContent) && !part.closest(way) && !part.querySelector(way)) loose.push(part.textContent);
  }
  return loose;
}"""


def budgets(runs_of=((100, "cpu"), (200, "cpu"), (100, "cuda"))):
    """Three optimizers on two functions, at two budgets and on two devices, with a default rate beside the tuned one."""
    random = np.random.default_rng(0)
    rows = [
        {"problem": problem, "steps": steps, "steps_done": steps, "device": device, "optimizer": name, "seed": seed,
         "lr": 0.01, "loss_final": float(10 ** random.normal(-i if steps == 100 else i, 0.5))}
        for problem in ("a", "b") for steps, device in runs_of for i, name in enumerate(("SGD", "Adam", "AdamW"))
        for seed in range(5)
    ]  # fmt: skip
    return make_runs(*rows)


def by_seeds():
    """Three who compete on 8, 5 and 3 seeds: told apart by pairs of a seed, by the rank-sum test, and by none."""
    random = np.random.default_rng(0)
    return make_runs(*(
        {"problem": problem, "optimizer": name, "seed": seed, "loss_final": float(10 ** random.normal(-3 * i, 0.3))}
        for problem, seeds in (("eight", 8), ("five", 5), ("two", 2)) for i, name in enumerate(("SGD", "Adam", "AdamW"))
        for seed in range(seeds)
    ))  # fmt: skip


def many():
    """1,500 runs of one pair, and as many of another."""
    return make_runs(
        *(
            {"optimizer": name, "seed": seed, "loss_final": 1.0 + seed}
            for name in ("SGD", "Adam")
            for seed in range(1500)
        )
    )


@pytest.fixture(scope="module")
def frames(frames):
    made = {"budgets": budgets(), "tests": by_seeds(), "many": many()}
    return frames | {name: (runs, None) for name, runs in made.items()}


def drawer(page):
    """Heading and count of the open drawer; it is closed again."""
    box = page.locator("#drawer")
    told = box.locator("h2").inner_text(), box.locator(".drawer-head p").inner_text()
    page.keyboard.press("Escape")
    assert not box.is_visible()
    return told


def test_the_counts_of_the_head_lead_to_what_they_count(reader):
    page = reader().page
    counts = page.locator(".counts button")
    counts.nth(3).click()
    assert drawer(page) == ("72 runs", "72 runs")
    counts.nth(4).focus()
    page.keyboard.press("Enter")
    assert drawer(page) == ("48 tuning trials", "0 runs, 48 trials of the search")
    counts.nth(6).click()
    lost = counts.nth(6).inner_text().partition(" ")[0]
    assert drawer(page) == (f"{lost} diverged or failed", f"{lost} runs")
    page = reader("budgets").page
    page.locator(".counts button").nth(4).click()
    assert "There are no such runs" in page.locator("#drawer").inner_text()
    assert drawer(page) == ("0 tuning trials", "0 runs")


def test_the_verdict_and_the_audit_lead_to_runs_by_keyboard(reader):
    page = reader().page
    leads = page.locator(".card .leads")
    leads.first.focus()
    page.keyboard.press("Enter")
    assert drawer(page) == ("6 pairs on test functions", "72 runs")
    leads.nth(1).focus()
    page.keyboard.press(" ")
    assert drawer(page)[1] == "12 runs"
    page.locator(".audit summary").click()
    finding = page.locator(".audit tr", has_text="no baseline").locator(".leads").first
    finding.focus()
    page.keyboard.press("Enter")
    assert drawer(page) == ("Audit: no baseline", "72 runs")


@pytest.mark.parametrize("name", ["plain", "budgets", "tests"])
def test_every_number_of_a_table_is_a_way_to_runs(reader, name):
    one = reader(name)
    for section in one.page.locator("main > section").all():
        one.see(section.get_attribute("id"))
    assert one.page.evaluate(LOOSE) == []
    one.page.locator("#leaderboard").get_by_label("Problem").select_option(index=1)
    assert one.page.evaluate(LOOSE) == []


def test_every_chart_of_runs_takes_the_keyboard(reader):
    one = reader()
    for section in one.page.locator("main > section").all():
        one.see(section.get_attribute("id"))
    # The losses of the catalogue have no runs; the ground of the race is played, and its strips lead to runs.
    mute = "[...document.querySelectorAll('main .chart')].filter((one) => one.tabIndex < 0).map((one) => one.ariaLabel)"
    assert {re.sub(" of .*", "", label) for label in one.page.evaluate(mute)} == {
        "Value",
        "Gradient",
        "Paths over the loss",
    }


def test_arrows_and_enter_do_in_a_chart_what_a_click_does(reader):
    one = reader()
    one.see("schedules")
    page = one.page
    chart = page.get_by_label("Shares of variance by factor")
    chart.focus()
    page.keyboard.press("Enter")
    assert not page.locator("#drawer").is_visible()  # no point was chosen
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('#schedules .hoverlayer .hovertext')")
    page.keyboard.press("Enter")
    heading, count = drawer(page)
    assert (heading, count) == ("test functions: the search, over all rates", "0 runs, 48 trials of the search")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert drawer(page) == ("test functions: results, each at its own rate", "72 runs")
    one.see("sensitivity")
    page.get_by_label(re.compile("^Median final gap by learning rate and optimizer")).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    heading, count = drawer(page)
    assert re.search(r"on beale, lr 0.01$", heading)
    assert "2 trials of the search" in count


def test_bars_of_variance_lead_to_runs_by_mouse(reader):
    one = reader()
    one.see("schedules")
    chart = one.page.get_by_label("Shares of variance by factor")
    chart.scroll_into_view_if_needed()
    bar = chart.locator(".bars .point path").first.bounding_box()
    one.page.mouse.click(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    assert drawer(one.page)[1] in ("72 runs", "0 runs, 48 trials of the search")


def test_the_gap_of_who_races_leads_to_its_run(reader):
    one = reader()
    one.see("race")
    one.page.locator("#race td.n button").first.click()
    heading, count = drawer(one.page)
    assert re.search(r" on beale, lr 0\.\d+, seed 0$", heading)
    assert count == "1 run"


def test_a_curve_in_the_drawer_opens_its_run(reader):
    page = reader().page
    page.locator("#leaderboard").get_by_label("Problem").select_option(label="himmelblau")
    page.locator("#leaderboard td button.num").nth(2).click()
    page.wait_for_function("() => [...document.querySelectorAll('#drawer .chart')].some((one) => one.drawn)")
    chart = page.get_by_label("Loss of each run by step")
    chart.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    title = page.locator("#drawer [aria-live] h3").first.inner_text()
    assert title.endswith("seed 2")
    assert page.locator("#drawer tr.chosen").count() == 1


def test_thousands_of_runs_are_shown_page_by_page(reader):
    page = reader("many").page
    page.locator(".counts button").nth(3).click()
    box = page.locator("#drawer")
    assert box.locator(".drawer-head p").inner_text() == "3,000 runs"
    rows = page.locator('table[aria-label="Runs behind the number"] tbody tr')
    assert rows.count() == 12
    more = box.get_by_role("button", name="Show 200 more (12 of 3,000)")
    more.click()
    assert rows.count() == 212
    box.get_by_role("button", name="Final gap or loss").click()
    box.get_by_role("button", name="Final gap or loss").click()
    assert box.locator("tbody tr").first.locator("td").nth(6).inner_text() == "1,500"


@pytest.mark.parametrize(
    ("problem", "words", "could"),
    [
        ("eight", "by Wilcoxon's signed-rank test on pairs of a seed, at 5%", r"could show [\d.]+ decades \([\d.,e]+ times\)"),
        ("five", "by the rank-sum test, at 5% with Holm's correction: where 3 compete on 5 seeds", r"could show [\d.]+ dec"),
        ("two", "with 2 seeds no outcome of any test could be significant", "could show nothing"),
    ],
)  # fmt: skip
def test_the_caption_names_the_test_and_what_so_many_seeds_could_show(reader, problem, words, could):
    page = reader("tests").page
    page.locator("#leaderboard").get_by_label("Problem").select_option(label=problem)
    told = page.locator("#leaderboard").inner_text()
    assert words in told
    assert re.search(could, told)


def test_a_table_says_for_each_problem_who_won_by_which_test(reader):
    one = reader("tests")
    table = "Winners"
    assert one.column("Problem", table) == ["eight", "five", "two"]
    assert one.column("Winner", table) == ["AdamW"] * 3
    assert one.column("Test", table) == ["signed-rank", "rank-sum", "none"]
    assert one.column("Could show", table)[2] == "nothing"
    assert one.column("Share the place", table) == ["1 of 3", "1 of 3", "3 of 3"]


def test_budget_and_device_change_the_figures_of_all_problems_together(reader):
    one = reader("budgets")
    page, board = one.page, one.page.locator("#leaderboard")
    evidence = Evidence(budgets())
    overall = chart_frames(evidence)[0]["overall"]

    def expected(part):
        rows = overall[overall["part"] == part].sort_values("iqm", kind="stable")
        return list(rows["optimizer"]), [f"{100 * iqm:.0f}%" for iqm in rows["iqm"]]

    def shown():
        return one.column("Optimizer"), one.column("Left undone")

    assert shown() == expected(0)
    for steps, device in (("100", ""), ("200", "cpu"), ("", "cuda")):
        board.get_by_label("Budget in steps").select_option(steps)
        board.get_by_label(re.compile("^Device")).select_option(device)
        choices = evidence.parts.choices
        wanted = (int(steps) if steps else None, device or None)
        part = next(each.part for each in choices if (each.steps, each.device) == wanted)
        assert shown() == expected(part)
        assert f"Every figure is of {evidence.parts.groups[part].name} alone." in board.inner_text()
    # Best first at 100 steps and at 200 are not the same: the figures are other ones, not other rows.
    assert expected(3) != expected(5)
    board.get_by_label("Budget in steps").select_option("200")
    assert "Nothing fits these filters." in board.inner_text()
    board.get_by_label(re.compile("^Device")).select_option("")
    board.get_by_label("Budget in steps").select_option("100")
    board.locator("td button.num").first.click()
    assert drawer(page)[1] == "20 runs"


def test_a_filter_with_nothing_to_choose_is_off_and_says_why(reader):
    one = reader("budgets")
    board = one.page.locator("#leaderboard")
    assert not board.get_by_label(re.compile("^Device")).is_disabled()
    board.get_by_label(re.compile("^Device")).select_option("cuda")
    board.get_by_label("Problem").select_option(index=1)
    assert board.get_by_label(re.compile("^Device")).is_disabled()
    assert board.get_by_label("Budget in steps").is_disabled()
    assert "This problem ran 100 steps on cpu: there is nothing else to choose." in board.inner_text()
    assert len(one.column("Place")) == 3
    plain = reader().page.locator("#leaderboard")
    assert plain.get_by_label(re.compile("^Device")).is_disabled()
    assert "All 2 settings here ran 30 steps on cpu: there is nothing else to choose." in plain.inner_text()
