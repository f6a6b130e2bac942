"""Several races side by side: their parts, their clocks, and the words on them."""

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image
from render_frames import Scene, descent, frames_of, landscape_of

from optiscope import InputError
from optiscope.render import Course, races, style_of


def bowl(x, y):
    return x**2 + 4 * y**2


@pytest.fixture(scope="module")
def courses():
    beale = Scene(landscape_of(), *frames_of({"SGD": descent(0.0004), "Adam": descent(0.002)}))
    spiral = np.exp(-np.linspace(0, 3, 81))[:, None] * np.array([[3.0, 2.0]])
    slower = np.exp(-np.linspace(0, 1, 81))[:, None] * np.array([[3.0, 2.0]])
    paths = {"SGD": spiral, "Adam": slower, "RMSprop": slower[:40]}
    losses = {name: bowl(*path.T) for name, path in paths.items()}
    other = Scene(landscape_of(bowl), *frames_of(paths, losses))
    return [
        Course(beale.landscape, beale.runs, beale.trace, [(3.0, 0.5)], "beale"),
        Course(other.landscape, other.runs, other.trace, [(0.0, 0.0)], "bowl"),
    ]


def test_a_cell_a_course_each_on_its_own_clock(courses):
    film = races(courses, title="Two", frames=11, clock="linear")
    assert len(film) == 11
    middle = film.still(5)
    maps, strips = middle.axes[::2], middle.axes[1::2]
    assert len(maps) == len(strips) == 2
    for ax, last in zip(strips, (200, 80), strict=True):
        assert ax.get_xlim() == (0, last)
        [cursor] = [line for line in ax.lines if line.get_gid() == "cursor"]
        assert cursor.get_xdata()[0] == pytest.approx(0.5)
    for ax, course in zip(maps, courses, strict=True):
        heads = {line.get_gid(): line for line in ax.lines if str(line.get_gid()).startswith("head:")}
        assert len(heads) == len(course.runs)
        first = course.runs["run_id"].iloc[0]
        path = course.trace[course.trace["run_id"] == first]
        half = path[path["step"] == path["step"].max() // 2].iloc[0]
        assert np.allclose(heads[f"head:{first}"].get_xydata()[0], [half["x0"], half["x1"]])


def test_one_legend_and_a_winner_a_cell_at_the_end_alone(courses):
    film = races(courses, title="Two", frames=5)

    def shown(figure):
        return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]

    legend = [text for text in film.still().findobj(Text) if str(text.get_gid()).startswith("legend:")]
    assert [text.get_text() for text in legend] == ["SGD", "Adam", "RMSprop"]
    assert [text.get_color() for text in legend] == [style_of(name).ink for name in ("SGD", "Adam", "RMSprop")]
    # RMSprop's trace ends early, which is how it diverged; nobody leaves a map.
    keys = [text.get_text() for text in film.still().findobj(Text) if text.get_gid() == "key:"]
    assert keys == ["○ start   ★ minimum"]
    assert sum(words.startswith("lowest: ") for words in shown(film.still())) == 2
    assert sum(words.startswith("lowest: ") for words in shown(film.still(2))) == 0
    assert "beale: two paths" in film.alt
    assert "bowl: three paths" in film.alt


def test_the_key_names_the_signs_that_the_maps_hold(courses):
    away = np.linspace(1, 40, 81)[:, None] * np.array([[3.0, 2.0]])
    runs, trace = frames_of({"SGD": away}, {"SGD": bowl(*away.T)})
    runs["status"] = "diverged"
    lost = Course(courses[1].landscape, runs, trace, [], "lost")
    for one, size in ((lost, None), (lost, (240, 400))):  # beside the names, and below them where there is no room
        still = races([one], frames=5, across=1, size=size).still()
        [key] = [text for text in still.findobj(Text) if text.get_gid() == "key:"]
        assert key.get_text() == "○ start   ▶ off the map   ✖ diverged"
        box = key.get_window_extent()
        names = [text for text in still.findobj(Text) if str(text.get_gid()).startswith("legend:")]
        assert box.x0 >= 0
        assert not any(box.overlaps(name.get_window_extent()) for name in names)


def test_what_is_painted_is_what_the_figure_shows(courses, tmp_path):
    film = races(courses, title="Two", subtitle="of them", frames=6, theme="dark", size=(640, 480))
    assert film.frame(-1).shape == (480, 640, 3)
    still = film.still()
    still.savefig(tmp_path / "still.png", dpi=still.dpi)
    with Image.open(tmp_path / "still.png") as image:
        drawn = np.asarray(image.convert("RGB"), int)
    wrong = np.abs(drawn - film.frame(-1).astype(int)).max(axis=2)
    assert (wrong > 60).mean() < 0.005  # words are stamped to whole pixels
    first = film.save(tmp_path / "one.gif").read_bytes()
    assert (
        races(courses, title="Two", subtitle="of them", frames=6, theme="dark", size=(640, 480))
        .save(tmp_path / "two.gif")
        .read_bytes()
        == first
    )


def test_bad_input(courses):
    with pytest.raises(InputError, match="a grid of races has 1 to 9 courses, got 0"):
        races([])
    with pytest.raises(InputError, match="across must be >= 1"):
        races(courses, across=0)
    with pytest.raises(InputError, match="a race needs at least 480 by 200 pixels"):
        races(courses, size=(300, 300))
