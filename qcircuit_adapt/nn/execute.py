"""Execute: apply a circuit by the strategy of its plan."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from qcircuit_adapt.compiler.device import find_device
from qcircuit_adapt.compiler.layout import plan_layout
from qcircuit_adapt.compiler.plan import Plan
from qcircuit_adapt.compiler.strategy import SEQUENCES, chunk_of
from qcircuit_adapt.nn.chain import Chain, apply_chain
from qcircuit_adapt.nn.products import stack
from qcircuit_adapt.nn.program import run
from qcircuit_adapt.wires import split_ranks


def execute(
    plan: Plan, x: Tensor, tensors: Mapping[str, Tensor], references: Mapping[str, Tensor]
) -> Tensor:
    """Return ``T x - S x``, or ``T x`` where there are no references.

    A sequence of products is run as the plan says in plain training and evaluation. Compiled,
    exported or under a function transform, where a loop over chunks would be unrolled, the einsum
    steps are taken.

    Args:
        plan: The plan.
        x: Of shape ``(..., d_in)``.
        tensors: The gates of T by the names of their owners; half-gates for bounded ranks.
        references: Those of S; they get no gradient.
    """
    sequence = SEQUENCES.get(plan.strategy)
    if sequence is None or torch.compiler.is_compiling() or _is_transformed():
        result = run(plan.apply, x, tensors)
        # The same steps on equal values: equal to the bit while nothing is trained.
        return result - run(plan.apply, x, references) if references else result
    layout = plan_layout(plan.circuit, sequence.major)
    assert layout is not None
    device = x.device.type
    if device != "meta" and torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        x = x.to(dtype)
        tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}
        references = {name: tensor.to(dtype) for name, tensor in references.items()}
    chunk = chunk_of(find_device(plan.device), plan.dtype, plan.tokens)
    halves = split_ranks(plan.circuit)
    owners = {gate.name: halves.owner(gate).name for gate in halves.gates}
    stacks = [
        stack(layout, {name: one[owner] for name, owner in owners.items()}) if one else ()
        for one in (tensors, references)
    ]
    with torch.autocast("cpu" if device == "meta" else device, enabled=False):
        flat = x.reshape(-1, plan.circuit.d_in)
        result = apply_chain(Chain(layout, sequence.keep, chunk), flat, *stacks)
    return result.reshape(*x.shape[:-1], plan.circuit.d_out)


def _is_transformed() -> bool:
    """Say whether a transform of torch.func is at work, as torch's own Functions ask."""
    active: bool = torch._C._are_functorch_transforms_active()
    return active
