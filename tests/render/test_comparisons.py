"""Sensitivity, gains, profiles and budgets: artists, labels and words, and frames that make no picture."""

import numpy as np
import pandas as pd
import pytest
from boxes import clashes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from study_frames import make_costs, make_runs

from optiscope import InputError, metrics
from optiscope.render import alt_text, budget, lr_sensitivity, profiles, schedule_gain, style_of
from optiscope.render.heat import LOST, ink_on
from optiscope.render.style import THEMES

INF = float("inf")
RATES = [1e-3, 1e-2, 1e-1, 1.0]
COSTS = {
    ("SGD", "constant"): [100.0, 1.0, 5.0, None],
    ("Adam", "constant"): [50.0, 0.1, 30.0, 40.0],
    ("SGD", "StepLR"): [1.0, 2.0, 3.0, 4.0],
    ("Adam", "StepLR"): [None] * 4,
}


@pytest.fixture
def curves():
    rows = [
        {"optimizer": optimizer, "schedule": schedule, "lr": lr, "purpose": "tuning", "loss_final": cost or 9.0,
         "status": "max_steps" if cost else "diverged"}
        for (optimizer, schedule), costs in COSTS.items()
        for lr, cost in zip(RATES, costs, strict=True)
    ]  # fmt: skip
    return metrics.lr_curves(make_runs(*rows))


def by_gid(figure, gid):
    return [artist for artist in figure.findobj() if artist.get_gid() == gid]


def test_the_band_is_framed_and_its_width_printed(curves):
    figure = lr_sensitivity(curves)
    # Sorted by width: SGD's step schedule is good everywhere and may go on, Adam's nowhere.
    widths = [by_gid(figure, f"width:{i}")[0].get_text() for i in range(4)]
    assert widths == ["3.0+", "1.0", "0.0", "none"]
    frames = [by_gid(figure, f"band:{i}") for i in range(4)]
    assert [len(own) for own in frames] == [1, 1, 1, 0]
    assert (frames[0][0].get_x(), frames[0][0].get_width()) == (-0.5, 4)
    assert (frames[1][0].get_x(), frames[1][0].get_width()) == (0.5, 2)


def test_divergence_has_a_colour_of_its_own(curves):
    figure = lr_sensitivity(curves)
    [image] = by_gid(figure, "heat")
    lost = np.isclose(np.asarray(image.get_array()), to_rgb(LOST["light"])).all(axis=-1)
    assert lost.sum(axis=1).tolist() == [0, 1, 0, 4]
    assert LOST["light"] not in {style_of(name).color for name in ("SGD", "Adam", "RMSprop", "Adagrad", "Muon")}
    crosses = by_gid(figure.axes[0], "lost:SGD")[0]
    assert len(crosses.get_xdata()) == 1
    assert to_hex(crosses.get_color()) == LOST["light"]


def test_curves_are_in_the_optimizer_s_look_with_the_constant_rate_first(curves):
    figure = lr_sensitivity(curves)
    assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["constant", "StepLR"]
    [line] = by_gid(figure.axes[0], "line:Adam")
    assert to_hex(line.get_color()) == style_of("Adam").color
    assert line.get_ydata().tolist() == [50.0, 0.1, 30.0, 40.0]


def test_sensitivity_in_words(curves):
    words = alt_text(lr_sensitivity(curves))
    assert "SGD · StepLR, 3.0 decades" in words
    assert "5 of 16 rates diverged" in words


def test_one_problem_at_a_time(curves):
    with pytest.raises(InputError, match="2 settings of bowl, other"):
        lr_sensitivity(pd.concat([curves, curves.assign(problem="other")]))


def test_where_everything_diverged_there_is_still_a_picture(curves):
    figure = lr_sensitivity(curves[(curves["optimizer"] == "Adam") & (curves["schedule"] == "StepLR")])
    assert by_gid(figure, "width:0")[0].get_text() == "none"


@pytest.fixture
def gains():
    table = {"SGD": [1.0, -0.30103], "Adam": [INF, 0.0], "Rprop": [-INF, np.nan]}
    rows = [(name, schedule, gain) for name, own in table.items() for schedule, gain in zip("AB", own, strict=True)]
    return pd.DataFrame(rows, columns=["optimizer", "schedule", "gain"])


def test_gains_are_factors_sorted_from_the_most(gains):
    figure = schedule_gain(gains)
    [ax] = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Adam", "SGD", "Rprop"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["A", "B"]
    assert [text.get_text() for text in ax.texts] == ["∞", "=", "×10", "÷2", "fails"]
    assert "Adam under A, ∞" in alt_text(figure)


@pytest.fixture
def tournament():
    frame = make_costs({"SGD": [1.0, 10.0, INF], "Adam": [2.0, 5.0, 3.0]})
    hits = frame.assign(metric="gap", target=1.0, evaluations=10 * frame["cost"], hit=np.isfinite(frame["cost"]))
    return (
        metrics.performance_profile(hits, "optimizer"),
        metrics.target_ecdf(hits, "optimizer"),
        metrics.win_rates(frame, "optimizer"),
    )


def test_profiles_show_three_views_of_the_same_competitors(tournament):
    figure = profiles(*tournament)
    left, right, matrix = figure.axes
    [line] = by_gid(left, "line:Adam")
    assert line.get_ydata()[-1] == 1.0
    assert to_hex(line.get_color()) == style_of("Adam").color
    assert [text.get_text() for text in matrix.texts] == ["67", "33"]
    assert [label.get_text() for label in matrix.get_yticklabels()] == ["Adam", "SGD"]
    # Each curve is named at its end, with the area under it; no key covers any.
    assert left.get_legend() is right.get_legend() is None
    ends = {text.get_text() for text in right.texts}
    assert ends == {f"{name} {area:.2f}" for name, area in tournament[1].groupby("optimizer")["area"].first().items()}
    assert "100% of the targets" in alt_text(figure)


def test_where_none_met_a_target_the_profiles_say_so(tournament):
    none = [frame.assign(share=0.0, area=0.0) for frame in tournament[:2]]
    figure = profiles(*none, tournament[2])
    assert alt_text(figure).endswith("None met a target.")
    assert [text.get_text() for text in figure.axes[1].texts].count("none met a target") == 1


def test_equal_areas_are_told_as_a_tie(tournament):
    even = [frame.assign(share=0.5, area=0.25) for frame in tournament[:2]]
    words = alt_text(profiles(*even, tournament[2]))
    assert "Adam" in words.split("Most by")[1]
    assert "SGD" in words.split("Most by")[1]
    assert "least" not in words


def test_no_finite_end_of_a_rate_is_drawn_among_those_that_diverged(curves):
    far = curves.assign(cost=curves["cost"].replace({40.0: 1e30}))
    panel = lr_sensitivity(far).axes[0]
    [edge] = by_gid(panel, "roof")
    lost = np.concatenate([cross.get_ydata() for name in ("SGD", "Adam") for cross in by_gid(panel, f"lost:{name}")])
    assert (lost > edge.get_ydata()[0]).all()
    # The lines end under the strip of paper that the crosses stand on; what goes on beyond it is marked at its edge.
    [strip], [line] = by_gid(panel, "strip"), by_gid(panel, "line:Adam")
    assert strip.get_zorder() > line.get_zorder()
    assert strip.get_bbox().y0 == edge.get_ydata()[0]
    [beyond] = by_gid(panel, "beyond:Adam")
    assert beyond.get_xydata().tolist() == [[1.0, edge.get_ydata()[0]]]
    [legend] = panel.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["Adam", "SGD", "diverged", "beyond the axis"]


def test_gains_that_are_none_are_not_praised(gains):
    none = gains.assign(gain=gains["gain"].where(gains["gain"] < 0, 0.0))
    assert "No schedule gains on the constant rate." in alt_text(schedule_gain(none))
    with pytest.raises(InputError, match="no row of the gains frame has a gain"):
        schedule_gain(gains.assign(gain=np.nan))
    assert "Adam under A, SGD under A, ×10" in alt_text(
        schedule_gain(gains.assign(gain=gains["gain"].replace({INF: 1.0})))
    )


@pytest.fixture
def searches():
    pools = [
        pd.DataFrame({"problem": problem, "optimizer": name, "score": scores})
        for problem in ("bowl", "hole")
        for name, scores in {"SGD": [INF, INF, INF, 1e-4], "Adam": [1e-2, 1e-1, 1.0, 0.5]}.items()
    ]
    return metrics.expected_best(pd.concat(pools), by=("problem", "optimizer"), resamples=50)


def test_a_budget_is_drawn_from_where_something_was_found(searches):
    figure = budget(searches)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["bowl", "hole"]
    [line] = by_gid(figure.axes[0], "line:SGD")
    assert np.isnan(line.get_ydata()).tolist() == [True, False, False, False]
    assert by_gid(figure.axes[0], "line:Adam")[0].get_ydata()[-1] == 1e-2
    assert "bowl: with one trial Adam, with 4 SGD" in alt_text(figure)


def test_the_pools_of_a_search_have_their_optimizer_s_look():
    names = ["SGD", "Momentum", "Adam"]
    pools = [pd.DataFrame({"problem": "bowl", "optimizer": f"{name}(…)", "score": [1.0, 2.0]}) for name in names]
    figure = budget(metrics.expected_best(pd.concat(pools), by=("problem", "optimizer"), resamples=20))
    for name in names:
        [line] = by_gid(figure, f"line:{name}(…)")
        assert to_hex(line.get_color()) == style_of(name).color
        assert line.is_dashed() == bool(style_of(name).dash)
    assert "with one trial Adam and Momentum and SGD" in alt_text(figure)


def test_a_budget_shows_one_curve_a_pair(searches):
    with pytest.raises(InputError, match="one curve"):
        budget(pd.concat([searches, searches]))


def test_a_line_that_leaves_the_panel_takes_no_name_with_it(curves):
    far = curves.assign(cost=curves["cost"].where((curves["lr"] < 1.0) | ~np.isfinite(curves["cost"]), 1e30))
    figure = lr_sensitivity(far)
    figure.draw_without_rendering()
    assert clashes(figure) == []
    box = figure.get_tightbbox(figure.canvas.get_renderer())
    assert box.y1 <= figure.get_size_inches()[1] + 0.05


def pictures(curves, gains, tournament, searches, **more):
    return [
        lr_sensitivity(curves, **more), schedule_gain(gains, **more), profiles(*tournament, **more),
        budget(searches, **more),
    ]  # fmt: skip


@pytest.mark.parametrize("theme", list(THEMES))
def test_no_two_words_overlap_and_nothing_is_cut_off(curves, gains, tournament, searches, theme):
    for figure in pictures(curves, gains, tournament, searches, theme=theme):
        figure.draw_without_rendering()
        assert clashes(figure) == []
        assert to_hex(figure.get_facecolor()) == THEMES[theme].paper
        assert len(alt_text(figure).split()) >= 8
        box, (width, height) = figure.get_tightbbox(figure.canvas.get_renderer()), figure.get_size_inches()
        assert min(box.x0, box.y0) >= -0.05
        assert (box.x1 <= width + 0.05, box.y1 <= height + 0.05) == (True, True)


def test_all_draw_into_an_axes_of_the_caller_s(curves, gains, tournament, searches):
    draws = (
        lambda ax: lr_sensitivity(curves, ax=ax), lambda ax: schedule_gain(gains, ax=ax),
        lambda ax: profiles(*tournament, ax=ax), lambda ax: budget(searches, ax=ax),
    )  # fmt: skip
    for draw in draws:
        own = Figure(figsize=(9, 7))
        assert draw(own.subplots()) is own
        assert own.findobj(Text)


@pytest.mark.parametrize("draw", [lr_sensitivity, schedule_gain, budget, lambda frame: profiles(frame, frame, frame)])
def test_frames_that_make_no_picture(draw):
    with pytest.raises(InputError, match="lacks the columns"):
        draw(pd.DataFrame({"lr": [1.0]}))


def test_ink_reads_on_every_colour():
    assert ink_on(np.array([1.0, 1.0, 1.0])) == "#16181b"
    assert ink_on(np.array([0.04, 0.24, 0.44])) == "#ffffff"
