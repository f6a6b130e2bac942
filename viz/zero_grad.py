"""A training loop that forgets `optimizer.zero_grad()` beside one that does not, each at its own best rate.

Every gradient is added to all those before it, which is momentum without friction: SGD overshoots and swings, and
Adam divides by a gradient that only grows. The study is src/optiscope/studies/forgotten_zero_grad.toml.
"""

import dataclasses
from importlib.resources import files
from tempfile import TemporaryDirectory

from _recipe import options, save

import optiscope as osc
from optiscope.render import convergence
from optiscope.study import Study


def main() -> None:
    """Run the study, and draw one panel an optimizer with a line for either loop."""
    tiny, output = options(__doc__, "zero_grad.png")
    text = files("optiscope").joinpath("studies/forgotten_zero_grad.toml").read_text(encoding="utf-8")
    study = Study.parse(text)
    if tiny:
        [block] = study.blocks
        study = dataclasses.replace(study, blocks=(dataclasses.replace(block, lr=(0.01,), seeds=(0,), steps=10),))
    with TemporaryDirectory() as folder:
        found = study.run(folder)
        store = osc.Store(folder)
        runs, trace = store.runs(found.run_ids), store.trace(found.run_ids)
    loop = runs["problem"].map(lambda name: "forgotten" if "never" in name else "zero_grad()")
    save(convergence(runs.assign(problem=runs["optimizer"], optimizer=loop), trace), output)


if __name__ == "__main__":
    main()
