import optiscope as osc
from optiscope.report.page import repeat


def test_cells_beyond_those_tried_out_are_not_called_one_s_own(monkeypatch):
    monkeypatch.setattr(repeat, "MOST_CELLS", 1)
    made = osc.run(osc.grid("booth", ["SGD", "Adam"], lr=0.01, steps=3), engine="single")
    assert repeat.add_repeats(made.runs)["again"].tolist() == ["", repeat.UNSEEN]
