"""Sets up a race: tunes each optimizer at the race's own horizon, runs it, and hands the frames to `render.race`.

Joins tuning, engine and render; what it draws is saved by whoever asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .engine import Results, run
from .errors import InputError
from .naming import as_optimizer, as_problem, as_schedule, grid
from .spec import OptimizerSpec, Problem, ScheduleSpec, Start
from .tuning import LrRange, tune_cells

if TYPE_CHECKING:
    import pandas as pd

    from .render import Course, Film

CLASSICS = ("SGD", "Momentum", "Nesterov", "Adagrad", "Adadelta", "RMSprop", "Adam")

# A race may need large rates (Adadelta's are about 1 by design) and small ones (Rosenbrock's valley).
RACE_RATES = LrRange(1e-3, 100.0, per_decade=4, lowest=1e-6, highest=1e4)


@dataclass
class PreparedRace:
    """A race that was run and can be drawn: frames, and what the picture says about them."""

    problem: Problem
    results: Results
    title: str
    subtitle: str
    edges: list[str] = field(default_factory=list)  # of each run: "low" or "high" where its rate is the search's bound

    def draw(self, **look: Any) -> Film:
        """The drawn race. `look` is what `render.race` takes: size, frames, seconds, hold, clock, theme, strips."""
        from .render import race

        return race(self.course(), title=self.title, subtitle=self.subtitle, **look)

    def verdicts(self) -> pd.DataFrame:
        """How each run ended: run_id, verdict, step, words."""
        from .metrics import verdicts

        return verdicts(self.results.runs, self.results.trace, self.results.landscape())

    def course(self, bounds: Sequence[tuple[float, float]] | None = None) -> Course:
        """What `render.races` takes several of; `bounds`, ((x_low, x_high), …), for another map than its own."""
        from .render import Course

        runs = self.results.runs.assign(edge=self.edges or "")
        ground = self.results.landscape(bounds=bounds)
        return Course(ground, runs, self.results.trace, self.results.minima(), _spoken(self.problem))


def prepare_race(
    problem: str | Problem = "beale",
    optimizers: Sequence[str | OptimizerSpec] = CLASSICS,
    schedule: str | ScheduleSpec = "constant",
    lr: str | float | Sequence[str | float] = "tune",
    steps: int = 200,
    seed: int = 0,
    start: Start = "canonical",
    horizon: str = "run",
    **settings: Any,
) -> PreparedRace:
    """Run each optimizer from one start, each at the best rate of one and the same search, or all at the rate given.

    Raises InputError for a problem that has not two coordinates, an optimizer given twice, or anything that `grid`
    refuses.
    """
    the_problem, the_schedule = as_problem(problem), as_schedule(schedule)
    if the_problem.dim != 2:
        size = f"{the_problem.dim} coordinates" if the_problem.is_function else "a network's weights"
        raise InputError(
            f"a race is drawn on a map and needs a problem of 2 coordinates, {the_problem.name} has {size}"
        )
    if not isinstance(start, str) and the_problem.bounds and len(start) == 2:
        for value, (low, high) in zip(start, the_problem.bounds, strict=True):
            if not low - 2 * (high - low) <= value <= high + 2 * (high - low):
                raise InputError(
                    f"start {tuple(start)} lies far off the map; {the_problem.name}'s is {low:g} to {high:g}"
                )
    specs = [as_optimizer(value) for value in optimizers]
    for i, spec in enumerate(specs):
        if spec in specs[:i]:
            raise InputError(f"{spec.name} is given twice: a race has one run an optimizer")
    edges: list[str] = []
    if lr == "tune":
        cells = [(the_problem, spec, the_schedule) for spec in specs]
        found = tune_cells(cells, steps, RACE_RATES, start=start, horizon=horizon, **settings)
        rates: list[Any] = [one.lr for one in found]
        one = found[0]  # every optimizer has the same grid
        basis = f"each at the best of the same {len(one.table)} rates, {one.low:g} to {one.high:g}"
        edges = [each.edge for each in found]
        if any(edges):
            basis += f"; on the bound: {', '.join(each.optimizer for each in found if each.edge)}"
    elif isinstance(lr, (list, tuple)):
        if "tune" in lr:
            raise InputError(
                "one search finds all rates: lr must be 'tune' alone, or for each optimizer 'default' or a rate > 0, "
                f"got {', '.join(map(str, lr))}"
            )
        if len(lr) != len(specs):
            raise InputError(f"give one lr for all or one for each of the {len(specs)} optimizers, got {len(lr)}")
        rates, basis = list(lr), "at the rates given"
    else:
        rates = [lr] * len(specs)
        basis = "each at its default rate" if lr == "default" else f"all at lr = {rates[0]}"
    runs = [
        grid(the_problem, spec, the_schedule, rate, seed, start, steps, horizon=horizon)[0]
        for spec, rate in zip(specs, rates, strict=True)
    ]
    from .render.words import count_words

    name = _spoken(the_problem)
    schedule_text = "" if the_schedule.name == "constant" else f", under {the_schedule.name}"
    title = (
        f"{count_words(len(specs)).capitalize()} optimizers on {name}{schedule_text}"
        if len(specs) > 1
        else f"{specs[0].name} on {name}"
    )
    return PreparedRace(the_problem, run(runs, **settings), title, f"{steps} steps from one start; {basis}", edges)


def _spoken(problem: Problem) -> str:
    """The name of a problem as a heading has it; a call stays a call."""
    name = problem.name.replace("_", " ")
    return name if "(" in name else name[:1].upper() + name[1:]
