"""Sparse: the rank modulo the prime of many equations that have few unknowns each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qcircuit_adapt.verify.field import PRIME, find_rank

Whole = np.ndarray[Any, np.dtype[np.int64]]

MAX_TAIL = 8192
"""How many unknowns may be left for a dense elimination."""

MAX_TAIL_ENTRIES = 2**27
"""How many entries that elimination has, unless twice as many equations as unknowns have more."""


@dataclass(frozen=True)
class Equations:
    """Equations ``sum value * unknown = 0``, entry by entry.

    Attributes:
        equations: The equation of each entry.
        unknowns: Its unknown, counted from 0.
        values: Its coefficient, from 0 to ``PRIME - 1``.
    """

    equations: Whole
    unknowns: Whole
    values: Whole

    def collect(self) -> Equations:
        """Number the equations from 0, add what an equation has of one unknown, drop zeros."""
        _, equations = np.unique(self.equations, return_inverse=True)
        stride = 1 + int(self.unknowns.max(initial=0))
        keys, places = np.unique(equations * stride + self.unknowns, return_inverse=True)
        values = np.zeros(len(keys), dtype=np.int64)
        np.add.at(values, places, self.values)
        values %= PRIME
        kept = values != 0
        return Equations(keys[kept] // stride, keys[kept] % stride, values[kept])


class Ties:
    """Unknowns of which each is a multiple of another, or 0: a union-find with factors."""

    def __init__(self, count: int) -> None:
        self.root = list(range(count))
        self.factor = [1] * count

    def find(self, unknown: int) -> tuple[int, int]:
        """Return another unknown and the factor it is to be multiplied by; 0 if it is 0."""
        chain = []
        while self.root[unknown] != unknown:
            chain.append(unknown)
            unknown = self.root[unknown]
        factor = 1
        for passed in reversed(chain):
            factor = factor * self.factor[passed] % PRIME
            self.root[passed], self.factor[passed] = unknown, factor
        return unknown, factor * self.factor[unknown] % PRIME

    def tie(self, one: int, other: int, ratio: int) -> None:
        """Note that ``one = ratio * other``."""
        (one, left), (other, right) = self.find(one), self.find(other)
        right = right * ratio % PRIME
        if one == other:
            if left != right:
                self.factor[one] = 0
        elif left and right:
            self.root[one] = other
            self.factor[one] = right * pow(left, -1, PRIME) % PRIME
        elif left or right:
            self.factor[one if left else other] = 0


def find_sparse_rank(equations: Equations) -> int | None:
    """Return the rank, or None where too many unknowns are left for a dense elimination.

    Equations of one unknown say that it is 0, those of two that one is a multiple of the other.
    When no such equation is left, the others are eliminated.

    Example:
        Twice the same equation, ``x + 2 y = 0``:

        >>> entries = np.array([[0, 0, 1, 1], [0, 1, 0, 1], [1, 2, 2, 4]])
        >>> find_sparse_rank(Equations(*entries))
        1
    """
    total = 1 + int(equations.unknowns.max(initial=-1))
    ties = Ties(total)
    while True:
        equations = equations.collect()
        starts = np.flatnonzero(np.diff(equations.equations, prepend=-1))
        counts = np.diff(starts, append=len(equations.equations))
        unknowns, values = equations.unknowns, equations.values
        single, double = starts[counts == 1], starts[counts == 2]
        if not single.size and not double.size:
            break
        for unknown in np.unique(unknowns[single]).tolist():
            ties.tie(unknown, unknown, 2)
        pairs = [unknowns[double], unknowns[double + 1], values[double], values[double + 1]]
        for one, other, a, b in np.unique(np.stack(pairs, axis=1), axis=0).tolist():
            ties.tie(one, other, -b * pow(a, -1, PRIME) % PRIME)
        found = np.array([ties.find(unknown) for unknown in range(total)])
        factors = values * found[unknowns, 1] % PRIME
        equations = Equations(equations.equations, found[unknowns, 0], factors)
    live = sum(ties.find(unknown) == (unknown, 1) for unknown in range(total))
    left, places = np.unique(equations.unknowns, return_inverse=True)
    if len(left) > MAX_TAIL:
        return None
    # Where the equations are many, multiples of them are added up: the rank can only fall.
    count = 1 + int(equations.equations.max(initial=-1))
    most = max(2 * len(left), MAX_TAIL_ENTRIES // max(1, len(left)))
    dense = np.zeros((min(count, most), len(left)))
    weights = 1 + equations.equations // most % (PRIME - 1)
    np.add.at(dense, (equations.equations % most, places), equations.values * weights % PRIME)
    return total - live + find_rank(dense % PRIME)
