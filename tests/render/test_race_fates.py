"""What becomes of a competitor that diverges, leaves the map, leaves the domain, or has a rate on the search's bound."""

import itertools
import math

import numpy as np
import pytest
from matplotlib.text import Text
from render_frames import NAMES, descent, frames_of, landscape_of

from optiscope.render import race

STEPS = np.arange(51)


def straight(dx, dy, each=0.2):
    """A walk from the origin, (51, 2), that passes the edge of the map at 4.5 after about 23 steps."""
    return np.stack([dx * each * STEPS, dy * each * STEPS], axis=1)


def still(paths, losses=None, floor=0.0, status=None, **columns):
    losses = losses or dict.fromkeys(paths, 1.0 + 0.01 * STEPS)
    runs, trace = frames_of(paths, losses, floor, **columns)
    if status:
        runs["status"] = [status.get(name, "max_steps") for name in paths]
    figure = race(landscape_of(), runs, trace, frames=9, minima=[(3.0, 0.5)]).still()
    figure.canvas.draw()
    return figure


def by_gid(figure, prefix):
    return {a.get_gid(): a for a in figure.findobj() if str(a.get_gid() or "").startswith(prefix)}


def words(figure, prefix):
    return {gid: text.get_text() for gid, text in by_gid(figure, prefix).items()}


@pytest.mark.parametrize(("dx", "dy", "marker"), [(1, 0, ">"), (-1, 0, "<"), (0, 1, "^"), (0, -1, "v"), (2, 1, ">")])
def test_who_leaves_the_map_is_a_triangle_that_points_out_at_the_edge(dx, dy, marker):
    figure = still({"SGD": straight(dx, dy), "Adam": straight(0.1, 0.1)})
    heads = by_gid(figure, "head:")
    assert (heads["head:r0"].get_marker(), heads["head:r1"].get_marker()) == (marker, "o")
    [place] = heads["head:r0"].get_xydata()
    assert np.abs(place).max() == pytest.approx(4.5)
    assert np.allclose(place / np.abs(place).max(), np.array([dx, dy]) / max(abs(dx), abs(dy)))
    assert list(words(figure, "key:").values()) == ["▶ off the map", "○ start   ★ minimum"]


def test_who_comes_back_is_a_head_again():
    there_and_back = np.concatenate([straight(1, 0)[:30], straight(1, 0)[:21][::-1]])
    runs, trace = frames_of({"SGD": there_and_back}, {"SGD": 1.0 + 0 * STEPS})
    ours = race(landscape_of(), runs, trace, frames=51, clock="linear")
    markers = [by_gid(ours.figure_at(i), "head:")["head:r0"].get_marker() for i in (0, 20, 26, 50)]
    assert markers == ["o", "o", ">", "o"]


def test_who_diverges_is_crossed_out_at_the_edge_and_ranked_last(astray):
    ours = race(astray.landscape, astray.runs, astray.trace, frames=40)
    figure = ours.still()
    heads = by_gid(figure, "head:")
    assert {gid: head.get_marker() for gid, head in heads.items()} == {"head:r0": "X", "head:r1": "o", "head:r2": ">"}
    for gid in ("head:r0", "head:r2"):
        assert np.abs(heads[gid].get_xydata()).max() == pytest.approx(4.5)
    done = astray.runs.set_index("run_id")["steps_done"]
    assert words(figure, "final:")["final:r0"] == f"diverged at step {done['r0'] + 1}"
    assert list(words(figure, "key:").values()) == ["▶ off the map   ✖ diverged", "○ start"]
    rows = sorted(by_gid(figure, "final:").items(), key=lambda item: -item[1].get_position()[1])
    assert [gid for gid, _ in rows] == ["final:r1", "final:r2", "final:r0"]
    assert words(figure, "verdict")["verdict"].endswith("1 of 3 diverged")
    assert figure.axes[1].get_ylim()[1] < 1e6
    list(ours.frames())


def test_who_diverges_within_the_map_is_crossed_out_where_it_was_last():
    figure = still({"SGD": straight(0.3, 0.2), "Adam": straight(0.1, 0.1)}, status={"SGD": "diverged"})
    head = by_gid(figure, "head:")["head:r0"]
    assert head.get_marker() == "X"
    assert np.allclose(head.get_xydata()[0], [3.0, 2.0])


def test_rows_that_are_no_numbers_end_a_path(scene):
    trace = scene.trace.copy()
    trace.loc[(trace["run_id"] == "r3") & (trace["step"] > 50), ["loss", "x0"]] = [np.nan, np.inf]
    figure = race(scene.landscape, scene.runs, trace, frames=5).still()
    assert words(figure, "final:r3") == {"final:r3": "diverged at step 51"}


def test_a_loss_below_the_least_one_known_has_left_the_domain():
    fall = {"SGD": 1.0 - 0.1 * STEPS, "Adam": 10.0 ** (-0.1 * STEPS), "RMSprop": 1.0 + 0.0 * STEPS}
    figure = still({name: straight(0.1, 0.1 * i) for i, name in enumerate(fall)}, fall, status={"RMSprop": "diverged"})
    finals = words(figure, "final:")
    assert (finals["final:r0"], finals["final:r1"]) == ("left domain", "1.0e-5")
    assert not any(text.startswith(("-", "−")) for text in finals.values())
    rows = sorted(by_gid(figure, "final:").items(), key=lambda item: -item[1].get_position()[1])
    assert [gid for gid, _ in rows] == ["final:r1", "final:r0", "final:r2"]
    assert words(figure, "verdict")["verdict"].endswith("1 of 3 diverged\n1 of 3 left the domain")
    strip, line = figure.axes[1], by_gid(figure, "gap:")["gap:r0"]
    assert strip.get_yscale() == "log"
    shown = np.isfinite(line.get_ydata())
    assert line.get_xdata()[shown].max() == 10  # 1 − 0.1 · 10 is nought, the floor itself
    assert np.nanmin(line.get_ydata()) > 0
    assert strip.get_ylim()[0] > 1e-17


def test_rounding_below_the_floor_is_no_departure():
    figure = still({"SGD": straight(0.1, 0.1)}, {"SGD": -959.64 + np.maximum(1.0 - 0.05 * STEPS, -1e-10)}, -959.64)
    assert words(figure, "final:") == {"final:r0": "0"}


def test_where_everybody_leaves_there_is_no_winner():
    paths = {"SGD": straight(0.1, 0.1), "Adam": straight(0.2, 0.1)}
    figure = still(paths, dict.fromkeys(paths, -1.0 - STEPS))
    assert words(figure, "verdict")["verdict"] == "none ended\nwithin the domain"


def test_a_rate_on_the_bound_of_its_search_is_marked_and_explained(scene):
    runs = scene.runs.assign(edge=["", "high", "", "low", "", "", ""])
    figure = race(scene.landscape, runs, scene.trace, frames=5).still()
    rates = words(figure, "rate:")
    assert [gid for gid, text in rates.items() if text.endswith(" †")] == ["rate:r1", "rate:r3"]
    assert "† bound of the search" in words(figure, "key:").values()
    plain = race(scene.landscape, scene.runs, scene.trace, frames=5).still()
    assert not any("†" in text.get_text() for text in plain.findobj(Text))


@pytest.mark.parametrize("size", [(480, 360), (720, 540), (1280, 800)])
@pytest.mark.parametrize("schedule", ["constant", "CosineAnnealingLR"])
def test_no_words_of_the_column_overlap_whatever_happened(size, schedule):
    paths = {name: descent(0.0005 * 2.5**i) for i, name in enumerate(NAMES)}
    runs, trace = frames_of(paths)
    trace.loc[trace["run_id"] == "r0", "loss"] = -1.0
    runs = runs.assign(edge=["low", "", "", "", "", "high", "high"], schedule=schedule)
    runs["lr"] = 0.000316
    assert {"diverged", "max_steps"} == set(runs["status"])
    figure = race(landscape_of(), runs, trace, frames=5, size=size, minima=[(3.0, 0.5)]).still()
    renderer = figure.canvas.get_renderer()
    column = [text for prefix in ("final:", "rate:", "key:", "verdict") for text in by_gid(figure, prefix).values()]
    boxes = {text.get_text(): text.get_window_extent(renderer) for text in column}
    for (one, a), (other, b) in itertools.combinations(boxes.items(), 2):
        assert a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0, (one, other)
    for text, box in boxes.items():
        assert 0 <= box.x0 < box.x1 <= size[0] - 4, text
        assert box.y0 >= 0, text


def test_a_thin_trace_does_not_move_the_step_of_divergence():
    runs, trace = frames_of({"SGD": straight(0.1, 0.1)}, status="diverged")
    thin = trace[trace["step"] % 20 == 0]
    figure = race(landscape_of(), runs.assign(steps_done=47), thin, frames=3).still()
    assert words(figure, "final:") == {"final:r0": "diverged at step 48"}
    assert math.isclose(figure.axes[1].get_xlim()[1], 40)


def test_where_every_run_diverged_nobody_has_a_place_and_the_strip_says_so(astray):
    paths = {"SGD": straight(0.1, 0.1)[:1], "Adam": straight(0.1, 0.1)[:1]}
    figure = still(paths, dict.fromkeys(paths, np.ones(1)), status=dict.fromkeys(paths, "diverged"))
    said = [text.get_text() for text in figure.findobj(Text)]
    assert {"SGD", "Adam", "every run diverged"} <= set(said)
    assert not any(text.startswith("1.") for text in said if text.endswith(("SGD", "Adam")))
    some = race(astray.landscape, astray.runs, astray.trace, frames=3).still()
    assert not by_gid(some, "lost")
    assert "1. Adam" in [text.get_text() for text in some.findobj(Text)]


def test_calls_of_one_class_stay_apart_and_arguments_are_said():
    calls = [f"SGD(momentum=0.{i}, weight_decay={w})" for i in range(1, 8) for w in (0.01, 0.02)]
    calls.append("AdamW(betas=(0.9, 0.99), eps=1e-05, weight_decay=0.3)")
    runs, trace = frames_of(
        {name: straight(0.01 * i, 0.1) for i, name in enumerate(calls)}, dict.fromkeys(calls, 1.0 + 0.01 * STEPS)
    )
    figure = race(landscape_of(), runs, trace, frames=3).still()
    shown = [t.get_text() for t in figure.findobj(Text) if t.get_text().split(". ")[0].isdigit()]
    names = [text.split(". ", 1)[1] for text in shown]
    assert len(set(names)) == len(calls)
    [adam] = [name for name in names if name.startswith("AdamW(betas=")]
    assert adam.endswith("…")
    assert len(set(words(figure, "name:").values())) == len(calls)
