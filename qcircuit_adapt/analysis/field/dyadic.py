"""Dyadic: the residues of floats, which are whole numbers times powers of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from qcircuit_adapt.analysis.field.chance import PRIME
from qcircuit_adapt.analysis.field.modular import Array, reduce
from qcircuit_adapt.errors import TensorError

LEAST_EXPONENT, MOST_EXPONENT = -1126, 971
"""A float64 is a whole number of 53 bits times 2 to a power between these."""


def to_residues(numbers: Any) -> Array:
    """Return the residues of floats or whole numbers, exactly.

    Args:
        numbers: An array, of any shape.

    Returns:
        Residues, of the same shape.

    Raises:
        TensorError: There are numbers that are infinite or not a number, or of another type.

    Example:
        >>> to_residues(np.array([0.5, -2.0, 3.0])).astype(int).tolist()
        [-1048571, -2, 3]
    """
    numbers = np.asarray(numbers)
    if numbers.dtype.kind in "biu":
        wide = numbers.astype(np.uint64 if numbers.dtype.kind == "u" else np.int64)
        return reduce((wide % PRIME).astype(np.float64))
    if numbers.dtype.kind != "f" or numbers.dtype.itemsize > 8:
        raise TensorError(
            f"numbers of type {numbers.dtype} have no residues here.",
            cure="Give float64, a shorter float, or whole numbers.",
        )
    if not np.isfinite(numbers).all():
        raise TensorError("there is a number that is infinite or not a number.")
    mantissas, exponents = np.frexp(numbers.astype(np.float64))
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    powers = np.array([pow(2, e, PRIME) for e in range(LEAST_EXPONENT, MOST_EXPONENT + 1)])
    scales = powers[exponents - 53 - LEAST_EXPONENT]
    return reduce((whole % PRIME * scales % PRIME).astype(np.float64))
