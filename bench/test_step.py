"""A step of every optimizer of torch.optim, in every implementation: time a parameter, GB/s, state, peak memory.

Gradients are dense (sparse for SparseAdam), drawn once; the state is real, made by a step before the clock starts. A
set that is trimmed says so in its name: `resnet50/16` has a sixteenth of each tensor's rows. LBFGS steps on a bowl, one
direction a step, with a full history of ten. `compile` is `torch.compile` around the `foreach` step; the time that it
took to compile stands apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from optiscope import GuardError, InputError, optimizers
from optiscope.measure import SETS, Level, ParameterSet, StepCase, Stepper, implementations, parameter_set
from optiscope.measure.clocks import device_clock
from optiscope.measure.harness import Harness
from optiscope.measure.launches import kernel_launches
from optiscope.measure.machine import why_no_cuda
from optiscope.measure.memory import peak_over_baseline
from optiscope.measure.sets import available_bytes, single
from optiscope.measure.step import why_no_compiler

pytestmark = pytest.mark.benchmark(group="step", timer=device_clock.read)

EVERY = ["LBFGS(history_size=10)" if name == "LBFGS" else name for name in optimizers()]
COMMON = ["SGD", "Momentum", "Adam", "AdamW"]
LARGEST = ("AdamW", "fused")
TRIMMED = {"demo-cnn": 16, "resnet50": 16, "gpt2-small": 32, "many-tiny": 1, "one-huge": 16}
NO_CUDA = pytest.param(
    StepCase("AdamW", "fused", parameter_set("many-tiny"), "cuda"),
    marks=pytest.mark.skipif(bool(why_no_cuda()), reason=f"CUDA: {why_no_cuda()}"), id="cuda",
)  # fmt: skip


def cases_of(
    names: Iterable[str], one: ParameterSet, device: str = "cpu", dtype: str = "float32", compiled: bool = False
) -> list[StepCase]:
    """Every implementation of these optimizers on a set; Muon gets its matrices."""
    return [
        StepCase(name, how, one.matrices() if name == "Muon" else one, device, dtype)
        for name in names
        for how in implementations(name)
        if compiled or how != "compile"
    ]


def everything(device: str) -> list[StepCase]:
    """All sets at their full size, both precisions; what fits neither the memory nor an hour is trimmed."""
    return [
        case
        for dtype in ("float32", "bfloat16")
        for name in SETS
        for optimizer in EVERY
        if optimizer != "Muon" or any(len(shape) == 2 for shape in SETS[name]().shapes)
        for case in cases_of([optimizer], sized(name, optimizer, device), device, dtype, compiled=True)
    ]


def sized(name: str, optimizer: str, device: str) -> ParameterSet:
    """A set as large as this optimizer can be given."""
    one = SETS[name]()
    if optimizer == "Muon" and device == "cpu":
        one = one.trimmed(16)  # it multiplies matrices: an hour a step, otherwise
    # LBFGS keeps twenty vectors, all others at most three.
    return one.fitted(0.6 * available_bytes(device), 100 if optimizer.startswith("LBFGS") else 32)


def known(case: StepCase) -> Any:
    """The case, or the case with what is known to be wrong in it."""
    if (case.optimizer, case.implementation, case.device, case.dtype) != ("SGD", "fused", "cpu", "bfloat16"):
        return case
    reason = "torch 2.13's fused SGD in bfloat16 on a CPU leaves out all numbers but the last few of each tensor"
    return pytest.param(case, marks=pytest.mark.xfail(raises=GuardError, reason=reason), id=str(case))


def step_cases(level: Level) -> list[Any]:
    """The cases of a level, those in which torch is known to be wrong marked."""
    return [known(case) if isinstance(case, StepCase) else case for case in plain_cases(level)]


def plain_cases(level: Level) -> list[Any]:
    """The cases of a level. On a GPU, which has the memory, no set is trimmed."""
    small = {name: parameter_set(name, divisor) for name, divisor in TRIMMED.items()}
    if level.name == "quick":
        gpu = [NO_CUDA] if why_no_cuda() else NO_CUDA.values
        return [*cases_of(["SGD", "AdamW"], parameter_set("resnet50", 64)), *gpu]
    if level.name == "full":
        return [*everything("cpu"), *([NO_CUDA] if why_no_cuda() else everything("cuda"))]
    whole = {name: parameter_set(name) for name in TRIMMED}
    # A GPU's first: it is what an interrupted run on such a machine was made for.
    return [
        *([NO_CUDA] if why_no_cuda() else selection(whole, "cuda", ["SGD", "AdamW"])),
        *selection(small),
        *(case for case in cases_of(["SGD", "Momentum", "AdamW"], whole["resnet50"])
          if case.implementation != "for-loop"),
    ]  # fmt: skip


def selection(sets: dict[str, ParameterSet], device: str = "cpu", common: Iterable[str] = COMMON) -> list[StepCase]:
    """Every optimizer on one set, the common ones on the others, two in the other precision, one compiled."""
    return [
        *cases_of(EVERY, sets["resnet50"], device),
        *(case for name in sets if name != "resnet50" for case in cases_of(common, sets[name], device)),
        *cases_of(["SGD", "AdamW"], sets["resnet50"], device, dtype="bfloat16"),
        StepCase("AdamW", "compile", sets["one-huge"], device),
    ]


def scaling_cases(level: Level) -> list[StepCase]:
    """One matrix of 1e3 to 1e8 numbers. On a CPU the largest is stepped by fused AdamW alone, unless all is run."""
    powers = level.pick((3, 5, 6), range(3, 9), range(3, 9))
    names = level.pick(["AdamW"], ["SGD", "AdamW"], ["SGD", "Momentum", "Adam", "AdamW", "Adagrad", "RMSprop"])
    return [
        case
        for device in (["cpu"] if why_no_cuda() else ["cpu", "cuda"])
        for power in powers
        for case in cases_of(names, single(10**power), device)
        if power < 8 or level.name == "full" or device != "cpu" or (case.optimizer, case.implementation) == LARGEST
    ]


def time_step(benchmark: Any, harness: Harness, case: StepCase, rounds: int, memory: bool) -> dict[str, Any]:
    """Time a case under its guard, and record what it amounts to."""
    if case.implementation == "compile" and why_no_compiler(case.device):
        pytest.skip(why_no_compiler(case.device))
    try:
        stepper = Stepper(case)
    except InputError as error:
        pytest.skip(str(error))
    figures = harness.timed_step(benchmark, stepper, rounds)
    found: dict[str, Any] = {
        "optimizer": case.optimizer, "implementation": case.implementation, "set": str(case.parameters),
        "parameters": case.parameters.count, "tensors": len(case.parameters.shapes), "divisor": case.parameters.divisor,
        "device": case.device, "dtype": case.dtype, "threads": harness.threads, "steps_a_block": case.steps,
        "first_step_s": stepper.first_s,
    }  # fmt: skip
    if case.implementation == "compile":
        found["compile_s"] = stepper.first_s
    if not figures:
        return found
    found |= figures
    if case.device.startswith("cuda"):
        found["kernel_launches"] = kernel_launches(stepper.step, case.device)
    del stepper
    if memory:
        found |= peak_over_baseline(case)
    benchmark.extra_info.update(found)
    return found


def peak_worth_its_time(case: StepCase) -> bool:
    """The peak is a figure of its own process, which takes its time: on one set, and on a GPU of two optimizers."""
    if case.parameters.name != "resnet50" or case.dtype != "float32":
        return False
    return case.parameters.divisor > 1 if case.device == "cpu" else case.optimizer in ("SGD", "AdamW")


@pytest.mark.timeout(1200)
@pytest.mark.cases(of=step_cases)
def test_step(benchmark: Any, harness: Harness, level: Level, tell: Callable[[str], None], case: StepCase) -> None:
    memory = level.name == "full" or peak_worth_its_time(case)
    found = time_step(benchmark, harness, case, level.rounds, memory and case.implementation != "compile")
    if "share_of_copy" in found:
        tell(
            f"{case}: {1e3 / found['steps_per_s']:.3g} ms, {found['ns_per_parameter']:.3g} ns a parameter, "
            f"{found['gb_per_s']:.3g} GB/s, {found['share_of_copy']:.0%} of a copy"
        )


@pytest.mark.timeout(1200)
@pytest.mark.benchmark(group="scaling", timer=device_clock.read)
@pytest.mark.cases(of=scaling_cases)
def test_scaling(benchmark: Any, harness: Harness, level: Level, case: StepCase) -> None:
    # Parameters, gradients, state and what a step needs for a moment, as `sized` counts them.
    needed, free = 32 * case.parameters.count, available_bytes(case.device)
    if needed > 0.6 * free:
        pytest.skip(f"{case.parameters} takes {needed / 1e9:.3g} GB, and {free / 1e9:.3g} GB are free on {case.device}")
    time_step(benchmark, harness, case, level.pick(3, 7, 15), memory=False)
