"""fused_apply: a circuit's kernels as one differentiable function."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.kernel.limit import why_unfit
from qcircuit_adapt.errors import GateError, TensorError, nearest
from qcircuit_adapt.nn.features import check_features
from qcircuit_adapt.nn.fused.kernel import interpreted, kernels
from qcircuit_adapt.wires import split_ranks


def fused_apply(circuit: Circuit, x: Tensor, tensors: Mapping[str, Tensor]) -> Tensor:
    """Return ``T x`` by one kernel, and its gradients by another; only x and the gates are kept.

    Args:
        circuit: The circuit.
        x: Of shape ``(..., d_in)``, on a GPU (or anywhere, with ``TRITON_INTERPRET=1`` set before
            triton is imported).
        tensors: For each gate that owns one its tensor, ``(per..., to..., on...)``, of x's type
            and device; half-gates for bounded ranks.

    Returns:
        A tensor of shape ``(..., d_out)`` and x's type.

    Raises:
        GateError: The kernel cannot run the circuit, or not where x is.
        SizeError: x has another last size than ``d_in``.
        TensorError: A gate's tensor is missing, or of another shape, type or device.
    """
    check_features(x, circuit.d_in, circuit=circuit)
    reason = _reason(circuit, x.dtype)
    if reason is None and not (x.is_cuda or interpreted()):
        reason = f"x is on {x.device}, but it runs on a GPU, or with TRITON_INTERPRET=1."
    if reason:
        raise GateError(
            f"the fused kernel cannot run {circuit.label}: {reason}",
            cure="Leave the choice of strategy to compile.",
        )
    owners = [gate for gate in split_ranks(circuit).gates if not gate.share]
    gates = [_tensor(gate.name, gate.shape, tensors, x) for gate in owners]
    flat = x.reshape(-1, circuit.d_in)
    y: Tensor = Fused.apply(flat, circuit, *gates)  # type: ignore[no-untyped-call]
    return y.view(*x.shape[:-1], circuit.d_out)


def why_not(circuit: Circuit, dtype: torch.dtype) -> str | None:
    """Say why the fused kernel cannot run a circuit here, or return None if it can.

    Whether there is a GPU is not asked; see `fused_apply`.
    """
    reason = why_unfit(circuit, str(dtype).removeprefix("torch."))
    if reason is None and importlib.util.find_spec("triton") is None:
        reason = "triton is not installed: pip install 'qcircuit-adapt[triton]'."
    return reason


_reason = functools.lru_cache(maxsize=256)(why_not)


class Fused(torch.autograd.Function):
    """The kernels of a circuit as an operation of autograd; differentiable once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, circuit: Circuit, *gates: Tensor) -> Tensor:
        """Run the forward kernel on x, of shape ``(tokens, d_in)``."""
        x, gates = x.contiguous(), tuple(gate.contiguous() for gate in gates)
        ctx.circuit = circuit
        ctx.save_for_backward(x, *gates)
        return kernels(circuit).apply(x, gates)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        """Run the backward kernel on dy, of shape ``(tokens, d_out)``."""
        x, *gates = ctx.saved_tensors
        dx, changes = kernels(ctx.circuit).gradients(x, tuple(gates), dy.contiguous())
        return dx, None, *changes


def _tensor(name: str, shape: tuple[int, ...], tensors: Mapping[str, Tensor], x: Tensor) -> Tensor:
    if name not in tensors:
        raise TensorError(
            f"there is no tensor for gate {name!r}.", cure=nearest(name, tensors, noun="tensors")
        )
    tensor = tensors[name]
    for what, found, wanted in (
        ("shape", tuple(tensor.shape), shape),
        ("type", tensor.dtype, x.dtype),
        ("device", tensor.device, x.device),
    ):
        if found != wanted:
            raise TensorError(
                f"the tensor of gate {name!r} has {what} {found}, but must have {wanted}.",
                cause="Shapes count (per..., to..., on...); type and device are x's.",
            )
    return tensor
