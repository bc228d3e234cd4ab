"""Weight: the base weight that an update multiplies or rescales, wherever it is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from qcircuit_adapt.errors import GateError


@dataclass(frozen=True)
class Weight:
    """The frozen weight ``W0`` of a layer.

    Attributes:
        multiply: Returns ``W0 x``, of shape ``(..., d_out)``, for x of shape ``(..., d_in)``.
        dense: Returns ``W0``, of shape ``(d_out, d_in)``, in float32 or wider.
    """

    multiply: Callable[[Tensor], Tensor]
    dense: Callable[[], Tensor]

    @classmethod
    def of(cls, matrix: Tensor) -> Weight:
        """Return a weight that is at hand as a matrix, of shape ``(d_out, d_in)``."""
        return cls(lambda x: nn.functional.linear(x, matrix), lambda: matrix)


def require(weight: Weight | None, *, what: str) -> Weight:
    """Return the base weight, or say what needs it.

    Raises:
        GateError: There is none.
    """
    if weight is None:
        raise GateError(
            f"{what} depends on the base weight, which is not given.",
            cure="Pass weight=Weight.of(matrix), the matrix of shape (d_out, d_in).",
        )
    return weight
