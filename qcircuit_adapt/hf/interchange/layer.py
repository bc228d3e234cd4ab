"""Layer: an update in the tensors of another method, and as a circuit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from qcircuit_adapt.adapter import Form
from qcircuit_adapt.circuit import Circuit

Apply = Callable[[Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Layer:
    """A layer of an adapter of another method.

    Attributes:
        module: The module's name in the model.
        spec: How a configuration declares the circuit.
        circuit: The circuit.
        form: How it enters the weight.
        scale: The number its update is multiplied by.
        tensors: The tensors under the names that `Update` gives them.
        apply: What the other method computes, from its own tensors: takes x of shape ``(n, d_in)``
            in float64, and gives terms of shape ``(n, d_out)`` that add up to ``dW x``; in forms
            that multiply the base weight, with the identity in its place.
        orthogonal: Whether the gates are held orthogonal.
    """

    module: str
    spec: str
    circuit: Circuit
    form: Form
    scale: float
    tensors: Mapping[str, Tensor]
    apply: Apply
    orthogonal: bool = False
