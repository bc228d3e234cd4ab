"""Sparse: the rank modulo the prime of many equations that have few unknowns each.

Wherever an equation has one unknown or two, one is put in terms of the other, all at once, until
few unknowns are left for a dense elimination.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qcircuit_adapt.analysis.field.chance import PRIME
from qcircuit_adapt.analysis.field.modular import find_rank, reduce
from qcircuit_adapt.analysis.field.residues import draw_residues

Whole = np.ndarray[Any, np.dtype[np.int64]]

MAX_UNKNOWNS = 8192
"""How many unknowns may be left for a dense elimination."""


@dataclass(frozen=True)
class Equations:
    """Equations ``sum value * unknown = 0``, entry by entry.

    Attributes:
        rows: The equation of each entry.
        columns: Its unknown.
        values: Its coefficient, from 0 to ``PRIME - 1``.
    """

    rows: Whole
    columns: Whole
    values: Whole


def find_sparse_rank(equations: Equations, *, seed: int) -> int | None:
    """Return the rank, or a little less.

    It falls short only in the dense part, and seldom, see `_find_tail_rank`.

    Args:
        equations: The equations.
        seed: What the weights of the dense part are drawn from.

    Returns:
        The rank, or None where too many unknowns are left.

    Example:
        Twice the same equation, ``x + 2 y = 0``:

        >>> rows, columns, values = np.array([[0, 0, 1, 1], [0, 1, 0, 1], [1, 2, 2, 4]])
        >>> find_sparse_rank(Equations(rows, columns, values), seed=0)
        1
    """
    rank, rest = _substitute(equations)
    tail = _find_tail_rank(rest, seed)
    return None if tail is None else rank + tail


def _substitute(equations: Equations) -> tuple[int, Equations]:
    """Use up all equations of one or two unknowns.

    Returns:
        How many unknowns they determine, and the equations in the others.
    """
    rank = 0
    while True:
        equations = _collect(equations)
        rows, columns, values = equations.rows, equations.columns, equations.values
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        counts = np.diff(starts, append=len(rows))
        if (zeros := np.unique(columns[starts[counts == 1]])).size:
            rank += zeros.size
            kept = ~np.isin(columns, zeros)
            equations = Equations(rows[kept], columns[kept], values[kept])
            continue
        pairs = starts[counts == 2]
        if not pairs.size:
            return rank, equations
        determined, chosen = np.unique(columns[pairs + 1], return_index=True)
        pairs = pairs[chosen]
        rank += determined.size
        # Each is put in terms of an unknown before it, so that following these comes to an end.
        root, factor = np.arange(columns.max() + 1), np.ones(columns.max() + 1, dtype=np.int64)
        root[determined] = columns[pairs]
        factor[determined] = -values[pairs] * _invert(values[pairs + 1]) % PRIME
        while not np.array_equal(root[root], root):
            factor = factor * factor[root] % PRIME
            root = root[root]
        equations = Equations(rows, root[columns], values * factor[columns] % PRIME)


def _collect(equations: Equations) -> Equations:
    """Sort entries by equation and unknown, add those that have both in common, and drop zeros."""
    if not equations.rows.size:
        return equations
    unknowns = equations.columns.max() + 1
    keys = equations.rows * unknowns + equations.columns
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    values = np.add.reduceat(equations.values[order], starts) % PRIME
    keys, values = keys[starts[values != 0]], values[values != 0]
    return Equations(keys // unknowns, keys % unknowns, values)


def _invert(values: Whole) -> Whole:
    distinct, places = np.unique(values, return_inverse=True)
    inverses = [pow(int(value), -1, PRIME) for value in distinct]
    return np.array(inverses, dtype=np.int64)[places]


def _find_tail_rank(equations: Equations, seed: int) -> int | None:
    """Return the rank of ``M^T D M`` for drawn diagonal D: at most that of M, and mostly it.

    None if M has too many columns.
    """
    if not equations.rows.size:
        return 0
    unknowns, columns = np.unique(equations.columns, return_inverse=True)
    if unknowns.size > MAX_UNKNOWNS:
        return None
    _, rows, counts = np.unique(equations.rows, return_inverse=True, return_counts=True)
    weights = draw_residues((len(counts),), seed=seed, label="weights").astype(np.int64)
    square = np.zeros((unknowns.size, unknowns.size), dtype=np.int64)
    starts = np.cumsum(counts) - counts
    for shift in range(counts.max()):
        # Each entry of an equation with the entry that stands so far after its first.
        paired = counts[rows] > shift
        other = starts[rows[paired]] + shift
        value = equations.values[paired] * equations.values[other] % PRIME
        np.add.at(square, (columns[paired], columns[other]), value * weights[rows[paired]] % PRIME)
    return find_rank(reduce((square % PRIME).astype(np.float64)))
