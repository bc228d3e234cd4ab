"""Wiring: which piece of wire each axis of a gate's tensor is on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.network import INPUT

Pieces = tuple[str, ...]
"""Pieces of wire, named ``giver:wire`` as the bonds of a network are."""


@dataclass(frozen=True)
class Wiring:
    """A circuit as gates and pieces of wire, whatever order commuting gates are written in.

    A control wire is one piece from where it is given to where it is taken.

    Attributes:
        sizes: How many values each piece takes.
        inputs: The pieces of the input axes, in order.
        outputs: The pieces of the output axes, in order.
        gates: The pieces of each gate's ``per``, ``to`` and ``on``, in the order of its tensor.
    """

    sizes: Mapping[str, int]
    inputs: Pieces
    outputs: Pieces
    gates: Mapping[str, tuple[Pieces, Pieces, Pieces]]

    def giver(self, piece: str) -> str:
        """Return the gate that gives a piece, or `network.INPUT`."""
        return piece.partition(":")[0]


def trace_wires(circuit: Circuit) -> Wiring:
    """Follow the wires of a circuit.

    Example:
        >>> trace_wires(Circuit.parse("a=2 b=3 | b per a, a -> c=5")).gates
        {'g1': (('<in>:a',), ('g1:b',), ('<in>:b',)), 'g2': ((), ('g2:c',), ('<in>:a',))}
    """
    current = {axis.name: f"{INPUT}:{axis.name}" for axis in circuit.inputs}
    sizes = {current[axis.name]: axis.size for axis in circuit.inputs}
    inputs, gates = tuple(current.values()), {}
    for gate in circuit.gates:
        per = tuple(current[axis.name] for axis in gate.per)
        on = tuple(current.pop(axis.name) for axis in gate.on)
        to = tuple(f"{gate.name}:{axis.name}" for axis in gate.to)
        sizes |= {piece: axis.size for piece, axis in zip(to, gate.to, strict=True)}
        current |= {axis.name: piece for piece, axis in zip(to, gate.to, strict=True)}
        gates[gate.name] = (per, to, on)
    return Wiring(sizes, inputs, tuple(current[axis.name] for axis in circuit.outputs), gates)
