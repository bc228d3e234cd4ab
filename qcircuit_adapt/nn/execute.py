"""Execute: apply a circuit by the strategy of its plan."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.block import Blocks, block_program
from qcircuit_adapt.compiler.device import find_device
from qcircuit_adapt.compiler.layout import plan_layout
from qcircuit_adapt.compiler.plan import Plan
from qcircuit_adapt.compiler.strategy import SEQUENCES, chunk_of, plan_blocks
from qcircuit_adapt.nn.chain import Chain, apply_chain
from qcircuit_adapt.nn.fused import fused_apply
from qcircuit_adapt.nn.materialise import apply_matrix
from qcircuit_adapt.nn.products import stack
from qcircuit_adapt.nn.program import run

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Change:
    """What a circuit adds: ``scale (T - S)``, by the tensors of its gates.

    Attributes:
        gates: Those of T by the names of their owners; half-gates for bounded ranks.
        references: Those of S, which get no gradient; none where S is zero or the identity.
        less_x: Whether S is the identity.
        scale: What the difference is multiplied by.
    """

    gates: Tensors
    references: Tensors = field(default_factory=dict)
    less_x: bool = False
    scale: float = 1.0


@dataclass(frozen=True)
class Base:
    """A frozen linear layer that a change is added to.

    Attributes:
        weight: Of shape ``(d_out, d_in)``.
        bias: Of shape ``(d_out,)``, or none.
    """

    weight: Tensor
    bias: Tensor | None


def follows(plan: Plan) -> bool:
    """Say whether a strategy is followed here, or the einsum steps are taken whatever it is.

    Compiled, exported or under a function transform these are: a loop over chunks would be
    unrolled, and a transform cannot look into an operation of our own.
    """
    return plan.strategy != "einsum" and not torch.compiler.is_compiling() and not _is_transformed()


def adds_in_place(plan: Plan, base: Base) -> bool:
    """Say whether a change is added to what a layer gives without a tensor of its own.

    A matrix is so only in 32 bits or more: in 16 the sum of weights would round it away.
    """
    if not follows(plan) or find_autocast(base.weight) is not None:
        return False
    if plan.strategy == "materialised":
        return base.weight.element_size() >= 4
    return plan.strategy in SEQUENCES


def execute(plan: Plan, x: Tensor, change: Change, *, base: Base | None = None) -> Tensor:
    """Return ``scale (T - S) x``, and with a base ``W x + b`` more, if `adds_in_place`.

    Args:
        plan: The plan.
        x: Of shape ``(..., d_in)``.
        change: T and S.
        base: The layer.
    """
    if not follows(plan):
        return _follow_steps(plan, x, change)
    dtype = find_autocast(x)
    if dtype is not None:
        x, change = x.to(dtype), _cast(change, dtype)
    with torch.autocast("cpu" if x.is_meta else x.device.type, enabled=False):
        flat = x.reshape(-1, plan.circuit.d_in)
        if plan.strategy == "materialised":
            result = _multiply(plan, flat, change, base)
        elif plan.strategy == "triton":
            result = _launch(plan, flat, change)
        else:
            result = _chain(plan, flat, change, base)
    return result.reshape(*x.shape[:-1], plan.circuit.d_out)


def _follow_steps(plan: Plan, x: Tensor, change: Change) -> Tensor:
    result = run(plan.apply, x, change.gates)
    if change.references:
        # The same steps on equal values: equal to the bit while nothing is trained.
        result = result - run(plan.apply, x, change.references)
    if change.less_x:
        result = result - x
    return result if change.scale == 1 else change.scale * result


def _chain(plan: Plan, x: Tensor, change: Change, base: Base | None) -> Tensor:
    sequence, device = SEQUENCES[plan.strategy], find_device(plan.device)
    blocks = plan_blocks(plan.circuit, device, dtype=plan.dtype, tokens=plan.tokens)
    layout = plan_layout(blocks.circuit, sequence.major)
    assert layout is not None
    gates, references = (
        stack(layout, _join(blocks, one)) if one else ()
        for one in (change.gates, change.references)
    )
    chunk = chunk_of(device, plan.dtype, plan.tokens)
    chain = Chain(layout, sequence.keep, chunk, change.scale, change.less_x)
    if base is None:
        return apply_chain(chain, x, gates, references)
    return apply_chain(chain, x, gates, references, weight=base.weight, bias=base.bias)


def _join(blocks: Blocks, tensors: Tensors) -> Tensors:
    """Return the tensor of each block by the name of its gate."""
    owned = {gate: tensors[owner] for gate, owner in blocks.owners.items()}
    joined = {}
    for block in blocks.blocks:
        name = block.gate.name
        if len(block.gates) == 1:
            joined[name] = owned[name]
        else:
            joined[name] = run(block_program(block), None, owned).reshape(block.gate.shape)
    return joined


def _multiply(plan: Plan, x: Tensor, change: Change, base: Base | None) -> Tensor:
    names = tuple(change.gates)

    def build(gates: tuple[Tensor, ...]) -> Tensor:
        total = _build(plan, dict(zip(names, gates, strict=True)))
        if change.references:
            total = total - _build(plan, change.references)
        if change.less_x:
            total = total - torch.eye(len(total), dtype=total.dtype, device=total.device)
        return (total if change.scale == 1 else change.scale * total).to(x.dtype)

    gates = tuple(change.gates.values())
    if base is None:
        return apply_matrix(build, x, gates)
    return apply_matrix(build, x, gates, weight=base.weight, bias=base.bias)


def _build(plan: Plan, tensors: Tensors) -> Tensor:
    """Return a circuit's matrix in float32 or wider."""
    wide = {
        name: tensor.to(torch.promote_types(tensor.dtype, torch.float32))
        for name, tensor in tensors.items()
    }
    return run(plan.build, None, wide)


def _launch(plan: Plan, x: Tensor, change: Change) -> Tensor:
    result = fused_apply(plan.circuit, x, change.gates)
    if change.references:
        result = result - fused_apply(_freeze(plan.circuit), x, change.references)
    if change.less_x:
        result = result - x
    return result if change.scale == 1 else change.scale * result


@functools.lru_cache(maxsize=256)
def _freeze(circuit: Circuit) -> Circuit:
    """Return a circuit of which no gate has a gradient."""
    gates = [gate if gate.share else replace(gate, frozen=True) for gate in circuit.gates]
    outputs = [axis.name for axis in circuit.outputs]
    return Circuit(circuit.inputs, gates, outputs=outputs, name=circuit.name)


def _cast(change: Change, dtype: torch.dtype) -> Change:
    gates, references = (
        {name: tensor.to(dtype) for name, tensor in one.items()}
        for one in (change.gates, change.references)
    )
    return replace(change, gates=gates, references=references)


def find_autocast(like: Tensor) -> torch.dtype | None:
    """Return the type that products are cast to where a tensor is, if they are."""
    device = like.device.type
    if device == "meta" or not torch.is_autocast_enabled(device):
        return None
    return torch.get_autocast_dtype(device)


def _is_transformed() -> bool:
    """Say whether a transform of torch.func is at work, as torch's own Functions ask."""
    active: bool = torch._C._are_functorch_transforms_active()
    return active
