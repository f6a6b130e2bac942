"""Every drawing against every kind of bad input: one clear line that says why, or a picture that is still right.

Right is: no words on words or beyond the edge, and no panel without its data, unless it says why it is empty.
"""

import numpy as np
import pandas as pd
import pytest
from boxes import clashes, drawn_texts
from gallery_frames import (
    anatomy_frame,
    basin_frame,
    cloud_frames,
    conditioning_frame,
    plane_frames,
    stability_frame,
)
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.quiver import Quiver
from render_frames import descent, frames_of, landscape_of
from study_frames import make_costs, make_runs

from optiscope import InputError, metrics, render
from optiscope.render.strokes import mark_leaving

GROUND = landscape_of(n=9)
STARS = [(-0.5, 0.0), (0.5, 0.0)]
SMALL = {"frames": 2}


def runners():
    runs, trace = frames_of({"SGD": descent(0.0004, steps=12), "Adam": descent(0.0006, 0.4, steps=12)})
    last = trace.groupby("run_id", sort=False)["loss"].last().to_numpy()
    return {"runs": runs.assign(loss_final=last), "trace": trace.assign(lr_t=0.01, accuracy=0.5 + trace["step"] / 50)}


def clouds():
    runs, trace, floors = cloud_frames(seeds=2)
    return {"runs": runs, "trace": trace[trace["step"] % 20 == 0], "floors": floors}


def plane():
    ground, paths = plane_frames()
    return {"ground": ground, "paths": paths}


def schedule():
    steps = np.arange(6)
    return pd.concat(
        pd.DataFrame({"schedule": name, "step": steps, "lr_t": 0.1 * 0.5**steps, "momentum": 0.9 - steps / 20})
        for name in ("StepLR", "constant")
    )


def rates():
    rows = [
        {"optimizer": name, "schedule": "constant", "lr": lr, "purpose": "tuning", "loss_final": 1 / lr}
        for name in ("SGD", "Adam")
        for lr in (1e-3, 1e-2, 1e-1)
    ]
    return metrics.lr_curves(make_runs(*rows))


def gains():
    pairs = [(name, schedule) for name in ("SGD", "Adam") for schedule in ("StepLR", "wsd")]
    return pd.DataFrame(pairs, columns=["optimizer", "schedule"]).assign(gain=[0.1, 1.0, -0.5, 0.0])


def tournament(names=("SGD", "Adam")):
    frame = make_costs({name: [1.0 + i, 10.0 / (1 + i), 3.0] for i, name in enumerate(names)})
    hits = frame.assign(metric="gap", target=1.0, evaluations=10 * frame["cost"], hit=True)
    views = (metrics.performance_profile, metrics.target_ecdf)
    return dict(
        zip(("profile", "ecdf"), (view(hits, "optimizer") for view in views), strict=True),
        wins=metrics.win_rates(frame, "optimizer"),
    )


def searches():
    pools = [
        pd.DataFrame({"problem": "bowl", "optimizer": name, "score": scores})
        for name, scores in {"SGD": [9.0, 3.0, 1e-4], "Adam": [1e-2, 1e-1, 0.5]}.items()
    ]
    return metrics.expected_best(pd.concat(pools), by=("problem", "optimizer"), resamples=20)


def losses():
    at = np.linspace(-1, 1, 9)
    return pd.DataFrame({
        "loss": "L1Loss", "quantity": "difference", "target": "0", "prediction": at, "value": abs(at),
        "gradient": np.sign(at),
    })  # fmt: skip


def table():
    return pd.DataFrame({
        "group": [0, 1], "pattern": ["", "head"], "members": [("a.weight",), ("head.weight",)],
        "shapes": [((40, 30),), ((10, 5),)], "weights": [1200, 50], "lr": [0.1, 0.01], "momentum": [0.9, np.nan],
        "weight_decay": [0.01, 0.0], "frozen_until": [0, 0], "state_bytes": [9600, 400],
    })  # fmt: skip


def table_trace():
    return pd.DataFrame({"step": range(5), "lr_group0": 0.1, "lr_group1": 0.01})


def timings():
    pairs = [(name, how) for name in ("SGD", "AdamW") for how in ("foreach", "fused")]
    return pd.DataFrame(pairs, columns=["optimizer", "implementation"]).assign(
        ns_per_parameter=[1.0, 2.0, 3.0, 4.0], working_set_bytes=[1e6, 2e6, 3e6, 4e6], gb_per_s=[9.0, 8.0, 7.0, 6.0],
        state_bytes_per_parameter=[0.0, 0.0, 8.0, 8.0], parameters=[1e3, 1e5, 1e3, 1e5], bytes_per_parameter=28.0,
        median_s=[1e-4, 1e-3, 2e-4, 2e-3],
    )  # fmt: skip


def probes():
    return pd.DataFrame({"kernel": ["copy", "update"] * 2, "working_set_bytes": [1e6, 1e6, 1e8, 1e8]}).assign(
        gb_per_s=[40.0, 50.0, 10.0, 12.0]
    )


def phases():
    pairs = [("digits-cnn", "SGD"), ("digits-cnn", "AdamW"), ("beale", "SGD")]
    return pd.DataFrame(pairs, columns=["problem", "optimizer"]).assign(
        batch_s=1e-4, forward_s=3e-3, backward_s=5e-3, step_s=[1e-3, 2e-3, 4e-3]
    )


def lanes():
    return pd.DataFrame({"lanes": [1, 10, 100], "trace": "none", "plain_us_a_step": 200.0}).assign(
        stacked_us_a_lane_step=[400.0, 40.0, 4.0]
    )


def alone(draw, make, name="frame"):
    return (lambda frames: draw(frames[name])), lambda: {name: make()}


def course(draw):
    return (lambda frames: draw(GROUND, frames["runs"], frames["trace"])), runners


# How each is drawn from its frames, and the frames; each is spoilt but `runs`, which only grow to forty.
DRAWINGS = {
    "race": course(lambda *frames: render.race(*frames, **SMALL, strips=("gap", "lr"))),
    "race_3d": course(lambda *frames: render.race_3d(*frames, **SMALL)),
    "races": course(lambda *frames: render.races([render.Course(*frames, title="beale")] * 2, **SMALL)),
    "trails": course(render.trails),
    "cover": course(lambda *frames: render.cover(*frames, title="optiscope")),
    "basins": alone(lambda frame: render.basins(frame, STARS), lambda: basin_frame(side=4)),
    "anatomy": alone(lambda frame: render.anatomy(GROUND, frame, **SMALL), lambda: anatomy_frame(steps=6)),
    "noise": ((lambda f: render.noise(GROUND, f["runs"], f["trace"], f["floors"], **SMALL)), clouds),
    "conditioning": alone(render.conditioning, conditioning_frame),
    "stability": alone(render.stability, stability_frame),
    "weight_plane": ((lambda f: render.weight_plane(f["ground"], f["paths"])), plane),
    "convergence": ((lambda f: render.convergence(f["runs"], f["trace"])), runners),
    "history": ((lambda f: render.history(f["runs"], f["trace"], rate=True)), runners),
    "schedule_curves": alone(render.schedule_curves, schedule),
    "parameter_groups": (
        (lambda f: render.parameter_groups(f["table"], f["trace"])),
        lambda: {"table": table(), "trace": table_trace()},
    ),
    "loss_curves": alone(render.loss_curves, losses),
    "lr_sensitivity": alone(render.lr_sensitivity, rates),
    "schedule_gain": alone(render.schedule_gain, gains),
    "profiles": ((lambda f: render.profiles(f["profile"], f["ecdf"], f["wins"])), tournament),
    "budget": alone(render.budget, searches),
    "step_times": alone(render.step_times, timings),
    "roofline": (
        (lambda f: render.roofline(f["steps"], f["probes"])),
        lambda: {"steps": timings(), "probes": probes()},
    ),
    "time_and_state": alone(render.time_and_state, timings),
    "step_scaling": alone(render.step_scaling, timings),
    "iteration_shares": alone(render.iteration_shares, phases),
    "lane_scaling": alone(render.lane_scaling, lanes),
}
NO_DRAWINGS = {
    "Course", "Film", "Look", "Still", "Theme", "alt_text", "encode", "looks_of", "save_picture", "style_of", "theme_of"
}  # fmt: skip

# What draws the best of too many, and says so.
CHOOSING = {"convergence", "history", "budget", "basins", "profiles", "time_and_state", "step_scaling"}
# What takes longest to draw: an infinity of the other sign tells no more here than the first did.
FILMS = {"race", "race_3d", "races", "cover", "noise", "anatomy"}
NUMBERS = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}
KINDS = ["one row", "nan here", "inf here", "-inf here", "nan all", "inf all", "constant", "ten", "twice"]
WHAT = {"step", "k", "seed", "group", "basin", "run_id"}  # what a row is about, and no measurement


def measured(frame):
    return [name for name in frame.select_dtypes("number") if name not in WHAT]


def spoilt(frame, kind):
    frame = frame.reset_index(drop=True)
    if kind == "one row":
        return frame.groupby("run_id", sort=False).head(1) if "run_id" in frame else frame[:1]
    if kind == "twice":
        return pd.concat([frame, frame], ignore_index=True)
    if kind == "ten":
        parts = [name for name in ("x", "gradient", "momentum", "update", "rate") if f"{name}0" in frame]
        return frame.assign(**{f"{part}{i}": 0.5 for part in parts for i in range(2, 10)})
    if kind == "constant":
        told = {"loss", "value", "gradient", "median", "cost", "gain", "share", "steps", "sharpness", "lr_t", "floor"}
        return frame.assign(**dict.fromkeys(told & set(frame), 1.0))
    number, where = NUMBERS[kind.split()[0]], kind.split()[1]
    frame = frame.astype(dict.fromkeys(measured(frame), float))
    rows = frame.index if where == "all" else [min(len(frame) // 2 + 3, len(frame) - 1)]
    frame.loc[rows, measured(frame)] = number
    return frame


def forty(frames):
    """Each frame with forty copies of its first competitor, run, group or lane."""
    if "profile" in frames:
        return tournament([f"Method{i}" for i in range(40)])
    grown = {}
    for name, frame in frames.items():
        key = next((key for key in ("optimizer", "run_id", "group", "trace") if key in frame), None)
        if key is None or name in ("ground", "probes"):
            grown[name] = frame
            continue
        first = frame[frame[key] == frame[key].iloc[0]]
        copies = []
        for i in range(40):
            more = {"run_id": first["run_id"].astype(str) + f"/{i}"} if "run_id" in first else {}
            other = {} if key in ("run_id", "trace") else {key: i if key == "group" else f"Method{i}"}
            copies.append(first.assign(**more, **other))
        grown[name] = pd.concat(copies, ignore_index=True)
    return grown


def bad(frames, kind, which):
    if kind == "forty":
        return forty(frames)
    return frames | {which: spoilt(frames[which], kind)}


def seen(line):
    """Whether a line leaves any ink within its axes: two points that it joins, or one with a marker."""
    if not line.get_visible() or line.get_gid() in ("target", "roof", "start", "minimum", "cursor"):
        return False
    points = line.get_transform().transform(np.asarray(line.get_xydata(), float))
    with np.errstate(invalid="ignore"):
        box = line.axes.bbox.expanded(1.05, 1.05)
        here = (points > [box.x0, box.y0]).all(axis=1) & (points < [box.x1, box.y1]).all(axis=1)
    if line.get_marker() not in ("None", "", " ", None):
        return bool(here.any())
    return line.get_linestyle() != "None" and bool((here[1:] & here[:-1]).any() or (here.any() and finite(points) > 1))


def finite(points):
    return int(np.isfinite(points).all(axis=1).sum())


def empty_panels(figure):
    """The panels with an axis that show nothing and do not say why."""
    found = []
    for ax in figure.axes:
        if not ax.axison or not ax.get_visible():
            continue
        other = ax.findobj(lambda artist: isinstance(artist, AxesImage | Quiver))
        bars = [patch for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_width() > 0]
        told = any(text.get_gid() in ("blank", "lost") for text in ax.texts)
        if not (any(map(seen, ax.lines)) or other or bars or told or (ax.collections and ax.name == "3d")):
            found.append(ax.get_title(loc="left") or ax.get_xlabel())
    return found


def test_no_drawing_is_forgotten():
    assert set(DRAWINGS) | NO_DRAWINGS == set(render.__all__)


def cases():
    for name, (_, make) in DRAWINGS.items():
        frames = [which for which in make() if which != "runs"]
        if name not in ("schedule_curves", "loss_curves"):  # as many panels as there are
            yield name, "forty", frames[0]
        kinds = [kind for kind in KINDS if not (name in FILMS and kind in ("-inf here", "inf all"))]
        yield from ((name, kind, which) for which in frames for kind in kinds)


@pytest.mark.parametrize(("name", "kind", "which"), list(cases()))
def test_bad_input_is_one_line_or_a_picture_that_is_right(name, kind, which):
    draw, make = DRAWINGS[name]
    try:
        picture = draw(bad(make(), kind, which))
        figure = picture.still() if isinstance(picture, render.Film) else picture
    except InputError as error:
        line = str(error)
    else:
        line = ""
    if line:
        assert "\n" not in line
        assert len(line.split()) > 5
        return
    assert clashes(figure) == []
    assert empty_panels(figure) == []
    if kind == "forty" and name in CHOOSING:
        assert any("of 40" in text.get_text() for text in drawn_texts(figure))


def broken():
    """SGD falls and breaks at steps 3 and 4, Adam stays where it is."""
    runs, trace = frames_of({"SGD": descent(0.0004, steps=9), "Adam": descent(0.0, steps=9)})
    gone = (trace["run_id"] == "r0") & trace["step"].isin([3, 4])
    return runs.assign(loss_final=[1.0, 37.0]), trace.assign(loss=trace["loss"].where(~gone))


def test_a_loss_that_is_no_number_ends_its_line_with_a_mark():
    runs, trace = broken()
    figure = render.convergence(runs, trace)
    [ax] = figure.axes
    lines = [line for line in ax.lines if len(line.get_xdata()) > 2]
    assert sorted(len(line.get_xdata()) for line in lines) == [3, 10]
    [cross] = [line for line in ax.lines if line.get_marker() == "X"]
    assert cross.get_xdata().tolist() == [2]
    assert "Adam ends lowest" in render.alt_text(figure)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["SGD\n1 of 1 diverged", "Adam"]
    assert metrics.verdicts(runs, trace)["verdict"].iloc[0] == "diverged"


def test_a_line_that_leaves_the_panel_is_marked():
    runs, trace = frames_of({"SGD": descent(0.0004, steps=9), "Adam": descent(0.0004, steps=9)})
    wild = np.where(trace["run_id"] == "r1", 10.0 ** trace["step"], 1.0)
    figure = render.convergence(runs, trace.assign(loss=trace["loss"] * wild))
    [ax] = figure.axes
    [mark] = [line for line in ax.lines if line.get_gid() == "leaves"]
    # It leaves on its way from the last step below the edge to the first beyond.
    gone = int(np.argmax(trace["loss"].to_numpy()[10:] * 10.0 ** np.arange(10) > ax.get_ylim()[1]))
    share, height = mark.get_xydata()[0]
    assert height == 1.0
    assert gone - 1 < share * ax.get_xlim()[1] < gone
    assert any("▲ on to" in text.get_text() for text in ax.texts)
    assert clashes(figure) == []
    assert not any(line.get_gid() == "leaves" for line in render.convergence(runs, trace).axes[0].lines)


def test_a_line_that_comes_in_from_before_the_panel_is_marked_at_its_side():
    """In time, on a log axis, the first row of a run lies at nought, which is infinitely far to the left."""
    ax = render.Still().subplots()
    ax.set(xscale="log", yscale="log", xlim=(0.1, 10.0), ylim=(1e-3, 10.0))
    steps, values = np.array([0.0, 0.05, 1.0, 5.0]), np.array([[1.0, 1e4, 1.0, 0.1]])
    mark_leaving(ax, [(steps, values, render.style_of("SGD"))], render.theme_of("light"))
    [mark] = [line for line in ax.lines if line.get_gid() == "leaves"]
    assert mark.get_xydata().tolist() == [[0.0, 1.0]]


def test_the_lowest_are_chosen_over_all_problems():
    names = [f"Method{i:02}" for i in range(20)]
    runs, trace = frames_of({name: descent(0.0, steps=2) for name in names})
    both = [
        runs.assign(problem=problem, run_id=runs["run_id"] + problem, loss_final=[ends(i) for i in range(20)])
        for problem, ends in (("a", float), ("b", lambda i: 1e6 * i))
    ]
    paths = pd.concat([trace.assign(run_id=trace["run_id"] + problem) for problem in "ab"])
    figure = render.convergence(pd.concat(both, ignore_index=True), paths)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == names[:16]
    assert "the 16 lowest of 20" in figure.get_suptitle()
