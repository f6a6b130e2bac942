import re
import subprocess
import sys

import matplotlib as mpl
import pytest
import torch

from optiscope import InputError
from optiscope.render import looks_of, style_of, theme_of
from optiscope.render.style import short_name

CLASSES = [name for name in dir(torch.optim) if name[0].isupper() and name != "Optimizer"]
KNOWN = [*CLASSES, "Momentum", "Nesterov", "AMSGrad"]


def luminance(color):
    channels = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in mpl.colors.to_rgb(color)]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def contrast(one, other):
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_class_of_torch_has_a_look_of_its_own(theme):
    looks = {name: style_of(name, theme) for name in KNOWN}
    assert len({(look.color, look.dash) for look in looks.values()}) == len(KNOWN) >= 18


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", KNOWN)
def test_names_can_be_read_and_lines_seen(name, theme):
    look, paper = style_of(name, theme), theme_of(theme).paper
    assert contrast(look.ink, paper) >= 4.5
    assert contrast(look.color, paper) >= 2.0


def test_a_call_is_not_its_plain_class():
    plain, usual, odd = style_of("SGD"), style_of("SGD(momentum=0.9)"), style_of("SGD(momentum=0.5)")
    assert len({(look.color, look.dash) for look in (plain, usual, odd)}) == 3
    assert usual == style_of("Momentum") == style_of("torch.optim.SGD(momentum = 0.9)")
    assert style_of("SGD(momentum=0.9, nesterov=True)") == style_of("Nesterov") == style_of("NAG")
    assert style_of("Adam(amsgrad=True)") == style_of("AMSGrad")
    assert style_of("RMSprop") == style_of("RMSProp")


def test_unknown_names_look_the_same_in_every_process():
    code = "from optiscope.render.style import style_of; print(style_of('Lion(betas=(0.9, 0.99))'))"
    answers = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert answers == {str(style_of("Lion(betas=(0.9, 0.99))"))}


def test_no_two_competitors_look_alike():
    names = [*KNOWN, "Lion", "Prodigy", "Sophia", "SGD(momentum=0.5)", "SGD(momentum=0.8)", "SGD(dampening=0.1)", "SGD"]
    looks = looks_of(names)
    assert len(set(looks)) == len(names)
    assert looks[: len(KNOWN)] == [style_of(name) for name in KNOWN]


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ("Adam", "Adam"), ("SGD(momentum=0.9)", "Momentum"), ("SGD(momentum=0)", "SGD"), ("SGD(momentum=0.0)", "SGD"),
        ("SGD(nesterov=True, momentum=0.9)", "Nesterov"), ("Adam(amsgrad=True)", "AMSGrad"), ("Adam(eps=1e-5)", "Adam"),
        ("pkg.mod.Lion(betas=(0.9, 0.99))", "Lion"), ("", ""),
        ("SGD(momentum=0.9, dampening=0.1)", "SGD(momentum=0.9, dampening=0.1)"), ("SGD(dampening=0.1)", "SGD"),
    ],
)  # fmt: skip
def test_short_names(given, short):
    assert short_name(given) == short


def test_unknown_theme():
    with pytest.raises(
        InputError, match=re.escape("theme must be one of light, dark, got 'drak', did you mean 'dark'?")
    ):
        style_of("SGD", "drak")


def test_with_several_schedules_the_colour_is_the_optimizer_s_and_the_dash_the_schedule_s():
    names, schedules = ["Adam", "AMSGrad", "Momentum"], ["constant", "StepLR"]
    cells = [(name, schedule) for name in names for schedule in schedules]
    looks = dict(zip(cells, looks_of([n for n, _ in cells], schedules=[s for _, s in cells]), strict=True))
    assert {look.dash for (_, schedule), look in looks.items() if schedule == "constant"} == {()}
    assert len({look.dash for (_, schedule), look in looks.items() if schedule == "StepLR"}) == 1
    for name in names:
        assert len({looks[name, schedule].color for schedule in schedules}) == 1
    assert len({look.color for look in looks.values()}) == 3  # Adam and AMSGrad are both blue elsewhere
    assert looks["Adam", "constant"].color == style_of("Adam").color
    assert looks_of(["Adam", "Momentum"], schedules=["StepLR"] * 2) == [style_of("Adam"), style_of("Momentum")]
