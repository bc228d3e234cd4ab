"""Counting: the bounds on the rank that follow from the ranks of the gates alone."""

from __future__ import annotations

from dataclasses import dataclass

from qcircuit_adapt.axes import product
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate


@dataclass(frozen=True)
class QuantaBounds:
    """Bounds on the rank of T for all weights, provided every gate has the rank `gate_rank`.

    Attributes:
        lower: May be negative; the formula is not clipped.
        upper: The least rank of a single gate with all its spectator wires.
    """

    lower: int
    upper: int


def gate_rank(circuit: Circuit, gate: Gate) -> int:
    """Return the rank that each block of a gate has for almost all of its values."""
    full = min(gate.rows, gate.columns)
    return min(full, circuit.owner(gate).rank or full)


def quanta_bounds(circuit: Circuit) -> QuantaBounds:
    """Bound the rank of T by the ranks of its gates.

    With ``R_a`` the rank of gate a, ``d_a`` the product of the sizes it takes and ``d`` the numbers
    per token, a gate with its spectators has rank ``d R_a / d_a``, and for N square gates
    ``sum_a d R_a / d_a - d (N - 1) <= rank T <= min_a d R_a / d_a``. Where gates change sizes, the
    numbers per token between two gates stand for ``d`` (Sylvester's inequality).

    Example:
        >>> quanta_bounds(Circuit.parse("x=64 | x -> r=4, r -> y=64"))
        QuantaBounds(lower=4, upper=4)

    Source: Chen et al., "QuanTA", arXiv:2406.00132, rank theorem; re-derived for size changes.
    """
    widths = [product(wires) for wires in circuit.stages]
    if not circuit.gates:
        return QuantaBounds(widths[0], widths[0])
    ranks = [
        width // gate.columns * gate_rank(circuit, gate)
        for gate, width in zip(circuit.gates, widths, strict=False)
    ]
    return QuantaBounds(sum(ranks) - sum(widths[1:-1]), min(ranks))
