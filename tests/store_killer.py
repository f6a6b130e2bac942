"""Work killed over and over, in forks of one process that has imported torch already: a fork costs milliseconds.

    python store_killer.py sweep FOLDER     kill -9 at random moments of a sweep, then resume it to its end
    python store_killer.py compact FOLDER   kill -9 before each change on the disk that a compaction makes

Prints one line of JSON. This process itself never touches Arrow, whose threads would not survive a fork.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import pyarrow.parquet  # noqa: F401  (before the forks, not in each)
import torch
from store_writer import same, sweep_runs, write_parts, write_sweep

import optiscope as osc
import optiscope.store.compaction as compaction

fork = multiprocessing.get_context("fork")


def in_fork(work, *arguments):
    """What `work` gives, computed in a fork."""
    ours, theirs = fork.Pipe()
    process = fork.Process(target=lambda: theirs.send(work(*arguments)))
    process.start()
    theirs.close()
    answer = ours.recv()
    process.join()
    return answer


def look(folder: str) -> list[str]:
    """The run_ids of a store, after a look at whether each run is there once and whole."""
    store = osc.Store(folder)
    runs, trace = store.runs(), store.trace()
    assert runs["run_id"].is_unique
    assert trace.groupby("run_id").size().to_dict() == (runs.set_index("run_id")["steps_done"] + 1).to_dict()
    return sorted(runs["run_id"])


def sweep(folder: str) -> dict:
    """Kills at random moments, up to eight; then the sweep may end."""
    begin = time.monotonic()
    in_fork(write_sweep, folder + "-whole", 0)
    span = time.monotonic() - begin
    moments = random.Random(5)
    counts: list[int] = []
    done: set[str] = set()
    while len(counts) < 8 and len(done) < len(sweep_runs()):
        process = fork.Process(target=write_sweep, args=(folder, 0))
        process.start()
        # Later and later, so that the sweep gets on however slow its first steps are.
        process.join(moments.uniform(0, span * (1 + len(counts)) / 8))
        process.kill()
        process.join()
        now = set(in_fork(look, folder))
        assert done <= now
        done = now
        counts.append(len(done))
    in_fork(write_sweep, folder, 0)
    in_fork(compare, folder, folder + "-whole")
    return {"kills": len(counts), "between": len(set(counts) - {0, len(sweep_runs())})}


def compact(folder: str) -> dict:
    """A kill before the first change on the disk, before the second, and so on, until the compaction gets through."""
    compaction.RUNS_ROWS, compaction.TRACE_ROWS = 4, 10**6
    in_fork(write_parts, folder + "-whole", sweep_runs()[:5])
    parts = []
    for kills in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(folder + "-whole", folder)
        process = fork.Process(target=compact_and_die, args=(folder, kills))
        process.start()
        process.join()
        parts.append(len(os.listdir(Path(folder) / "runs")))
        after = in_fork(compare_and_go_on, folder, folder + "-whole")
        if process.exitcode == 0:
            return {"kills": kills, "parts": parts, "after": after}
    raise AssertionError("never got through")


def compare_and_go_on(folder: str, expected: str) -> int:
    """The frames are as they were; whoever comes next ends what was begun, and they still are."""
    compare(folder, expected)
    after = osc.Store(folder).compact().parts_after
    compare(folder, expected)
    return after


def compact_and_die(folder: str, changes: int) -> None:
    """A compaction that is killed when it has made so many changes on the disk."""
    left = changes

    def mortal(change):
        def call(*arguments, **keywords):
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return change(*arguments, **keywords)

        return call

    os.replace, Path.unlink = mortal(os.replace), mortal(Path.unlink)
    osc.Store(folder).compact()


def compare(folder: str, expected: str) -> None:
    same(osc.Store(folder), osc.Store(expected))


if __name__ == "__main__":
    torch.set_num_threads(1)
    # What torch loads at the first step is loaded here, once.
    osc.run(sweep_runs()[:1], engine="single")
    print(json.dumps({"sweep": sweep, "compact": compact}[sys.argv[1]](sys.argv[2])))
