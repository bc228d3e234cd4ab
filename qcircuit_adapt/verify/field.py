"""Field: drawing residues, exact products, and ranks modulo the prime.

Residues are whole numbers from 0 to ``PRIME - 1`` in float64 arrays. A sum of `TERMS` products of
two of them and one more stays below 2^53, up to which float64 holds every whole number.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Tick = Callable[[int], None]

PRIME = 2097143
"""The largest prime below 2^21."""

TERMS = 2048
"""``TERMS * (PRIME - 1)^2 + PRIME < 2^53``."""

PANEL = 256
"""How many columns are eliminated at a time."""

BAND = 2**22
"""How many entries are updated at a time."""


def draw(shape: tuple[int, ...], *, seed: int, label: str) -> Array:
    """Draw residues, last index fastest.

    The SHAKE-128 digest (FIPS 202) of ``"qca-rank-witness-v1|seed={seed}|{label}"`` is read as
    unsigned 32-bit numbers, least significant byte first; each is taken modulo the prime.

    Example:
        >>> (PRIME - draw((2,), seed=1, label="gate=g1")).tolist()
        [726170.0, 894014.0]
    """
    text = f"qca-rank-witness-v1|seed={seed}|{label}".encode("ascii")
    words = np.frombuffer(hashlib.shake_128(text).digest(4 * math.prod(shape)), dtype="<u4")
    return (words % PRIME).astype(np.float64).reshape(shape)


def reduce(numbers: Array) -> Array:
    """Take whole numbers below 2^53 in size modulo the prime."""
    whole = numbers.astype(np.int64)
    whole -= whole // PRIME * PRIME
    return whole.astype(np.float64)


def multiply(left: Array, right: Array) -> Array:
    """Multiply matrices of residues, or stacks of them: ``(..., m, k)`` and ``(..., k, n)``."""
    terms = left.shape[-1]
    if terms == 1:
        return reduce(left * right)
    total = left[..., :TERMS] @ right[..., :TERMS, :]
    for start in range(TERMS, terms, TERMS):
        part = slice(start, start + TERMS)
        total = reduce(total) + left[..., part] @ right[..., part, :]
    return reduce(total)


def find_rank(matrix: Array, *, tick: Tick | None = None) -> int:
    """Return the rank of a matrix of residues, which is overwritten.

    Gaussian elimination, some columns at a time: what their pivot rows are, and by how much these
    are to be subtracted from the rows below, is found first and then done to all further columns.

    Args:
        matrix: Of shape ``(m, n)``.
        tick: Called with how many columns more are done.

    Example:
        >>> find_rank(np.array([[1.0, 2.0, 0.0], [3.0, 6.0, 0.0], [1.0, 0.0, 1.0]]))
        2
    """
    rows, columns = matrix.shape
    rank = 0
    for start in range(0, columns, PANEL):
        stop = min(start + PANEL, columns)
        if rank < rows:
            below, rest = matrix[rank:, start:stop], matrix[rank:, stop:]
            factors = _eliminate(below, rest)
            count = factors.shape[1]
            top = multiply(_invert(factors[:count]), rest[:count])
            step = max(1, BAND // max(1, columns - stop))
            for first in range(count, rows - rank, step):
                band = slice(first, first + step)
                rest[band] = reduce(rest[band] - factors[band] @ top)
            rank += count
        if tick:
            tick(stop - start)
    return rank


def _eliminate(panel: Array, rest: Array) -> Array:
    """Find the pivots of some columns, and bring their rows to the top, in the rest as well.

    Returns:
        By how much each pivot row, once those before it are subtracted from it, is contained in
        each row: ``(m, pivots)``, with ones on the diagonal and zeros above.
    """
    factors = np.zeros((len(panel), min(panel.shape)), order="F")
    pivots = np.zeros((factors.shape[1], panel.shape[1]))
    count = 0
    for place in range(panel.shape[1]):
        if count == factors.shape[1]:
            break
        column = reduce(panel[:, place] - factors[:, :count] @ pivots[:count, place])
        found = np.flatnonzero(column[count:])
        if not found.size:
            continue
        swap, into = [count, count + int(found[0])], [count + int(found[0]), count]
        for array in (panel, rest, factors):
            array[swap] = array[into]
        column[swap] = column[into]
        inverse = pow(int(column[count]), -1, PRIME)
        factors[count:, count] = reduce(column[count:] * inverse)
        row = panel[count] - factors[count, :count] @ pivots[:count]
        pivots[count] = reduce(row)
        count += 1
    return factors[:, :count]


def _invert(lower: Array) -> Array:
    """Invert a lower triangular matrix of residues with ones on its diagonal."""
    inverse = np.eye(len(lower))
    for row in range(1, len(lower)):
        inverse[row, :row] = reduce(-(lower[row, :row] @ inverse[:row, :row]))
    return inverse
