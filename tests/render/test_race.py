import itertools
import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from PIL import Image
from render_frames import NAMES, descent, frames_of, landscape_of

from optiscope import InputError
from optiscope.metrics import verdicts
from optiscope.render import race, style_of
from optiscope.render.style import short_name


def film(scene, **more):
    more = {"frames": 40, "minima": [(3.0, 0.5)], "title": "Seven on Beale", "subtitle": "at the best rate each"} | more
    return race(scene.landscape, scene.runs, scene.trace, **more)


@pytest.fixture(scope="module")
def still(scene):
    figure = film(scene).still()
    figure.canvas.draw()
    return figure


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def extent(text, renderer):
    """The box of a text, its plate included."""
    text.update_bbox_position_size(renderer)
    return (text.get_bbox_patch() or text).get_window_extent(renderer)


def beyond(axis):
    """The numbers of ticks outside the view, which are never drawn."""
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    return [
        label
        for tick in axis.get_major_ticks()
        if not low - slack <= tick.get_loc() <= high + slack
        for label in (tick.label1, tick.label2)
    ]


def by_gid(figure, prefix):
    return [artist for artist in figure.findobj() if str(artist.get_gid() or "").startswith(prefix)]


def test_frames_are_pictures(scene):
    ours = film(scene, size=(720, 540))
    assert len(ours) == 40
    frames = list(ours.frames())
    assert len(frames) == 40
    assert {(frame.shape, frame.dtype.name) for frame in frames} == {((540, 720, 3), "uint8")}
    assert sum((a != b).any() for a, b in itertools.pairwise(frames)) > 30


def test_a_frame_is_the_same_whenever_it_is_drawn(scene):
    ours, again = film(scene), film(scene)
    frames = list(ours.frames())
    for i in (39, 0, 17, 18, -1, 3):
        assert (again.frame(i) == frames[i]).all()
    with pytest.raises(IndexError):
        ours.frame(40)


@pytest.mark.parametrize("clock", ["log", "linear"])
def test_the_clock_runs_from_the_start_to_the_end(scene, clock):
    times = film(scene, clock=clock, frames=101).times
    assert times[0] == 0
    assert times[-1] == 200
    assert (np.diff(times) >= 0).all()
    assert times[50] == pytest.approx(100 if clock == "linear" else math.sqrt(201) - 1)


def test_every_competitor_has_a_trail_a_head_a_name_and_its_rate(still):
    for i, name in enumerate(NAMES):
        look = style_of(name)
        [trail] = by_gid(still, f"trail:r{i}")
        [head] = by_gid(still, f"head:r{i}")
        [label] = by_gid(still, f"name:r{i}")
        [rate] = by_gid(still, f"rate:r{i}")
        [line] = by_gid(still, f"gap:r{i}")
        assert {to_hex(artist.get_color()) for artist in (trail, head, line)} == {look.color}
        assert to_hex(label.get_color()) == look.ink
        assert rate.get_text() == f"lr {0.001 * (i + 1):.3g}"
        assert trail.dash == look.dash
    assert {"Momentum", "Nesterov", "Adam"} <= {artist.get_text() for artist in by_gid(still, "name:")}
    assert {"Seven on Beale", "at the best rate each", "after 200 steps", "final gap"} <= set(texts(still))


def test_heads_end_where_the_trace_does(scene, still):
    for i in range(len(NAMES)):
        last = scene.trace[scene.trace["run_id"] == f"r{i}"].iloc[-1]
        [head] = by_gid(still, f"head:r{i}")
        assert np.allclose(head.get_xydata()[0], [last["x0"], last["x1"]])
        assert head.get_marker() == "o"
        [trail] = by_gid(still, f"trail:r{i}")
        assert np.allclose(trail.get_xydata()[[0, -1]], [[1.0, 1.6], [last["x0"], last["x1"]]])


def test_the_ranking_is_by_final_gap(scene, still):
    final = scene.trace.groupby("run_id")["loss"].last().sort_values()
    rows = sorted(by_gid(still, "final:"), key=lambda text: -text.get_position()[1])
    assert [text.get_gid() for text in rows] == [f"final:{run}" for run in final.index]
    assert float(rows[0].get_text()) == pytest.approx(final.iloc[0], rel=0.06)
    [verdict] = by_gid(still, "verdict")
    assert verdict.get_text() == "lowest loss at the end:\nAdam"


def test_map_shows_the_valley_the_start_and_the_minimum(still):
    [start], [star] = by_gid(still, "start"), by_gid(still, "minimum")
    assert start.get_xydata().tolist() == [[1.0, 1.6]]
    assert star.get_xydata().tolist() == [[3.0, 0.5]]
    levels = next(artist.levels for artist in still.axes[0].collections if hasattr(artist, "levels"))
    assert len(levels) >= 12
    assert np.allclose(np.diff(levels), np.diff(levels)[0])  # even in log10 of the gap
    assert levels[-1] - levels[0] > 4


def test_strip_is_logarithmic_and_follows_the_race(scene):
    ours = film(scene)
    figure = ours.figure_at(20)
    strip = figure.axes[1]
    assert strip.get_yscale() == "log"
    assert by_gid(figure, "measure")[0].get_text() == "loss − minimum"
    [cursor] = by_gid(figure, "cursor")
    assert cursor.get_xdata()[0] == pytest.approx(math.log1p(ours.times[20]) / math.log1p(200))
    [line, *_] = by_gid(figure, "gap:")
    assert line.get_clip_box().x1 == pytest.approx(strip.bbox.x0 + strip.bbox.width * cursor.get_xdata()[0])


@pytest.mark.parametrize("size", [(620, 480), (720, 540), (1280, 800)])
def test_no_words_overlap_at_the_end(scene, size):
    figure = film(scene, size=size).still()
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    off = {label for ax in figure.axes for axis in (ax.xaxis, ax.yaxis) for label in beyond(axis)}
    shown = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible() and text not in off]
    boxes = {text: extent(text, renderer) for text in shown}
    items = list(boxes.items())
    for i, (one, box) in enumerate(items):
        assert box.x0 >= 0
        assert box.x1 <= size[0]
        assert box.y0 >= 0
        assert box.y1 <= size[1]
        for other, theirs in items[i + 1 :]:
            apart = box.x1 <= theirs.x0 or theirs.x1 <= box.x0 or box.y1 <= theirs.y0 or theirs.y1 <= box.y0
            assert apart, (one.get_text(), other.get_text())


@pytest.mark.parametrize("n", [1, 2, 12, 16])
def test_names_of_many_do_not_overlap(n):
    pool = [*NAMES, "AdamW", "NAdam", "RAdam", "Adamax", "pkg.Lion(lr_ratio=2)", "ASGD", "Muon", "Rprop", "Adafactor"]
    runs, trace = frames_of({name: descent(0.0005 * 1.2**i) for i, name in enumerate(pool[:n])})
    schedules = ["constant", "CosineAnnealingLR"] * 8
    figure = race(landscape_of(), runs.assign(schedule=schedules[:n]), trace, frames=20).still()
    figure.canvas.draw()
    for kind in ("name:", "rate:", "final:"):
        artists = by_gid(figure, kind)
        assert len(artists) == n
        renderer = figure.canvas.get_renderer()
        boxes = [extent(text, renderer) for text in artists]
        assert not any(
            a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1
            for i, a in enumerate(boxes)
            for b in boxes[i + 1 :]
        )
        assert max(box.x1 for box in boxes) <= 720


def eggholder(x, y):
    return -(y + 47) * np.sin(np.sqrt(np.abs(x / 2 + y + 47))) - x * np.sin(np.sqrt(np.abs(x - y - 47)))


CIRCLE = np.stack([300 * np.cos(np.linspace(0, 3, 50)), 300 * np.sin(np.linspace(0, 3, 50))], axis=1)


@pytest.mark.parametrize("floor", [-959.64, math.nan])
def test_floors_below_nought_or_unknown(floor):
    runs, trace = frames_of({"SGD": CIRCLE}, {"SGD": eggholder(*CIRCLE.T)}, floor)
    figure = race(landscape_of(eggholder, 512.0), runs, trace, frames=5).still()
    assert by_gid(figure, "measure")[0].get_text() == ("loss" if math.isnan(floor) else "loss − minimum")
    assert figure.axes[1].get_yscale() == "linear"
    figure.canvas.draw()


@pytest.mark.parametrize("value", [0.0, 3.0, -2.0])
@pytest.mark.parametrize("floor", [0.0, math.nan])
def test_a_constant_loss(value, floor):
    runs, trace = frames_of({"SGD": CIRCLE / 100}, {"SGD": np.full(50, value)}, floor)
    flat = landscape_of(lambda x, y: np.full_like(x, value))
    assert len(list(race(flat, runs, trace, frames=3).frames())) == 3


def test_a_trace_of_one_row(scene):
    ours = race(scene.landscape, scene.runs, scene.trace[scene.trace["step"] == 0], frames=7)
    assert (ours.times == 0).all()
    assert len(list(ours.frames())) == 7


def test_one_frame(scene):
    ours = film(scene, frames=1)
    assert ours.times.tolist() == [200.0]
    assert ours.frame(0).shape == (540, 720, 3)


def test_enormous_ranges():
    path = np.stack([np.logspace(0, 150, 40), -np.logspace(0, 150, 40)], axis=1)
    runs, trace = frames_of({"SGD": path, "Adam": path[::-1]}, {"SGD": np.logspace(-30, 300, 40), "Adam": np.ones(40)})
    ours = race(landscape_of(lambda x, y: np.exp(np.abs(x * y * 30))), runs, trace, frames=6)
    assert len(list(ours.frames())) == 6


def test_schedules_seeds_and_rates_tell_namesakes_apart(scene):
    runs = scene.runs[:2].assign(optimizer="Adam", schedule=["constant", "StepLR(step_size=30)"])
    figure = race(scene.landscape, runs, scene.trace, frames=3).still()
    # One optimizer under several schedules: they are who races, in colours of their own.
    assert {text.get_text() for text in by_gid(figure, "name:")} == {"constant", "StepLR"}
    assert "lr 0.002" in texts(figure)
    assert any(words.startswith(("1. StepLR(st", "2. StepLR(st")) for words in texts(figure))
    assert len({line.get_color() for line in by_gid(figure, "trail:")}) == 2
    runs = scene.runs[:3].assign(
        optimizer=["Adam", "Adam", "SGD"], schedule=["constant", "StepLR(step_size=30)", "constant"]
    )
    figure = race(scene.landscape, runs, scene.trace, frames=3).still()
    assert {text.get_text() for text in by_gid(figure, "name:")} == {
        "Adam constant",
        "Adam StepLR(step_size=30)",
        "SGD",
    }
    assert "lr 0.002 · StepLR(step_size=30)" in texts(figure)
    assert len({line.get_color() for line in by_gid(figure, "trail:")}) == 2
    runs = scene.runs[:2].assign(optimizer="Adam", seed=[3, 4], lr=0.1)
    figure = race(scene.landscape, runs, scene.trace, frames=3).still()
    assert {text.get_text() for text in by_gid(figure, "name:")} == {"Adam #3", "Adam #4"}


def test_every_run_says_how_it_ended(scene, still):
    judged = verdicts(scene.runs, scene.trace, scene.landscape).set_index("run_id")
    shown = {text.get_gid(): text.get_text() for text in by_gid(still, "ending:")}
    assert len(shown) == len(NAMES)
    for run_id, row in judged.iterrows():
        words = shown[f"ending:{run_id}"]
        assert words.split()[0].rstrip(",") == row["words"].split()[0]
        assert row["words"] in film(scene).alt
    assert not any(text.get_visible() for text in by_gid(film(scene).still(3), "ending:"))


def test_alt_text_says_what_is_shown_and_who_won(scene):
    words = film(scene).alt
    assert words.startswith("Seven on Beale: seven paths over contours, 200 steps. At the end 1. Adam (at ")
    final = scene.trace.groupby("run_id")["loss"].last().sort_values()
    order = [short_name(NAMES[int(run_id[1:])]) for run_id in final.index]
    told = [f"{place}. {name} (" for place, name in enumerate(order, start=1)]
    assert sorted(told, key=words.index) == told
    html = race(scene.landscape, scene.runs, scene.trace, frames=2, seconds=1)._repr_html_()
    assert html.startswith('<img alt="A race: seven paths')


def test_a_strip_of_rates(scene):
    cosine = 0.5 * (1 + np.cos(np.pi * scene.trace["step"] / 200))
    ours = film(scene, strips=("gap", "lr"))
    with pytest.raises(InputError, match="the trace has no lr_t to draw a strip of"):
        ours.still()
    still = race(scene.landscape, scene.runs[:2], scene.trace.assign(lr_t=cosine), strips=("gap", "lr")).still()
    gap, rate = still.axes[2], still.axes[1]
    assert [text.get_text() for text in by_gid(still, "measure")] == ["lr", "loss − minimum"]
    assert (gap.get_xlabel(), rate.get_xlabel()) == ("", "step (log)")
    lines = [line for line in rate.lines if str(line.get_gid()).startswith("gap:")]
    for line in lines:
        at = line.get_xdata()
        inside = (at > 0) & (at < 200)
        assert np.allclose(line.get_ydata()[inside], 0.5 * (1 + np.cos(np.pi * at[inside] / 200)))
    with pytest.raises(InputError, match="strips are gap and lr, got speed"):
        film(scene, strips=("speed",))


def test_any_frame_as_png(scene, tmp_path):
    ours = film(scene)
    with Image.open(ours.save(tmp_path / "race.png", frame=7)) as image:
        assert (np.asarray(image) == ours.frame(7)).all()
    with pytest.raises(InputError, match="the film has frames 0 to 39, or -1 for the last; got 40"):
        ours.save(tmp_path / "race.png", frame=40)


def test_dark_theme(scene):
    assert film(scene, theme="dark").frame(0)[0, 0].max() < 40
    assert film(scene).frame(0)[0, 0].min() == 255


def test_gif_of_a_race(scene, tmp_path):
    ours = film(scene, frames=200, seconds=10, hold=2)
    path = ours.save(tmp_path / "race.gif")
    assert path.stat().st_size < 1_000_000
    with Image.open(path) as image:
        assert (image.n_frames, image.size, image.info["loop"]) == (200, (720, 540), 0)
        delays = []
        for i in range(200):
            image.seek(i)
            delays.append(image.info["duration"])
        assert sum(delays) == 12_000
        assert delays[-1] == 2050
        last = np.asarray(image.convert("RGB"), int)
    wrong = np.abs(last - ours.frame(-1).astype(int))
    assert wrong.mean() < 1
    assert np.quantile(wrong, 0.999) < 40
    assert ours.save(tmp_path / "again.gif").read_bytes() == path.read_bytes()
    assert film(scene, frames=200, seconds=10, hold=2).save(tmp_path / "third.gif").read_bytes() == path.read_bytes()


def test_png_is_the_last_frame(scene, tmp_path):
    ours = film(scene)
    with Image.open(ours.save(tmp_path / "race.png")) as image:
        assert (np.asarray(image) == ours.frame(-1)).all()
    assert ours._repr_png_()[:4] == b"\x89PNG"


def test_other_renderers_draw_the_still(still, tmp_path):
    still.savefig(tmp_path / "still.svg")
    still.savefig(tmp_path / "still.pdf")
    still.savefig(tmp_path / "still.png", dpi=200)
    assert (tmp_path / "still.svg").read_text(encoding="utf-8").count("trail:") == 7


BAD = [
    ({"trace": lambda t: t.drop(columns=["x0", "x1"])}, "the trace frame lacks the columns x0, x1; a race needs"),
    ({"trace": lambda t: t[:0]}, "the trace frame is empty"),
    ({"runs": lambda r: r[:0]}, "the runs frame is empty"),
    ({"trace": lambda t: t[t["run_id"] != "r2"]}, r"run 'r2' \(Nesterov\) has no rows in the trace"),
    ({"trace": lambda t: t.assign(loss=np.nan)}, "has no finite row in the trace"),
    ({"runs": lambda r: pd.concat([r] * 3)}, "a race holds at most 16 runs, got 21"),
    ({"runs": lambda r: r.assign(problem=list("aabbaab"))}, "a race is run on one problem, got a, b"),
    ({"runs": lambda r: r.assign(loss_floor=range(7))}, "got 7 loss floors"),
    ({"landscape": lambda f: f[:-1]}, "must be a full regular grid"),
    ({"landscape": lambda f: f.assign(loss=np.nan)}, "holds no finite loss"),
    ({"landscape": lambda f: f.drop(columns="y")}, "the landscape frame lacks the columns y"),
    ({"clock": "lgo"}, "clock must be one of log, linear, got 'lgo', did you mean 'log'?"),
    ({"frames": 0}, "frames must be >= 1, got 0"),
    ({"size": (100, 100)}, "at least 480 by 360 pixels, got 100 by 100"),
    ({"seconds": 0}, "seconds must be > 0"),
    ({"theme": "grey"}, "theme must be one of light, dark"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input_is_one_clear_line(scene, change, message):
    frames = {"landscape": scene.landscape, "runs": scene.runs, "trace": scene.trace}
    more = {}
    for key, value in change.items():
        if callable(value):
            frames[key] = value(frames[key])
        else:
            more[key] = value
    with pytest.raises(InputError, match=message) as caught:
        race(*frames.values(), **more)
    assert "\n" not in str(caught.value)
