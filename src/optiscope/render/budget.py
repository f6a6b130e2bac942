"""What a search of k trials ends with: the best of k against k, with bands. Frame in, Figure out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ..errors import InputError
from .checks import choose, need, need_finite, standing
from .ends import label_ends
from .panels import decades, name_axes, panels, say_chosen
from .picture import describe
from .strokes import mark_lone
from .style import looks_of, short_name, theme_of

MOST = 12  # names that fit at the ends of the lines of a panel
COLUMNS = ("optimizer", "k", "median", "median_low", "median_high")


def budget(curves: pd.DataFrame, *, measure: str = "score", theme: str = "light", ax: Axes | None = None) -> Figure:
    """The score that the best of k trials meets in half of all searches, by k: a panel a problem, a line an optimizer.

    Bands are those of a bootstrap over the pool of trials. A line begins where half of the searches of so few trials
    have found a rate that does not diverge. `measure` names the score's axis.

    Takes the columns that `metrics.expected_best` gives: optimizer, k, median, median_low, median_high, and problem
    where there are several; one row a problem, optimizer and k.

    Of more than twelve optimizers those that end lowest are drawn, and the picture says so.

    Raises InputError for a frame that is empty, lacks a column, has two rows for one of these, or no finite median.
    """
    look = theme_of(theme)
    need(curves, "budget", COLUMNS, why="metrics.expected_best gives them")
    need_finite(curves, "budget", ("k",), every=True, above=0)
    need_finite(curves, "budget", ("median",))
    curves = curves.reset_index(drop=True)
    problem = curves["problem"].astype(str) if "problem" in curves else pd.Series("", index=curves.index)
    if pd.DataFrame({"p": problem, "o": curves["optimizer"], "k": curves["k"]}).duplicated().any():
        raise InputError("budget draws one curve an optimizer and problem: choose one schedule, start and horizon")
    titles = list(dict.fromkeys(problem))
    final = curves.assign(problem=problem, optimizer=curves["optimizer"].astype(str))
    final = final.sort_values("k").groupby(["problem", "optimizer"], sort=False)["median"].last().reset_index()
    places = standing(final, "optimizer", "median", ("problem",))
    names, chosen = choose(places[list(dict.fromkeys(curves["optimizer"].astype(str)))], MOST, "lowest")
    curves = curves[curves["optimizer"].astype(str).isin(names)]
    problem = problem[curves.index]
    styles = dict(zip(names, looks_of(names, theme), strict=True))
    figure, axes = panels(titles, look, across=2, width=8.4, height=3.5, ax=ax)
    say_chosen(figure, axes[0], chosen, look, ax)
    ends = []
    for panel, title in zip(axes, titles, strict=True):
        here = curves[problem == title]
        ends.append([])
        scores = here["median"].to_numpy(float)
        logarithmic = bool((scores[np.isfinite(scores)] > 0).all())
        if logarithmic:
            panel.set_yscale("log")
            decades(panel.yaxis, 7)
        for name in names:
            own = here[here["optimizer"].astype(str) == name].sort_values("k")
            middle = own["median"].to_numpy(float)
            met = np.isfinite(middle)
            if not met.any():
                continue
            style, top = styles[name], own["median_high"].to_numpy(float)
            roof = np.nanmax(scores[np.isfinite(scores)]) * (1e3 if logarithmic else 10)
            panel.fill_between(
                own["k"], own["median_low"], np.minimum(top, roof), where=met, color=style.color, alpha=0.13, lw=0
            )  # fmt: skip
            panel.plot(
                own["k"], np.where(met, middle, np.nan), color=style.color, lw=2.0, linestyle=style.linestyle(2.0),
                dash_capstyle="butt", gid=f"line:{name}",
            )  # fmt: skip
            mark_lone(panel, own["k"], middle, style.color)
            last = int(np.flatnonzero(met)[-1])
            ends[-1].append((float(own["k"].iloc[last]), float(middle[last]), short_name(name), style.ink))
        finite = scores[np.isfinite(scores)]
        if logarithmic and len(finite):
            panel.set_ylim(finite.min() / 2, finite.max() * 3)
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g}"))
        panel.set_xlim(1, max(here["k"].max(), 2))
        name_axes(panel, look, "trials of the search", measure if panel is axes[0] else "")
    _name(figure, axes, ends, own_layout=ax is None)
    k = int(curves["k"].max())
    told = [
        f"{title or 'here'}: with one trial {_leading(curves[problem == title], 1)}, with {k} "
        f"{_leading(curves[problem == title], k)}"
        for title in titles
    ]
    return describe(figure, "The best of k trials against k, by optimizer.", f"Who leads, {'; '.join(told)}.")


def _leading(curves: pd.DataFrame, k: int) -> str:
    """Whose best of k trials is lowest; all of them where they are told alike."""
    here = curves[(curves["k"] == k) & np.isfinite(curves["median"].to_numpy(float))]
    if here.empty:
        return "nobody"
    least = f"{here['median'].min():.3g}"
    return " and ".join(short_name(str(row.optimizer)) for row in here.itertuples() if f"{row.median:.3g}" == least)


def _name(figure: Figure, axes: list[Axes], ends: list[list], *, own_layout: bool) -> None:
    """Names at the ends of the lines, once the layout has left room for them."""
    engine = figure.get_layout_engine()
    if own_layout and engine is not None:
        widest = max((len(words) for own in ends for *_, words, _ in own), default=0)
        room = (0.072 * widest + 0.12) / figure.get_size_inches()[0]
        engine.set(wspace=room, rect=(0, 0, 1 - room, 1))  # type: ignore[call-arg]
        figure.draw_without_rendering()
    for panel, own in zip(axes, ends, strict=True):
        label_ends(panel, own, size=7.5, gap=4, in_layout=True)
