"""The memory probe: the peak of an optimizer's steps over what was there before, each figure in a process of its own.

Models that lived in the process before would leave room behind that the next one finds free, and its peak would read
too low. The processes are forked off one that has imported torch and done nothing else, where the system can fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # the first optimizer imports it: here, the process that is forked does

from ..errors import InputError
from .sets import single
from .step import StepCase, Stepper
from .traffic import state_bytes

STEPS = 3
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_over_baseline(case: StepCase, *, timeout: float = 300.0) -> dict[str, float]:
    """Bytes at the peak of three steps over parameters and gradients alone, measured in a process of its own.

    Returns `peak_bytes` (state and whatever a step needs for a moment), `state_bytes`, and both a parameter; no peak
    where the system's count cannot show it, of a set so small that it fits into what the heap has left over.

    Raises InputError where the case cannot be made, or the process ends without an answer.
    """
    kind = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context: Any = multiprocessing.get_context(kind)
    if kind == "forkserver":
        context.set_forkserver_preload([__name__])
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, case, torch.get_num_threads()), daemon=True)
    with _without_main():
        process.start()
    theirs.close()
    try:
        found = mine.recv() if mine.poll(timeout) else f"no answer within {timeout:g} s"
    except EOFError:
        process.join(5)
        found = f"it ended with code {process.exitcode}"
    finally:
        mine.close()
        process.terminate()
        process.join()
    if isinstance(found, str):
        raise InputError(f"no memory figure for {case}: {found}")
    return found


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """A process that starts within does not run the main script again: of pytest that is pytest with its plugins."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _answer(pipe: Any, case: StepCase, threads: int) -> None:
    try:
        torch.set_num_threads(threads)
        pipe.send(measure_here(case))
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")
    pipe.close()


def measure_here(case: StepCase) -> dict[str, float]:
    """The same in this process, which nothing may have used before."""
    # What the first step of any optimizer allocates (code, workspaces, CUDA's context) belongs to the baseline.
    Stepper(StepCase(case.optimizer, case.implementation, single(1000), case.device, case.dtype)).step()
    gc.collect()
    cuda = torch.device(case.device).type == "cuda"
    baseline = []

    def mark() -> None:
        baseline.append(_mark_cuda(case.device) if cuda else _mark_cpu())

    stepper = Stepper(case, before=mark)
    for _ in range(STEPS - 1):
        stepper.step()
    peak = torch.cuda.max_memory_allocated(case.device) if cuda else _peak_cpu()
    over, state, count = peak - baseline[0], state_bytes(stepper.optimizer), case.parameters.count
    found = {"state_bytes": state, "state_bytes_per_parameter": state / count}
    if over < state:
        return found  # the heap had room before, which the system does not count: less than the state is no peak
    return {"peak_bytes": over, "peak_bytes_per_parameter": over / count, **found}


def _mark_cuda(device: str) -> int:
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device)


def _mark_cpu() -> int:
    """The resident bytes now; the system's record of their peak starts again from here, where it can."""
    with contextlib.suppress(OSError, AttributeError):  # glibc alone has it; elsewhere the heap keeps what it has
        ctypes.CDLL(None).malloc_trim(0)  # what is free goes back: the state would go there, and not be seen
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return _peak_cpu()  # the peak so far: less is seen of what comes, never more
    return _status("VmRSS")


def _peak_cpu() -> int:
    if _STATUS.exists():
        return _status("VmHWM")
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status(key: str) -> int:
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:")) * 1024
