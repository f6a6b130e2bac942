"""How many kernels a step launches on CUDA: each costs microseconds, whatever it computes."""

from __future__ import annotations

from collections.abc import Callable

import torch

_CALLS = ("cudaLaunchKernel", "cudaLaunchKernelExC", "cuLaunchKernel", "cuLaunchKernelEx")


def kernel_launches(step: Callable[[], object], device: str = "cuda") -> int:
    """Kernels launched by one call, as torch's profiler counts them."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    torch.cuda.synchronize(device)
    with torch.profiler.profile(activities=activities, acc_events=True) as profile:
        step()
        torch.cuda.synchronize(device)
    return sum(event.count for event in profile.key_averages() if event.key in _CALLS)
