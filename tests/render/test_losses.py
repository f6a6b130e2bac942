import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from optiscope import InputError
from optiscope.catalogues.losses import LOSSES
from optiscope.catalogues.losses.curves import sample_losses
from optiscope.render import loss_curves


@pytest.fixture(scope="module")
def frame():
    return sample_losses(101)


@pytest.fixture(scope="module")
def figure(frame):
    return loss_curves(frame)


def panels(figure):
    axes = figure.axes
    return list(zip(axes[::2], axes[1::2], strict=True))


def name_of(ax):
    return next(text.get_text() for text in ax.texts if text.get_gid() == "name")


def curves(ax):
    return [line for line in ax.lines if len(line.get_xdata()) > 2]


def test_a_pair_of_panels_a_loss_in_the_order_of_the_frame(figure, frame):
    assert [name_of(value) for value, _ in panels(figure)] == list(frame["loss"].unique())
    assert len(panels(figure)) == len(LOSSES)
    assert {(value.get_gid(), slope.get_gid()) for value, slope in panels(figure)} == {("value", "gradient")}


def test_each_line_is_the_frame_s(figure, frame):
    for value, slope in panels(figure):
        rows = frame[frame["loss"] == name_of(value)]
        for ax, key in ((value, "value"), (slope, "gradient")):
            for line, (_, part) in zip(curves(ax), rows.groupby("target", sort=False), strict=True):
                assert np.array_equal(line.get_xdata(), part["prediction"])
                assert np.array_equal(line.get_ydata(), part[key])


def test_all_panels_have_the_same_heights_and_say_what_the_prediction_is(figure, frame):
    assert len({value.get_ylim() for value, _ in panels(figure)}) == 1
    assert len({slope.get_ylim() for _, slope in panels(figure)}) == 1
    for value, slope in panels(figure):
        [quantity] = frame.loc[frame["loss"] == name_of(value), "quantity"].unique()
        assert slope.get_xlabel() == quantity
        assert value.get_xlim() == slope.get_xlim()


def test_targets_are_named_in_the_colour_of_their_line(figure, frame):
    for value, _ in panels(figure):
        names = [text for text in value.texts if text.get_gid() != "name"]
        targets = frame.loc[frame["loss"] == name_of(value), "target"].unique()
        assert [text.get_text() for text in names] == list(targets)
        colors = [to_hex(line.get_color()) for line in curves(value)]
        assert len(set(colors)) == len(colors)
        assert colors[0] == to_hex("#0072b2")


def test_no_words_overlap_and_none_leave_the_picture(figure):
    figure.canvas.draw()
    words = list(figure.texts)
    for ax in figure.axes:
        words += [*ax.texts, ax.xaxis.label, ax.yaxis.label]
        # Ticks beyond the limits are there and not drawn.
        words += [tick.label1 for axis in (ax.xaxis, ax.yaxis) for tick in axis._update_ticks()]
    words = [text for text in words if text.get_visible() and text.get_text()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in words]
    assert len(boxes) > 150
    for name, box in boxes:
        assert min(box.x0, box.y0) >= 0, name
        assert box.x1 <= figure.bbox.width, name
        assert box.y1 <= figure.bbox.height, name
    for i, (name, box) in enumerate(boxes):
        for other, second in boxes[i + 1 :]:
            assert not box.overlaps(second), (name, other)


def hinge():
    at = np.linspace(-2, 2, 81)
    return pd.DataFrame(
        {
            "loss": "hinge", "quantity": "score", "target": "y = 1", "prediction": at,
            "value": np.maximum(0, 1 - at), "gradient": np.where(at < 1, -1.0, 0.0),
        }
    )  # fmt: skip


def test_a_bar_marks_where_a_line_is_flat_and_none_where_it_passes_a_minimum():
    [(_, slope)] = panels(loss_curves(hinge()))
    [bar] = [patch for patch in slope.patches if patch.get_gid() == "flat"]
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx((1.0, 2.0))
    assert to_hex(bar.get_facecolor()) == to_hex("#0072b2")
    parabola = hinge().assign(value=lambda f: f["prediction"] ** 2 / 1e3, gradient=lambda f: f["prediction"] / 50)
    [(_, slope)] = panels(loss_curves(parabola))
    assert not [patch for patch in slope.patches if patch.get_gid() == "flat"]


def test_dark_and_without_families():
    figure = loss_curves(pd.concat([hinge(), hinge().assign(loss="other")]), theme="dark")
    assert to_hex(figure.get_facecolor()) == "#12161b"
    assert [name_of(value) for value, _ in panels(figure)] == ["hinge", "other"]


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(InputError, match="the loss frame lacks the columns value; sample the losses first"):
        loss_curves(hinge().drop(columns="value"))
    with pytest.raises(InputError, match="the loss frame is empty"):
        loss_curves(hinge()[:0])
    many = pd.concat([hinge().assign(target=str(i)) for i in range(5)])
    with pytest.raises(InputError, match="hinge has 5 targets: at most 4 curves fit a panel"):
        loss_curves(many)
