"""How fast SGD, momentum SGD and Adam fit one batch of images, and from which epoch on they have all of them right.

The runs are those of the built-in study: they are taken from results/demo where it holds them, and kept there where
it does not, so that a second call only draws.
"""

from _recipe import RESULTS, options, save

import optiscope as osc
from optiscope.render import history

OPTIMIZERS = ["SGD", "SGD(momentum=0.9, dampening=0.1)", "Adam"]


def main() -> None:
    """Run the demo CNN under its reference schedule, or find that it was run, and draw its history."""
    tiny, output = options(__doc__, "demo_cnn.png")
    problem = "demo-cnn(image_size=24, batch_size=8)" if tiny else "demo-cnn"
    store = output.with_suffix("") if tiny else RESULTS / "demo"
    runs = osc.grid(problem, OPTIMIZERS, "StepLR(step_size=50, gamma=0.1)", lr=1e-3, steps=10)
    results = osc.run(runs, store=store)
    save(history(results.runs, results.trace), output)


if __name__ == "__main__":
    main()
