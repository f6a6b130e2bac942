"""The nearest valid name in a message."""

import pytest

from optiscope.errors import nearest

SCHEDULES = ("constant", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "StepLR", "warmup_cosine", "wsd")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("Cosin", "CosineAnnealingLR"),  # the start of a name, the shortest of those it starts
        ("cosineannealingw", "CosineAnnealingWarmRestarts"),
        ("SteppLR", "StepLR"),  # a slip inside the name
        ("warmup_cosin", "warmup_cosine"),
        ("Steplr", "StepLR"),
    ],
)
def test_the_nearest_name(given, found):
    assert nearest(given, SCHEDULES) == f", did you mean {found!r}?"


@pytest.mark.parametrize("given", ["qqq", "zz", ""])
def test_no_name_is_near(given):
    assert nearest(given, SCHEDULES) == ""
