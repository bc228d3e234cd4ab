"""Features: an input has to fit its circuit."""

from __future__ import annotations

from torch import Tensor

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import SizeError


def check_features(x: Tensor, d_in: int, *, circuit: Circuit) -> None:
    """Refuse an input that is not of shape ``(..., d_in)``.

    Raises:
        SizeError: It has another last size, or none.
    """
    if x.dim() == 0 or x.shape[-1] != d_in:
        raise SizeError(
            f"{circuit.label} takes x of shape (..., {d_in}), but it has shape {tuple(x.shape)}.",
            cure="Its axes multiply to the last size of x.",
        )
