"""What a saved run must hold, what makes a machine another one, and which figures of a benchmark are compared."""

import copy
import json

import pytest
from saved_run import save, whole

from optiscope import InputError
from optiscope.cli import exit_code
from optiscope.measure.machine import cpu_model
from optiscope.timings import figure_of, figures_of, load_run
from optiscope.timings.check import check_saved

NAN = float("nan")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ((), [], "the file must be an object, got"),
        (("machine_info",), None, "machine_info must be an object, got null"),
        (("machine_info", "cpu"), ..., "machine_info.cpu is missing; it must be a text"),
        (("machine_info", "cores"), 0, "machine_info.cores must be a number above 0, got 0"),
        (("optiscope",), ..., "optiscope is missing; it must be an object"),
        (
            ("optiscope", "reference", "cpu", "seconds"),
            [],
            "reference.cpu.seconds must be a list of one or more numbers",
        ),
        (("optiscope", "reference", "cpu"), [1.0], "optiscope.reference.cpu must be an object"),
        (
            ("optiscope", "beside"),
            {"cpu": [0.1, 0.0]},
            "optiscope.beside.cpu must be a list of .* above 0, got 0.0 at .1.",
        ),
        (
            ("optiscope", "bandwidth", "cpu", "probes", 0, "best"),
            "a",
            "probes.0..best must be a number above 0, got 'a'",
        ),
        (("datetime",), None, "datetime must be a text, got null"),
        (("benchmarks",), [], "benchmarks is empty: nothing was timed"),
        (("benchmarks", 1), None, "benchmarks.1. must be an object, got null"),
        (("benchmarks", 1, "fullname"), ..., "benchmarks.1..fullname is missing"),
        (
            ("benchmarks", 1, "stats", "median"),
            ...,
            "benchmarks.1..stats.median is missing; it must be a number above 0",
        ),
        (("benchmarks", 1, "stats", "median"), NAN, "stats.median must be a number above 0, got nan"),
        (("benchmarks", 1, "stats", "median"), 0, "stats.median must be a number above 0, got 0"),
        (("benchmarks", 1, "stats", "data"), [1.0, None], "stats.data must be a list .* got null at .1."),
        (("benchmarks", 1, "extra_info"), [], "extra_info must be an object"),
        (("benchmarks", 1, "extra_info", "peak_gb"), "much", "extra_info.peak_gb must be a number of at least 0"),
        (("benchmarks", 1, "extra_info", "ratio_rounds"), [], "extra_info.ratio_rounds must be a list"),
        (("benchmarks", -1, "extra_info", "seeds"), ..., "extra_info.seeds is missing"),
        (("benchmarks", -1, "extra_info", "seeds"), [0], "targets.0..steps must be one a seed, of 1, got 12"),
        (("benchmarks", -1, "extra_info", "targets", 0, "steps", 3), "x", "steps.3. must be a number .* got 'x'"),
    ],
)
def test_a_field_that_is_wrong_is_named(path, value, says):
    run = whole()
    check_saved(run)
    owner = holder = {"": copy.deepcopy(run)}
    for name in ("", *path)[:-1]:
        owner = owner[name]
    name = ("", *path)[-1]
    if value is ...:
        del owner[name]
    else:
        owner[name] = value
    with pytest.raises(InputError, match=says):
        check_saved(holder[""])


def test_two_benchmarks_have_two_names():
    run = whole()
    run["benchmarks"].append(run["benchmarks"][0])
    with pytest.raises(InputError, match="fullname is there twice"):
        check_saved(run)


def test_a_wrong_file_is_one_line_and_ends_with_code_2(tmp_path, capsys):
    good = save(tmp_path)
    bad = tmp_path / "bad.json"
    for content in (b"\x80", b"[]", b"{", good.read_bytes().replace(b'"median":', b'"middle":', 1)):
        bad.write_bytes(content)
        assert exit_code(["compare", str(good), str(bad)]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert "bad.json' is no file that pytest --benchmark saved: " in line


@pytest.mark.parametrize(
    ("changes", "differ"),
    [({}, set()), ({"memory_gb": 15.8}, set()), ({"memory_gb": 32.0}, {"memory_gb"}), ({"cpu": "Other"}, {"cpu"}),
     ({"cpu_model": "family 6"}, set()), ({"gpu": "Some GPU"}, {"gpu"}), ({"torch": "3"}, set()), ({"threads": 1}, {"threads"})],
)  # fmt: skip
def test_a_machine_is_its_processor_cores_threads_gpu_and_about_its_memory(tmp_path, changes, differ):
    one, other = (load_run(save(tmp_path, number, **facts)) for number, facts in enumerate(({}, changes), 1))
    assert set(one.differences(other)) == differ
    assert set(other.differences(one)) == differ


def test_the_model_of_a_processor_counts_where_both_name_it(tmp_path):
    one, other = (load_run(save(tmp_path, k, cpu_model=f"family 25, model {k}")) for k in (1, 2))
    assert set(one.differences(other)) == {"cpu_model"}
    path = tmp_path / "cpuinfo"
    path.write_text("cpu family\t: 25\nmodel\t\t: 17\nmodel name\t: Some CPU\nstepping\t: 1\n")
    assert cpu_model(str(path)) == "family 25, model 17, stepping 1"


def test_what_is_a_figure_its_name_says():
    higher = {"ratio", "ratio_filtered", "stock_ratio"}
    lower = {"ratio_full", "overhead", "peak_gb", "state_bytes_per_parameter", "bytes", "kernel_launches"}
    for name in higher | lower:
        assert figure_of(name).more_is_better == (name in higher), name
    for name in ("threads", "ratio_rounds", "gb_per_s", "working_set_bytes", "share_of_copy"):
        assert figure_of(name) is None, name
    info = {"ratio": 2, "ratio_rounds": [1, 2, 3], "threads": 1, "peak_bytes_per_parameter": 8.0, "parameters": 1000}
    rows = figures_of({"fullname": "x", "extra_info": info})
    assert [(row["figure"], row["value"], row["data"], row["slack"]) for row in rows] == [
        ("ratio", 2.0, [1.0, 2.0, 3.0], 0.0), ("peak_bytes_per_parameter", 8.0, [], 1000.0)
    ]  # fmt: skip


def test_ratios_and_memory_count_as_regressions(tmp_path, capsys):
    one = save(tmp_path, 1)
    run = json.loads(one.read_text())
    for bench in run["benchmarks"]:
        info = bench["extra_info"]
        info |= {name: 3 * info[name] for name in ("state_bytes_per_parameter",) if name in info}
        info |= {name: info[name] / 3 for name in ("ratio",) if name in info}
    other = tmp_path / "other.json"
    other.write_text(json.dumps(run))
    assert exit_code(["compare", str(one), str(other)]) == 1
    page = capsys.readouterr().out
    # Three ratios of lanes; the states of all but SGD, which has none.
    assert "**9 regressions.**" in page
    assert "| test_lanes.py::test_lanes\\[100\\]" in page
    assert "state bytes per parameter" in page
    assert exit_code(["compare", str(other), str(one)]) == 0
