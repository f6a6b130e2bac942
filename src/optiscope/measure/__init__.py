"""The timing harness: clocks, probes, machine facts and guards. bench/ says what is timed, this room how.

    clocks       blocks of many steps, the device synchronised, CUDA events; medians and spreads; arms in turn
    bandwidth    what memory gives: copies and updates, from the caches to far beyond them
    memory       peak over baseline, one process a figure
    machine      processor, threads, GPU, driver, versions, commit
    guards       a step that did nothing, too little or too much, or that beat the ceiling, is an error
    sets         the shapes that optimizers step: real networks and two extremes, trimmed where they must be
    traffic      the bytes that a step must move, with the arithmetic
    footprint    the bytes of the state that the optimizer of a run keeps
    step         an optimizer in one implementation on a set, made ready to be timed
    reference    one AdamW step, by which machines are compared
    launches     kernels that a step launches on CUDA
    phases       a training iteration: batch, forward, backward, step
    schedulers   a scheduler's step
    convergence  steps and seconds to each target at tuned rates
    levels       quick, default, full
    harness      a session: the clock of every bench under its guard, and the probes that are made once
    plugin       what `pytest --benchmark` adds to pytest

Needs torch; pytest in `plugin` alone.
"""

from .bandwidth import Bandwidth, probe_bandwidth
from .clocks import Spread, Timing, interleave, synchronise, time_blocks
from .guards import StepGuard, check_ceiling, check_gradients
from .levels import Level
from .machine import machine_facts, machine_name
from .sets import SETS, ParameterSet, parameter_set
from .step import StepCase, Stepper, implementations
from .traffic import Traffic, state_bytes, traffic_of

__all__ = [
    "SETS", "Bandwidth", "Level", "ParameterSet", "Spread", "StepCase", "StepGuard", "Stepper", "Timing", "Traffic",
    "check_ceiling", "check_gradients", "implementations", "interleave", "machine_facts", "machine_name",
    "parameter_set", "probe_bandwidth", "state_bytes", "synchronise", "time_blocks", "traffic_of",
]  # fmt: skip
