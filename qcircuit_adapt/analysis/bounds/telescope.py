"""Telescope: an upper bound on the rank of ``T - S`` where gates change by little.

Exchange the gates of S for those of T one after another. Each step changes T by the circuit with
one gate replaced by its change, which has at most the rank of a cut in which that gate is a bond of
the size of the change's rank. Hence the rank of ``T - S`` is at most the sum over the gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qcircuit_adapt.analysis.bounds.cut import find_cut
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import GateError, nearest
from qcircuit_adapt.gate import Gate


def telescoped_bound(circuit: Circuit, deltas: Mapping[str, int]) -> int:
    """Bound the rank of ``T - S``, given how large a rank the change of each gate has.

    Args:
        circuit: The circuit.
        deltas: For names of gates that own their tensor, the largest rank of a block of the change
            of the gate; a trained gate that is not named changes as it will.

    Returns:
        The bound, for all gate values that keep to the ranks.

    Raises:
        GateError: A name is not of a gate that owns its tensor, or a rank is negative.

    Example:
        >>> circuit = Circuit.parse("a=4 b=3 c=2 | b c, a c, a b")
        >>> telescoped_bound(circuit, {"g1": 1, "g2": 1, "g3": 1})
        9
    """
    names = [gate.name for gate in circuit.gates if not gate.share]
    for name, delta in deltas.items():
        if name not in names:
            raise GateError(
                f"no gate {name!r} owns a tensor of {circuit.label}.",
                cure=nearest(name, names, noun="gates"),
            )
        if delta < 0:
            raise GateError(f"the change of gate {name!r} has rank {delta}; it must be 0 or more.")
    # A shared tensor changes at each of its places, one step each.
    alone = [replace(gate, share=None, rank=circuit.owner(gate).rank) for gate in circuit.gates]
    total = 0
    for place, gate in enumerate(circuit.gates):
        owner = circuit.owner(gate)
        delta = 0 if owner.frozen else deltas.get(owner.name, _most(alone[place]))
        if delta:
            total += _bound_step(circuit, alone, place=place, delta=delta)
    return min(total, find_cut(circuit, subject="T - S").bound) if total else 0


def _most(gate: Gate) -> int:
    """Return the rank that the change of a gate can have: twice that of the gate, or full."""
    full = min(gate.rows, gate.columns)
    return min(full, 2 * (gate.rank or full))


def _bound_step(circuit: Circuit, alone: list[Gate], *, place: int, delta: int) -> int:
    gate = alone[place]
    changed = gate if gate.diagonal else replace(gate, rank=min(delta, _most(gate)))
    gates = [*alone[:place], changed, *alone[place + 1 :]]
    outputs = [axis.name for axis in circuit.outputs]
    return find_cut(Circuit(circuit.inputs, gates, outputs=outputs)).bound
