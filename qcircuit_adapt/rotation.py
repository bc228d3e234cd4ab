"""Rotation: which gates can be held orthogonal, and how many numbers that trains.

Such a gate is ``(1 + K) (1 - K)^-1`` with K skew-symmetric (Cayley's formula). What is trained are
the numbers above the diagonal of K, from zero, where the gate is the identity: so each block has a
determinant of 1.
"""

from __future__ import annotations

from qcircuit_adapt.adapter import FORMS_FROM_IDENTITY, Adapter
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import GateError
from qcircuit_adapt.gate import Gate


def check_rotations(adapter: Adapter) -> None:
    """Refuse an adapter of which some gate cannot be held orthogonal.

    Raises:
        GateError: A form does not start at the identity, or a gate is not square, is of bounded
            rank, or has blocks of size 1.
    """
    for term in adapter.terms:
        if term.form not in FORMS_FROM_IDENTITY:
            raise GateError(
                f"the gates of {term.circuit.label} cannot be held orthogonal in form "
                f"{term.form!r}.",
                cause="They are rotations away from the identity.",
                cure="Use form 'residual', 'input' or 'output'.",
            )
        for gate in term.circuit.gates:
            _check_gate(gate, term.circuit)


def _check_gate(gate: Gate, circuit: Circuit) -> None:
    problem = ""
    if gate.rows != gate.columns:
        problem = f"maps {gate.columns} to {gate.rows}"
    elif gate.rank:
        problem = f"has rank {gate.rank}"
    elif gate.rows == 1:
        problem = "has blocks of size 1"
    if problem:
        raise GateError(
            f"gate {gate.name!r} of {circuit.label} {problem}, and cannot be held orthogonal.",
            cure="Use a circuit of square gates; in form 'input' or 'output' every layer has one.",
        )


def count_angles(gate: Gate) -> tuple[int, int]:
    """Return the shape of what a rotation trains, ``(blocks, n(n-1)/2)``.

    Example:
        >>> count_angles(Gate("a=4 b=2", per="c=3"))
        (3, 28)
    """
    return gate.blocks, gate.rows * (gate.rows - 1) // 2


def count_all_angles(circuit: Circuit) -> int:
    """Return how many numbers a circuit trains if every gate is held orthogonal.

    Example:
        >>> count_all_angles(Circuit.parse("a=4 b=2 | a b, a {name=g}, a {share=g}"))
        34
    """
    own = [count_angles(gate) for gate in circuit.gates if not gate.share]
    return sum(blocks * each for blocks, each in own)
