import pandas as pd
import pyarrow as pa
import pytest
from store_writer import plain, same, sweep_runs

import optiscope as osc
from optiscope.cli import exit_code
from optiscope.store.parts import write_part


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
@pytest.mark.parametrize("damage", ["truncated", "foreign", "empty", "theirs", "folder", "link"])
def test_a_damaged_file_is_named_and_set_aside(tmp_path, line, room, damage):
    runs = osc.grid(line, "SGD", lr=0.1, seed=range(2), steps=5)
    osc.run(runs[:1], store=tmp_path)
    osc.run(runs[1:], store=tmp_path)
    part = sorted((tmp_path / room).iterdir())[0]
    whole = part.read_bytes()
    part.unlink()
    if damage == "folder":
        part.mkdir()
    elif damage == "link":
        part.symlink_to(tmp_path / "nowhere")
    elif damage == "theirs":
        pd.DataFrame({"run_id": ["a"]}).to_parquet(part)
    else:
        part.write_bytes({"truncated": whole[: len(whole) // 2], "foreign": b"hello, world", "empty": b""}[damage])
    store = osc.Store(tmp_path)
    with pytest.warns(UserWarning, match="cannot be read") as caught:
        store.trace()
    assert part.name in str(caught[0].message)
    assert part.name in " ".join(path.name for path in (tmp_path / "aside").iterdir())
    assert len(store.done()) == 1
    osc.run(runs, store=tmp_path)
    same(osc.Store(tmp_path), osc.run(runs))


@pytest.mark.parametrize("room", ["runs", "trace"])
def test_a_part_without_a_column_is_refused_and_nothing_is_moved(tmp_path, line, room):
    """No accident does that, and whoever only reads moves nothing away."""
    runs = osc.grid(line, "SGD", lr=0.1, seed=range(2), steps=5)
    osc.run(runs[:1], store=tmp_path)
    osc.run(runs[1:], store=tmp_path)
    part = sorted((tmp_path / room).iterdir())[0]
    write_part(part, pa.table({"lr": [0.1]}))
    before = contents(tmp_path)
    with pytest.raises(osc.StoreError, match=f"{part.name}' lacks the columns .*run_id.*: something other than"):
        osc.Store(tmp_path).trace()
    assert contents(tmp_path) == before


@pytest.mark.parametrize("left", [700, 10])
def test_a_truncated_trace_is_made_again_in_the_same_call(tmp_path, line, left):
    runs = osc.grid(line, "SGD", lr=0.1, seed=range(2), steps=5)
    osc.run(runs, store=tmp_path)
    [part] = (tmp_path / "trace").iterdir()
    part.write_bytes(part.read_bytes()[:left])
    with pytest.warns(UserWarning, match="its runs will be run again"):
        again = osc.run(runs, store=tmp_path)
    assert len(again.trace) == 12


def test_a_foreign_trace_is_named_and_left_alone(tmp_path, line):
    osc.run(osc.grid(line, "SGD", lr=0.1, steps=5), store=tmp_path)
    (tmp_path / "trace" / "zz.parquet").write_text("hi")
    (tmp_path / "runs" / "foreign.txt").write_text("hi")
    with pytest.warns(UserWarning, match=r"left alone: runs.foreign\.txt, trace.zz\.parquet") as caught:
        store = osc.Store(tmp_path)
    assert len(caught) == 1
    assert len(store.trace()) == 6
    assert (tmp_path / "trace" / "zz.parquet").read_text() == "hi"


def contents(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def write_other_version(folder, line, monkeypatch):
    import optiscope.store.parts as module

    monkeypatch.setattr(module, "SCHEMA_VERSION", 99)
    osc.run(osc.grid(line, "SGD", lr=0.1, steps=5), store=folder)
    monkeypatch.undo()


def test_a_store_of_another_version_is_refused_and_left_alone(tmp_path, line, monkeypatch, capsys):
    write_other_version(tmp_path / "mine", line, monkeypatch)
    before = contents(tmp_path)
    with pytest.raises(osc.StoreError, match=r"another version of optiscope \(tables 99, this one reads 1\)"):
        osc.Store(tmp_path / "mine")
    study = 'name = "mine"\nproblems = ["beale"]\noptimizers = ["SGD"]\nlr = 0.1\nsteps = 2'
    (tmp_path / "study.toml").write_text(study)
    before |= contents(tmp_path)
    commands = [["compact", str(tmp_path / "mine")], ["report", str(tmp_path / "mine")]]
    for words in [*commands, ["run", str(tmp_path / "study.toml"), "--results", str(tmp_path)]]:
        assert exit_code(words) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert contents(tmp_path) == before


def test_one_part_of_another_version_is_refused_before_anything_is_moved(tmp_path, line, monkeypatch):
    osc.run(osc.grid(line, "SGD", lr=0.1, steps=5), store=tmp_path / "mine")
    write_other_version(tmp_path / "other", line, monkeypatch)
    [part] = (tmp_path / "other" / "runs").iterdir()
    part.rename(tmp_path / "mine" / "runs" / "zzz.parquet")
    (tmp_path / "mine" / "runs" / "aaa.parquet").write_bytes(b"damaged")
    store = osc.Store(tmp_path / "mine")
    before = contents(tmp_path)
    with pytest.raises(osc.StoreError, match=r"zzz\.parquet' was written by another version"):
        store.done()
    assert contents(tmp_path) == before


def test_somebody_elses_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "runs").mkdir()
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "runs" / "theirs.parquet")
    before = contents(tmp_path)
    with pytest.raises(osc.StoreError, match="is not a store: the Parquet files"):
        osc.Store(tmp_path)
    assert contents(tmp_path) == before


def test_a_folder_with_other_things_in_it_may_become_a_store(tmp_path, line):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "events.out.tfevents.1").write_bytes(b"not ours")
    (tmp_path / "notes.txt").write_text("not ours")
    with pytest.warns(UserWarning, match=r"no part of the store and is left alone: runs.events\.out\.tfevents\.1$"):
        store = osc.Store(tmp_path)
    osc.run(osc.grid(line, "SGD", lr=0.1, steps=5), store=store)
    assert len(store.runs()) == 1
    assert (tmp_path / "runs" / "events.out.tfevents.1").read_bytes() == b"not ours"
    assert not (tmp_path / "aside").exists()


@pytest.mark.parametrize("damage", ["truncated", "list", "binary", "empty", "folder", "link"])
@pytest.mark.parametrize("room", ["provenance", "provenance/tiers"])
def test_damaged_facts_are_named_and_set_aside(tmp_path, room, damage):
    runs = osc.grid("beale", "Adam", lr=[0.1, 0.01, 0.001, 0.0001], steps=5)
    osc.run(runs, store=tmp_path)
    store = osc.Store(tmp_path)
    read = store.provenance if room == "provenance" else store.verdicts
    before = read()
    [path] = (tmp_path / room).glob("*.json")
    text = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_bytes({"truncated": text[:40], "list": b"[1, 2]", "binary": b"\xff\xfe", "empty": b""}[damage])
    with pytest.warns(UserWarning, match="cannot be read") as caught:
        assert read() == {}
    assert path.name in str(caught[0].message)
    assert [path.name for path in (tmp_path / "aside").iterdir()] == [f"{path.parent.name}-{path.name}"]
    osc.run(osc.grid("beale", "Adam", lr=[0.2, 0.02, 0.002, 0.0002], steps=5), store=tmp_path)
    assert read() == before


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
