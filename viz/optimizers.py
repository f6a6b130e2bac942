"""Which of seven optimizers follow Beale's valley to the minimum, which circle it, and which are still on the way.

Each runs from the same start at the best rate of one and the same search; this is the film that `optiscope gif` makes.
"""

from _recipe import options, save

from optiscope.racing import prepare_race


def main() -> None:
    """Tune, run and draw the race."""
    tiny, output = options(__doc__, "optimizers.gif")
    race = prepare_race("beale", steps=20) if tiny else prepare_race()
    save(race.draw(frames=12, hold=2.5) if tiny else race.draw(hold=2.5), output)


if __name__ == "__main__":
    main()
