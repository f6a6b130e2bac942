"""Where and with what a run was made: recorded once, never part of its identity. Imports the standard library."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any


@functools.cache
def _commit() -> tuple[str, bool]:
    """Commit and dirtiness of the checkout that the library runs from; empty for an installed copy."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if not commit or git("ls-files", "--error-unmatch", __file__) is None:
        return "", False  # a site-packages folder inside somebody else's checkout is not ours
    return commit, bool(git("status", "--porcelain", "--untracked-files=no"))


@functools.cache
def cpu_name() -> str:
    """The processor's name, as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux: the platform module's word will do
    return platform.processor() or platform.machine()


def provenance(device: str) -> dict[str, Any]:
    """Versions, machine, threads, commit: what a figure must be read with."""
    import numpy
    import torch

    from . import __version__

    commit, dirty = _commit()
    facts: dict[str, Any] = {
        "optiscope": __version__,
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device,
        "commit": commit,
        "dirty": dirty,
    }
    if device.startswith("cuda"):
        facts["gpu"] = torch.cuda.get_device_name(device)
        facts["cuda"] = torch.version.cuda
    return facts


def provenance_id(facts: dict[str, Any]) -> str:
    """Twelve hexadecimal digits that name these facts."""
    return hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=6).hexdigest()


@functools.cache
def version_of(package: str) -> str:
    """Installed version of a package, or an empty string."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
