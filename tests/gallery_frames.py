"""Small frames for the pictures of the gallery, made with NumPy alone."""

import numpy as np
import pandas as pd
from render_frames import NAMES, descent, frames_of, landscape_of


def basin_frame(optimizers=("SGD", "Adam"), side=6):
    """Left starts reach minimum 0, right ones 1; the top row reaches none and one corner diverges."""
    x, y = (part.ravel() for part in np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side)))
    basin = np.where(x < 0, 0, 1)
    basin = np.where(y == 1, -1, basin)
    basin[-1] = -2
    steps = np.where(basin >= 0, 10.0 ** (1 + np.abs(x)), np.nan)
    return pd.concat(
        pd.DataFrame({"optimizer": name, "lr": 0.1, "x": x, "y": y, "basin": basin, "steps": steps})
        for name in optimizers
    )


def anatomy_frame(optimizers=("SGD", "Adam"), steps=30):
    frames = []
    for i, name in enumerate(optimizers):
        path = descent(0.0005, 0.4 * i, steps=steps)
        update = np.diff(path, axis=0)
        gradient = -update * 100
        momentum = np.full_like(update, np.nan) if i == 0 else gradient * 2
        parts = {"x": path[:-1], "gradient": gradient, "momentum": momentum, "update": update, "rate": np.abs(update)}
        columns = {f"{key}{k}": value[:, k] for key, value in parts.items() for k in range(2)}
        angle = np.linspace(0, 170, steps)
        frames.append(
            pd.DataFrame({"optimizer": name, "step": np.arange(steps), "lr_t": 0.1, "angle": angle, **columns})
        )
    return pd.concat(frames, ignore_index=True)


def cloud_frames(optimizers=("SGD", "Adam"), seeds=5):
    paths = {f"{name}#{seed}": descent(0.0004 * (1 + seed), 0.3) for name in optimizers for seed in range(seeds)}
    runs, trace = frames_of(paths)
    runs = runs.assign(optimizer=[name.split("#")[0] for name in paths], lr=0.01, steps=200)
    lr = np.tile([1e-3, 1e-2, 1e-1], len(optimizers))
    floors = pd.DataFrame({
        "optimizer": np.repeat(list(optimizers), 3), "lr": lr, "floor": lr, "q25": lr / 2, "q75": lr * 2,
        "settled": np.tile([False, True, True], len(optimizers)),
    })  # fmt: skip
    return runs, trace, floors


def conditioning_frame(optimizers=("SGD", "Adam")):
    rows = []
    for i, name in enumerate(optimizers):
        for condition in (1.0, 10.0, 100.0):
            for angle in (0.0, 45.0):
                missed = name == "SGD" and condition == 100.0 and angle == 0.0
                rows.append((name, condition, angle, np.inf if missed else condition**0.5 * (i + 2) + angle))
    return pd.DataFrame(rows, columns=["optimizer", "condition", "angle", "steps"])


def stability_frame(rates=(0.1, 0.5)):
    step = np.arange(0, 101, 10)
    return pd.concat(
        pd.DataFrame({
            "run_id": f"r{lr}", "lr": lr, "step": step, "loss": np.exp(-step * lr / 50),
            "sharpness": 2 / lr * (1 - np.exp(-step / 20)), "threshold": 2 / lr,
        })
        for lr in rates
    )  # fmt: skip


def plane_frames(optimizers=("SGD", "Adam")):
    step = np.arange(0, 51, 10)
    paths = pd.concat(
        pd.DataFrame({
            "run_id": name, "optimizer": name, "step": step, "x": step / 25 * (1 + i) - 1, "y": step / 50 * (-1) ** i,
            "loss": np.exp(-step / 20) + 0.1, "loss_projected": np.exp(-step / 25) + 0.15,
        })
        for i, name in enumerate(optimizers)
    )  # fmt: skip
    ground = landscape_of(lambda x, y: 0.1 + x**2 + y**2, 4.0, 15)
    return ground, paths


def race_frames(count=3):
    return landscape_of(), *frames_of({name: descent(0.0004 * 1.5**i, 0.1 * i) for i, name in enumerate(NAMES[:count])})
