"""The edge of stability: sharpness against 2 / lr along a run, and the loss below. Frame in, Figure out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..errors import InputError
from .checks import need, need_finite
from .ends import label_ends
from .panels import decades, name_axes, panels, say_blank
from .picture import describe
from .strokes import mark_lone
from .style import looks_of, theme_of

MOST = 6
_HUES = ("Adam", "SGD", "RMSprop", "Momentum", "Nesterov", "Adagrad")


def stability(frame: pd.DataFrame, *, theme: str = "light", ax: Axes | None = None) -> Figure:
    """The largest eigenvalue of the Hessian along each run, dashed where a quadratic would diverge; the loss beside it.

    Takes the columns run_id, lr, step, loss, sharpness, threshold, as `engine.sharpness` gives them; one colour a run,
    from the smallest rate to the largest.

    Raises InputError for a frame that is empty or lacks a column, has no finite sharpness, or more than six runs.
    """
    look = theme_of(theme)
    need(frame, "stability", ("run_id", "lr", "step", "loss", "sharpness", "threshold"))
    need_finite(frame, "stability", ("step", "sharpness"))
    runs = [rows.sort_values("step") for _, rows in sorted(frame.groupby("run_id"), key=lambda one: one[1]["lr"].min())]
    if len(runs) > MOST:
        raise InputError(f"at most {MOST} runs are told apart, got {len(runs)}")
    styles = looks_of(_HUES[: len(runs)], theme)
    figure, axes = panels(["sharpness", "loss"], look, across=1, height=2.35, ax=ax)
    above, below = axes
    if ax is None:
        figure.set_layout_engine("constrained", rect=(0, 0, 0.86, 1))
    ends, told = [], []
    for rows, style in zip(runs, styles, strict=True):
        steps = rows["step"].to_numpy(float)
        sharp, edge = rows["sharpness"].to_numpy(float), rows["threshold"].to_numpy(float)
        lr = float(rows["lr"].iloc[0])
        above.plot(steps, sharp, color=style.color, lw=1.8, gid="sharpness")
        mark_lone(above, steps, sharp, style.color)
        if np.isfinite(edge).any():
            above.plot(steps, edge, color=style.color, lw=1.2, linestyle=(0, (5, 3)), gid="threshold")
            last = int(np.flatnonzero(np.isfinite(edge))[-1])
            mark_lone(above, steps, edge, style.color, 3.5)
            ends.append((float(steps[last]), float(edge[last]), f"2 / lr = {edge[last]:.3g}", style.ink))
        below.plot(steps, rows["loss"], color=style.color, lw=1.6, gid="loss")
        mark_lone(below, steps, rows["loss"], style.color)
        late = sharp[len(sharp) // 2 :] / edge[len(edge) // 2 :]
        late = late[np.isfinite(late)]
        half = f"over the second half is {np.median(late):.2f} of the threshold" if len(late) else "is not defined"
        told.append(f"at lr {lr:.2g} its median {half}")
    finite = frame[["threshold", "sharpness"]].where(np.isfinite(frame[["threshold", "sharpness"]].to_numpy(float)))
    heights = [finite["threshold"].max(), finite["sharpness"].quantile(0.99)]
    if not (np.isfinite(frame["loss"].to_numpy(float)) & (frame["loss"] > 0)).any():
        say_blank(below, "no finite loss", look)
    peak = max((float(height) for height in heights if np.isfinite(height) and height > 0), default=1.0)
    above.set_ylim(0, 1.12 * peak)
    below.set_yscale("log")
    decades(below.yaxis, 5)
    for panel in axes:
        panel.set_xlim(0, max(float(frame["step"].max()), 1.0))
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    above.tick_params(labelbottom=False)
    name_axes(above, look, "", "largest eigenvalue")
    name_axes(below, look, "step", "training loss")
    if ax is None:
        figure.draw_without_rendering()
    label_ends(above, ends)
    lasts = [(float(rows["step"].iloc[-1]), float(rows["loss"].iloc[-1])) for rows in runs]
    label_ends(below, [
        (*last, f"lr {rows['lr'].iloc[0]:.3g}", style.ink)
        for last, rows, style in zip(lasts, runs, styles, strict=True) if np.isfinite(last[1]) and last[1] > 0
    ])  # fmt: skip
    return describe(figure, f"Sharpness along {len(runs)} runs, and the loss: {'; '.join(told)}.")
