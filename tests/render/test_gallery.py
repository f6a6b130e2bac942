"""The pictures of the gallery: what they draw, in which colours, with which words; alone and in an axes of the user's."""

import numpy as np
import pandas as pd
import pytest
from boxes import clashes
from gallery_frames import (
    anatomy_frame,
    basin_frame,
    cloud_frames,
    conditioning_frame,
    plane_frames,
    race_frames,
    stability_frame,
)
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from PIL import Image
from render_frames import landscape_of

from optiscope import InputError, render
from optiscope.render import alt_text, style_of

MINIMA = [(-0.5, 0.0), (0.5, 0.0)]
STILLS = {
    "basins": lambda **more: render.basins(basin_frame(), MINIMA, **more),
    "conditioning": lambda **more: render.conditioning(conditioning_frame(), **more),
    "stability": lambda **more: render.stability(stability_frame(), **more),
    "weight_plane": lambda **more: render.weight_plane(*plane_frames(), (0.7, 0.2), **more),
    "trails": lambda **more: render.trails(*race_frames(), **more),
    "cover": lambda **more: render.cover(*race_frames(), title="optiscope", lines=["One line", "two"], **more),
}
FILMS = {
    "race_3d": lambda **more: render.race_3d(*race_frames(), minima=[(3, 0.5)], title="A", frames=4, **more),
    "anatomy": lambda **more: render.anatomy(landscape_of(), anatomy_frame(), floor=0.0, title="B", frames=4, **more),
    "noise": lambda **more: render.noise(
        landscape_of(), *cloud_frames(), minima=[(3, 0.5)], title="C", frames=4, **more
    ),
}


def by_gid(figure, gid):
    return [artist for artist in figure.findobj() if artist.get_gid() == gid]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", STILLS)
def test_stills_say_what_they_show_and_no_words_overlap(name, theme):
    figure = STILLS[name](theme=theme)
    assert isinstance(figure, render.Still)
    assert len(alt_text(figure).split()) > 8
    assert (np.mean(to_rgb(figure.get_facecolor())) > 0.5) == (theme == "light")
    assert clashes(figure) == []
    assert figure._repr_png_()[:4] == b"\x89PNG"


@pytest.mark.parametrize("name", [name for name in STILLS if name != "cover"])
def test_stills_draw_in_an_axes_of_the_user_s(name):
    mine = Figure(figsize=(9, 4))
    left, right = mine.subplots(1, 2)
    left.set_title("mine")
    assert STILLS[name](ax=right) is mine
    assert right.has_data() or right.child_axes or right.artists
    assert not left.has_data()
    assert left.get_title() == "mine"
    mine.canvas.draw()


def test_pictures_that_lay_themselves_out_take_the_place_of_an_axes():
    losses = pd.DataFrame({
        "loss": "L1Loss", "quantity": "difference", "target": "0", "prediction": [-1.0, 0.0, 1.0],
        "value": [1.0, 0.0, 1.0], "gradient": [-1.0, 0.0, 1.0],
    })  # fmt: skip
    mine = Figure(figsize=(12, 4))
    left, right = mine.subplots(1, 2)
    assert render.loss_curves(losses, ax=right) is mine
    assert "Value and gradient of 1 losses" in alt_text(mine)
    assert right not in mine.axes
    assert left in mine.axes
    mine.canvas.draw()
    with pytest.raises(InputError, match="give one that `subplots` made"):
        render.loss_curves(losses, ax=mine.add_axes((0, 0, 1, 1)))


@pytest.mark.parametrize("name", FILMS)
def test_films_paint_what_their_figure_shows_and_are_the_same_twice(name, tmp_path):
    film = FILMS[name]()
    assert len(film) == 4
    assert len(alt_text(film).split()) > 8
    assert clashes(film.still()) == []
    still = film.still(2)
    still.savefig(tmp_path / "still.png", dpi=still.dpi)
    with Image.open(tmp_path / "still.png") as image:
        drawn = np.asarray(image.convert("RGB"), int)
    assert (np.abs(drawn - film.frame(2).astype(int)).max(axis=2) > 60).mean() < 0.005
    one, two = film.save(tmp_path / "one.gif"), FILMS[name]().save(tmp_path / "two.gif")
    assert one.read_bytes() == two.read_bytes()
    with Image.open(one) as image:
        assert (image.n_frames, image.info["loop"]) == (4, 0)
        assert image.size == film.frame(0).shape[1::-1]
    assert (film.frame(0) != film.frame(3)).any()
    assert (FILMS[name](theme="dark").frame(0)[0, 0] < 60).all()


def test_basins_are_coloured_by_minimum_and_darker_the_later():
    figure = STILLS["basins"]()
    maps = [ax for ax in figure.axes if ax.get_title(loc="left")]
    assert [ax.get_title(loc="left") for ax in maps] == ["SGD · lr 0.1 · 83.3% arrive", "Adam · lr 0.1 · 83.3% arrive"]
    pixels = np.asarray(maps[0].images[0].get_array())
    assert pixels.shape == (6, 6, 3)
    blue, vermillion = (np.array(to_rgb(style_of(name).color)) for name in ("Adam", "SGD"))
    for own, other, rows in ((blue, vermillion, pixels[:5, :3]), (vermillion, blue, pixels[:5, 3:])):
        shades = rows.reshape(-1, 3)
        # A hue from white over itself to black lies nearer to its own line than to another's.
        cosine = [((shades - s.mean()) @ (hue - hue.mean())) for hue in (own, other) for s in [shades]]
        assert (cosine[0] > cosine[1]).all()
    assert pixels[0, 2].sum() > pixels[0, 1].sum() > pixels[0, 0].sum()  # sooner is lighter
    assert np.allclose(pixels[5, 0], pixels[5, 3])
    assert to_hex(pixels[5, 5]) == "#1b2026"
    stars = [line for line in maps[0].lines if line.get_gid() == "minimum"]
    assert [tuple(line.get_xydata()[0]) for line in stars] == MINIMA


def test_conditioning_draws_a_line_an_optimizer_and_marks_misses():
    figure = STILLS["conditioning"]()
    left, right = figure.axes
    assert (left.get_xscale(), left.get_yscale(), right.get_xscale()) == ("log", "log", "linear")
    for name in ("SGD", "Adam"):
        one, two = by_gid(figure, f"line:{name}")
        assert to_hex(one.get_color()) == to_hex(two.get_color()) == style_of(name).color
    [missed, again] = by_gid(figure, "miss:SGD")
    assert (missed.get_xdata().tolist(), again.get_xdata().tolist()) == ([100.0], [0.0])
    assert not by_gid(figure, "miss:Adam")
    assert by_gid(figure, "line:SGD")[0].get_xydata().tolist() == [[1.0, 2.0], [10.0, 2 * 10**0.5]]
    assert "SGD 65 steps at best, and a miss at worst" in alt_text(figure)


def test_a_picture_says_which_problem_target_and_budget_it_is_of():
    figure = render.conditioning(conditioning_frame(), target=1e-6, budget=700)
    assert figure.axes[0].get_ylabel() == "steps to a loss of 1e-06"
    assert "× misses it within 700 steps" in [text.get_text() for ax in figure.axes for text in ax.texts]
    assert alt_text(figure).startswith("Steps to a loss of 1e-06, 700 steps at most, against")
    named = render.basins(basin_frame(), MINIMA, title="Two wells")
    assert named.get_suptitle() == "Two wells"
    assert alt_text(named).startswith("Two wells: which of 2 minima")
    crowd = basin_frame([f"Own{k}" for k in range(10)], side=4)
    assert render.basins(crowd, MINIMA, title="Two wells").get_suptitle() == (
        "Two wells · the 9 that arrive most often of 10 optimizers"
    )
    plane = render.weight_plane(*plane_frames(), title="A network")
    assert "A network" in [text.get_text() for text in plane.texts]
    assert alt_text(plane).startswith("A network: the weights' paths")
    assert clashes(named) == clashes(plane) == []


def test_the_paths_on_a_plane_of_weights_have_their_names_at_their_ends():
    figure = STILLS["weight_plane"]()
    _, paths = plane_frames()
    for name, own in paths.groupby("optimizer"):
        [text] = by_gid(figure, f"name:{name}")
        assert np.allclose(text.xy, own.sort_values("step")[["x", "y"]].iloc[-1])


def test_stability_has_its_threshold_at_two_over_lr():
    figure = STILLS["stability"]()
    edges = by_gid(figure, "threshold")
    assert [line.get_ydata()[0] for line in edges] == [20.0, 4.0]
    curves = by_gid(figure, "sharpness")
    assert [to_hex(a.get_color()) for a in curves] == [to_hex(a.get_color()) for a in edges]
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["2 / lr = 20", "2 / lr = 4"]


def test_a_plane_of_weights_shows_both_losses_and_the_shares():
    figure = STILLS["weight_plane"]()
    plane = figure.axes[0]
    assert plane.get_xlabel() == "principal component 1: 70% of the variance"
    assert plane.get_ylabel() == "principal component 2: 20% of the variance"
    _, paths = plane_frames()
    for name, own in paths.groupby("optimizer"):
        assert np.allclose(by_gid(figure, f"path:{name}")[0].get_xydata(), own[["x", "y"]])
        assert np.allclose(by_gid(figure, f"true:{name}")[0].get_ydata(), own["loss"])
        assert np.allclose(by_gid(figure, f"seen:{name}")[0].get_ydata(), own["loss_projected"])
    random = render.weight_plane(*plane_frames())
    assert random.axes[0].get_xlabel() == "random direction 1, filters normalised"
    assert "90% of their variance" in alt_text(figure)


def test_anatomy_draws_what_the_frame_holds():
    film = FILMS["anatomy"](clock="linear")
    figure = film.figure_at(3)
    frame = anatomy_frame()
    maps = [ax for ax in figure.axes if ax.get_title(loc="left").startswith(("SGD", "Adam"))]
    assert [ax.get_title(loc="left") for ax in maps] == ["SGD, lr 0.1", "Adam, lr 0.1"]
    for ax, (_, own) in zip(maps, frame.groupby("optimizer", sort=False), strict=True):
        [arrows] = [artist for artist in ax.collections if artist.get_gid() == "arrows"]
        lengths = np.hypot(arrows.U, arrows.V)
        step = ax.transData.transform(own[["update0", "update1"]].iloc[-1]) - ax.transData.transform((0, 0))
        assert np.allclose(np.array([arrows.U[2], arrows.V[2]]) / lengths[2], step / np.linalg.norm(step))
        assert (lengths[1] > 0) == (own["momentum0"].notna().any())  # SGD has none
        head = by_gid(figure, "head")
        assert any(np.allclose(dot.get_xydata()[0], own[["x0", "x1"]].iloc[-1]) for dot in head)
    [one, _] = by_gid(figure, "cursor")
    assert one.get_ydata()[0] == pytest.approx(170)


def test_the_cloud_s_line_is_the_median_of_its_seeds():
    film = FILMS["noise"]()
    figure = film.figure_at(3)
    runs, trace, _ = cloud_frames()
    for name in ("SGD", "Adam"):
        own = trace[trace["run_id"].isin(runs.loc[runs["optimizer"] == name, "run_id"])]
        [line] = by_gid(figure, f"median:{name}")
        middle = own.groupby("step")[["x0", "x1"]].median().to_numpy()
        assert np.allclose(line.get_xydata(), middle)
        assert to_hex(line.get_color()) == style_of(name).color
        [dots] = by_gid(figure, f"cloud:{name}")
        assert np.allclose(np.sort(dots.get_xdata()), np.sort(own[own["step"] == 200]["x0"]))
        [floor] = by_gid(figure, f"floor:{name}")
        assert floor.get_xdata().tolist() == [1e-2, 1e-1]  # at the least rate the loss was still falling


def test_heads_of_the_race_in_three_dimensions_stand_on_the_surface():
    film = FILMS["race_3d"](height="log")
    figure = film.figure_at(3)
    heads = [artist for artist in figure.findobj() if str(artist.get_gid()).startswith("head:")]
    assert len(heads) == 3
    assert all(np.isfinite(head.get_xydata()).all() for head in heads)
    assert by_gid(figure, "verdict")[0].get_text().startswith("lowest: ")
    assert "Seen as a surface, its height the logarithm of the gap" in film.alt
    assert "its height the loss" in FILMS["race_3d"](height="linear").alt


def test_what_is_behind_a_hill_is_hidden():
    from optiscope.render.race_3d import _eye
    from optiscope.render.race_map import Landscape
    from optiscope.render.style import theme_of
    from optiscope.render.surface import Surface

    wall = Landscape(landscape_of(lambda x, y: np.where(np.abs(x) < 0.3, 1.0, 0.0) + 1e-3 * y**2, 1.0, 41))
    surface = Surface(wall, 0.0, "linear", theme_of("light"))
    points = np.array([[-0.5, 0.0, 0.05], [0.5, 0.0, 0.05], [-0.5, 0.0, 2.0]])
    assert surface.hidden(points, _eye(0.0)).tolist() == [True, False, False]  # seen from the right
    assert surface.hidden(points, _eye(np.pi)).tolist() == [False, True, False]


def many(count):
    return [f"Method{i}" for i in range(count)]


BAD = [
    (lambda: render.basins(basin_frame()[:0], MINIMA), "the basins frame is empty"),
    (lambda: render.basins(basin_frame().iloc[1:], MINIMA), "no regular grid: 35 of 6 x and 6 y"),
    (lambda: render.basins(basin_frame(), [(0.0, 0.0)] * 9), "tell 1 to 8 minima apart, got 9"),
    (lambda: render.conditioning(conditioning_frame().drop(columns="angle")), "lacks the columns angle"),
    (lambda: render.conditioning(conditioning_frame(many(40))), "at most 14 optimizers have room .* got 40"),
    (lambda: render.stability(stability_frame(np.arange(1, 41))), "at most 6 runs are told apart, got 40"),
    (lambda: render.weight_plane(*plane_frames(many(40))), "at most 6 optimizers, got 40"),
    (lambda: render.weight_plane(landscape_of(lambda x, y: x), plane_frames()[1]), "it must be > 0"),
    (lambda: render.anatomy(landscape_of(), anatomy_frame(many(40))), "at most 4 optimizers beside each other, got 40"),
    (lambda: render.anatomy(landscape_of(), anatomy_frame().drop(columns="rate1")), "lacks the columns rate1"),
    (lambda: render.noise(landscape_of(), *cloud_frames(many(40), 1)), "at most 5 optimizers are told apart, got 40"),
    (lambda: render.race_3d(*race_frames(), height="flat"), "height must be auto, log or linear, got 'flat'"),
    (lambda: render.race_3d(*race_frames(), size=(100, 100)), "360 to 4096 pixels a side, got 100 by 100"),
    (lambda: render.race(landscape_of()), "a race takes a landscape, a runs and a trace frame, or the results"),
    (lambda: render.race_3d(*race_frames(), frames=4).save("film.png", frame=9), "the film has frames 0 to 3"),
]  # fmt: skip


@pytest.mark.parametrize("wrong", range(len(BAD)))
def test_bad_input_is_one_clear_line(wrong, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw, message = BAD[wrong]
    with pytest.raises(InputError, match=message) as caught:
        draw()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: render.basins(basin_frame().assign(basin=-1, steps=np.nan), MINIMA),
        lambda: render.basins(basin_frame(many(9)), MINIMA[:1]),
        lambda: render.conditioning(conditioning_frame().assign(steps=np.inf)),
        lambda: render.conditioning(conditioning_frame(many(14))),
        lambda: render.stability(stability_frame().assign(threshold=np.nan, loss=np.nan)),
        lambda: render.stability(stability_frame()[:1]),
        lambda: render.weight_plane(plane_frames()[0].assign(loss=1.0), plane_frames()[1]),
        lambda: render.weight_plane(plane_frames()[0], plane_frames()[1].assign(loss=np.inf)),
        lambda: render.anatomy(landscape_of(), anatomy_frame(steps=1), frames=2).still(),
        lambda: render.anatomy(landscape_of(), anatomy_frame().assign(gradient0=0.0, gradient1=0.0), frames=2).still(),
        lambda: render.noise(landscape_of(), *_short(cloud_frames()), frames=2).still(),
        lambda: render.race_3d(landscape_of(lambda x, y: 0 * x), *race_frames()[1:], frames=2).still(),
        lambda: render.race_3d(*_short(race_frames()), frames=2).still(),
    ],
)
def test_odd_input_is_still_a_picture(draw):
    figure = draw()
    figure.canvas.draw()
    assert figure.axes or figure.artists


def _short(frames):
    """The same with one row of trace a run."""
    return [part[part["step"] == 0] if "step" in part and "loss" in part and "x0" in part else part for part in frames]


def test_ten_dimensions_are_no_map():
    import optiscope as osc

    results = osc.run(osc.grid("sphere(dim=10)", "SGD", lr=0.1, steps=3))
    for draw in (render.race, render.race_3d, render.trails):
        with pytest.raises(InputError, match="needs a function of 2 coordinates, and sphere.dim=10. has 10"):
            draw(results)


def test_results_race_by_themselves():
    import optiscope as osc

    results = osc.run(osc.grid("beale", ["SGD", "Adam"], lr=0.01, steps=5))
    film = render.race(results, frames=2)
    assert film.times.tolist() == [0.0, 5.0]
    assert by_gid(film.still(), "minimum")


def test_an_end_s_name_keeps_clear_of_the_others():
    from optiscope.render.ends import label_ends

    figure = render.Still(figsize=(4, 3))
    ax = figure.add_axes((0.1, 0.1, 0.6, 0.8))
    ax.set(xlim=(0, 1), ylim=(0, 1))
    texts = label_ends(ax, [(1.0, 0.5, f"name {i}", "#000000") for i in range(8)] + [(1.0, 0.0, "low", "#000000")])
    assert clashes(figure) == []
    heights = [text.get_window_extent().y0 for text in texts]
    assert min(heights) == heights[-1]
    assert label_ends(ax, []) == []


def test_frames_of_convergence_in_time():
    step = np.arange(31)
    trace = pd.concat(pd.DataFrame({"run_id": r, "step": step, "loss": np.exp(-step)}) for r in "ab")
    runs = pd.DataFrame({
        "run_id": ["a", "b"], "problem": "p", "optimizer": ["SGD", "Adam"], "loss_floor": 0.0, "wall_s": [0.03, 0.3],
        "steps_done": 30, "engine": "single", "status": "max_steps", "loss_final": np.exp(-30.0),
    })  # fmt: skip
    left, right = render.convergence(runs, trace, against=("step", "time")).axes
    sgd, adam = (line for line in right.lines if len(line.get_xdata()) > 2)
    assert np.allclose(sgd.get_xdata(), 0.001 * step)
    assert np.allclose(adam.get_xdata(), 0.01 * step)
    assert (left.get_xlabel(), right.get_xlabel(), right.get_xscale()) == ("step", "time", "log")
    with pytest.raises(InputError, match="runs of the stacked tier share their time"):
        render.convergence(runs.assign(engine="stacked"), trace, against="time")
    with pytest.raises(InputError, match="against is 'step', 'time' or both, got 'hours'"):
        render.convergence(runs, trace, against="hours")


def test_a_history_with_its_rate():
    step = np.arange(31)
    trace = pd.DataFrame({"run_id": "a", "step": step, "loss": np.exp(-step / 9), "accuracy": step / 30, "lr_t": 0.1})
    runs = pd.DataFrame({"run_id": ["a"], "problem": "p", "optimizer": "SGD", "status": "max_steps"})
    figure = render.history(runs, trace, rate=True)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["loss", "accuracy", "learning rate", ""]
    assert np.allclose(figure.axes[2].lines[0].get_ydata(), 0.1)
    assert clashes(figure) == []


def test_schedules_print_their_arguments_and_their_momentum():
    import optiscope as osc
    from optiscope.catalogues.schedule_curves import sample_schedules

    frame = sample_schedules([osc.schedules()[name] for name in ("StepLR", "OneCycleLR", "ReduceLROnPlateau")], 90)
    told = frame.groupby("schedule", sort=False)["arguments"].first()
    assert told["StepLR"] == "step_size=30, gamma=0.1"
    assert told["OneCycleLR"].startswith("total_steps=90, cycle_momentum=True")
    rows = dict(tuple(frame.groupby("schedule")))
    assert rows["StepLR"]["lr_t"].round(9).tolist() == [1.0] * 30 + [0.1] * 30 + [0.01] * 30
    assert (rows["StepLR"]["momentum"] == 0.9).all()
    assert rows["OneCycleLR"]["momentum"].max() == pytest.approx(0.95)
    assert rows["OneCycleLR"]["momentum"].min() == pytest.approx(0.85)
    assert rows["ReduceLROnPlateau"]["lr_t"].iloc[:36].eq(1.0).all()  # the loss falls for 36 steps
    assert rows["ReduceLROnPlateau"]["lr_t"].iloc[-1] < 1.0
    figure = render.schedule_curves(frame)
    assert len(by_gid(figure, "momentum")) == 1
    assert [text.get_text() for text in by_gid(figure, "schedule")] == ["StepLR", "OneCycleLR", "ReduceLROnPlateau"]
    assert clashes(figure) == []
