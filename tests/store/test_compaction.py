"""Compaction changes files and no frame; killed, repeated, and beside writers and readers."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from store_writer import compact_until, same, sweep_runs, write_parts, write_sweep

import optiscope as osc
from optiscope.cli import exit_code
from optiscope.store import compaction

KILLER = Path(__file__).parent.parent / "store_killer.py"


@pytest.fixture
def many(tmp_path) -> osc.Store:
    write_parts(str(tmp_path / "s"), sweep_runs()[:12])
    return osc.Store(tmp_path / "s")


def names(store: osc.Store, room: str = "runs") -> set[str]:
    return {path.name for path in (store.path / room).iterdir()}


def test_it_says_what_it_did_and_no_frame_changes(many, capsys):
    held = sum(path.stat().st_size for room in ("runs", "trace") for path in (many.path / room).iterdir())
    expected = osc.run(sweep_runs()[:12], engine="single")
    assert exit_code(["compact", str(many.path)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    left = sum(path.stat().st_size for room in ("runs", "trace") for path in (many.path / room).iterdir())
    assert out.splitlines() == ["parts     12 -> 1", f"bytes     {held:,} -> {left:,}", "runs      12"]
    assert names(many) == names(many, "trace")
    same(many, expected)
    assert list(many.runs()["optimizer"]) == sorted(many.runs()["optimizer"])
    before = names(many)
    assert exit_code(["compact", str(many.path)]) == 0
    assert names(many) == before


def test_parts_are_bounded_and_not_folded_over_and_over(many, monkeypatch):
    monkeypatch.setattr(compaction, "RUNS_ROWS", 4)
    told = []
    did = many.compact(lambda done, total: told.append((done, total)))
    assert (did.parts_before, did.parts_after, did.runs) == (12, 3, 12)
    assert told == [(4, 12), (8, 12), (12, 12)]
    before = names(many)
    write_parts(str(many.path), sweep_runs()[12:13])
    assert many.compact().parts_after == 4
    assert before < names(many)
    monkeypatch.setattr(compaction, "TRACE_ROWS", 21 * 2)
    same(many, osc.run(sweep_runs()[:13], engine="single"))


def test_copies_become_one(many):
    for _ in range(2):
        write_parts(str(many.path), sweep_runs()[:3])
    assert len(names(many)) == 18
    assert many.compact().runs == 12
    same(many, osc.run(sweep_runs()[:12], engine="single"))
    assert len(osc.Store(many.path).runs()) == 12


def test_summaries_and_traces_fold_together(many):
    runs = sweep_runs()
    osc.run(runs[12:20], store=many, trace="none")
    expected = many.trace()
    many.compact()
    assert len(many.runs()) == 20
    assert len(many.trace()) == len(expected)
    assert len(many.trace([runs[15].run_id])) == 0


def test_what_the_killed_left_is_removed_when_it_is_old(many):
    kept, orphan = many.path / "runs" / ".new.parquet.1.tmp", many.path / "trace" / "orphan.parquet"
    old = many.path / "trace" / ".old.parquet.1.tmp"
    for path in (kept, orphan, old):
        path.write_bytes(b"half")
    for path in (orphan, old):
        os.utime(path, (time.time() - 2e5,) * 2)
    assert many.compact().leftovers == 2
    assert (kept.exists(), orphan.exists(), old.exists()) == (True, False, False)


def test_a_temporary_file_that_its_writer_renames_meanwhile_is_no_error(many, monkeypatch):
    listed = compaction._leftovers

    def list_then_rename(root):
        (root / "runs" / ".part.tmp").write_bytes(b"half")
        paths = list(listed(root))
        (root / "runs" / ".part.tmp").unlink()
        return paths

    monkeypatch.setattr(compaction, "_leftovers", list_then_rename)
    assert many.compact().leftovers == 0


def test_what_cannot_be_compacted_is_one_line(many, tmp_path, capsys, monkeypatch):
    from filelock import FileLock

    (tmp_path / "empty").mkdir()
    assert exit_code(["compact", str(tmp_path / "empty")]) == exit_code(["compact", str(tmp_path / "none")]) == 2
    assert [line.split("'")[2] for line in capsys.readouterr().err.splitlines()] == [
        " holds no runs: give the folder of a study that was run, results/NAME"
    ] * 2
    assert list((tmp_path / "empty").iterdir()) == []
    with FileLock(many.path / ".compact.lock"):
        assert exit_code(["compact", str(many.path)]) == 2
    assert capsys.readouterr().err.endswith("is being compacted by another process: let it finish\n")
    before = names(many)

    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refused)
    assert exit_code(["compact", str(many.path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("optiscope: cannot write")
    assert line.endswith("Permission denied")
    assert names(many) == before


def killer(what: str, folder: Path) -> dict:
    ran = subprocess.run([sys.executable, str(KILLER), what, str(folder)], capture_output=True, text=True, timeout=240)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork") or not hasattr(signal, "SIGKILL"), reason="needs fork and SIGKILL"
)


@needs_fork
def test_a_sweep_killed_over_and_over_then_resumed(tmp_path):
    """The frames equal those of an undisturbed sweep, and no run that was once finished is ever lost on the way."""
    seen = killer("sweep", tmp_path / "s")
    assert seen["kills"] >= 3
    assert seen["between"] >= 1
    assert not (tmp_path / "s" / "aside").exists()


@needs_fork
def test_a_compaction_killed_before_each_of_its_changes(tmp_path):
    seen = killer("compact", tmp_path / "s")
    assert seen["kills"] >= 10
    # At first nothing has changed; right after a commit both large and small parts stand; at the end two are left.
    assert seen["parts"][0] == 5
    assert max(seen["parts"]) == 6
    assert seen["parts"][-1] == seen["after"] == 2


def test_two_processes_and_a_compaction_on_one_store(tmp_path):
    """Both write the same sweep, each from another end; a reader meanwhile never sees a run twice, or one vanish."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    osc.Store(tmp_path)
    writers = [context.Process(target=write_sweep, args=(str(tmp_path), first)) for first in (0, 32)]
    compactor = context.Process(target=compact_until, args=(str(tmp_path), stop))
    for process in (*writers, compactor):
        process.start()
    # Until then there is nothing to read: the writers import torch.
    while any(writer.is_alive() for writer in writers) and not any((tmp_path / "runs").iterdir()):
        time.sleep(0.05)
    done: set[str] = set()
    while any(writer.is_alive() for writer in writers):
        time.sleep(0.1)
        runs = osc.Store(tmp_path).runs()
        assert runs["run_id"].is_unique
        assert done <= set(runs["run_id"])
        done = set(runs["run_id"])
        trace = osc.Store(tmp_path).trace(done)
        assert trace.groupby("run_id").size().to_dict() == (runs.set_index("run_id")["steps_done"] + 1).to_dict()
    stop.set()
    for process in (*writers, compactor):
        process.join()
        assert process.exitcode == 0
    same(osc.Store(tmp_path), osc.run(sweep_runs(), engine="single"))
    assert not (tmp_path / "aside").exists()
