"""The front door: its names, its docstrings, and what it does not import."""

import inspect
import re
import subprocess
import sys

import pytest

import optiscope as osc
from optiscope.catalogues.losses import LOSSES, NOT_LOSSES
from optiscope.catalogues.optimizers import OPTIMIZERS
from optiscope.catalogues.problems import FUNCTIONS, LEARNING, PROBLEMS
from optiscope.catalogues.schedules import SCHEDULES


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


def test_all_is_sorted_and_complete():
    assert osc.__all__ == sorted(osc.__all__, key=lambda name: (name[0].islower(), name))
    assert len(set(osc.__all__)) == len(osc.__all__)
    assert set(osc.__all__) == {name for names in osc._HOME.values() for name in names}


def test_what_type_checkers_see_is_what_there_is():
    source = inspect.getsource(osc)
    source = re.sub(
        r"import \(\s+(.*?),?\s+\)", lambda wrapped: "import " + " ".join(wrapped[1].split()), source, flags=re.S
    )
    for module, names in osc._HOME.items():
        assert f"from .{module} import {', '.join(names)}\n" in source


def test_every_error_is_public():
    from optiscope import errors

    tree = {name for name, thing in vars(errors).items() if inspect.isclass(thing) and issubclass(thing, Exception)}
    assert tree <= set(osc.__all__)


@pytest.mark.parametrize("name", osc.__all__)
def test_every_public_name_has_a_docstring(name):
    thing = getattr(osc, name)
    text = inspect.getdoc(thing)
    assert text
    # A dataclass without one is given its signature.
    assert not text.startswith(f"{name}(")
    members = vars(thing).items() if inspect.isclass(thing) else ()
    bare = [
        key for key, member in members
        if not key.startswith("_") and (inspect.isfunction(member) or isinstance(member, (property, classmethod)))
        and not inspect.getdoc(getattr(thing, key))
    ]  # fmt: skip
    assert bare == []


@pytest.mark.parametrize("room", osc._ROOMS)
def test_every_room_says_what_is_in_it(room):
    module = getattr(osc, room)
    assert module.__doc__
    assert all(inspect.getdoc(getattr(module, name)) for name in module.__all__ if callable(getattr(module, name)))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        osc.nothing  # noqa: B018


def test_the_front_door_imports_nothing_heavy():
    heavy = ["torch", "numpy", "pandas", "matplotlib", "pyarrow", "pydantic", "typer", "sklearn"]
    assert python(f"import sys, optiscope; print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_names_stay_what_they_are_when_rooms_of_the_same_name_are_imported():
    code = """
import optiscope as osc
before = {name: getattr(osc, name) for name in osc.__all__}
import optiscope.catalogues.problems, optiscope.catalogues.optimizers, optiscope.catalogues.schedules
import optiscope.grouping, optiscope.groups
import optiscope.catalogues.losses, optiscope.tuning, optiscope.engine, optiscope.study, optiscope.racing
import optiscope.store, optiscope.record, optiscope.spec, optiscope.metrics, optiscope.render, optiscope.report
import optiscope.cli.commands, optiscope.cli.study, optiscope.cli.race, optiscope.cli.listing
assert all(getattr(osc, name) is thing for name, thing in before.items())
assert all(callable(getattr(osc, name)) for name in ("grid", "run", "tune", "problems", "optimizers", "schedules"))
print(len(osc.problems()))
"""
    assert python(code) == str(len(PROBLEMS))


def test_catalogues_have_no_name_twice():
    for catalogue in (PROBLEMS, OPTIMIZERS, SCHEDULES, LOSSES):
        names = [entry.name.lower() for entry in catalogue]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("family", FUNCTIONS, ids=lambda family: family.name)
def test_functions_say_what_they_are(family):
    problem = family.build({})
    assert family.note
    assert inspect.getdoc(family.make)
    assert problem.formula.startswith("f(")
    assert len(problem.source) > 10
    assert problem.bounds
    assert problem.minimum_value is not None
    assert problem.minima


@pytest.mark.parametrize("family", LEARNING, ids=lambda family: family.name)
def test_networks_say_what_they_are(family):
    problem = family.build({})
    assert family.note
    assert inspect.getdoc(family.make)
    assert problem.formula
    assert problem.source
    assert problem.metrics


def test_optimizers_name_their_source():
    assert [spec.name for spec in OPTIMIZERS if not spec.source] == []


def test_schedules_say_what_they_do():
    assert [family.name for family in SCHEDULES if not family.build({}).note.endswith(".")] == []


def test_losses_have_a_formula_and_are_all_there():
    import torch

    for spec in LOSSES:
        assert spec.formula
        assert spec.source
        assert spec.output
        assert set(spec.reductions) >= {"none", "mean", "sum"}
        assert isinstance(spec.build(), torch.nn.Module)
    # LinearCrossEntropyLoss is younger than the oldest torch that is supported.
    assert {name for name in vars(torch.nn) if "Loss" in name} | {"LinearCrossEntropyLoss"} == {
        spec.name for spec in LOSSES
    } | set(NOT_LOSSES)
    assert all(NOT_LOSSES.values())
