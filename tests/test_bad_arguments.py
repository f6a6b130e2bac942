"""What Python callers give by mistake: one line that says what was given and what is allowed."""

import pytest
import torch

import optiscope as osc


def sphere(x):
    return (x**2).sum(-1)


def runs(**more):
    [one] = osc.grid("sphere", "SGD", lr=0.1, steps=3)
    return [osc.Run(one.problem, one.optimizer, one.schedule, **{"lr": 0.1} | more)]


CASES = {
    "a name for a run": (lambda: osc.run("rosenbrock"), "runs are what grid(…) gives: a Run or several, got 'rosenbrock'"),
    "nothing for runs": (lambda: osc.run(None), "runs are what grid(…) gives"),
    "names in a run": (lambda: osc.run(osc.Run("sphere", "SGD", "constant", 0.1)), "a run's problem is an optiscope.Problem, got 'sphere'"),
    "steps of a run": (lambda: osc.run(runs(steps=-3)), "a run needs steps >= 1 and lr > 0, got steps=-3"),
    "rate of a run": (lambda: osc.run(runs(lr=float("nan"))), "got steps=500, lr=nan"),
    "start of a run": (lambda: osc.run(runs(start="foo")), "a run's start is \"canonical\", \"random\" or a point, got 'foo'"),
    "store": (lambda: osc.run(runs(), store=3), "a store is a folder: give its path, got 3"),
    "no store": (lambda: osc.Store(None), "a store is a folder"),
    "nul": (lambda: osc.Store("a\0b"), "a store is a folder"),
    "device": (lambda: osc.run(runs(), device=torch.device("cpu")), "device is a name, such as"),
    "memory": (lambda: osc.run(runs(), memory_mb=float("nan")), "memory_mb must be a whole number >= 1, got nan"),
    "jobs": (lambda: osc.run(runs(), jobs=True), "jobs must be a whole number >= 1, got True"),
    "purpose": (lambda: osc.run(runs(), purpose=3), "purpose must be"),
    "progress": (lambda: osc.run(runs(), progress=3), "progress must be a function, or None, got 3"),
    "range": (lambda: osc.tune("sphere", "SGD", lr=[0.1, 0.2]), "lr is the range that is searched, an LrRange"),
    "tuning seeds": (lambda: osc.tune("sphere", "SGD", seeds=1.5), "seeds is the number of tuning seeds, 1 or more, got 1.5"),
    "one number for a start": (lambda: osc.Problem("a", sphere, start=3.0), "problem 'a': start must be finite numbers, got 3.0"),
    "a text for a start": (lambda: osc.Problem("a", sphere, start="ab"), "got 'ab'"),
    "no number in a start": (lambda: osc.Problem("a", sphere, start=(float("nan"), 1)), "got (nan, 1)"),
    "infinite bounds": (lambda: osc.Problem("a", sphere, start=(1,), bounds=((0, float("inf")),)), "bounds must be pairs of finite numbers"),
    "bounds": (lambda: osc.Problem("a", sphere, start=(1,), bounds=(0, 1)), "bounds must be pairs of finite numbers, got 0"),
    "a number for a name": (lambda: osc.Problem(3, sphere, start=(1,)), "a problem needs a name of one line, got 3"),
    "class": (lambda: osc.OptimizerSpec("x", 3), "optimizer 'x' needs a class or its import path, got 3"),
    "arguments": (lambda: osc.OptimizerSpec("x", "torch.optim.SGD", "momentum"), "optimizer 'x': arguments are a dict, got 'momentum'"),
    "factory": (lambda: osc.ScheduleSpec("x", 3), "schedule 'x' needs a function of (optimizer, steps), got 3"),
    "interval": (lambda: osc.ScheduleSpec("x", sphere, interval="foo"), "interval must be one of step, epoch, got 'foo'"),
    "an optimizer at work": (lambda: osc.grid("sphere", torch.optim.SGD([torch.zeros(2)])), "an optimizer is a name, call syntax or"),
    "a long text": (lambda: osc.grid(f"rosenbrock(dim={'9' * 5000})", "SGD"), "cannot read 'rosenbrock(dim=999"),
    "many dimensions": (lambda: osc.grid("rosenbrock(dim=1000000000)", "SGD"), "rosenbrock: dim must be at most 1000000, got 1000000000"),
    "large images": (lambda: osc.grid("demo-cnn(image_size=1000000)", "SGD"), "demo-cnn: image_size must be at most 1024, got 1000000"),
    "a rate beyond floats": (lambda: osc.grid("sphere", "SGD", lr=10**400), "lr must be > 0 and finite, got 1000"),
    "Python's own library": (lambda: osc.grid("os.system(command='echo ran')", "SGD"), "'os.system' is of Python's own library"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_is_one_short_line(case):
    call, message = CASES[case]
    with pytest.raises(osc.OptiscopeError) as caught:
        call()
    text = str(caught.value)
    assert message in text
    assert "\n" not in text
    assert len(text) < 250


MADE = """
import optiscope as osc

def annotated(width=3) -> osc.Problem:
    return osc.Problem("mine", lambda x: (x**2).sum(-1), start=(1.0,) * width)

def bare():
    return annotated(2)

def other() -> int:
    raise RuntimeError("called")
"""


def test_only_what_may_make_a_problem_is_called(tmp_path, monkeypatch):
    (tmp_path / "handmade.py").write_text(MADE)
    monkeypatch.syspath_prepend(tmp_path)
    assert osc.grid("handmade.annotated(width=2)", "SGD")[0].problem.dim == 2
    assert osc.grid("handmade.bare", "SGD")[0].problem.dim == 2
    with pytest.raises(osc.InputError, match="handmade.other makes no optiscope.Problem.*: it is not called"):
        osc.grid("handmade.other", "SGD")


def test_a_search_in_which_everything_diverges_says_so():
    cliff = osc.Problem("cliff", lambda x: (x**2).sum(-1) + torch.nan, start=(1.0,))
    with pytest.warns(UserWarning, match="no rate from .* ends SGD on cliff with a finite loss"):
        assert osc.tune(cliff, "SGD", steps=3).score == float("inf")
