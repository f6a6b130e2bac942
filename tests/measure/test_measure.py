"""Clocks, probes and cases: their laws, and what they refuse. No test looks at how long anything took."""

import gc
import time
from dataclasses import replace

import pytest
import torch

from optiscope import InputError, Refused, optimizers
from optiscope.measure import (
    Level,
    ParameterSet,
    Spread,
    StepCase,
    Stepper,
    implementations,
    interleave,
    machine_facts,
    machine_name,
    probe_bandwidth,
    time_blocks,
)  # fmt: skip
from optiscope.measure.bandwidth import probe_beside
from optiscope.measure.clocks import DeviceClock, pinned, resting_collector
from optiscope.measure.machine import why_no_cuda
from optiscope.measure.memory import peak_over_baseline
from optiscope.measure.phases import PHASES, TrainingLoop
from optiscope.measure.reference import reference_step
from optiscope.measure.schedulers import SchedulerStepper

TWO = ParameterSet("two", ((32, 16), (32,)))


def test_a_spread_is_median_and_quartiles():
    assert Spread.of([4.0, 1.0, 2.0, 3.0]) == Spread(2.5, 1.75, 3.25, 1.0, 4)
    assert Spread.of([2.0]).relative == 0.0
    with pytest.raises(InputError, match="got none"):
        Spread.of([])


def test_blocks_take_as_many_steps_as_stated_and_arms_alternate():
    calls = []
    timings = interleave(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, steps=2, rounds=3, warm=1
    )  # fmt: skip
    assert "".join(calls) == "aabb" + 3 * "aabb"
    assert [len(timing.wall) for timing in timings.values()] == [3, 3]
    assert all(seconds > 0 for timing in timings.values() for seconds in timing.wall)
    assert timings["a"].events == ()  # no CUDA here


def test_the_collector_rests_within_a_timing_and_works_again_after():
    assert gc.isenabled()
    seen = []
    time_blocks(lambda: seen.append(gc.isenabled()), steps=1, rounds=1, warm=0)
    assert seen == [False]
    with pytest.raises(ZeroDivisionError), resting_collector():
        _ = 1 / 0
    assert gc.isenabled()


@pytest.mark.parametrize("wrong", [{"steps": 0, "rounds": 1}, {"steps": 1, "rounds": 0}])
def test_empty_blocks_are_refused(wrong):
    with pytest.raises(InputError, match="a block needs"):
        time_blocks(lambda: None, **wrong)


def test_threads_are_put_back():
    before = torch.get_num_threads()
    with pinned(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_the_ceiling_falls_with_the_working_set(memory):
    assert memory.copy == 10.0
    assert [memory.over(size) for size in (1e3, 2e6, 2e8, 1e12)] == [80.0, 80.0, 10.0, 10.0]
    assert memory.over(2e7, "update") == pytest.approx((95 + 12) / 2)
    twice = memory.joined(replace(memory, probes=tuple(replace(one, median=0.0) for one in memory.probes)))
    assert (twice.copy, twice.ceiling(1e9)) == (5.0, 12.5)
    better = memory.improved(replace(memory, probes=tuple(replace(one, best=11.0) for one in memory.probes)))
    assert [probe.best for probe in better.probes] == [90.0, 100.0, 11.0, 12.5]
    assert [memory.ceiling(size) for size in (1e3, 3e6, 1.9e8, 2e8, 1e12)] == [100.0, 100.0, 100.0, 12.5, 12.5]


def test_the_probe_measures_each_kernel_at_each_size():
    found = probe_bandwidth(sizes=(8192, 4096), rounds=2)
    assert [(probe.kernel, probe.bytes) for probe in found.probes] == [
        ("copy", 4096), ("update", 4096), ("copy", 8192), ("update", 8192)
    ]  # fmt: skip
    assert all(0 < probe.median <= probe.best for probe in found.probes)
    assert found.as_record()["copy_gb_per_s"] == found.copy
    beside = probe_beside("cpu", 3e6)
    assert [(probe.kernel, probe.bytes) for probe in beside.probes] == [("copy", 1_500_000), ("update", 1_500_000)]
    with pytest.raises(InputError, match="at least 4096 bytes"):
        probe_bandwidth(sizes=(100,))


@pytest.mark.parametrize(
    ("name", "has"),
    [("SGD", ("for-loop", "foreach", "fused", "compile")), ("RAdam", ("for-loop", "foreach", "compile")),
     ("Muon", ("for-loop",)), ("LBFGS", ("for-loop",)), ("SparseAdam", ("for-loop",))],
)  # fmt: skip
def test_implementations_are_those_of_torch(name, has):
    assert implementations(name) == has


@pytest.mark.parametrize("implementation", ["for-loop", "foreach", "fused"])
def test_implementations_compute_the_same(implementation):
    steppers = [Stepper(StepCase("AdamW", how, TWO)) for how in ("for-loop", implementation)]
    for stepper in steppers:
        guard = stepper.guard()
        stepper.step()
        guard.check(1)
        wanted = stepper.case.implementation
        flags = {name: stepper.optimizer.param_groups[0][name] for name in ("foreach", "fused")}
        assert flags == {"foreach": wanted == "foreach", "fused": wanted == "fused"}
    for one, other in zip(steppers[0].parameters, steppers[1].parameters, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


def test_every_optimizer_can_be_stepped_under_its_guard():
    import optiscope as osc

    for name in osc.optimizers():
        one = TWO.matrices() if name == "Muon" else TWO
        call = "LBFGS(history_size=3)" if name == "LBFGS" else name
        stepper = Stepper(StepCase(call, "for-loop", one))
        guard = stepper.guard()
        for _ in range(4):
            stepper.step()
        guard.check(4)


def test_what_cannot_be_made_is_refused_in_a_line():
    with pytest.raises(Refused, match="RMSprop has no fused implementation"):
        Stepper(StepCase("RMSprop", "fused", TWO))
    with pytest.raises(InputError, match="for-loop, foreach, fused, compile, got 'loop'"):
        Stepper(StepCase("SGD", "loop", TWO))
    with pytest.raises(Refused, match="Muon"):
        Stepper(StepCase("Muon", "for-loop", TWO))


def test_a_block_is_fixed_by_the_case():
    one = StepCase("SGD", "foreach", ParameterSet("x", ((1000, 1000),)))
    assert one.steps == StepCase("AdamW", "for-loop", one.parameters).steps == 9
    assert str(one) == "SGD-foreach-x-cpu-float32"


def test_the_peak_counts_the_state_in_a_process_of_its_own():
    found = peak_over_baseline(StepCase("AdamW", "foreach", ParameterSet("x", ((1024, 4096),))))
    assert found["state_bytes_per_parameter"] == pytest.approx(8, abs=0.01)
    # Both moments, and the temporaries of foreach: at least the state, at most some more sets of numbers.
    assert 7.9 < found["peak_bytes_per_parameter"] < 30
    with pytest.raises(InputError, match="Muon"):
        peak_over_baseline(StepCase("Muon", "for-loop", TWO))


def test_the_reference_says_what_it_is():
    found = reference_step(rounds=2)
    assert found["what"] == "AdamW foreach float32, 16 matrices of 256×256"
    assert len(found["seconds"]) == 2


def test_machine_facts_name_what_a_figure_depends_on():
    facts = machine_facts()
    assert facts["torch"] == torch.__version__
    assert facts["threads"] == torch.get_num_threads()
    assert {"cpu", "cores", "commit", "dirty", "memory_gb", "packages", "python", "system"} <= set(facts)
    assert facts["machine"] == machine_name(facts)
    assert facts["machine"].isascii()
    assert "/" not in facts["machine"]


def test_an_iteration_is_taken_apart():
    loop = TrainingLoop("digits-mlp", "AdamW")
    guard = loop.guard()
    phases = loop.phases(rounds=2, steps=2)
    guard.check(4)
    assert tuple(phases.seconds) == PHASES
    assert all(value > 0 for value in phases.seconds.values())
    assert 0 < phases.optimizer_share < 1
    with pytest.raises(InputError, match="test function"):
        TrainingLoop("rosenbrock", "SGD")
    with pytest.raises(InputError, match="forward and backward itself"):
        TrainingLoop("digits-mlp", "LBFGS")


def test_every_schedule_can_be_stepped_under_its_guard():
    import optiscope as osc

    for name in osc.schedules():
        if name == "constant":
            with pytest.raises(InputError, match="makes no scheduler"):
                SchedulerStepper(name, 60)
            continue
        stepper = SchedulerStepper(name, 60)
        for _ in range(60):
            stepper.step()
        stepper.check(60)


def test_a_level_picks():
    assert [Level(name).pick(1, 2, 3) for name in ("quick", "default", "full")] == [1, 2, 3]
    assert Level("full") >= Level("quick")
    assert not Level("quick") >= Level("default")
    with pytest.raises(InputError, match="did you mean 'full'"):
        Level("ful")


def test_the_clock_of_a_device_reads_seconds_and_has_events_on_cuda_alone():
    clock = DeviceClock()
    clock.watch("cpu")
    first = clock.read()
    time.sleep(0.01)
    assert clock.read() - first >= 0.01
    assert clock.blocks(1, 1) == []


@pytest.mark.gpu
@pytest.mark.skipif(bool(why_no_cuda()), reason=f"CUDA: {why_no_cuda()}")
def test_events_are_of_the_blocks_that_the_clock_is_read_around():
    clock, stepper = DeviceClock(), Stepper(StepCase("AdamW", "fused", TWO, "cuda"))
    clock.watch("cuda")
    wall = []
    for steps in (1, 10, 40):
        begin = clock.read()
        for _ in range(steps):
            stepper.step()
        wall.append(clock.read() - begin)
    short, long = clock.blocks(2, 1)
    assert 0 < short <= 1.1 * wall[1]
    assert short < long <= 1.1 * wall[2]
    clock.watch("cuda")
    assert clock.blocks(2, 1) == []


@pytest.mark.gpu
@pytest.mark.skipif(bool(why_no_cuda()), reason=f"CUDA: {why_no_cuda()}")
def test_on_cuda_events_stand_beside_the_clock_and_launches_are_counted():
    from optiscope.measure.launches import kernel_launches

    stepper = Stepper(StepCase("AdamW", "fused", TWO, "cuda"))
    timing = time_blocks(stepper.step, steps=10, rounds=3, device="cuda")
    assert len(timing.events) == 3
    assert all(0 < event <= 1.5 * wall for event, wall in zip(timing.events, timing.wall, strict=True))
    assert kernel_launches(stepper.step) >= 1
    found = peak_over_baseline(StepCase("AdamW", "fused", ParameterSet("x", ((1024, 4096),)), "cuda"))
    assert found["peak_bytes_per_parameter"] >= 8


@pytest.mark.gpu
@pytest.mark.skipif(bool(why_no_cuda()), reason=f"CUDA: {why_no_cuda()}")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("optimizer", list(optimizers()))
def test_on_cuda_every_implementation_does_its_work(optimizer, dtype):
    matrices = ParameterSet("x", ((64, 32), (16, 8)))
    for how in implementations(optimizer):
        if how == "compile":
            continue
        case = StepCase(optimizer, how, matrices if optimizer == "Muon" else TWO, "cuda", dtype)
        if (optimizer, how) == ("Adagrad", "fused"):
            with pytest.raises(Refused, match="supported devices"):
                Stepper(case)
            continue
        stepper = Stepper(case)
        guard = stepper.guard()
        for _ in range(3):
            stepper.step()
        guard.check(3)


@pytest.mark.parametrize("rounds", [3, 9, 15])
def test_gradients_that_a_step_writes_into_stay_finite_as_long_as_they_are_timed(rounds):
    case = StepCase("Nesterov", "foreach", TWO)
    stepper = Stepper(case)
    guard = stepper.guard()
    for _ in range(case.steps * (rounds + 1) + 1):
        stepper.step()
    guard.check(case.steps * (rounds + 1) + 1)


def test_a_loop_over_tensors_has_fewer_steps_to_a_block_on_an_accelerator():
    shapes = ParameterSet("many", ((1000, 100),) * 100)
    foreach, loop = (StepCase("Rprop", how, shapes, "cuda").steps for how in ("foreach", "for-loop"))
    assert foreach == loop < StepCase("AdamW", "foreach", shapes, "cuda").steps
