"""Machine facts: what a figure must be read with. The name of a machine is what its results are filed under."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import torch

from ..provenance import provenance, version_of
from .sets import available_bytes

PACKAGES = (
    "numpy",
    "pandas",
    "pyarrow",
    "matplotlib",
    "pillow",
    "pytest",
    "pytest-benchmark",
    "jax",
    "optax",
    "triton",
)


def accelerator() -> str:
    """`"cuda"` where there is a CUDA device, else an empty string."""
    return "cuda" if torch.cuda.is_available() else ""


def why_no_cuda() -> str:
    """Why CUDA cases are skipped, or an empty string where they are not."""
    if torch.cuda.is_available():
        return ""
    return "no CUDA device" if torch.backends.cuda.is_built() else "this build of torch has no CUDA"


def machine_facts() -> dict[str, Any]:
    """Processor, cores, threads, memory, GPU and driver, versions, commit and whether it is dirty."""
    facts = provenance(accelerator() or "cpu")
    facts |= {
        "cpu_model": cpu_model(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "packages": {name: version for name in PACKAGES if (version := version_of(name))},
    }
    if accelerator():
        facts |= {"driver": _driver(), "gpu_memory_gb": round(available_bytes("cuda") / 1e9, 1)}
    facts["machine"] = machine_name(facts)
    return facts


def machine_name(facts: dict[str, Any] | None = None) -> str:
    """A short name for a folder, of the system, the processor with its cores, and the GPU.

    >>> machine_name({"system": "Linux x86_64", "cpu": "Some CPU @ 2.00GHz", "cores": 2, "gpu": "NVIDIA H100"})
    'linux-x86-64-some-cpu-2-00ghz-2-cores-nvidia-h100'
    """
    facts = facts or provenance(accelerator() or "cpu")
    words = f"{facts['system']} {facts['cpu']} {facts['cores']} cores {facts.get('gpu', '')}"
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def cpu_model(path: str = "/proc/cpuinfo") -> str:
    """Family, model and stepping, where the system tells them: a virtual machine may name its processor's maker alone.

    >>> cpu_model("no such file")
    ''
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""  # not Linux: the name says more there
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    words = {"cpu family": "family", "model": "model", "CPU part": "part", "stepping": "stepping"}
    return ", ".join(f"{word} {told[key]}" for key, word in words.items() if told.get(key))


def load() -> float | None:
    """The load average over the last minute, where the system tells one."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _driver() -> str:
    """The version of the GPU's driver; empty where `nvidia-smi` does not say."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.split("\n")[0].strip() if done.returncode == 0 else ""
