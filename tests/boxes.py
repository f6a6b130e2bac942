"""Words on a picture: where each stands, and which of them stand on others or beyond its edge."""

from matplotlib.text import Text


def drawn_texts(figure):
    """Every text that is drawn, with the box of its words and of the plate behind them."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    axes = figure.findobj(lambda artist: hasattr(artist, "xaxis"))
    off = {label for ax in axes for axis in (ax.xaxis, ax.yaxis) for label in beyond(axis)}
    off |= {text for ax in axes if not ax.axison for axis in (ax.xaxis, ax.yaxis) for text in axis.findobj(Text)}
    found = {}
    for text in figure.findobj(Text):
        if text in off or not text.get_visible() or not text.get_text().strip():
            continue
        if text.axes is not None and not text.axes.get_visible():
            continue
        text.update_bbox_position_size(renderer)
        # Of an annotation, its words and not its arrow.
        box = Text.get_window_extent(text, renderer)
        plate = text.get_bbox_patch()
        found[text] = plate.get_window_extent(renderer) if plate is not None and plate.get_alpha() is None else box
    return found


def beyond(axis):
    """The numbers of ticks outside the view, which are never drawn."""
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    return [
        label
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        if not low - slack <= tick.get_loc() <= high + slack
        for label in (tick.label1, tick.label2)
    ]


def clashes(figure, slack=1.0):
    """Pairs of words that overlap by more than `slack` pixels, and words that leave the picture."""
    items = list(drawn_texts(figure).items())
    wide, high = figure.bbox.width, figure.bbox.height
    found = []
    for i, (one, box) in enumerate(items):
        if box.x0 < -slack or box.y0 < -slack or box.x1 > wide + slack or box.y1 > high + slack:
            found.append((one.get_text(), "leaves the picture"))
        for other, theirs in items[i + 1 :]:
            across = min(box.x1, theirs.x1) - max(box.x0, theirs.x0)
            down = min(box.y1, theirs.y1) - max(box.y0, theirs.y0)
            if across > slack and down > slack:
                found.append((one.get_text(), other.get_text()))
    return found
