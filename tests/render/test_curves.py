import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from optiscope import InputError
from optiscope.render import convergence, history, schedule_curves, style_of
from optiscope.render.bands import by_step, quantile


def study(problems=("beale",), optimizers=("SGD", "Adam"), seeds=5, steps=100, lost=(), floor=0.0, **columns):
    """Runs whose loss is exp(-0.01 (1 + seed / 10) step); those in `lost`, by (optimizer, seed), diverge at step 30."""
    runs, traces = [], []
    for problem in problems:
        for optimizer in optimizers:
            for seed in range(seeds):
                run_id = f"{problem}/{optimizer}/{seed}"
                gone = (optimizer, seed) in lost
                step = np.arange(31 if gone else steps + 1)
                loss = np.exp((0.2 if gone else -0.01 * (1 + seed / 10)) * step)
                traces.append(pd.DataFrame({"run_id": run_id, "step": step, "loss": loss}))
                runs.append(
                    {
                        "run_id": run_id, "problem": problem, "optimizer": optimizer, "schedule": "constant", "lr": 0.1,
                        "seed": seed, "status": "diverged" if gone else "max_steps", "loss_floor": floor,
                    }
                )  # fmt: skip
    return pd.DataFrame(runs).assign(**columns), pd.concat(traces, ignore_index=True)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_quantiles_hold_infinities_and_numbers_that_are_none():
    values = np.array([[1.0, 1.0], [2.0, np.nan], [np.inf, np.inf], [4.0, 4.0]])
    assert quantile(values, 0.5).tolist() == [3.0, math.inf]
    assert quantile(values, 0.0).tolist() == [1.0, 1.0]
    assert quantile(values, 1.0).tolist() == [math.inf, math.inf]
    finite = np.random.default_rng(0).normal(size=(9, 4))
    for share in (0.25, 0.5, 0.9):
        assert np.allclose(quantile(finite, share), np.quantile(finite, share, axis=0))


def test_a_lost_run_is_infinite_from_its_last_row_on():
    runs, trace = study(optimizers=["SGD"], seeds=2, lost=[("SGD", 1)])
    steps, values = by_step(runs, trace, "loss")
    assert steps.tolist() == list(range(101))
    assert np.isfinite(values[0]).all()
    assert np.isfinite(values[1, :31]).all()
    assert np.isinf(values[1, 31:]).all()


def test_a_run_that_reached_its_target_keeps_its_value():
    runs, trace = study(optimizers=["SGD"], seeds=2)
    short = trace[(trace["run_id"] != "beale/SGD/1") | (trace["step"] <= 10)]
    _, values = by_step(runs, short, "loss")
    assert (values[1, 10:] == values[1, 10]).all()


def test_convergence_draws_medians_in_the_optimizer_s_look():
    runs, trace = study()
    figure = convergence(runs, trace, target=0.5)
    [ax] = figure.axes
    lines = [line for line in ax.lines if len(line.get_xdata()) > 2]
    assert [to_hex(line.get_color()) for line in lines] == [style_of("SGD").color, style_of("Adam").color]
    assert np.allclose(lines[0].get_ydata(), np.exp(-0.012 * np.arange(101)))
    assert ax.get_yscale() == "log"
    assert ax.get_ylabel() == "loss − minimum"
    assert [line.get_ydata()[0] for line in ax.lines if line.get_gid() == "target"] == [0.5]
    assert len(ax.collections) == 2
    assert legend(figure) == ["SGD", "Adam"]


def test_convergence_counts_the_lost_and_cuts_the_band():
    lost = [("SGD", 0), ("SGD", 1), ("SGD", 2), ("Adam", 4)]
    runs, trace = study(lost=lost)
    figure = convergence(runs, trace)
    assert legend(figure) == ["SGD\n3 of 5 diverged", "Adam\n1 of 5 diverged"]
    [ax] = figure.axes
    sgd, adam = (line for line in ax.lines if len(line.get_xdata()) > 2)
    assert sgd.get_xdata()[-1] == 30  # three of five are gone: so is the median
    assert adam.get_xdata()[-1] == 100
    assert np.isfinite(ax.get_ylim()).all()
    assert ax.get_ylim()[1] < 1e4
    figure.canvas.draw()


def test_convergence_has_a_panel_a_problem_and_a_line_a_schedule():
    runs, trace = study(["beale", "ackley", "levy"], ["SGD"], seeds=4, schedule=["constant", "StepLR"] * 6)
    figure = convergence(runs, trace, theme="dark")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["beale", "ackley", "levy"]
    assert legend(figure) == ["SGD · constant", "SGD · StepLR"]
    dashes = {line.get_linestyle() + str(line._dash_pattern) for line in figure.legends[0].legend_handles}
    assert len(dashes) == 2
    assert to_hex(figure.get_facecolor()) != "#ffffff"


def test_several_rates_are_several_lines():
    runs, trace = study(optimizers=["SGD"], seeds=4, lr=[0.1, 0.1, 0.3, 0.3])
    assert legend(convergence(runs, trace)) == ["SGD · lr 0.1", "SGD · lr 0.3"]


@pytest.mark.parametrize("floor", [math.nan, -3.0])
def test_convergence_without_or_with_odd_floors(floor):
    runs, trace = study(floor=floor)
    [ax] = convergence(runs, trace.assign(loss=trace["loss"] - 3)).axes
    assert ax.get_ylabel() == ("loss" if math.isnan(floor) else "loss − minimum")
    assert ax.get_yscale() == ("linear" if math.isnan(floor) else "log")


def networks(**more):
    runs, trace = study(["digits"], floor=math.nan, **more)
    accuracy = np.where(trace["step"] % 10 == 0, trace["step"] / 200, np.nan)
    return runs, trace.assign(epoch=trace["step"] / 10, accuracy=accuracy)


def test_history_has_loss_and_accuracy_by_epoch():
    figure = history(*networks())
    loss, accuracy = figure.axes
    assert (loss.get_title(loc="left"), accuracy.get_title(loc="left")) == ("loss", "accuracy")
    assert {ax.get_xlabel() for ax in figure.axes} == {"epoch"}
    assert np.allclose(accuracy.lines[0].get_xdata(), np.arange(11))
    assert np.allclose(accuracy.lines[0].get_ydata(), np.arange(11) / 20)
    assert accuracy.get_ylim() == (0.0, 1.02)
    assert legend(figure) == ["SGD", "Adam"]


def test_history_without_a_metric_is_one_panel_by_step():
    runs, trace = study(["digits"])
    figure = history(runs, trace)
    assert [ax.get_xlabel() for ax in figure.axes] == ["step"]


def test_history_counts_a_lost_network_as_worst():
    runs, trace = networks(seeds=3, lost=[("SGD", 0), ("SGD", 1)])
    figure = history(runs, trace)
    accuracy = figure.axes[1].lines[0]
    assert accuracy.get_ydata()[-1] == 0.0
    assert legend(figure)[0] == "SGD\n2 of 3 diverged"


def test_schedule_curves_share_their_axes():
    step = np.arange(50)
    frame = pd.concat(
        pd.DataFrame({"schedule": name, "step": step, "lr_t": rate})
        for name, rate in {
            "constant": 0.1 + 0 * step,
            "ExponentialLR": 0.1 * 0.9**step,
            "LinearLR": 0.002 * step,
        }.items()
    )
    figure = schedule_curves(frame)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["constant", "ExponentialLR", "LinearLR"]
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in figure.axes}) == 1
    assert np.allclose(figure.axes[1].lines[0].get_ydata(), 0.1 * 0.9**step)


@pytest.mark.parametrize("picture", [convergence, history])
def test_empty_or_foreign_frames_are_refused(picture):
    runs, trace = study()
    for bad_runs, bad_trace, message in [
        (runs[:0], trace, "the runs frame is empty"), (runs, trace[:0], "the trace frame is empty"),
        (runs, trace.drop(columns="loss"), "the trace frame lacks the columns loss"),
        (runs.drop(columns="optimizer"), trace, "the runs frame lacks the columns optimizer"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=message):
            picture(bad_runs, bad_trace)


def test_schedule_curves_say_what_they_need():
    with pytest.raises(
        InputError, match="the schedule frame lacks the columns schedule; join the schedule of the runs"
    ):
        schedule_curves(pd.DataFrame({"step": [0], "lr_t": [0.1]}))


def test_a_trace_of_other_runs_is_refused():
    runs, trace = study()
    with pytest.raises(InputError, match="no run of the runs frame has a finite loss in the trace"):
        convergence(runs, trace.assign(run_id="other"))


def test_a_line_has_its_optimizer_s_own_name_and_its_family_s_colour():
    own = "SGD(momentum=0.9, dampening=0.1)"
    runs, trace = study(optimizers=["SGD", own, "SGD(momentum=0.9)"], seeds=2)
    figure = convergence(runs, trace)
    assert legend(figure) == ["SGD", own, "SGD(momentum=0.9)"]
    assert style_of(own).color == style_of("Momentum").color
    assert style_of(own).dash != style_of("Momentum").dash
    assert legend(history(runs, trace)) == ["SGD", own, "SGD(momentum=0.9)"]


def test_the_loss_of_a_network_is_clipped_at_a_floor_that_the_picture_names():
    runs, trace = study(["digits"], ["SGD", "Adam"], seeds=1, floor=math.nan)
    small = trace.assign(loss=np.where(trace["step"] >= 60, 0.0, 10.0 ** (-0.2 * trace["step"])))
    ax = history(runs, small).axes[0]
    assert ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.texts] == ["0 and all below 1e-8 are drawn here"]
    for line in ax.lines:
        assert np.allclose(line.get_ydata()[:40], 10.0 ** (-0.2 * np.arange(40)))
        assert (line.get_ydata()[41:] == 1e-8).all()
    assert 1e-9 < ax.get_ylim()[0] < 1e-8
    plain = history(*study(["digits"], floor=math.nan)).axes[0]
    assert not plain.texts
    assert plain.get_ylim()[0] > 0.1


def test_a_loss_that_may_be_negative_keeps_its_linear_axis():
    runs, trace = study(["digits"], floor=math.nan)
    assert history(runs, trace.assign(loss=trace["loss"] - 0.5)).axes[0].get_yscale() == "linear"


def test_the_axis_ends_where_lines_and_bands_do():
    runs, trace = study(optimizers=["SGD"], seeds=9, lost=[("SGD", 8)])
    lucky = trace["run_id"] == "beale/SGD/0"
    [ax] = convergence(runs, trace.assign(loss=trace["loss"].where(~lucky, trace["loss"] * 1e-9))).axes
    low, high = ax.get_ylim()
    # The quartiles are of seeds 2 and 6 or 7; one run at a billionth and one that diverged move neither end.
    assert 0.1 < low < math.exp(-1.5)
    assert 1.0 < high < 4.0


def test_a_loss_below_the_least_one_known_is_no_success():
    runs, trace = study(optimizers=["SGD", "Adam"], seeds=3)
    strayed = trace["run_id"].str.contains("SGD") & (trace["step"] >= 40)
    figure = convergence(
        runs.assign(loss_final=[-5.0] * 3 + [0.4] * 3), trace.assign(loss=trace["loss"].where(~strayed, -5.0))
    )
    [ax] = figure.axes
    sgd, adam = (line for line in ax.lines if len(line.get_xdata()) > 2)
    assert (sgd.get_xdata()[-1], adam.get_xdata()[-1]) == (39, 100)
    assert ax.get_ylim()[0] > 0.1
    assert legend(figure) == ["SGD\n3 of 3 left the domain", "Adam"]


def test_a_line_is_broken_where_half_of_the_runs_are_outside():
    runs, trace = study(optimizers=["SGD"], seeds=1)
    outside = trace["step"].between(20, 29)
    [ax] = convergence(runs, trace.assign(loss=trace["loss"].where(~outside, -1.0))).axes
    [line] = [line for line in ax.lines if len(line.get_xdata()) > 2]
    assert np.flatnonzero(np.isnan(line.get_ydata())).tolist() == list(range(20, 30))
    assert len(ax.lines) == 1  # it came back: nothing is crossed out


def test_lines_in_one_place_are_all_seen():
    runs, trace = networks(optimizers=["Momentum", "SGD", "Adam"])
    accuracy = history(runs, trace).axes[1].lines
    momentum, sgd, adam = accuracy
    # The dashes lie over the solid lines, and of those the lower one shows on either side of the upper.
    assert momentum.get_zorder() > adam.get_zorder() > sgd.get_zorder()
    assert (momentum.get_linewidth(), adam.get_linewidth()) == (1.9, 1.9)
    assert sgd.get_linewidth() > 1.9 + 2
    apart = trace.assign(accuracy=trace["accuracy"] * trace["run_id"].str.contains("SGD").map({True: 1.0, False: 0.5}))
    assert {line.get_linewidth() for line in history(runs, apart).axes[1].lines if line is not momentum} == {1.9}


def test_a_dash_is_a_schedule_where_there_are_several():
    runs, trace = study(optimizers=["Momentum", "SGD", "Adam"], seeds=6)
    runs = runs.assign(schedule=["StepLR", "constant", "CosineAnnealingLR"] * 6)
    for picture in (convergence, history):
        figure = picture(runs, trace)
        words = [label.split(" · ") for label in legend(figure)]
        assert [name for name, _ in words] == ["Momentum"] * 3 + ["SGD"] * 3 + ["Adam"] * 3
        assert [schedule for _, schedule in words] == ["constant", "StepLR", "CosineAnnealingLR"] * 3
        keys = figure.legends[0].legend_handles
        dashes = {schedule: set() for _, schedule in words}
        for (name, schedule), line in zip(words, keys, strict=True):
            assert to_hex(line.get_color()) == style_of(name).color
            dashes[schedule].add(str(line._dash_pattern))
        assert dashes["constant"] == {"(0.0, None)"}  # solid
        assert sorted(map(len, dashes.values())) == [1, 1, 1]
        assert len(set.union(*dashes.values())) == 3


def test_who_ends_alike_is_told_as_a_tie():
    runs, trace = study(optimizers=["SGD", "Adam", "Rprop"], seeds=1)
    ends = {"SGD": 0.0, "Adam": 3e-9, "Rprop": 0.5}
    runs = runs.assign(loss_final=runs["optimizer"].map(ends))
    assert history(runs, trace).alt.endswith("SGD and Adam end lowest, at a median loss of 1e-8 or less.")
    runs = runs.assign(loss_final=runs["optimizer"].map({"SGD": 0.1, "Adam": 0.101, "Rprop": 0.2}))
    assert convergence(runs, trace).alt.endswith("SGD and Adam end lowest, at a median loss of 0.1.")


def test_every_argument_of_a_schedule_is_printed():
    frame = pd.DataFrame({"schedule": "own", "step": [0, 1], "lr_t": 1.0, "arguments": ", ".join(["long=12345"] * 20)})
    figure = schedule_curves(frame)
    [title] = [ax.get_title(loc="left") for ax in figure.axes]
    assert title.count("long=12345") == 20
