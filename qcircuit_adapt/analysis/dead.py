"""Dead: trained numbers that cannot move the update, at the start or ever.

A number of a gate moves the update if ``u^T T v`` has a derivative by it, for some vectors u and v.
The derivatives are computed modulo a prime, for drawn vectors and gates, so that one that is not
zero proves that the number is alive. One that is zero for several vectors is dead but for a chance
below ``(gates / prime) ^ vectors``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qcircuit_adapt.adapter import FORMS_FROM_IDENTITY, Form, Term
from qcircuit_adapt.analysis.field.modular import Array
from qcircuit_adapt.analysis.field.residues import draw_residues
from qcircuit_adapt.analysis.freedom.gradient import list_gradients
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.wires import half_names, split_ranks

_VECTORS = 4


@dataclass(frozen=True)
class DeadEntries:
    """The numbers of a gate that cannot move the update.

    Attributes:
        gate: The gate's name; a gate ``g`` of bounded rank is two, ``g_in`` and ``g_out``.
        total: How many numbers it trains.
        at_start: How many of them have no gradient where training starts.
        always: How many have none whatever values the gates take: they could be left out.
    """

    gate: str
    total: int
    at_start: int
    always: int

    def __str__(self) -> str:
        return (
            f"gate {self.gate!r}: of {self.total:,} numbers {self.at_start:,} have no gradient at "
            f"the start, {self.always:,} never have one"
        )


def find_dead_entries(
    circuit: Circuit, form: Form = "difference", *, seed: int = 0
) -> tuple[DeadEntries, ...]:
    """Find trained numbers of a fresh adapter that have no gradient for any input.

    Gates that start at random numbers, orthogonal ones included, are taken to start at generic
    values. In form ``zero`` all gates but the one that is zero wait for it to move.

    Args:
        circuit: The circuit.
        form: The form of the adapter.
        seed: What vectors and gates are drawn from.

    Returns:
        Those gates that have any, in order.

    Raises:
        GateError: The form cannot train the circuit.

    Example:
        A square circuit whose outputs are cut, as QuanTA's published code does for narrow layers:

        >>> square = "a=16 b=8 c=8 d=4 | c d, b d, a d, b c, a c, a b"
        >>> cropped = Circuit.parse(f"{square}, a -> a=4 {{frozen init=identity}}")
        >>> print(*find_dead_entries(cropped))
        gate 'g6': of 16,384 numbers 12,288 have no gradient at the start, 12,288 never have one
        >>> find_dead_entries(Circuit.parse(f"{square} -> a=4 b"))
        ()
    """
    zero = _find_zero(Term(circuit, form))
    halves = split_ranks(circuit)
    gates = [gate for gate in halves.gates if not gate.share]
    start = {gate.name: _start(gate, form, zero, seed) for gate in gates}
    generic = {g.name: start[g.name] if g.frozen else _draw(g, seed) for g in gates}
    at_start, always = (_count_zeros(halves, tensors, seed) for tensors in (start, generic))
    found = (
        DeadEntries(gate.name, gate.parameters, at_start[gate.name], always[gate.name])
        for gate in gates
        if not gate.frozen
    )
    return tuple(one for one in found if one.at_start or one.always)


def _find_zero(term: Term) -> str:
    """Return the gate, or the half-gate, that starts at zero; empty if there is none."""
    if term.form != "zero":
        return ""
    names = {gate.name: gate for gate in term.circuit.gates}
    zero = term.zero_gate
    return half_names(zero, names)[1] if names[zero].rank else zero


def _start(gate: Gate, form: Form, zero: str, seed: int) -> Array:
    """Return what a gate starts as, of shape ``(blocks, rows, columns)``."""
    if gate.name == zero:
        return np.zeros((gate.blocks, gate.rows, gate.columns))
    ones = gate.diagonal and gate.init != "normal"
    if gate.init == "ones" and form not in FORMS_FROM_IDENTITY:
        return np.ones((gate.blocks, gate.rows, gate.columns))
    if form in FORMS_FROM_IDENTITY or gate.init == "identity" or ones:
        eye = np.eye(gate.rows, gate.columns)
        return np.broadcast_to(eye, (gate.blocks, *eye.shape))
    return _draw(gate, seed)


def _draw(gate: Gate, seed: int) -> Array:
    shape = (gate.blocks, gate.rows, gate.columns)
    return draw_residues(shape, seed=seed, label=f"gate={gate.name}")


def _count_zeros(circuit: Circuit, tensors: Mapping[str, Array], seed: int) -> dict[str, int]:
    """Count, for each trained tensor, the entries with no gradient for any drawn vectors."""
    alive: dict[str, Array] = {}
    for gradients in list_gradients(circuit, tensors, rows=_VECTORS, seed=seed):
        for name, gradient in gradients.items():
            moves = (gradient != 0).any(axis=0)
            alive[name] = moves | alive[name] if name in alive else moves
    return {name: int(np.count_nonzero(moves == 0)) for name, moves in alive.items()}
