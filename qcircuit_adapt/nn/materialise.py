"""Materialise: the circuit's matrix built once for each step, and multiplied in one product.

Where many tokens pass a small or narrow layer, one product with the base weight costs less than all
gates. The matrix is not kept for backward but built again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Build = Callable[[tuple[Tensor, ...]], Tensor]


def apply_matrix(
    build: Build,
    x: Tensor,
    gates: tuple[Tensor, ...],
    *,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """Return ``(W + D) x + b``, without what is not given.

    Args:
        build: Makes D, of shape ``(d_out, d_in)``, of the gates; called again in backward.
        x: Of shape ``(tokens, d_in)``, in the type of D.
        gates: What D is made of.
        weight: W, of shape ``(d_out, d_in)``, in the type of D, to which it is added before the
            product; it gets no gradient.
        bias: b, of shape ``(d_out,)``; it gets no gradient.

    Returns:
        Of shape ``(tokens, d_out)``.
    """
    result: Tensor = _Apply.apply(build, x, weight, bias, *gates)  # type: ignore[no-untyped-call]
    return result


class _Apply(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        build: Build,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        *gates: Tensor,
    ) -> Tensor:
        ctx.build = build
        ctx.save_for_backward(x, weight, *gates)
        return torch.nn.functional.linear(x, _total(build, weight, gates), bias)

    @staticmethod
    def backward(ctx: Any, gy: Tensor) -> Any:
        wants = ctx.needs_input_grad
        x, weight, *gates = ctx.saved_tensors
        if torch.is_grad_enabled():
            y = x @ _total(ctx.build, weight, tuple(gates)).mT
            wanted = [wants[1], *wants[4:]]
            inputs = [one for one, want in zip((x, *gates), wanted, strict=True) if want]
            found = iter(torch.autograd.grad(y, inputs, gy, create_graph=True))
            gx, *grads = [next(found) if want else None for want in wanted]
            return (None, gx, None, None, *grads)
        with torch.enable_grad():
            own = [
                gate.detach().requires_grad_(want)
                for gate, want in zip(gates, wants[4:], strict=True)
            ]
            change = ctx.build(tuple(own))
        gx = (
            gy @ (change.detach() if weight is None else weight + change.detach())
            if wants[1]
            else None
        )
        trained = [one for one in own if one.requires_grad]
        found = iter(torch.autograd.grad(change, trained, gy.mT @ x) if trained else ())
        grads = [next(found) if one.requires_grad else None for one in own]
        return (None, gx, None, None, *grads)


def _total(build: Build, weight: Tensor | None, gates: tuple[Tensor, ...]) -> Tensor:
    change = build(gates)
    return change if weight is None else weight + change
