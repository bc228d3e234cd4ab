"""Determinant: what a circuit of square gates cannot reach over the real numbers.

A square gate A of ``r`` rows with ``b`` values of its control wires acts on ``d / (b r)`` copies of
each block, so ``det T`` is, up to the sign of a permutation of the wires, the product over all
gates and blocks of ``det(A)^(d / (b r))``.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from qcircuit_adapt.analysis.claim import compare
from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError


@dataclass(frozen=True)
class DeterminantSign:
    """The determinant of T has one sign, since every trained gate enters it by an even power.

    Attributes:
        sign: 1 if ``det T >= 0``, -1 if ``det T <= 0``, 0 if frozen gates decide which of the two.
    """

    sign: int
    status: ClassVar[str] = "theorem"

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        signs = {1: "det T >= 0", -1: "det T <= 0", 0: "det T has one sign, that of frozen gates,"}
        return (
            f"{signs[self.sign]} for all values of the trained gates, as each enters it by an even "
            "power; a real matrix of the other sign is not even a limit of T."
        )

    def check(self, circuit: Circuit) -> None:
        """Derive the sign again.

        Raises:
            CertificateError: The sign is another, or not settled.
        """
        if find_sign(circuit) != self:
            raise CertificateError("the determinant of the circuit has no such sign.")


@dataclass(frozen=True)
class RankGap:
    """No rank between two numbers is reached.

    Attributes:
        dimension: The rank of T if every gate is invertible.
        gap: How much the rank falls at least if a gate is not.
    """

    dimension: int
    gap: int
    status: ClassVar[str] = "theorem"

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        return (
            f"T has rank {self.dimension:,} or at most {self.dimension - self.gap:,}, for all gate "
            "values; matrices of a rank between are at best limits of T."
        )

    def check(self, circuit: Circuit) -> None:
        """Derive both numbers again.

        Raises:
            CertificateError: A number differs, or a gate is not square.
        """
        right = find_rank_gap(circuit)
        if right is None:
            raise CertificateError("the circuit leaves no gap in the ranks of T.")
        compare("dimension", self.dimension, right.dimension)
        compare("gap", self.gap, right.gap)


@dataclass(frozen=True)
class Rotation:
    """T is orthogonal and has one determinant, as every gate is a rotation.

    Attributes:
        sign: ``det T``, which is that of the order of the wires.
    """

    sign: int
    status: ClassVar[str] = "theorem"

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        return (
            f"T is orthogonal and det T = {self.sign}, whatever is trained: T keeps the norm of "
            "every vector."
        )

    def check(self, circuit: Circuit) -> None:
        """Derive the sign again.

        Raises:
            CertificateError: It is the other.
        """
        compare("determinant", self.sign, find_rotation(circuit).sign)


def find_rotation(circuit: Circuit) -> Rotation:
    """Find the determinant of T, given that every gate is held orthogonal and starts as identity.

    Example:
        >>> find_rotation(Circuit.parse("a=2 b=2 | a, b, -> b a")).sign
        -1
    """
    return Rotation(_permutation_sign(circuit))


def find_sign(circuit: Circuit) -> DeterminantSign | None:
    """Find the sign of ``det T``, where the graph settles it.

    Returns:
        The sign, or None if a trained gate enters by an odd power or T is not of square gates.

    Example:
        >>> find_sign(Circuit.parse("a=2 b=2 c=2 | a b, b c, a c")).sign
        1
        >>> find_sign(Circuit.parse("a=4 b=3 c=2 | a b, b c, a c")) is None
        True
    """
    powers = find_powers(circuit)
    if not powers:
        return None
    odd = [circuit.owner(gate) for gate in circuit.gates]
    odd = [gate for gate in odd if powers[gate.name] % 2]
    if any(not gate.frozen for gate in odd):
        return None
    return DeterminantSign(0 if odd else _permutation_sign(circuit))


def find_rank_gap(circuit: Circuit) -> RankGap | None:
    """Find which ranks T cannot have.

    Returns:
        The gap, or None if it is empty or T is not of square gates.

    Example:
        >>> find_rank_gap(Circuit.parse("a=16 b=8 c=8 d=4 | c d, b d, a d, b c, a c, a b"))
        RankGap(dimension=4096, gap=32)
    """
    if not find_powers(circuit):
        return None
    gap = min(circuit.d_in // (gate.blocks * gate.rows) for gate in circuit.gates)
    return RankGap(circuit.d_in, gap) if gap > 1 else None


def find_powers(circuit: Circuit) -> Counter[str]:
    """Return the power with which ``det T`` has the determinant of each tensor, by gate name.

    Returns:
        The powers; none if T has no gates, or one that is not square or of too low a rank.
    """
    powers: Counter[str] = Counter()
    for gate in circuit.gates:
        owner = circuit.owner(gate)
        if gate.rows != gate.columns or (owner.rank or gate.rows) < gate.rows:
            return Counter()
        powers[owner.name] += circuit.d_in // (gate.blocks * gate.rows)
    return powers


def _permutation_sign(circuit: Circuit) -> int:
    """Return the determinant that T has if every block is an identity matrix."""
    odd = 0
    for gate, before, after in zip(circuit.gates, circuit.stages, circuit.stages[1:], strict=False):
        rest = [axis for axis in before if axis not in gate.on]
        odd += _inversions(before, [*rest, *gate.on]) + _inversions([*rest, *gate.to], after)
    odd += _inversions(circuit.stages[-1], circuit.outputs)
    return -1 if odd % 2 else 1


def _inversions(before: Sequence[Axis], after: Sequence[Axis]) -> int:
    """Count the inversions, modulo 2, of the indices of wires in one order and in another.

    Exchanging two neighbours of sizes p and q inverts ``p (p - 1) / 2 * q (q - 1) / 2`` pairs, for
    each index of the others.
    """
    place = {axis.name: n for n, axis in enumerate(after)}
    dimension = 1
    for axis in before:
        dimension *= axis.size
    odd = 0
    for one, two in itertools.combinations(before, 2):
        if place[one.name] > place[two.name]:
            p, q = one.size, two.size
            odd += dimension // (p * q) * (p * (p - 1) // 2) * (q * (q - 1) // 2)
    return odd % 2
