"""A race, frames in memory to file: ours against matplotlib's FuncAnimation with PillowWriter, on the same artists.

Seven methods at 720 by 540. FuncAnimation takes half a minute for the full film, and has fewer frames unless everything
is run at its full size; the ratio is then a frame's, with ours carrying its whole set-up (background, palette, labels'
places).
"""

import functools
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.lines import Line2D
from matplotlib.text import Text

from optiscope.measure import Level
from optiscope.render import race, swift

pytestmark = pytest.mark.benchmark(group="encoding")

FRAMES = 240
START, MINIMUM = (1.0, 1.6), (3.0, 0.5)
METHODS = {
    "SGD": (torch.optim.SGD, {"lr": 0.01}),
    "SGD(momentum=0.9)": (torch.optim.SGD, {"lr": 0.0032, "momentum": 0.9}),
    "SGD(momentum=0.9, nesterov=True)": (torch.optim.SGD, {"lr": 0.0032, "momentum": 0.9, "nesterov": True}),
    "Adagrad": (torch.optim.Adagrad, {"lr": 0.5}),
    "Adadelta": (torch.optim.Adadelta, {"lr": 10.0}),
    "RMSprop": (torch.optim.RMSprop, {"lr": 0.032}),
    "Adam": (torch.optim.Adam, {"lr": 0.32}),
}


def beale(x, y):
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


@functools.cache
def frames_of_a_race(steps=500):
    """Seven methods on Beale's function, by a plain loop: the frames, in memory, that both arms start from."""
    axis = np.linspace(-4.5, 4.5, 181)
    x, y = np.meshgrid(axis, axis)
    landscape = pd.DataFrame({"x": x.ravel(), "y": y.ravel(), "loss": beale(x, y).ravel()})
    traces, rows = [], []
    for name, (method, arguments) in METHODS.items():
        point = torch.tensor(START, dtype=torch.float64, requires_grad=True)
        optimizer = method([point], **arguments)
        states = []
        for step in range(steps + 1):
            optimizer.zero_grad()
            loss = beale(point[0], point[1])
            loss.backward()
            states.append((name, step, loss.item(), *point.tolist()))
            optimizer.step()
        traces.append(pd.DataFrame(states, columns=["run_id", "step", "loss", "x0", "x1"]))
        rows.append({"run_id": name, "optimizer": name, "lr": arguments["lr"], "loss_floor": 0.0})
    return landscape, pd.DataFrame(rows), pd.concat(traces, ignore_index=True)


def film(frames):
    landscape, runs, trace = frames_of_a_race()
    return race(landscape, runs, trace, minima=[MINIMUM], title="Seven methods on Beale", frames=frames)


def by_func_animation(path, frames):
    """The same figure, frame by frame through matplotlib's own machinery; the seconds from frames in memory to file."""
    started = time.perf_counter()
    ours = film(frames)
    figure = ours.figure_at(0)
    animation = FuncAnimation(figure, lambda i: ours.figure_at(i) and None, frames=frames, blit=False)
    animation.save(path, writer=PillowWriter(fps=20))
    return time.perf_counter() - started


def encoding_cases(level: Level) -> list[int]:
    """Frames of ours: in the name, for another film is other work."""
    return [level.pick(48, FRAMES // 3, FRAMES)]


@pytest.mark.cases(of=encoding_cases)
def test_race_encoding(benchmark, tmp_path, monkeypatch, level: Level, tell: Callable[[str], None], case: int):
    frames_of_a_race()
    frames, slow_frames = case, level.pick(6, 12, FRAMES)
    rounds = level.pick(1, 3, 5)
    ours = benchmark.pedantic(
        lambda: film(frames).save(tmp_path / "ours.gif"), rounds=rounds, warmup_rounds=rounds // 3
    )
    slow = by_func_animation(tmp_path / "slow.gif", slow_frames) / slow_frames
    # Once more with the artists' own short cuts taken away: what a script with Line2D and Text has.
    monkeypatch.setattr(swift.Swift, "draw", Line2D.draw)
    monkeypatch.setattr(swift.Head, "draw", Line2D.draw)
    monkeypatch.setattr(swift.Stamp, "draw", Text.draw)
    stock = by_func_animation(tmp_path / "stock.gif", slow_frames) / slow_frames
    size = ours.stat().st_size
    benchmark.extra_info.update(
        frames=frames, slow_frames=slow_frames, bytes=size, slow_seconds=slow * frames, stock_seconds=stock * frames
    )
    if benchmark.stats is None:
        return  # --benchmark-disable
    # The best round against one slow run: noise only ever adds, and a slow run is long enough to average it.
    seconds = benchmark.stats.stats.min
    ratio, stock_ratio = slow * frames / seconds, stock * frames / seconds
    benchmark.extra_info.update(seconds=seconds, ratio=ratio, stock_ratio=stock_ratio)
    tell(
        f"race to GIF, {frames} frames: {seconds:.2f} s ({size / 1e3:.0f} kB); FuncAnimation + PillowWriter, from "
        f"{slow_frames} frames: {slow * frames:.1f} s with the same artists ({ratio:.0f} times), "
        f"{stock * frames:.1f} s with matplotlib's own ({stock_ratio:.0f} times)"
    )
