import pytest

from optiscope.errors import InputError
from optiscope.syntax import format_call, import_path, parse_call

CASES = [
    ("SGD", ("SGD", {})),
    ("SGD()", ("SGD", {})),
    (" SGD( momentum = 0.9 ) ", ("SGD", {"momentum": 0.9})),
    ("rosenbrock(dim=10)", ("rosenbrock", {"dim": 10})),
    ("pytorch_optimizer.Lion(betas=(0.9, 0.99))", ("pytorch_optimizer.Lion", {"betas": (0.9, 0.99)})),
    ("demo-cnn(image_size=64)", ("demo-cnn", {"image_size": 64})),
    ("f(a='x', b=None, c=True, d=[1, -2], e={'k': 1e-3})", ("f", {"a": "x", "b": None, "c": True, "d": [1, -2], "e": {"k": 1e-3}})),
    ('SequentialLR(schedulers=["LinearLR(total_iters=5)"])', ("SequentialLR", {"schedulers": ["LinearLR(total_iters=5)"]})),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_reads(text, expected):
    assert parse_call(text) == expected


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_formatting_is_the_inverse(text, expected):
    assert parse_call(format_call(*expected)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "SGD(0.9)", "SGD(momentum=)", "SGD(momentum=0.9", "1SGD", "SGD(**{})", "SGD(a=1)(b=2)", "SGD(a=1, a=2)",
     "SGD(momentum=__import__('os').system('true'))", "SGD(momentum=x)", "SGD(lr=1/3)", "a b"],
)  # fmt: skip
def test_refuses_in_one_line(text):
    with pytest.raises(InputError) as caught:
        parse_call(text)
    assert "\n" not in str(caught.value)
    assert text.strip()[:4] in str(caught.value)


def test_nothing_is_evaluated(tmp_path):
    target = tmp_path / "made"
    with pytest.raises(InputError, match="not a literal"):
        parse_call(f"SGD(momentum=open({str(target)!r}, 'w'))")
    assert not target.exists()


def test_import_path():
    import torch

    assert import_path("torch.optim.SGD") is torch.optim.SGD
    with pytest.raises(InputError, match="cannot import 'nowhere'"):
        import_path("nowhere.Thing")
    with pytest.raises(InputError, match="has no 'Thing'"):
        import_path("torch.optim.Thing")
