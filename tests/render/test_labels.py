import numpy as np
import pytest

from optiscope.render.labels import leaders, overlaps, place

BOUNDS = (0.0, 0.0, 500.0, 340.0)


def sizes_of(n):
    return np.array([[50.0 + 5 * (i % 5), 16.0] for i in range(n)])


MIDDLE, CORNERS = (250.0, 170.0), [(3.0, 3.0), (498.0, 338.0)]


# A corner has room for twelve labels, the middle for all sixteen that a race may have.
@pytest.mark.parametrize(
    ("n", "spot"), [(16, MIDDLE), *[(n, spot) for n in (1, 2, 7, 12) for spot in (MIDDLE, *CORNERS)]]
)
def test_heads_in_one_place_get_labels_side_by_side(n, spot):
    anchors = np.tile(np.array(spot), (30, n, 1))
    centers = place(anchors, sizes_of(n), BOUNDS, np.empty((0, 2)))
    for frame in (0, -1):
        assert not overlaps(centers[frame], sizes_of(n)).any()
        assert (centers[frame] - sizes_of(n) / 2 >= np.array(BOUNDS[:2]) - 1).all()
        assert (centers[frame] + sizes_of(n) / 2 <= np.array(BOUNDS[2:]) + 1).all()


def test_labels_stand_still_when_heads_do():
    rng = np.random.default_rng(0)
    spots = rng.uniform((50, 50), (450, 290), (9, 2))
    centers = place(np.tile(spots, (60, 1, 1)), sizes_of(9), BOUNDS, np.empty((0, 2)))
    moved = np.abs(np.diff(centers, axis=0)).max(axis=(1, 2))
    assert (moved > 0).mean() < 0.35


def test_labels_never_leap():
    way = np.linspace(0, 1, 120)[:, None, None]
    rng = np.random.default_rng(1)
    start, end = rng.uniform((50, 50), (450, 290), (2, 8, 2))
    centers = place(start + way * (end - start), sizes_of(8), BOUNDS, np.empty((0, 2)))
    assert np.abs(np.diff(centers, axis=0)).max() < 45


def test_overlaps_on_the_way_are_rare():
    way = np.linspace(0, 1, 120)[:, None, None]
    rng = np.random.default_rng(2)
    start = rng.uniform((50, 50), (450, 290), (7, 2))
    anchors = start + way * (np.array([330.0, 150.0]) - start)
    centers = place(anchors, sizes_of(7), BOUNDS, np.empty((0, 2)))
    bad = [overlaps(frame, sizes_of(7)).any() for frame in centers]
    assert np.mean(bad) < 0.2
    assert not bad[-1]


def test_a_leader_only_for_labels_far_away():
    anchors = np.array([[0.0, 0.0], [0.0, 0.0]])
    lines, far = leaders(anchors, np.array([[35.0, 0.0], [90.0, 40.0]]), np.array([[50.0, 16.0], [50.0, 16.0]]))
    assert far.tolist() == [False, True]
    assert lines[1].tolist() == [[0.0, 0.0], [65.0, 32.0]]


def test_marks_are_left_to_be_seen():
    star = np.array([[250.0, 170.0, 14.0], [60.0, 60.0, 7.0]])
    rng = np.random.default_rng(3)
    way = np.linspace(0, 1, 60)[:, None, None]
    anchors = star[1, :2] + way * (star[0, :2] + rng.normal(0, 12, (7, 2)) - star[1, :2])
    sizes = sizes_of(7)
    centers = place(anchors, sizes, BOUNDS, np.empty((0, 2)), star)
    for frame, slack in ((0, 8), (-1, 1)):  # before the last frame, a label follows its head on a leash
        apart = np.abs(centers[frame][:, None] - star[None, :, :2]) - (sizes[:, None] / 2 + star[None, :, 2:])
        assert (apart >= -slack).any(axis=-1).all()
        assert not overlaps(centers[frame], sizes).any()
