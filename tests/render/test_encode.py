import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from optiscope import InputError
from optiscope.render import encode


def ball(i, height=60, width=80):
    """A white frame with a coloured square that moves."""
    frame = np.full((height, width, 3), 255, np.uint8)
    frame[10:20, (2 * i) % (width - 10) : (2 * i) % (width - 10) + 10] = (0, 114, 178)
    frame[40:45, :20] = (213, 94, 0)
    return frame


def movie(n=12):
    return [ball(i) for i in range(n)]


def decoded(path):
    frames, delays = [], []
    with Image.open(path) as image:
        for i in range(image.n_frames):
            image.seek(i)
            frames.append(np.asarray(image.convert("RGB")))
            delays.append(image.info["duration"])
        return frames, delays, image.info.get("loop")


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_few_colours_come_back_exactly(tmp_path, suffix):
    path = encode(tmp_path / f"a{suffix}", movie(), fps=20, hold=1.5)
    frames, delays, loop = decoded(path)
    assert len(frames) == 12
    assert all((mine == theirs).all() for mine, theirs in zip(movie(), frames, strict=True))
    assert delays == [50] * 11 + [1550]
    assert loop == 0


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".mp4"])
def test_same_frames_same_bytes(tmp_path, suffix):
    first, second = (encode(tmp_path / f"{name}{suffix}", movie()).read_bytes() for name in "ab")
    assert first == second
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_frames_may_be_an_iterator_that_reuses_its_buffer(tmp_path):
    def frames():
        buffer = np.empty((60, 80, 4), np.uint8)
        for i in range(40):
            buffer[..., :3], buffer[..., 3] = ball(i), 255
            yield buffer

    got, _, _ = decoded(encode(tmp_path / "a.gif", frames()))
    assert len(got) == 40
    assert all((got[i] == ball(i)).all() for i in range(40))


def test_durations_loop_and_rounding(tmp_path):
    _, delays, _ = decoded(encode(tmp_path / "a.gif", movie(4), durations=[0.1, 0.2, 0.3, 0.4]))
    assert delays == [100, 200, 300, 400]
    _, delays, _ = decoded(encode(tmp_path / "b.gif", movie(12), fps=24))
    assert sum(delays) == 500
    assert set(delays) == {40, 50}
    assert b"NETSCAPE" not in encode(tmp_path / "c.gif", movie(2), loop=1).read_bytes()
    assert decoded(encode(tmp_path / "d.gif", movie(2), loop=3))[2] == 2


def test_frames_that_do_not_change_are_kept_and_cost_nothing(tmp_path):
    one = encode(tmp_path / "one.gif", movie(1)).stat().st_size
    many = encode(tmp_path / "many.gif", [ball(0)] * 100)
    assert len(decoded(many)[0]) == 100
    assert many.stat().st_size < one + 100 * 40


def test_asked_for_colours_are_exact_among_thousands(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    noise[5, 5] = (1, 2, 3)
    frame = decoded(encode(tmp_path / "a.gif", [noise], colors=["#010203"]))[0][0]
    assert frame[5, 5].tolist() == [1, 2, 3]
    assert np.abs(frame.astype(int) - noise).mean() < 20


def test_mp4_has_its_frames(tmp_path):
    reader = pytest.importorskip("imageio_ffmpeg")
    path = encode(tmp_path / "a.mp4", [ball(i, 61, 81) for i in range(10)], fps=10, hold=1.0)
    count, seconds = reader.count_frames_and_secs(str(path))
    assert count == 20
    assert seconds == pytest.approx(2.0, abs=0.05)


def test_mp4_without_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(InputError, match=r"mp4 needs the extra: pip install optiscope\[video\]"):
        encode(tmp_path / "a.mp4", movie())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.gfi", r"'a.gfi' has the suffix '.gfi', did you mean '.gif'\? allowed: .gif, .webp, .mp4, .png"),
        ("a", "'a' has no suffix; allowed: .gif"),
    ],
)
def test_unknown_suffix(tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        encode(tmp_path / name, movie())


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4", ".png"])
def test_unwritable_path_is_one_line(tmp_path, suffix):
    (tmp_path / "file").write_text("")
    for folder in ("missing", "file"):
        with pytest.raises(InputError, match="cannot write") as caught:
            encode(tmp_path / folder / f"a{suffix}", movie())
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4", ".png"])
def test_a_film_that_breaks_off_leaves_the_old_file(tmp_path, suffix):
    def broken():
        yield from movie(3)
        raise RuntimeError("no more")

    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="no more"):
        encode(path, broken(), samples=movie(1))
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("frames", "more", "message"),
    [
        ([], {}, "there are no frames"),
        ([ball(0), ball(0, 50)], {}, "all frames must have one size"),
        ([np.zeros((4, 4))], {}, r"a frame must be \(height, width, 3\) of uint8"),
        (movie(3), {"durations": [0.1]}, "durations must give one number a frame"),
        (movie(3), {"durations": [0.1, -1, 0.1]}, "must be > 0"),
        (movie(3), {"fps": 0}, "fps and durations must be > 0"),
    ],
)
@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_bad_frames(tmp_path, frames, more, message, suffix):
    with pytest.raises(InputError, match=message):
        encode(tmp_path / f"a{suffix}", frames, **more)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads the peak of memory from /proc")
def test_memory_does_not_grow_with_the_film(tmp_path):
    code = """
import re, sys
import numpy as np
from optiscope.render.encode import encode
def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
def frames(n):
    for i in range(n):
        frame = np.full((540, 720, 3), 255, np.uint8)
        frame[100:130, i % 600 : i % 600 + 40] = (0, 114, 178)
        yield frame
encode(sys.argv[1], frames(30))
before = peak()
encode(sys.argv[1], frames(600))
print(before, peak())
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.gif")], capture_output=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after < 300_000
    assert after - before < 20_000
