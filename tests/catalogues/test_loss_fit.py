"""A loss that does not fit its output or target says so in one line; and a learning problem takes any loss that does."""

import warnings
from dataclasses import replace

import pytest
import torch

import optiscope as osc
from optiscope.catalogues.losses import LOSSES, NOT_LOSSES, Criterion, class_criterion, value_criterion
from optiscope.catalogues.problems import PROBLEMS
from optiscope.naming import as_loss, as_problem
from optiscope.streams import torch_generator

LOGITS = torch.randn(4, 3, generator=torch_generator(0, "test"))
INDEX = torch.tensor([0, 1, 2, 1])
PROBABILITIES = LOGITS.softmax(-1)
LOGARITHMS = LOGITS.log_softmax(-1)
ONE = torch.ones(4)


def twice(output, target, scale=2.0):
    """A loss of one's own: it gives a number an example."""
    return scale * torch.nn.functional.cross_entropy(output, target, reduction="none")


def scalar(output, target):
    return torch.nn.functional.cross_entropy(output, target)


def plain_number(output, target):
    return 1.5


class Scaled(torch.nn.Module):
    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = scale

    def forward(self, output, target):
        return self.scale * scalar(output, target)


WRONG = [
    ("KLDivLoss", PROBABILITIES, PROBABILITIES, r"input must be log-probabilities \(<= 0\), but it has a largest value of 0.\d+: is a log_softmax missing\?"),
    ("KLDivLoss", LOGARITHMS, LOGARITHMS, "target must be probabilities in .* but it has a least value of -"),
    ("KLDivLoss(log_target=True)", LOGARITHMS, PROBABILITIES, "target must be log-probabilities"),
    ("NLLLoss", LOGITS, INDEX, "input must be log-probabilities"),
    ("NLLLoss", -LOGITS.abs() - 2, INDEX, "has probabilities that sum to 0.*: is a log_softmax missing"),
    ("NLLLoss", LOGARITHMS, INDEX.float(), r"target must be class indices from 0 to C - 1, int64, shape \(N, …\) or \(\); got dtype float32"),
    ("BCELoss", LOGITS, (LOGITS > 0).float(), "input must be probabilities in .* is a sigmoid missing"),
    ("BCEWithLogitsLoss", LOGITS, 2 * PROBABILITIES + 1, "target must be numbers in .*largest value"),
    ("BCEWithLogitsLoss", LOGITS, INDEX, "target must be numbers in .* got dtype int64"),
    ("CrossEntropyLoss", LOGITS, torch.tensor([0, 1, 3, 0]), "class indices from 0 to C - 1, but it has a class 3 where there are 3"),
    ("CrossEntropyLoss", LOGITS, torch.tensor([0, 1, -1, 0]), "it has a class -1"),
    ("CrossEntropyLoss", LOGITS, INDEX[:3], r"target must have shape \(N, …\) or \(\) beside input of shape \(4, 3\), got \(3\,\)"),
    ("CrossEntropyLoss", LOGITS, INDEX.int(), "got dtype int32"),
    ("CrossEntropyLoss", LOGITS, LOGITS, "target must be probabilities"),
    ("CrossEntropyLoss", LOGITS, 0.5 * PROBABILITIES, "probabilities that sum to 0.5"),
    ("CrossEntropyLoss(weight=(1.0, 2.0))", LOGITS, INDEX, "weight must be 3 numbers, one a class"),
    ("CrossEntropyLoss", LOGITS * float("nan"), INDEX, "has NaN"),
    ("CrossEntropyLoss", LOGITS[:0], INDEX[:0], "input is empty"),
    ("CrossEntropyLoss", "logits", INDEX, "input must be a tensor, got str"),
    ("MSELoss", LOGITS, LOGITS[:, :1], r"target must have the shape of input, \(4, 3\), got \(4, 1\)$"),
    ("MSELoss", LOGITS, LOGITS.double(), "target is float64 and input float32: they must be alike"),
    ("SoftMarginLoss", ONE, 0 * ONE, "target must be 1 or -1, but it has a value of 0"),
    ("MultiLabelSoftMarginLoss", LOGITS, PROBABILITIES, "target must be 0 or 1"),
    ("MultiLabelMarginLoss", LOGITS, INDEX[:, None].expand(4, 3) + 1, "a class 3 where there are 3"),
    ("PoissonNLLLoss", LOGITS, -LOGITS.abs(), "target must be counts"),
    ("PoissonNLLLoss(log_input=False)", -LOGITS.abs(), LOGITS.abs(), "input must be rates .* is an exp missing"),
    ("GaussianNLLLoss", (LOGITS, -LOGITS.abs()), LOGITS, "var must be variances"),
    ("GaussianNLLLoss", LOGITS, LOGITS, r"its output is 1 tensors, but it takes 2 \(input, var\)"),
    ("TripletMarginLoss", (LOGITS, LOGITS, LOGITS), LOGITS, "its target is 1 tensors, but it takes none"),
    ("HingeEmbeddingLoss", LOGITS, LOGITS.sign(), "input must be distances"),
    ("CTCLoss", LOGITS.log_softmax(-1)[:, None], (torch.tensor([[1, 0]]), torch.tensor([4]), torch.tensor([2])), "a label 0 where there are 3 classes and 0 is the blank"),
    ("CTCLoss", LOGITS.log_softmax(-1)[:, None], (torch.tensor([[1, 2]]), torch.tensor([9]), torch.tensor([2])), "has a length of 9"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "output", "target", "message"), WRONG)
def test_what_does_not_fit_is_one_clear_line(call, output, target, message):
    with pytest.raises(osc.InputError, match=message) as caught:
        as_loss(call).check(output, target)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(call.partition("(")[0])


RIGHT = [
    ("CrossEntropyLoss", LOGITS, torch.tensor([0, -100, 2, 1])),  # the ignored index is no class
    ("CrossEntropyLoss", LOGITS[0], INDEX[0]),
    ("CrossEntropyLoss", LOGITS[0], PROBABILITIES[0]),
    ("CrossEntropyLoss", LOGITS.reshape(2, 3, 2), INDEX.reshape(2, 2)),
    ("CrossEntropyLoss", LOGITS.half(), INDEX),
    ("NLLLoss", LOGARITHMS.half(), INDEX),
    ("KLDivLoss", LOGARITHMS, PROBABILITIES),
    ("GaussianNLLLoss", (LOGITS, ONE[:, None]), LOGITS),
    ("GaussianNLLLoss", (LOGITS, ONE), LOGITS),
    ("SoftMarginLoss", ONE, -INDEX * 0 + 1),
    ("CTCLoss", LOGARITHMS, (torch.tensor([1, 2]), torch.tensor(4), torch.tensor(2))),
    ("MultiMarginLoss", LOGITS[0], INDEX[1]),
]  # fmt: skip


@pytest.mark.parametrize(("call", "output", "target"), RIGHT)
def test_what_fits_passes(call, output, target):
    as_loss(call).check(output, target)


BAD = [
    ("CrossEntropyLos", r"unknown loss 'CrossEntropyLos', did you mean 'CrossEntropyLoss'\? .*optiscope list losses"),
    ("CrossEntropyLoss(label_smothing=0.1)", "takes no argument 'label_smothing', did you mean 'label_smoothing'"),
    ("CrossEntropyLoss(label_smoothing=2.0)", "label_smoothing must be a number from 0 to 1, got 2.0"),
    ("CrossEntropyLoss(weight=('a',))", "refuses its arguments"),
    ("MSELoss(size_average=True)", "takes no argument 'size_average'"),
    ("MSELoss(reduction='men')", "reduction must be one of none, mean, sum, got 'men', did you mean 'mean'"),
    ("MultiMarginLoss(p=3)", "only p == 1 and p == 2 supported"),
    ("HuberLoss(delta=-1.0)", "refuses its arguments"),
    ("torch.pi", "cannot be called"),
    ("torch.nothing", "has no 'nothing'"),
    ("torch.nn.LinearCrossEntropyLoss", "is no loss here: it is a layer with weights"),
    (3.0, "a loss is a name, call syntax, a function"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), BAD)
def test_a_loss_that_is_none_is_one_clear_line(call, message):
    with pytest.raises(osc.InputError, match=message) as caught:
        as_loss(call)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NOT_LOSSES)
def test_what_is_no_loss_says_why(name):
    with pytest.raises(osc.InputError, match="is no loss here: it is"):
        as_loss(name)


def test_a_loss_with_weights_of_its_own_is_refused():
    with pytest.raises(osc.InputError, match="'in_features'|refuses its arguments"):
        as_loss("torch.nn.Linear")
    with pytest.raises(osc.InputError, match="has weights of its own"):
        as_loss("torch.nn.Linear(in_features=2, out_features=2)")


def test_a_function_an_import_path_a_class_and_a_spec():
    expected = 2 * torch.nn.functional.cross_entropy(LOGITS, INDEX, reduction="none")
    path = f"{twice.__module__}.twice"
    assert as_loss(twice).label == path
    torch.testing.assert_close(as_loss(twice).evaluate(LOGITS, INDEX), expected)
    spec = osc.LossSpec("mine", twice, {"scale": 4.0})
    assert spec.label == "mine(scale=4.0)"
    assert as_loss(spec) is spec
    torch.testing.assert_close(spec.evaluate(LOGITS, INDEX), 2 * expected)
    torch.testing.assert_close(
        as_loss("torch.nn.functional.cross_entropy(reduction='none')").evaluate(LOGITS, INDEX), expected / 2
    )
    assert as_loss("torch.nn.MSELoss") == osc.losses()["MSELoss"]
    module = osc.LossSpec("module", Scaled, {"scale": 3.0})
    torch.testing.assert_close(module.evaluate(LOGITS, INDEX), 1.5 * expected.mean())
    with pytest.raises(osc.InputError, match="mine takes no argument 'sale', did you mean 'scale'"):
        as_loss(osc.LossSpec("mine", twice, {"sale": 4.0}))
    with pytest.raises(osc.InputError, match="must give a tensor or a number, got str"):
        osc.LossSpec("words", lambda output, target: "high").check(LOGITS, INDEX)


def fitting(make):
    found = {}
    for spec in LOSSES:
        try:
            found[spec.name] = make(spec)
        except osc.InputError as error:
            assert "losses that do: L1Loss, MSELoss" in str(error)  # noqa: PT017
    return found


@pytest.mark.parametrize("name", fitting(lambda spec: class_criterion(spec, "test", 3)))
def test_a_class_criterion_takes_logits_and_class_indices(name):
    criterion = class_criterion(name, "test", 3)
    criterion.check(LOGITS, INDEX)
    leaf = LOGITS.clone().requires_grad_()
    value = criterion(leaf, INDEX)
    value.backward()
    assert value.dim() == 0
    assert (leaf.grad != 0).any()
    # Descent raises the score of the class above what it was, against the others' mean.
    step = LOGITS - 0.1 * leaf.grad / leaf.grad.norm()
    lead = [(at.gather(1, INDEX[:, None])[:, 0] - at.mean(1)).sum() for at in (LOGITS, step)]
    assert lead[1] > lead[0] or name in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss")


ONE_HOT = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]])
SAME = [
    ("MSELoss", torch.nn.functional.mse_loss(LOGITS, ONE_HOT)),
    ("BCEWithLogitsLoss", torch.nn.functional.binary_cross_entropy_with_logits(LOGITS, ONE_HOT)),
    ("BCELoss", torch.nn.functional.binary_cross_entropy_with_logits(LOGITS, ONE_HOT)),
    ("NLLLoss", torch.nn.functional.cross_entropy(LOGITS, INDEX)),
    ("KLDivLoss(reduction='batchmean')", torch.nn.functional.cross_entropy(LOGITS, INDEX)),
    ("SoftMarginLoss", torch.nn.functional.binary_cross_entropy_with_logits(LOGITS, ONE_HOT)),
    ("MultiLabelMarginLoss", torch.nn.functional.multi_margin_loss(LOGITS, INDEX)),
    ("CrossEntropyLoss(reduction='none')", torch.nn.functional.cross_entropy(LOGITS, INDEX)),
]  # fmt: skip


@pytest.mark.parametrize(("call", "value"), SAME)
def test_losses_that_are_one_and_the_same_on_a_class(call, value):
    torch.testing.assert_close(class_criterion(call, "test", 3)(LOGITS, INDEX), value)


def test_which_losses_train_what():
    classes, values = fitting(lambda s: class_criterion(s, "test", 3)), fitting(lambda s: value_criterion(s, "test"))
    assert set(classes) - set(values) == {
        "CrossEntropyLoss", "NLLLoss", "KLDivLoss", "MultiMarginLoss", "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss",
    }  # fmt: skip
    assert len(classes) == 14
    assert set(values) == {
        "L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss", "PoissonNLLLoss", "BCELoss", "BCEWithLogitsLoss", "SoftMarginLoss",
    }  # fmt: skip


def test_a_criterion_runs_on_lanes():
    outputs, targets = LOGITS.reshape(2, 2, 3), INDEX.reshape(2, 2)
    for name in fitting(lambda spec: class_criterion(spec, "test", 3)):
        if name in ("KLDivLoss", "MultiMarginLoss", "MultiLabelMarginLoss", "SoftMarginLoss"):
            continue  # the first warns of its mean, and the others of being slow
        criterion = class_criterion(name, "test", 3)
        both = torch.vmap(criterion)(outputs, targets)
        torch.testing.assert_close(both, torch.stack([*map(criterion, outputs, targets)]))


CHECKS = [
    ("MSELoss", LOGITS, torch.tensor([0, 1, 2, 3]), "a target is class 3, but there are 3 outputs"),
    ("MSELoss", LOGITS, INDEX.float(), "targets must be class indices, int64, got float32"),
    ("MSELoss", LOGITS, INDEX[:2], "must have shape .4,., got .2,."),
    ("MSELoss", LOGITS[0], INDEX[:1], "one number a class, shape"),
    ("NLLLoss", LOGITS, torch.tensor([0, 1, 2, 3]), "a class 3 where there are 3"),
    (plain_number, LOGITS, INDEX, "gives no gradient"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "output", "target", "message"), CHECKS)
def test_a_criterion_checks_a_batch(loss, output, target, message):
    with pytest.raises(osc.InputError, match=message):
        class_criterion(loss, "test", 3).check(output, target)


def test_a_value_criterion_compares_number_by_number():
    criterion = value_criterion("HuberLoss(delta=0.5)", "test")
    torch.testing.assert_close(
        criterion(LOGITS, PROBABILITIES), torch.nn.functional.huber_loss(LOGITS, PROBABILITIES, delta=0.5)
    )
    criterion.check(LOGITS, PROBABILITIES)
    with pytest.raises(
        osc.InputError, match="CrossEntropyLoss compares no output with a value; losses that do: L1Loss"
    ):
        value_criterion("CrossEntropyLoss", "autoencoder")


RUNS = ["CrossEntropyLoss", "CrossEntropyLoss(label_smoothing=0.1)", "MSELoss", "MultiMarginLoss", "BCEWithLogitsLoss"]


def test_losses_are_compared_by_an_axis_of_problems():
    problems = ["digits-cnn", *(f"digits-cnn(loss={loss!r})" for loss in RUNS)]
    runs = osc.grid(problems, "Adam", lr=1e-2, steps=46)
    assert len({run.run_id for run in runs}) == 6
    assert [as_problem(run.problem.name) == run.problem for run in runs] == [True] * 6
    frame = osc.run(runs).runs
    assert frame["problem"].tolist() == problems
    assert frame["accuracy_final"].min() > 0.6  # at one rate for all, which is not the best of each
    assert frame["loss_final"][0] == frame["loss_final"][1]
    assert frame["val_loss_final"].nunique() == 5


def test_a_function_names_its_problem_by_its_path():
    for loss, label in [
        (twice, f"{twice.__module__}.twice"),
        (osc.LossSpec("mine", twice, {"scale": 3.0}), "mine(scale=3.0)"),
    ]:
        problem = family_of("digits-cnn").build({"loss": loss})
        assert problem.name == f"digits-cnn(loss={label!r})"
        assert problem.formula.startswith(label)
        [row] = osc.run(osc.grid(problem, "Adam", lr=1e-2, steps=5)).runs.to_dict("records")
        assert row["status"] == "max_steps"


def family_of(name):
    return next(family for family in PROBLEMS if family.name == name)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("digits-cnn(loss='CTCLoss')", "digits-cnn: CTCLoss compares no output with a class; losses that do: L1Loss"),
        ("digits-cnn(loss='TripletMarginLoss')", "compares no output with a class"),
        ("demo-cnn(loss='CrossEntropyLoss(weight=(1.0, 2.0))')", "weight must be 101 numbers, one a class"),
        ("digits-cnn(loss='CrossEntropy')", "unknown loss 'CrossEntropy', did you mean 'CrossEntropyLoss'"),
        ("digits-cnn(loss=3)", "a loss is a name"),
    ],
)  # fmt: skip
def test_a_loss_that_fits_no_problem_is_one_clear_line(problem, message):
    with pytest.raises(osc.InputError, match=message):
        osc.grid(problem, "SGD")


def test_a_run_checks_its_first_batch():
    problem = as_problem("digits-cnn")
    wrong = replace(problem, name="wrong", task=replace(problem.task, module=lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))))  # fmt: skip
    with pytest.raises(osc.InputError, match="target must be class indices .* it has a class . where there are 3"):
        osc.run(osc.grid(wrong, "SGD", steps=3))


def test_outputs_that_are_not_finite_are_divergence_and_no_misfit():
    class_criterion("NLLLoss", "test", 3).check(LOGITS * float("inf"), INDEX)


def test_a_criterion_is_equal_by_its_loss():
    assert class_criterion("MSELoss", "a", 3) == class_criterion("MSELoss", "b", 3)
    assert isinstance(value_criterion("MSELoss", "a"), Criterion)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CrossEntropyLoss(label_smoothing=-0.1)", "label_smoothing must be a number from 0 to 1, got -0.1"),
        ("CrossEntropyLoss(label_smoothing='a')", "label_smoothing must be a number from 0 to 1, got 'a'"),
        ("CrossEntropyLoss(weight=(1.0, -1.0))", r"weight must be numbers >= 0, got \(1.0, -1.0\)"),
        ("BCEWithLogitsLoss(pos_weight=(-1.0,))", r"pos_weight must be numbers >= 0, got \(-1.0,\)"),
    ],
)
def test_arguments_that_torch_takes_and_that_mean_nothing(text, message):
    with pytest.raises(osc.InputError, match=message):
        as_loss(text)


def test_training_by_kl_divergence_says_nothing():
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        row = osc.run(osc.grid("digits-logistic(loss='KLDivLoss')", "SGD", lr=0.1, steps=2)).runs.iloc[0]
    assert (row["status"], [one for one in heard if "reduction" in str(one.message)]) == ("max_steps", [])
