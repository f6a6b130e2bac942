"""Catalogue over `torch.optim`: every class under torch's own name, and three named settings. Imports spec only.

To add one, add a line. Anything else runs by import path: `pytorch_optimizer.Lion(betas=(0.9, 0.99))`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..spec import OptimizerSpec

OPTIMIZERS: tuple[OptimizerSpec, ...] = (
    OptimizerSpec("SGD", "torch.optim.SGD", note="a step down the gradient",
                  source="Robbins, Monro 1951, 10.1214/aoms/1177729586"),
    OptimizerSpec("Momentum", "torch.optim.SGD", {"momentum": 0.9}, "SGD(momentum=0.9)", source="Polyak 1964"),
    OptimizerSpec(
        "Nesterov", "torch.optim.SGD", {"momentum": 0.9, "nesterov": True}, "SGD(momentum=0.9, nesterov=True)",
        source="Nesterov 1983; Sutskever et al. 2013",
    ),
    OptimizerSpec("ASGD", "torch.optim.ASGD", note="SGD that also keeps the average of its path",
                  source="Polyak, Juditsky 1992, 10.1137/0330046"),
    OptimizerSpec("Adadelta", "torch.optim.Adadelta", note="steps scaled by the size of recent steps",
                  source="Zeiler 2012, arXiv:1212.5701"),
    OptimizerSpec("Adafactor", "torch.optim.Adafactor", note="RMSprop with a factored second moment of matrices",
                  source="Shazeer, Stern 2018, arXiv:1804.04235"),
    OptimizerSpec("Adagrad", "torch.optim.Adagrad", note="divides by the root of all squared gradients so far",
                  source="Duchi, Hazan, Singer 2011, JMLR 12"),
    OptimizerSpec("Adam", "torch.optim.Adam", note="momentum and RMSprop, corrected for their start",
                  source="Kingma, Ba 2014, arXiv:1412.6980"),
    OptimizerSpec("AMSGrad", "torch.optim.Adam", {"amsgrad": True}, "Adam(amsgrad=True)",
                  source="Reddi, Kale, Kumar 2018, arXiv:1904.09237"),
    OptimizerSpec("AdamW", "torch.optim.AdamW", note="Adam, weight decay apart from the gradient",
                  source="Loshchilov, Hutter 2017, arXiv:1711.05101"),
    OptimizerSpec("Adamax", "torch.optim.Adamax", note="Adam by the largest gradient, not the root mean square",
                  source="Kingma, Ba 2014, arXiv:1412.6980"),
    OptimizerSpec("LBFGS", "torch.optim.LBFGS", note="quasi-Newton; its closure's evaluations are counted",
                  source="Liu, Nocedal 1989, 10.1007/BF01589116"),
    OptimizerSpec("Muon", "torch.optim.Muon", note="momentum made orthogonal; matrices only",
                  source="Jordan et al. 2024"),
    OptimizerSpec("NAdam", "torch.optim.NAdam", note="Adam with Nesterov's momentum", source="Dozat 2016"),
    OptimizerSpec("RAdam", "torch.optim.RAdam", note="Adam that waits until its second moment can be trusted",
                  source="Liu et al. 2019, arXiv:1908.03265"),
    OptimizerSpec("RMSprop", "torch.optim.RMSprop", note="divides by a running root mean square",
                  source="Tieleman, Hinton 2012, lecture 6e"),
    OptimizerSpec("Rprop", "torch.optim.Rprop", note="a step size a weight, from the gradient's signs",
                  source="Riedmiller, Braun 1993, 10.1109/ICNN.1993.298623"),
    OptimizerSpec("SparseAdam", "torch.optim.SparseAdam", note="Adam for sparse gradients only",
                  source="Kingma, Ba 2014"),
)  # fmt: skip


def optimizer_from_call(name: str, arguments: Mapping[str, Any], label: str) -> OptimizerSpec | None:
    """The catalogue's spec with further arguments, an import path's, or None for an unknown name."""
    for spec in OPTIMIZERS:
        if spec.name == name:
            return spec.with_arguments(arguments, label)
    if "." in name:
        return OptimizerSpec(label, name, dict(arguments))
    return None
