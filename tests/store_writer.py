"""A small sweep, and a writer of it: in a module of its own, so that a spawned process can import it."""

import warnings

import optiscope as osc


def sweep_runs() -> list[osc.Run]:
    return osc.grid(["beale", "rosenbrock"], ["SGD", "Adam"], lr=[1e-3, 1e-2], seed=range(8), start="random", steps=20)


def write_sweep(folder: str, first: int) -> None:
    """The sweep into a store, begun at one of its runs."""
    warnings.simplefilter("error")
    runs = sweep_runs()
    osc.run(runs[first:] + runs[:first], store=folder)
