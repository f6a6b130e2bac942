"""Frames for pictures, made with NumPy alone: descents on Beale's function, and the landscape beneath them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

NAMES = ("SGD", "SGD(momentum=0.9)", "SGD(momentum=0.9, nesterov=True)", "Adagrad", "Adadelta", "RMSprop", "Adam")


def beale(x, y):
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def descent(lr, momentum=0.0, steps=200, start=(1.0, 1.6)):
    """Gradient descent with momentum by central differences, (steps + 1, 2), without any stop at nonsense."""
    point, speed, path = np.array(start, float), np.zeros(2), []
    with np.errstate(all="ignore"):
        for _ in range(steps + 1):
            path.append(point)
            x, y = point
            h = 1e-6
            slope = np.array(
                [(beale(x + h, y) - beale(x - h, y)) / (2 * h), (beale(x, y + h) - beale(x, y - h)) / (2 * h)]
            )
            speed = momentum * speed - lr * slope
            point = point + speed
    return np.array(path)


def frames_of(paths, losses=None, floor=0.0, **columns):
    """Runs and trace of paths by optimizer name; a path's rows end where they stop being finite."""
    runs, traces = [], []
    for i, (name, path) in enumerate(paths.items()):
        with np.errstate(all="ignore"):
            loss = beale(*path.T) if losses is None else losses[name]
        finite = np.isfinite(loss) & np.isfinite(path).all(axis=1)
        end = len(finite) if finite.all() else int(np.argmin(finite))
        traces.append(
            pd.DataFrame(
                {
                    "run_id": f"r{i}",
                    "step": np.arange(end),
                    "loss": loss[:end],
                    "x0": path[:end, 0],
                    "x1": path[:end, 1],
                }
            )
        )
        runs.append(
            {
                "run_id": f"r{i}", "problem": "beale", "optimizer": name, "schedule": "constant", "lr": 0.001 * (i + 1),
                "seed": 0, "status": "max_steps" if end == len(finite) else "diverged", "loss_floor": floor,
                "steps_done": end - 1,
            }
        )  # fmt: skip
    return pd.DataFrame(runs).assign(**columns), pd.concat(traces, ignore_index=True)


@dataclass
class Scene:
    landscape: pd.DataFrame
    runs: pd.DataFrame
    trace: pd.DataFrame


def landscape_of(function=beale, reach=4.5, n=61):
    x, y = np.meshgrid(np.linspace(-reach, reach, n), np.linspace(-reach, reach, n))
    return pd.DataFrame({"x": x.ravel(), "y": y.ravel(), "loss": function(x, y).ravel()})
