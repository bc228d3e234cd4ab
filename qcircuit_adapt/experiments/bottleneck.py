"""Bottleneck adapters: small networks with a nonlinearity, in series with a layer or beside it.

They cannot be merged into the weights. The library for them that is still kept, ``adapters``, needs
a transformers older than the one this package is tested with.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from qcircuit_adapt.errors import ExperimentError, nearest
from qcircuit_adapt.experiments.method import Bottleneck
from qcircuit_adapt.hf.layer import dimensions


class BottleneckLinear(nn.Module):
    """A linear layer with ``up(relu(down(.)))`` added to its output; 0 at the start.

    Attributes:
        base: The layer.
        series: Whether the network takes the layer's output, not its input.

    Source: in series Houlsby et al., arXiv:1902.00751; in parallel He et al., arXiv:2110.04366.
    """

    def __init__(self, base: nn.Module, *, size: int, series: bool, scale: float) -> None:
        super().__init__()
        sizes = dimensions(base)
        assert sizes is not None
        d_in, d_out = sizes
        place: Any = {"device": next(base.parameters()).device, "dtype": torch.float32}
        self.base = base
        self.series = series
        self.scale = scale
        self.down = nn.Linear(d_out if series else d_in, size, **place)
        self.up = nn.Linear(size, d_out, **place)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output, adapted; shape ``(..., d_in)`` to ``(..., d_out)``."""
        y: Tensor = self.base(x)
        taken = (y if self.series else x).to(self.down.weight.dtype)
        update = self.scale * self.up(torch.relu(self.down(taken)))
        adapted: Tensor = y + update.to(y.dtype)
        return adapted


HEADS = ("classifier", "score")
"""What a classifier adds to a model: new with every method, and trained by every one."""


def is_head(name: str) -> bool:
    """Say whether a parameter or module is of a classifier's head."""
    return any(part in HEADS for part in name.split("."))


def add_bottlenecks(model: nn.Module, method: Bottleneck) -> None:
    """Put bottlenecks into a model, and freeze all else.

    Args:
        model: It is changed in place.
        method: Which, and where.

    Raises:
        ExperimentError: The model has no such linear layer.
    """
    found = [
        name
        for name, module in model.named_modules()
        if name.rpartition(".")[2] in method.targets
        and dimensions(module) is not None
        and not is_head(name)
    ]
    if not found:
        ends = (name.rpartition(".")[2] for name, one in model.named_modules() if dimensions(one))
        raise ExperimentError(
            f"the model has no linear layer {' or '.join(map(repr, method.targets))}.",
            cure=nearest(method.targets[0], ends, noun="layers"),
        )
    model.requires_grad_(False)
    for name in found:
        parent, _, child = name.rpartition(".")
        layer = BottleneckLinear(
            model.get_submodule(name),
            size=method.size,
            series=method.place == "series",
            scale=method.scale,
        )
        setattr(model.get_submodule(parent), child, layer)


def remove_bottlenecks(model: nn.Module) -> None:
    """Take all bottlenecks out of a model."""
    for name, module in list(model.named_modules()):
        if isinstance(module, BottleneckLinear):
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, module.base)
