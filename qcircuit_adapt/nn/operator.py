"""Operator: a circuit's matrix as a module, applied by the steps of its plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.storage import stored_gates
from qcircuit_adapt.nn.execute import Change, execute
from qcircuit_adapt.nn.features import check_features
from qcircuit_adapt.nn.init import initialize
from qcircuit_adapt.nn.program import run
from qcircuit_adapt.wires import half_names

if TYPE_CHECKING:
    from qcircuit_adapt.compiler.plan import Plan


class Operator(nn.Module):
    """The linear map ``(..., d_in) -> (..., d_out)`` of a circuit.

    The tensor of gate ``g`` is the parameter ``weight_g``, or a buffer if the gate is frozen; a
    gate of bounded rank has two, ``weight_g_in`` and ``weight_g_out``, a gate that shares has none.

    Args:
        plan: The steps to take.
        dtype: The gates' type; torch's default if None.
        device: Where they are; torch's default if None.

    Example:
        >>> from qcircuit_adapt.compiler import compile
        >>> operator = Operator(compile(Circuit.parse("a=4 b=3 | a b -> r=2, r -> c=5")))
        >>> operator(torch.ones(7, 12)).shape, [*operator.state_dict()]
        (torch.Size([7, 5]), ['weight_g1', 'weight_g2'])
    """

    def __init__(
        self,
        plan: Plan,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.plan = plan
        self.d_in, self.d_out = plan.circuit.d_in, plan.circuit.d_out
        self.gates = stored_gates(plan.circuit)
        for gate in self.gates:
            tensor = torch.empty(gate.shape, dtype=dtype, device=device)
            if gate.frozen:
                self.register_buffer(f"weight_{gate.name}", tensor)
            else:
                self.register_parameter(f"weight_{gate.name}", nn.Parameter(tensor))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every gate anew by its rule; see `nn.init`."""
        weights = self.weights()
        for gate in self.gates:
            initialize(weights[gate.name], gate)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``T x``.

        Args:
            x: Of shape ``(..., d_in)`` and the gates' type.

        Returns:
            A tensor of shape ``(..., d_out)``.

        Raises:
            SizeError: x has another last size than ``d_in``.
        """
        check_features(x, self.d_in, circuit=self.plan.circuit)
        return execute(self.plan, x, Change(self.weights()))

    def matrix(self) -> Tensor:
        """Return ``T``, of shape ``(d_out, d_in)``, in float32 or the gates' type if that is wider.

        Gradients flow to the gates.
        """
        wide = {name: tensor.to(widen(tensor.dtype)) for name, tensor in self.weights().items()}
        with exact_types(next(iter(wide.values()), torch.empty(()))):
            return run(self.plan.build, None, wide)

    def weights(self) -> dict[str, Tensor]:
        """Return the stored tensors by gate; those of bounded rank by half-gate."""
        return {gate.name: getattr(self, f"weight_{gate.name}") for gate in self.gates}

    def tensors(self) -> dict[str, Tensor]:
        """Return a copy of every gate's tensor, as `reference.matrix` takes them.

        Returns:
            For each gate's name a tensor of shape ``(per..., to..., on...)`` on the CPU, in float32
            or the gate's type if that is wider.
        """
        return join_halves(self.plan.circuit, self.weights())

    def extra_repr(self) -> str:
        """Say what is computed, for torch's ``repr``."""
        return describe(self.plan.circuit)


def widen(dtype: torch.dtype) -> torch.dtype:
    """Return float32, or the type itself if that is wider."""
    return torch.promote_types(dtype, torch.float32)


def exact_types(like: Tensor) -> torch.autocast:
    """Return a context in which autocast leaves types on a tensor's device alone."""
    return torch.autocast("cpu" if like.is_meta else like.device.type, enabled=False)


def join_halves(circuit: Circuit, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies of stored tensors by gate: halves multiplied, shared ones under every name.

    Args:
        circuit: The circuit.
        tensors: The stored tensors, by the names of the gates or half-gates that own them.

    Returns:
        For each gate's name a tensor of shape ``(per..., to..., on...)``, detached, on the CPU, in
        float32 or its own type if that is wider.
    """
    names = {gate.name for gate in circuit.gates}
    copies = {
        name: tensor.detach().to("cpu", widen(tensor.dtype), copy=True)
        for name, tensor in tensors.items()
    }
    joined = {}
    for gate in circuit.gates:
        owner = circuit.owner(gate)
        if owner.rank is None:
            joined[gate.name] = copies[owner.name]
            continue
        first, second = (copies[half] for half in half_names(owner.name, names))
        out = second.reshape(owner.blocks, owner.rows, owner.rank)
        joined[gate.name] = (out @ first.reshape(owner.blocks, owner.rank, owner.columns)).reshape(
            gate.shape
        )
    return joined


def describe(circuit: Circuit) -> str:
    """Say in a few words what a circuit computes."""
    name = f"{circuit.name}, " if circuit.name else ""
    return f"{name}{circuit.d_in} -> {circuit.d_out}, {circuit.parameters:,} parameters"
