"""Every loss of the catalogue: the laws that all of them obey, on random data, and values from elsewhere."""

import itertools
import math

import numpy as np
import pytest
import scipy.spatial
import scipy.special
import scipy.stats
import sklearn.metrics
import torch

import optiscope as osc
from optiscope.catalogues.losses import LOSSES
from optiscope.catalogues.losses.curves import COLUMNS, sample_losses
from optiscope.naming import as_loss
from optiscope.streams import torch_generator

NAMES = [spec.name for spec in LOSSES]
# The same losses with arguments that change what they are called with, or divide by.
CALLS = [
    *NAMES, "CrossEntropyLoss(label_smoothing=0.1)", "CrossEntropyLoss(weight=(1.0, 2.0, 0.5))", "NLLLoss(weight=(1.0, 2.0, 0.5))",
    "KLDivLoss(log_target=True)", "PoissonNLLLoss(log_input=False)", "GaussianNLLLoss(full=True)", "HuberLoss(delta=0.3)",
    "SmoothL1Loss(beta=0.3)", "MultiMarginLoss(p=2)", "MultiMarginLoss(weight=(1.0, 2.0, 0.5))", "CTCLoss(blank=2)",
    "BCEWithLogitsLoss(pos_weight=(1.0, 2.0, 0.5))", "BCELoss(weight=(1.0, 2.0, 0.5))", "TripletMarginLoss(swap=True)", "CosineEmbeddingLoss(margin=0.3)",
]  # fmt: skip


def drawn(call, seed=0):
    spec = as_loss(call)
    return spec, *spec.example(torch_generator(seed, "test"))


def each(spec, output, target):
    return spec.with_arguments({"reduction": "none"}).evaluate(output, target)


def leaves(output):
    parts = output if isinstance(output, tuple) else (output,)
    return [part.detach().clone().requires_grad_() for part in parts]


def gradient(spec, output, target):
    parts = leaves(output)
    spec.evaluate(tuple(parts) if isinstance(output, tuple) else parts[0], target).sum().backward()
    return [part.grad for part in parts]


def log_softmax(shape, seed=0, dim=-1):
    return torch.randn(shape, generator=torch_generator(seed, "test"), dtype=torch.float64).log_softmax(dim)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch_generator(seed, "test"), dtype=torch.float64)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("seed", range(3))
def test_examples_fit_and_give_a_finite_loss_with_a_gradient(call, seed):
    spec, output, target = drawn(call, seed)
    spec.check(output, target)
    assert math.isfinite(spec.evaluate(output, target))
    assert all(torch.isfinite(part).all() for part in gradient(spec, output, target))
    again = spec.example(torch_generator(seed, "test"))
    assert all(map(torch.equal, leaves(output), leaves(again[0])))


@pytest.mark.parametrize("call", CALLS)
def test_gradients_against_finite_differences(call):
    spec, output, target = drawn(call)
    parts, several = leaves(output), isinstance(output, tuple)

    def function(*parts):
        return spec.evaluate(parts if several else parts[0], target)

    if spec.name == "CTCLoss":  # its gradient is that of the logits behind log_softmax
        parts = [parts[0].detach().requires_grad_()]
        assert torch.autograd.gradcheck(lambda x: function(x.log_softmax(-1)), parts)
    else:
        assert torch.autograd.gradcheck(function, parts)


@pytest.mark.parametrize("call", CALLS)
def test_sum_is_the_sum_and_mean_the_mean(call):
    spec, output, target = drawn(call)
    values = each(spec, output, target)
    total = spec.with_arguments({"reduction": "sum"}).evaluate(output, target)
    mean = spec.with_arguments({"reduction": "mean"}).evaluate(output, target)
    torch.testing.assert_close(total, values.sum())
    if spec.name in ("CrossEntropyLoss", "NLLLoss") and "weight" in spec.arguments:
        expected = values.sum() / torch.tensor(spec.arguments["weight"], dtype=torch.float64)[target].sum()
    elif spec.name == "CTCLoss":
        expected = (values / target[2]).mean()
    else:
        expected = values.mean()
    torch.testing.assert_close(mean, expected)


def test_batchmean_divides_by_the_batch():
    spec, output, target = drawn("KLDivLoss(reduction='batchmean')")
    torch.testing.assert_close(spec.evaluate(output, target), each(spec, output, target).sum() / len(output))


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss"])
def test_an_ignored_target_contributes_nothing(name):
    spec, output, target = drawn(f"{name}(ignore_index=-7)")
    target[1::2] = -7
    spec.check(output, target)
    torch.testing.assert_close(spec.evaluate(output, target), spec.evaluate(output[::2], target[::2]))
    [slope] = gradient(spec, output, target)
    assert (slope[1::2] == 0).all()
    assert (slope[::2] != 0).any(-1).all()
    assert (each(spec, output, target)[1::2] == 0).all()


def test_weights_rescale():
    output, target = normal(9, 3), torch.arange(9) % 3
    plain, weighted = as_loss("CrossEntropyLoss"), as_loss("CrossEntropyLoss(weight=(1.0, 2.0, 0.5))")
    scale = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    torch.testing.assert_close(each(weighted, output, target), each(plain, output, target) * scale[target])
    twice = as_loss("CrossEntropyLoss(weight=(2.0, 4.0, 1.0))")
    torch.testing.assert_close(twice.evaluate(output, target), weighted.evaluate(output, target))
    bits = (target[:, None] == torch.arange(3)).double()
    positive = each(as_loss("BCEWithLogitsLoss(pos_weight=(1.0, 2.0, 0.5))"), output, bits)
    torch.testing.assert_close(
        positive, each(as_loss("BCEWithLogitsLoss"), output, bits) * torch.where(bits == 1, scale, 1)
    )


def test_cross_entropy_is_log_softmax_and_negative_log_likelihood():
    output, target = normal(8, 5, 2), torch.arange(16).reshape(8, 2) % 5
    for arguments in ({}, {"weight": (1.0, 2.0, 3.0, 4.0, 5.0)}, {"ignore_index": 2}):
        cross, negative = (as_loss(name).with_arguments(arguments) for name in ("CrossEntropyLoss", "NLLLoss"))
        torch.testing.assert_close(
            cross.evaluate(output, target), negative.evaluate(output.log_softmax(1), target), rtol=1e-12, atol=0
        )


def test_label_smoothing_is_cross_entropy_with_a_smoothed_target():
    output, target = normal(8, 5), torch.arange(8) % 5
    soft = 0.8 * (target[:, None] == torch.arange(5)).double() + 0.2 / 5
    smooth = as_loss("CrossEntropyLoss(label_smoothing=0.2)").evaluate(output, target)
    torch.testing.assert_close(smooth, as_loss("CrossEntropyLoss").evaluate(output, soft))


def test_bce_with_logits_is_sigmoid_and_bce_where_that_is_finite():
    logits, target = 6 * normal(50), torch.rand(50, generator=torch_generator(1, "test"), dtype=torch.float64)
    with_logits, plain = as_loss("BCEWithLogitsLoss"), as_loss("BCELoss")
    torch.testing.assert_close(each(with_logits, logits, target), each(plain, logits.sigmoid(), target))


def test_bce_with_logits_stays_right_where_a_sigmoid_is_full():
    far = torch.tensor([1e4, -1e4], dtype=torch.float64)
    wrong = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert each(as_loss("BCEWithLogitsLoss"), far, wrong).tolist() == [1e4, 1e4]
    assert each(as_loss("BCELoss"), far.sigmoid(), wrong).tolist() == [100.0, 100.0]  # torch's clamp
    [slope] = gradient(as_loss("BCEWithLogitsLoss(reduction='sum')"), far, wrong)
    assert slope.tolist() == [1.0, -1.0]


X, Y = normal(6, 5), normal(6, 5, seed=1)
P = torch.rand(6, 5, generator=torch_generator(2, "test"), dtype=torch.float64)
LOG, SOFT = log_softmax((6, 5)), log_softmax((6, 5), 1).exp()
SIGN, CLASS = torch.where(Y > 0, 1.0, -1.0).double(), torch.tensor([0, 1, 2, 3, 4, 0])
ORACLES = {
    "L1Loss": (X, Y, lambda x, y: sklearn.metrics.mean_absolute_error(x, y)),
    "MSELoss": (X, Y, lambda x, y: sklearn.metrics.mean_squared_error(x, y)),
    "HuberLoss(delta=0.7)": (X, Y, lambda x, y: scipy.special.huber(0.7, x - y).mean()),
    "SmoothL1Loss(beta=0.7)": (X, Y, lambda x, y: scipy.special.huber(0.7, x - y).mean() / 0.7),
    "GaussianNLLLoss(full=True)": ((X, P + 0.1), Y, lambda x, v, y: -scipy.stats.norm.logpdf(y, x, v**0.5).mean()),
    "PoissonNLLLoss": (X, (5 * P).floor(), lambda x, y: -(scipy.stats.poisson.logpmf(y, np.exp(x)) + scipy.special.gammaln(y + 1)).mean()),
    "CrossEntropyLoss": (X, CLASS, lambda x, y: sklearn.metrics.log_loss(y, scipy.special.softmax(x, 1))),
    "CrossEntropyLoss(weight=(1.0, 2.0, 3.0, 4.0, 5.0))": (X, CLASS, lambda x, y: sklearn.metrics.log_loss(y, scipy.special.softmax(x, 1), sample_weight=y + 1)),
    "NLLLoss": (LOG, CLASS, lambda x, y: sklearn.metrics.log_loss(y, np.exp(x))),
    "KLDivLoss(reduction='batchmean')": (LOG, SOFT, lambda x, y: scipy.stats.entropy(y, np.exp(x), axis=1).mean()),
    "KLDivLoss(reduction='sum')": (LOG, SOFT, lambda x, y: scipy.special.rel_entr(y, np.exp(x)).sum()),
    "BCELoss": (P, (Y > 0).double(), lambda x, y: sklearn.metrics.log_loss(y.ravel(), x.ravel())),
    "BCEWithLogitsLoss": (X, P, lambda x, y: -(y * scipy.special.log_expit(x) + (1 - y) * scipy.special.log_expit(-x)).mean()),
    "MultiLabelSoftMarginLoss": (X, (Y > 0).double(), lambda x, y: sklearn.metrics.log_loss(y.ravel(), scipy.special.expit(x).ravel())),
    "SoftMarginLoss": (X, SIGN, lambda x, y: np.logaddexp(0, -x * y).mean()),
    "HingeEmbeddingLoss(margin=0.5)": (P, SIGN, lambda x, y: np.concatenate([x[y > 0], np.maximum(0, 0.5 - x[y < 0])]).mean()),
    "CosineEmbeddingLoss": ((X, Y), torch.ones(6), lambda a, b, y: np.mean([*map(scipy.spatial.distance.cosine, a, b)])),
    "MarginRankingLoss(margin=1.0)": ((X[0], Y[0]), SIGN[0], lambda a, b, y: sklearn.metrics.hinge_loss(y, a - b)),
    "TripletMarginLoss(eps=0.0, margin=9.0)": ((X, Y, P), None, lambda a, p, n: 9 + np.mean(np.linalg.norm(a - p, axis=1) - np.linalg.norm(a - n, axis=1))),
    "TripletMarginLoss(eps=0.0, margin=9.0, p=1.0)": ((X, Y, P), None, lambda a, p, n: 9 + np.mean([scipy.spatial.distance.cityblock(*v) for v in zip(a, p, strict=True)]) - np.mean([scipy.spatial.distance.cityblock(*v) for v in zip(a, n, strict=True)])),
    "TripletMarginWithDistanceLoss(margin=90.0, distance_function='optiscope.catalogues.losses.curves.squared_distance')": ((X, Y, P), None, lambda a, p, n: 90 + np.mean([scipy.spatial.distance.sqeuclidean(*v) for v in zip(a, p, strict=True)]) - np.mean([scipy.spatial.distance.sqeuclidean(*v) for v in zip(a, n, strict=True)])),
    # Two classes: the sum over the others has one term, and half of it is taken.
    "MultiMarginLoss": (X[:, :2], CLASS % 2, lambda x, y: sklearn.metrics.hinge_loss(y, x[:, 1] - x[:, 0]) / 2),
    # The example of torch's own page: x[3] and x[0] against the two that are no labels.
    "MultiLabelMarginLoss": (torch.tensor([0.1, 0.2, 0.4, 0.8]), torch.tensor([3, 0, -1, 1]), lambda x, y: 0.25 * (0.4 + 0.6 + 1.1 + 1.3)),
}  # fmt: skip


@pytest.mark.parametrize("call", ORACLES)
def test_values_from_elsewhere(call):
    output, target, oracle = ORACLES[call]
    spec = as_loss(call)
    tensors = [*(output if isinstance(output, tuple) else [output]), *([] if target is None else [target])]
    assert float(spec.evaluate(output, target)) == pytest.approx(oracle(*(tensor.numpy() for tensor in tensors)))


def test_ctc_is_the_sum_over_all_alignments():
    scores, label = log_softmax((4, 1, 3)), [1, 2]
    total = 0.0
    for path in itertools.product(range(3), repeat=4):
        squeezed = [c for c, _ in itertools.groupby(path) if c != 0]
        total += math.exp(sum(scores[t, 0, c] for t, c in enumerate(path))) if squeezed == label else 0.0
    target = (torch.tensor([label]), torch.tensor([4]), torch.tensor([2]))
    assert float(as_loss("CTCLoss(reduction='sum')").evaluate(scores, target)) == pytest.approx(-math.log(total))


def test_each_loss_has_its_oracle():
    assert {call.partition("(")[0] for call in ORACLES} | {"CTCLoss"} == set(NAMES)


def test_class_weights_follow_the_output():
    spec = as_loss("CrossEntropyLoss(weight=(0.1, 0.7))")
    for dtype in (torch.float32, torch.float64):
        assert spec.evaluate(normal(4, 2).to(dtype), torch.tensor([0, 1, 1, 0])).dtype == dtype
    given = osc.losses()["CrossEntropyLoss"].with_arguments({"weight": torch.tensor([0.5, 0.25])})
    assert given.label == "CrossEntropyLoss(weight=(0.5, 0.25))"


def test_every_loss_has_its_curves_and_the_slope_of_the_value_is_the_gradient():
    frame = sample_losses(2001)
    assert tuple(frame.columns) == COLUMNS
    assert set(frame["loss"]) == set(NAMES)
    for (name, target), rows in frame.groupby(["loss", "target"]):
        x, value, slope = (rows[key].to_numpy() for key in ("prediction", "value", "gradient"))
        assert np.isfinite(value).all(), (name, target)
        # The value between two points is the area under the slope; corners and poles apart.
        area = (slope[1:] + slope[:-1]) / 2 * np.diff(x)
        assert np.quantile(np.abs(np.diff(value) - area), 0.97) < 1e-4, (name, target)
