"""The page in a real browser, opened from disk: what a reader does with mouse, keyboard and eyes."""

import re
import shlex

import pytest
from page_study import PLOTTED

import optiscope as osc


def test_every_section_draws_and_nothing_is_fetched(reader):
    one = reader()
    for section in one.page.locator("main > section").all():
        one.see(section.get_attribute("id"))
    assert len(one.asked) == 1
    assert one.page.locator(".waits").count() == 0
    # An empty section, or one that says why it is empty.
    for body in one.page.locator("main .body").all():
        assert body.locator("*").count() > 0


def test_a_heading_sorts_and_filters_choose(reader):
    one = reader()
    page = one.page
    success = page.get_by_role("button", name=re.compile("^Success( .)?$"))
    success.click()
    shares = [int(text.rstrip("%")) for text in one.column("Success")]
    assert shares == sorted(shares, reverse=True)
    success.click()
    assert [int(text.rstrip("%")) for text in one.column("Success")] == sorted(shares)
    assert page.locator("table[aria-label=Leaderboard] th[aria-sort=ascending]").inner_text().startswith("Success")
    board = page.locator("#leaderboard")
    board.get_by_label("Schedule").select_option("constant")
    assert set(one.column("Schedule")) == {"constant"}
    board.get_by_label("Problem").select_option(label="himmelblau")
    board.get_by_label("Find").fill("adam")
    assert one.column("Optimizer") == ["Adam"]
    board.get_by_label("Find").fill("nobody")
    assert "Nothing fits these filters." in board.inner_text()


def test_a_number_leads_to_its_runs_and_a_run_to_the_command_that_makes_it_again(reader, study, monkeypatch):
    one = reader()
    page = one.page
    page.locator("#leaderboard").get_by_label("Problem").select_option(label="himmelblau")
    page.locator("#leaderboard td button.num").nth(2).click()
    drawer = page.locator("#drawer")
    assert drawer.locator("h2").inner_text().endswith("on himmelblau, lr 0.01")
    assert drawer.get_by_text("6 runs", exact=True).count() == 1
    page.wait_for_function("() => [...document.querySelectorAll('#drawer .chart')].some((one) => one.drawn)")
    drawer.get_by_role("button", name=re.compile("^Seed 3")).click()
    facts = dict(zip(drawer.locator("dt").all_inner_texts(), drawer.locator("dd").all_inner_texts(), strict=True))
    assert (facts["Seed"], facts["Problem"], facts["Steps"]) == ("3", "himmelblau", "30 of 30")
    words = shlex.split(drawer.locator(".command").inner_text())
    assert words[:2] == ["python", "-c"]
    asked = []
    monkeypatch.setattr(osc, "run", lambda runs, **more: asked.extend(runs) or osc.engine.Results([]))
    exec(words[2], {})
    assert [run.run_id for run in asked] == [facts["Run"]]
    assert facts["Run"] in set(study[0]["run_id"])
    page.keyboard.press("Escape")
    assert not drawer.is_visible()


def test_points_of_a_chart_lead_to_runs_too(reader):
    one = reader()
    one.see("sensitivity")
    point = one.page.locator("#sensitivity .scatterlayer .point").first.bounding_box()
    one.page.mouse.click(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    assert re.search(r"on beale, lr 0.0", one.page.locator("#drawer h2").inner_text())
    assert "2 trials of the search" in one.page.locator("#drawer").inner_text()
    one.page.keyboard.press("Escape")
    one.page.get_by_label("Rows").select_option(label="schedules, of Adam")
    one.see("sensitivity")
    ground = one.page.locator("#sensitivity .heatmaplayer").bounding_box()
    one.page.mouse.click(ground["x"] + ground["width"] / 4, ground["y"] + ground["height"] / 4)
    assert re.search(r"^Adam \+ .* on beale, lr 0.001", one.page.locator("#drawer h2").inner_text())


def test_the_race_plays_pauses_scrubs_and_toggles(reader):
    one = reader()
    page = one.page
    one.see("race")
    picture = "document.querySelector('#race canvas').toDataURL()"
    before = page.evaluate(picture)
    page.locator("#race").get_by_role("button", name="Play").click()
    page.wait_for_function("() => O.raceState.time > 1")
    page.get_by_role("button", name="Pause").click()
    paused = page.evaluate("O.raceState.time")
    moved = page.evaluate(picture)
    assert moved != before
    page.wait_for_timeout(150)
    assert page.evaluate("O.raceState.time") == paused
    slider = page.get_by_label("Step of the race")
    slider.focus()
    page.keyboard.press("End")
    assert page.locator("#race output").inner_text() == "step 30 / 30"
    ended = page.evaluate(picture)
    assert ended != moved
    page.get_by_label("Show Adam").uncheck()
    without = page.evaluate(picture)
    assert without != ended
    page.get_by_label("Show Adam").check()
    page.get_by_label("Schedule of Adam").select_option("CosineAnnealingLR")
    assert (
        page.evaluate("O.raceState.entries.find((one) => one.optimizer === 'Adam').run.schedule") == "CosineAnnealingLR"
    )
    page.locator("#race").get_by_label("Problem").select_option(label="himmelblau")
    assert page.evaluate("O.raceState.ground.name") == "himmelblau"
    assert page.locator("#race output").inner_text() == "step 30 / 30"


def test_the_race_goes_by_keyboard(reader):
    page = reader().page
    page.get_by_label("Step of the race").focus()
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    page.wait_for_function("() => O.raceState.playing && O.raceState.time > 0.5")
    page.keyboard.press(" ")
    assert not page.evaluate("O.raceState.playing")
    page.keyboard.press("ArrowRight")
    assert not page.evaluate("O.raceState.playing")


def test_everything_is_reached_by_keyboard(reader):
    page = reader().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    first = page.locator("#leaderboard td button.num").first
    first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#drawer").is_visible()
    assert page.evaluate("document.getElementById('drawer').contains(document.activeElement)")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "num"
    page.locator("table[aria-label=Leaderboard] th button").nth(2).focus()
    page.keyboard.press("Enter")
    assert page.locator("table[aria-label=Leaderboard] th[aria-sort]").count() == 1


def test_dark_comes_from_the_system_and_goes_by_the_button(reader):
    one = reader(theme="dark")
    page = one.page
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(18, 22, 27)"
    one.see("convergence")
    line = "document.querySelector('#convergence .legend .swatch').style.borderTopColor"
    dark = page.evaluate(line)
    page.locator("#theme").click()
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.wait_for_function(f"() => {line} !== '{dark}'")


@pytest.mark.parametrize("name", ["plain", "long"])
def test_a_phone_scrolls_one_way_only(reader, name):
    one = reader(name, width=360)
    for section in ("leaderboard", "race", "convergence", "sensitivity", "profiles", "budget", "schedules"):
        one.see(section)
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 360
    one.page.locator("#leaderboard td button.num").first.click()
    box = one.page.locator("#drawer").bounding_box()
    assert box["width"] <= 360


def test_a_legend_hides_and_shows_a_line(reader):
    one = reader()
    one.see("convergence")
    chip = one.page.locator("#convergence .legend button").first
    lines = "document.querySelectorAll('#convergence .scatterlayer .trace').length"
    before = one.page.evaluate(lines)
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"
    one.page.wait_for_function(f"() => {lines} < {before}")


def test_names_of_users_stay_text_everywhere(reader):
    one = reader("hostile")
    page = one.page
    for section in page.locator("main > section").all():
        one.see(section.get_attribute("id"))
    page.locator("#convergence").get_by_label("Measure").select_option(label=PLOTTED)
    one.see("convergence")
    page.locator("#leaderboard td button.num").first.click()
    page.wait_for_function("() => [...document.querySelectorAll('#drawer .chart')].some((one) => one.drawn)")
    assert page.evaluate("window.stolen") is None
    assert page.locator("img").count() == 0
    assert page.locator("a[href*=stolen]").count() == 0
    assert (
        page.evaluate("[...document.querySelectorAll('a')].filter((a) => a.href.baseVal?.includes('stolen')).length")
        == 0
    )
    assert "<script>window.stolen=1</script>" in page.locator("#leaderboard").inner_text()


def test_on_paper_it_is_light_and_every_chart_is_there(reader):
    one = reader(theme="dark")
    one.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    one.page.wait_for_function("() => [...O.charts].filter((one) => one.isConnected).every((one) => one.drawn)")
    assert one.page.evaluate("O.theme()") == "light"
    # Nobody chooses on paper: what is chosen is told there, above what it is chosen for.
    problem = one.page.evaluate("O.data.settings[0].name")
    told = one.page.evaluate("document.querySelector('#convergence .printed').textContent")
    assert told.startswith(f"Problem: {problem} · Measure: gap · Lines: ")
    one.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert one.page.evaluate("O.theme()") == "dark"
    assert one.page.locator(".printed").count() == 0
