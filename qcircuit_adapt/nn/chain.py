"""Chain: a circuit applied product by product, tokens in chunks, gradients by hand.

The activations of a chunk stay in the cache from gate to gate. What backward needs of them is kept,
or computed again chunk by chunk. The result is added to the base layer's, and the gradient of x to
the base layer's, where the base weight is at hand as a matrix.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qcircuit_adapt.compiler.layout import Layout
from qcircuit_adapt.nn.products import (
    collect,
    enter,
    enter_back,
    follow,
    follow_back,
    leave,
    leave_back,
)

Stacks = tuple[Tensor, ...]


@dataclass(frozen=True)
class Chain:
    """How `apply_chain` works.

    Attributes:
        layout: The products.
        keep: Whether what gates take is kept for backward; else it is computed again.
        chunk: How many tokens go through all gates at a time.
        scale: What the result is multiplied by.
        less_x: Whether x is subtracted from what the circuit makes of it.
    """

    layout: Layout
    keep: bool
    chunk: int
    scale: float = 1.0
    less_x: bool = False


def apply_chain(
    chain: Chain,
    x: Tensor,
    gates: Stacks,
    references: Stacks = (),
    *,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """Return ``W x + b + scale (T - S) x``, without what is not given; S may be the identity.

    The first and, by way of the plain operations, all further derivatives are those of the formula.

    Args:
        chain: How to work.
        x: Of shape ``(tokens, d_in)``; the circuits compute in the type of the gates.
        gates: The stacks of T; see `products.stack`.
        references: Those of S, or none; they get no gradient.
        weight: W, of shape ``(d_out, d_in)`` and x's type; it gets no gradient.
        bias: b, of shape ``(d_out,)``; it gets no gradient.

    Returns:
        Of shape ``(tokens, d_out)``, in x's type; in that of the gates without W.
    """
    result: Tensor = _Apply.apply(  # type: ignore[no-untyped-call]
        chain, x, weight, bias, len(gates), *gates, *references
    )
    return result


def apply_plainly(
    chain: Chain, x: Tensor, gates: Stacks, references: Stacks = (), *, weight: Tensor | None = None
) -> Tensor:
    """Return what `apply_chain` does, bias aside, by operations that torch differentiates."""
    state = enter(chain.layout, x.to(gates[0].dtype))
    change = follow(chain.layout, state, gates)
    if references:
        change = change - follow(chain.layout, state, references)
    change = leave(chain.layout, change).reshape(len(x), -1)
    if chain.less_x:
        change = change - x.to(change.dtype)
    change = chain.scale * change
    return change if weight is None else x @ weight.mT + change.to(x.dtype)


class _Apply(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        chain: Chain,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        count: int,
        *stacks: Tensor,
    ) -> Tensor:
        layout, gates, references = chain.layout, stacks[:count], stacks[count:]
        keep = chain.keep and any(ctx.needs_input_grad[5 : 5 + count])
        saved: list[Tensor] = []
        if weight is None:
            y = x.new_zeros((len(x), math.prod(layout.sizes)), dtype=gates[0].dtype)
        else:
            y = torch.nn.functional.linear(x, weight, bias)
        for piece in _chunks(len(x), chain.chunk):
            own = x[piece].to(gates[0].dtype).contiguous()
            start = enter(layout, own)
            kept: list[Tensor] | None = [] if keep else None
            change = follow(layout, start, gates, kept=kept)
            if references:
                change = change - follow(layout, start, references)
            change = leave(layout, change)
            if chain.less_x:
                change = change - own.view(change.shape)
            _add(y[piece], change, chain.scale)
            # What the first gate takes is x in another order.
            saved += (kept or [])[1:]
        ctx.chain, ctx.count = chain, count
        ctx.save_for_backward(x, weight, *stacks, *saved)
        return y

    @staticmethod
    def backward(ctx: Any, gy: Tensor) -> Any:
        chain, layout, count = ctx.chain, ctx.chain.layout, ctx.count
        wants = ctx.needs_input_grad
        x, weight, *rest = ctx.saved_tensors
        stacks = rest[: len(wants) - 5]
        gates, references = tuple(stacks[:count]), tuple(stacks[count:])
        if torch.is_grad_enabled():
            gx, *grads = _differentiate(chain, x, weight, gates, references, gy, wants)
            return (None, gx, None, None, None, *grads, *([None] * len(references)))
        saved = iter(rest[len(stacks) :])
        sums = [
            torch.zeros_like(gate, dtype=torch.promote_types(gate.dtype, torch.float32))
            if wanted
            else None
            for gate, wanted in zip(gates, wants[5:], strict=False)
        ]
        trained = any(total is not None for total in sums)
        gx = None
        if wants[1]:
            gx = torch.zeros_like(x) if weight is None else gy @ weight
        for piece in _chunks(len(x), chain.chunk):
            own = gy[piece].to(gates[0].dtype).contiguous()
            if chain.scale != 1:
                own = own * chain.scale
            end = enter_back(layout, own)
            kept: list[Tensor] = []
            if trained:
                start = enter(layout, x[piece].to(gates[0].dtype))
                if chain.keep:
                    kept = collect(layout, start, gates[:1])
                    kept += [next(saved) for _ in gates[1:]]
                else:
                    kept = collect(layout, start, gates)
            change = follow_back(layout, end, gates, kept=kept, sums=sums, whole=wants[1])
            if gx is None or change is None:
                continue
            if references and (other := follow_back(layout, end, references)) is not None:
                change = change - other
            change = leave_back(layout, change)
            if chain.less_x:
                change = change - own.view(change.shape)
            _add(gx[piece], change, 1.0)
        grads = [
            None if total is None else total.to(gate.dtype)
            for total, gate in zip(sums, gates, strict=True)
        ]
        return (None, gx, None, None, None, *grads, *([None] * len(references)))


def _differentiate(
    chain: Chain,
    x: Tensor,
    weight: Tensor | None,
    gates: Stacks,
    references: Stacks,
    gy: Tensor,
    wants: tuple[bool, ...],
) -> list[Tensor | None]:
    """Return the gradients of x and the gates as a graph that can be differentiated again."""
    y = apply_plainly(chain, x, gates, references, weight=weight)
    wanted = [wants[1], *wants[5 : 5 + len(gates)]]
    inputs = [tensor for tensor, want in zip((x, *gates), wanted, strict=True) if want]
    found = iter(torch.autograd.grad(y, inputs, gy, create_graph=True))
    return [next(found) if want else None for want in wanted]


def _chunks(tokens: int, chunk: int) -> Iterator[slice]:
    for start in range(0, tokens, chunk):
        yield slice(start, min(start + chunk, tokens))


def _add(total: Tensor, change: Tensor, scale: float) -> None:
    """Add a change of shape ``(tokens, wires...)`` to rows ``(tokens, features)``."""
    if change.element_size() < 4:
        # A strided sum in 16 bits takes longer than a copy and a plain sum.
        change = change.contiguous()
    total.view(change.shape).add_(change, alpha=scale)
