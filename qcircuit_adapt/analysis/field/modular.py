"""Arithmetic modulo a prime: exact products and ranks of large matrices.

Residues are whole numbers in float64 arrays, so that products run at the speed of the machine's
matrix multiplication. Nothing is rounded: a sum of `MAX_TERMS` products of two residues stays
below 2^53, up to which float64 holds every whole number, in whatever order it is added up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qcircuit_adapt.analysis.field.chance import PRIME

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.intp]]

MAX_RESIDUE = PRIME // 2 + 2
"""What residues are at most in size: the quotient in `reduce` is off by less than 2^-20."""

MAX_TERMS = 8192
"""How many products of residues are added up before the sum is reduced."""

BAND = 2**20
"""How many entries of a product are reduced at a time, so that they stay in the cache."""


def reduce(numbers: Array) -> Array:
    """Replace whole numbers of at most ``MAX_TERMS * MAX_RESIDUE**2`` by residues, in place.

    Returns:
        The same array. Exactly the multiples of the prime have become 0.

    Example:
        >>> reduce(np.array([PRIME, -PRIME - 1.0, PRIME // 2 + 1])).astype(int).tolist()
        [0, -1, -1048571]
    """
    quotients = np.rint(numbers * (1 / PRIME))
    quotients *= PRIME
    numbers -= quotients
    return numbers


def multiply(left: Array, right: Array) -> Array:
    """Multiply matrices of residues, or stacks of them.

    Args:
        left: Of shape ``(..., m, k)``.
        right: Of shape ``(..., k, n)``.

    Returns:
        Residues, of shape ``(..., m, n)``.
    """
    return reduce(_sum_products(left, right))


def _sum_products(left: Array, right: Array) -> Array:
    """Multiply, and reduce all but the last sum of up to `MAX_TERMS` products."""
    total = left[..., :MAX_TERMS] @ right[..., :MAX_TERMS, :]
    for start in range(MAX_TERMS, left.shape[-1], MAX_TERMS):
        terms = slice(start, start + MAX_TERMS)
        total = reduce(total) + left[..., terms] @ right[..., terms, :]
    return total


def subtract_product(matrix: Array, left: Array, right: Array) -> None:
    """Subtract ``left @ right`` from a matrix of residues, in place.

    Args:
        matrix: Of shape ``(m, n)``.
        left: Of shape ``(m, k)``.
        right: Of shape ``(k, n)``.
    """
    step = max(1, BAND // max(1, matrix.shape[1]))
    for start in range(0, len(matrix), step):
        band = slice(start, start + step)
        matrix[band] -= _sum_products(left[band], right)
        reduce(matrix[band])


def invert(matrix: Array) -> Array | None:
    """Invert a matrix of residues; None if it has no inverse.

    Args:
        matrix: Of shape ``(n, n)``; it is left as it is.

    Example:
        >>> invert(np.array([[2.0, 1.0], [1.0, 1.0]])).astype(int).tolist()
        [[1, -1], [-1, 2]]
    """
    size = len(matrix)
    beside = np.hstack([matrix, np.eye(size)])
    for place in range(size):
        found = np.flatnonzero(beside[place:, place])
        if not found.size:
            return None
        beside[[place, place + found[0]]] = beside[[place + found[0], place]]
        inverse = pow(int(beside[place, place]), -1, PRIME)
        beside[place] = reduce(beside[place] * inverse)
        factors = beside[:, place].copy()
        factors[place] = 0
        beside = reduce(beside - np.outer(factors, beside[place]))
    return beside[:, size:]


@dataclass(frozen=True)
class Elimination:
    """Rows of a matrix that are independent, and the others in terms of them.

    Attributes:
        pivots: The independent rows, ``(r,)``.
        rest: The other rows, ``(m - r,)``.
        weights: Of shape ``(m - r, r)``: ``matrix[rest] == weights @ matrix[pivots]``. None where
            it was not asked for.
    """

    pivots: Indices
    rest: Indices
    weights: Array | None


def find_rank(matrix: Array, *, on_columns: Callable[[int], None] | None = None) -> int:
    """Return the rank of a matrix of residues, which is left as it is.

    Args:
        matrix: Of shape ``(m, n)``.
        on_columns: Called with how many columns more are done; not for those after the m-th pivot.

    Example:
        >>> find_rank(np.array([[1.0, 2.0], [3.0, 6.0 - PRIME]]))
        1
    """
    return len(_eliminate(matrix, on_columns=on_columns, weigh=False).pivots)


def _eliminate(
    matrix: Array, *, on_columns: Callable[[int], None] | None, weigh: bool = True
) -> Elimination:
    """Eliminate the left half of the columns, take that out of the right half, and eliminate it."""
    half = matrix.shape[1] // 2
    if not half:
        return _eliminate_column(matrix, on_columns=on_columns)
    left = _eliminate(matrix[:, :half], on_columns=on_columns)
    assert left.weights is not None
    if not left.rest.size:
        return left
    remainder = matrix[left.rest, half:]
    subtract_product(remainder, left.weights, matrix[left.pivots, half:])
    right = _eliminate(remainder, on_columns=on_columns, weigh=weigh)
    pivots = np.concatenate((left.pivots, left.rest[right.pivots]))
    if not weigh:
        return Elimination(pivots, left.rest[right.rest], None)
    assert right.weights is not None
    weights = np.empty((len(right.rest), len(pivots)))
    first, second = np.split(weights, [len(left.pivots)], axis=1)
    first[:] = left.weights[right.rest]
    subtract_product(first, right.weights, left.weights[right.pivots])
    second[:] = right.weights
    return Elimination(pivots, left.rest[right.rest], weights)


def _eliminate_column(matrix: Array, *, on_columns: Callable[[int], None] | None) -> Elimination:
    """Take the first row that is not 0, if there is one, in a matrix of one column, or of none."""
    rows, found = np.arange(len(matrix)), np.flatnonzero(matrix)[:1]
    if on_columns:
        on_columns(1)
    if not found.size:
        return Elimination(found, rows, np.empty((len(rows), 0)))
    rest = np.delete(rows, found[0])
    inverse = pow(int(matrix[found[0], 0]), -1, PRIME)
    return Elimination(found, rest, reduce(matrix[rest] * inverse))
