"""What a store holds already stays as it is; where that is not what was asked for now, one line says so."""

import warnings

import pytest

import optiscope as osc

LINE = "of 4 runs that .* holds already, {}: they stay as they are; another folder makes them anew$"


def sweep(**options):
    return osc.grid("beale", "Adam", lr=[1e-3, 1e-2], seed=range(2), start="random", steps=10, **options)


@pytest.mark.parametrize(("before", "now"), [("none", "all"), ("none", "ends"), (5, "all"), ("best", "loss")])
def test_a_lacking_trace_is_told(tmp_path, before, now):
    osc.run(sweep(), store=tmp_path, trace=before)
    lacking = 3 if before == "best" else 4
    with pytest.warns(UserWarning, match=LINE.format(f"{lacking} lack the trace asked for")) as caught:
        osc.run(sweep(), store=tmp_path, trace=now)
    assert len(caught) == 1


def test_another_engine_is_told(tmp_path):
    osc.run(sweep(), store=tmp_path, engine="stacked")
    with pytest.warns(UserWarning, match=LINE.format("4 were made by engine='stacked'")):
        osc.run(sweep(), store=tmp_path, engine="single")


@pytest.mark.parametrize(("before", "now"), [("all", "all"), ("all", 5), ("all", "ends"), (3, 3), ("sample", "sample")])
@pytest.mark.parametrize("engine", ["auto", "single"])
def test_what_was_asked_for_before_is_no_word_worth(tmp_path, before, now, engine):
    # One of them diverges half way, one at once: the trace goes as far as the run.
    runs = sweep() + osc.grid("beale", "SGD", lr=[1e-3, 10.0, 1e200], steps=10)
    osc.run(runs, store=tmp_path, trace=before, engine=engine)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        osc.run(runs, store=tmp_path, trace=now, engine=engine)
