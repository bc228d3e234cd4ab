"""Program: run the einsum steps of a plan."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from qcircuit_adapt.compiler.lower import Program


def run(program: Program, x: Tensor | None, tensors: Mapping[str, Tensor]) -> Tensor:
    """Take the steps of a program.

    Args:
        program: The program.
        x: Its input, of shape ``(..., d_in)``; None for a program that has none.
        tensors: The tensors of the gates by the names of their owners; half-gates for bounded
            ranks.

    Returns:
        ``T x``, of shape ``(..., d_out)``, or ``T``, of shape ``(d_out, d_in)``.
    """
    live: dict[str, Tensor] = {}
    for source in program.sources:
        if source.kind == "gate":
            live[source.name] = tensors[source.tensor]
        elif source.kind == "identity":
            like = next(iter(tensors.values()), torch.empty(()))
            live[source.name] = torch.eye(*source.shape, dtype=like.dtype, device=like.device)
        elif x is not None:
            live[source.name] = torch.unflatten(x, -1, source.shape)
    for step in program.steps:
        # Every tensor is used once, so that popping frees what is not kept for backward.
        terms = [live.pop(name) for name in step.operands]
        live[step.result] = torch.einsum(step.equation, *terms)
    (result,) = live.values()
    if x is None:
        return result.reshape(math.prod(program.rows), math.prod(program.columns))
    return result.flatten(-len(program.rows))
