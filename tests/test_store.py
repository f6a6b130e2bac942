import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from store_writer import sweep_runs, write_sweep

import optiscope as osc

SWEEP = """
import sys, optiscope as osc, optiscope.engine as engine
engine.BATCH_SECONDS = 0.02
runs = osc.grid(["beale", "rosenbrock"], ["SGD", "Adam"], lr=[1e-3, 1e-2], seed=range(8), start="random", steps=20)
print("ready", flush=True)
osc.run(runs, store=sys.argv[1], engine="single")
print("done", flush=True)
"""


def plain(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    frame = frame.drop(columns=["wall_s", "provenance_id"], errors="ignore")
    return frame.sort_values(keys, ignore_index=True)


def same(store: osc.Store, expected: osc.Results) -> None:
    pd.testing.assert_frame_equal(plain(store.runs(), ["run_id"]), plain(expected.runs, ["run_id"]))
    keys = ["run_id", "step"]
    pd.testing.assert_frame_equal(plain(store.trace(), keys), plain(expected.trace, keys))


def test_what_goes_in_comes_out(tmp_path):
    runs = sweep_runs()
    expected = osc.run(runs)
    stored = osc.run(runs, store=tmp_path / "s")
    assert plain(stored.runs, ["run_id"]).equals(plain(expected.runs, ["run_id"]))
    store = osc.Store(tmp_path / "s")
    same(store, expected)
    assert store.done() == {run.run_id for run in runs}
    some = [runs[3].run_id, runs[7].run_id]
    assert set(store.runs(some)["run_id"]) == set(some)
    assert store.trace(some).groupby("run_id").size().tolist() == [21, 21]
    [facts] = store.provenance().values()
    assert facts["torch"]
    assert set(store.runs()["provenance_id"]) == set(store.provenance())


def test_an_empty_store_has_the_columns(tmp_path):
    store = osc.Store(tmp_path)
    assert len(store.runs()) == 0
    assert {"run_id", "loss_final"} <= set(store.runs().columns)
    assert {"run_id", "step", "loss"} <= set(store.trace().columns)


def test_what_is_done_is_not_done_again(tmp_path, line):
    runs = osc.grid(line, "SGD", lr=0.1, seed=range(3), steps=5)
    osc.run(runs[:2], store=tmp_path)
    before = osc.Store(tmp_path).runs()
    seen = []
    results = osc.run(runs, store=tmp_path, progress=seen.append)
    assert [len(found) for found in seen] == [2, 1]
    assert len(results.runs) == 3
    after = osc.Store(tmp_path).runs(before["run_id"])
    pd.testing.assert_frame_equal(plain(before, ["run_id"]), plain(after, ["run_id"]))


def test_problems_with_different_columns_share_a_store(tmp_path):
    osc.run(osc.grid("demo-cnn(image_size=12)", "SGD", lr=1e-3, steps=1), store=tmp_path)
    osc.run(osc.grid("sphere(dim=1)", "SGD", lr=1e-3, steps=1), store=tmp_path)
    store = osc.Store(tmp_path)
    assert store.runs()["accuracy_final"].notna().sum() == 1
    assert {"x0", "accuracy"} <= set(store.trace().columns)


def test_a_trace_without_its_runs_does_not_count(tmp_path, line):
    osc.run(osc.grid(line, "SGD", lr=0.1, steps=5), store=tmp_path)
    for part in (tmp_path / "runs").iterdir():
        part.unlink()
    store = osc.Store(tmp_path)
    assert store.done() == set()
    assert len(store.trace()) == 0
    osc.run(osc.grid(line, "SGD", lr=0.1, steps=5), store=tmp_path)
    assert len(osc.Store(tmp_path).trace()) == 6


def test_the_same_run_by_two_writers_counts_once(tmp_path, line):
    runs = osc.grid(line, "SGD", lr=0.1, seed=range(3), steps=5)
    store = osc.Store(tmp_path)
    for own in (runs[:2], runs[1:]):
        for batch in osc.run(own).batches:
            store.append(batch)
    assert len(store.runs()) == 3
    assert len(store.trace()) == 18
    assert store.trace().groupby("run_id").size().tolist() == [6, 6, 6]


@pytest.mark.parametrize("room", ["runs", "trace"])
@pytest.mark.parametrize("damage", ["truncated", "foreign", "empty"])
def test_a_damaged_file_is_named_and_set_aside(tmp_path, line, room, damage):
    runs = osc.grid(line, "SGD", lr=0.1, seed=range(2), steps=5)
    osc.run(runs[:1], store=tmp_path)
    osc.run(runs[1:], store=tmp_path)
    part = sorted((tmp_path / room).iterdir())[0]
    whole = part.read_bytes()
    part.write_bytes({"truncated": whole[: len(whole) // 2], "foreign": b"hello, world", "empty": b""}[damage])
    store = osc.Store(tmp_path)
    with pytest.warns(UserWarning, match="cannot be read") as caught:
        store.trace()
    assert part.name in str(caught[0].message)
    assert part.name in " ".join(path.name for path in (tmp_path / "aside").iterdir())
    assert len(store.done()) == 1
    osc.run(runs, store=tmp_path)
    same(osc.Store(tmp_path), osc.run(runs))


def test_a_store_of_another_version_is_refused(tmp_path, line, monkeypatch):
    import optiscope.store.parts as module

    monkeypatch.setattr(module, "SCHEMA_VERSION", 99)
    osc.run(osc.grid(line, "SGD", lr=0.1, steps=5), store=tmp_path)
    monkeypatch.undo()
    with pytest.raises(osc.StoreError, match="another version of optiscope"):
        osc.Store(tmp_path).runs()
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_a_folder_that_cannot_be_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(osc.StoreError, match="cannot make a store in"):
        osc.Store(tmp_path / "file" / "store")


def test_a_failed_write_leaves_nothing(tmp_path, line, monkeypatch):
    import pyarrow.parquet as pq

    def full_disk(*_, **__):
        raise OSError(28, "No space left on device")

    store = osc.Store(tmp_path)
    monkeypatch.setattr(pq, "write_table", full_disk)
    with pytest.raises(osc.StoreError, match="No space left on device"):
        osc.run(osc.grid(line, "SGD", lr=0.1, steps=5), store=store)
    monkeypatch.undo()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "provenance"] == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_over_and_over_then_resumed(tmp_path):
    """kill -9 at moments spread over the sweep; at the end the frames equal those of an undisturbed one."""
    folder = str(tmp_path / "s")
    kills = 0
    for attempt in range(40):
        process = subprocess.Popen([sys.executable, "-c", SWEEP, folder], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.05 + 0.12 * attempt)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        finished = "done" in process.stdout.read()
        process.wait()
        process.stdout.close()
        if finished:
            break
        kills += 1
        ids = osc.Store(folder).runs()["run_id"]
        assert ids.is_unique
    assert finished
    assert kills >= 1
    same(osc.Store(folder), osc.run(sweep_runs(), engine="single"))
    assert not (Path(folder) / "aside").exists()


def test_two_processes_on_one_store(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_sweep, args=(str(tmp_path), first)) for first in (0, 32)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    same(osc.Store(tmp_path), osc.run(sweep_runs()))
