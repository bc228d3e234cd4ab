"""How far a program's result may be from the exact one, given the type it is computed in."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from qcircuit_adapt.compiler import Program
from qcircuit_adapt.nn.program import run


def bound(
    program: Program, x: Tensor | None, tensors: Mapping[str, Tensor], *, dtype: torch.dtype
) -> Tensor:
    """Bound the rounding errors of a run, entry by entry."""
    return relative(program, dtype=dtype) * magnitude(program, x, tensors)


def relative(program: Program, *, dtype: torch.dtype) -> float:
    """Bound the rounding errors of a run beside its `magnitude`.

    A step rounds its result to the type, and every addition to float32 or wider; half a unit each,
    and the factor of 2 covers rounding the operands once.
    """
    sizes = [step.macs / step.elements for step in program.steps]
    eps = torch.finfo(dtype).eps
    adding = torch.finfo(torch.promote_types(dtype, torch.float32)).eps
    return 2 * len(program.steps) * eps + sum(sizes) * adding


def magnitude(program: Program, x: Tensor | None, tensors: Mapping[str, Tensor]) -> Tensor:
    """Return the result with absolute values for the products that every entry is a sum of."""
    absolute = {name: tensor.detach().double().abs() for name, tensor in tensors.items()}
    return run(program, None if x is None else x.detach().double().abs(), absolute)


def assert_within(actual: Tensor, expected: Tensor, tolerance: Tensor) -> None:
    """Check a result against the exact one, entry by entry."""
    error = (actual.detach().double() - expected).abs()
    excess = (error - tolerance).max().item() if error.numel() else 0.0
    assert excess <= 0, f"off by {error.max():.3g}, {excess:.3g} more than rounding explains"
