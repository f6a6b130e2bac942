"""A small sweep, its writers, and how its frames are compared: in a module of its own, for spawned processes."""

import warnings

import pandas as pd

import optiscope as osc


def sweep_runs() -> list[osc.Run]:
    return osc.grid(["beale", "rosenbrock"], ["SGD", "Adam"], lr=[1e-3, 1e-2], seed=range(8), start="random", steps=20)


def write_sweep(folder: str, first: int) -> None:
    """The sweep into a store, begun at one of its runs, in many parts."""
    import optiscope.engine as engine

    warnings.simplefilter("error")
    engine.BATCH_SECONDS = 0.02
    runs = sweep_runs()
    osc.run(runs[first:] + runs[:first], store=folder, engine="single")


def write_parts(folder: str, runs: list[osc.Run]) -> None:
    """Each run into a part of its own."""
    store = osc.Store(folder)
    for batch in osc.run(runs, engine="single").batches:
        store.append(batch)


def compact_until(folder: str, stop) -> None:
    """Compaction after compaction, until told to stop."""
    warnings.simplefilter("error")
    while not stop.wait(0.1):
        osc.Store(folder).compact()


def plain(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    frame = frame.drop(columns=["wall_s", "provenance_id"], errors="ignore")
    return frame.sort_values(keys, ignore_index=True)


def frames(held: osc.Store | osc.Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    runs, trace = (held.runs(), held.trace()) if isinstance(held, osc.Store) else (held.runs, held.trace)
    return plain(runs, ["run_id"]), plain(trace, ["run_id", "step"])


def same(one: osc.Store | osc.Results, other: osc.Store | osc.Results) -> None:
    """The same frames, but for the order of rows and what differs from one machine to another."""
    for own, others in zip(frames(one), frames(other), strict=True):
        pd.testing.assert_frame_equal(own, others)
