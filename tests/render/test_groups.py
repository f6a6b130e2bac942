import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from optiscope import InputError
from optiscope.render import parameter_groups


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "group": [0, 1, 2],
            "pattern": ["", "bias, norm", "head"],
            "members": [("a.weight", "b.weight"), ("a.bias",), ("head.weight",)],
            "shapes": [((40, 30), (5, 40)), ((40,),), ((10, 5),)],
            "weights": [1400, 40, 50],
            "lr": [0.1, 0.1, 0.01],
            "momentum": [0.9, 0.9, np.nan],
            "weight_decay": [0.01, 0.0, 0.01],
            "frozen_until": [0, 0, 3],
            "state_bytes": [11_208, 324, 404],
        }
    )


@pytest.fixture
def trace():
    rates = np.array([0.1, 0.1, 0.08, 0.05, 0.02, 0.0])
    late = np.where(np.arange(6) >= 3, rates / 10, np.nan)
    return pd.DataFrame({"step": range(6), "lr_group0": rates, "lr_group1": rates, "lr_group2": late})


def texts(figure):
    return {text.get_gid(): text.get_text() for text in figure.axes[0].texts if text.get_gid()}


def test_the_table_says_what_the_frame_holds(table):
    said = texts(parameter_groups(table))
    assert [said[f"name:{i}"] for i in range(3)] == ["all others", "bias, norm", "head, from step 3"]
    assert [said[f"weights:{i}"] for i in range(3)] == ["1,400", "40", "50"]
    assert [said[f"momentum:{i}"] for i in range(3)] == ["0.9", "0.9", "–"]
    assert [said[f"state_bytes:{i}"] for i in range(3)] == ["11.2 kB", "324 B", "404 B"]


def test_lines_are_the_trace_s_in_the_colours_of_the_table(table, trace):
    figure = parameter_groups(table, trace)
    below, ax = figure.axes
    keys = {patch.get_gid(): to_hex(patch.get_facecolor()) for patch in below.patches if patch.get_gid()}
    lines = {line.get_gid(): line for line in ax.lines if str(line.get_gid()).startswith("rate:")}
    for i in range(3):
        line = lines[f"rate:{i}"]
        assert np.array_equal(line.get_ydata(), trace[f"lr_group{i}"][:-1], equal_nan=True)
        assert to_hex(line.get_color()) == keys[f"key:{i}"]
    assert len(set(keys.values())) == 3
    assert lines["rate:0"].get_linestyle() == lines["rate:2"].get_linestyle() == "-"
    assert lines["rate:1"].get_linestyle() == "--"  # the same rate as group 0, which is seen through the gaps
    assert [text.get_text() for text in ax.texts] == ["joins at step 3"]
    assert ax.get_yscale() == "log"


def test_one_group_and_many(table):
    assert len(texts(parameter_groups(table.iloc[:1]))) == 6
    many = pd.concat([table.iloc[[1]]] * 12, ignore_index=True).assign(group=range(12))
    assert parameter_groups(many, theme="dark").get_figheight() > 6
    with pytest.raises(InputError, match="13 groups: at most 12 fit one picture"):
        parameter_groups(pd.concat([many, table.iloc[:1]]))


def test_bad_frames(table, trace):
    with pytest.raises(InputError, match="make it with group_table"):
        parameter_groups(table.drop(columns="lr"))
    with pytest.raises(InputError, match="run the groups' optimizer"):
        parameter_groups(table, trace.drop(columns="lr_group2"))
