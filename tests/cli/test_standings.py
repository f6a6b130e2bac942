"""What `optiscope gif` prints of a race, and what the race hands to its picture."""

from study_frames import make_runs

from optiscope.cli.race import standings
from optiscope.racing import prepare_race
from optiscope.tuning import LrRange


def test_who_left_the_domain_or_diverged_comes_last_and_has_no_gap():
    runs = make_runs(
        {"optimizer": "SGD", "loss_final": -1500.0, "loss_floor": -959.64},
        {"optimizer": "Adam", "loss_final": -900.0, "loss_floor": -959.64},
        {"optimizer": "RMSprop", "status": "diverged", "steps_done": 7, "loss_final": 1e9, "loss_floor": -959.64},
    )
    lines = standings(runs).splitlines()
    assert [line.split()[0] for line in lines] == ["Adam", "SGD", "RMSprop"]
    assert lines[0].split()[3:5] == ["ends", "59.6"]
    assert lines[1].endswith("left the domain")
    assert "diverged at step 8" in lines[2]


def test_rates_on_the_bound_of_the_search_reach_the_picture(monkeypatch):
    monkeypatch.setattr("optiscope.racing.RACE_RATES", LrRange(1e-3, 1e-2, lowest=1e-3, highest=1e-2))
    prepared = prepare_race("sphere", ["SGD", "Adam"], steps=5)
    assert prepared.edges == ["high", "high"]
    assert "on the bound: SGD, Adam" in prepared.subtitle
    figure = prepared.draw(frames=2).still()
    rates = [a for a in figure.findobj() if str(a.get_gid() or "").startswith("rate:")]
    assert [text.get_text() for text in rates] == ["lr 0.01 †", "lr 0.01 †"]
