"""Bend: a circuit with all its open wires as inputs, so that work may flow towards any gate.

The sum over the wires between gates does not know which way they point. So that a circuit gives
every T of another is the same question for the bent circuits, whose one output has size 1; in a
tensor train, say, values that meet in the middle can come from both ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qcircuit_adapt.analysis.relation.wiring import Wiring, trace_wires
from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import LimitError
from qcircuit_adapt.gate import Gate


@dataclass(frozen=True)
class Bent:
    """A bent circuit, and where the axes of its tensors come from.

    Attributes:
        circuit: The bent circuit; its inputs are the inputs, then the outputs of the original.
        original: The circuit it was made from.
        orders: For each gate the axes of its original tensor in their order in the bent circuit,
            where the last gate has one of size 1 before them.
    """

    circuit: Circuit
    original: Circuit
    orders: Mapping[str, tuple[int, ...]]

    def bend_tensors(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Turn tensors of the original into those of the bent circuit."""
        return {
            gate.name: tensors[gate.name].transpose(self.orders[gate.name]).reshape(gate.shape)
            for gate in self.circuit.gates
        }

    def unbend_tensors(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Turn tensors of the bent circuit into those of the original."""
        found = {}
        for gate in self.original.gates:
            order = self.orders[gate.name]
            shape = [gate.shape[place] for place in order]
            back = sorted(range(len(order)), key=order.__getitem__)
            found[gate.name] = tensors[gate.name].reshape(shape).transpose(back)
        return found


def bend(circuit: Circuit, *, root: str) -> Bent | None:
    """Bend a circuit such that all its wires lead to one gate.

    Args:
        circuit: A circuit without gates of bounded rank.
        root: The name of the gate.

    Returns:
        The bent circuit, or None where there are control wires, shared or frozen tensors, wires
        that no gate takes, gates that no wires join to the root, or where it gets too large.

    Example:
        >>> bend(Circuit.parse("a=2 b=3 | a -> a r=4, b r -> b"), root="g1").circuit.text
        'w0=2 w1=3 w2=2 w4=3 | w1 w4 -> w3=4 {name=g2}, w0 w2 w3 -> end=1 {name=g1}'
    """
    wiring = trace_wires(circuit)
    special = any(gate.per or gate.share or gate.frozen for gate in circuit.gates)
    if special or not set(wiring.inputs).isdisjoint(wiring.outputs):
        return None
    depths = _measure(wiring, root)
    if len(depths) < len(wiring.gates):
        return None
    order = sorted(wiring.gates, key=lambda name: -depths[name])
    first: dict[str, str] = {}
    for name in order:
        for piece in (*wiring.gates[name][1], *wiring.gates[name][2]):
            first.setdefault(piece, name)
    opened = {*wiring.inputs, *wiring.outputs}
    names = {piece: f"w{n}" for n, piece in enumerate(wiring.sizes)}
    gates, orders = [], {}
    for name in order:
        _, to, on = wiring.gates[name]
        places = {piece: place for place, piece in enumerate(to + on)}
        gives = [piece for piece in places if piece not in opened and first[piece] == name]
        takes = [piece for piece in wiring.sizes if piece in places and piece not in gives]
        if not takes:
            return None
        given = [Axis(names[piece], wiring.sizes[piece]) for piece in gives]
        gates.append(
            Gate(
                [Axis(names[piece], wiring.sizes[piece]) for piece in takes],
                to=given or [Axis("end", 1)],
                name=name,
            )
        )
        orders[name] = tuple(places[piece] for piece in [*gives, *takes])
    ends = wiring.inputs + wiring.outputs
    inputs = [Axis(names[piece], wiring.sizes[piece]) for piece in ends]
    try:
        return Bent(Circuit(inputs, gates), circuit, orders)
    except LimitError:
        return None


def _measure(wiring: Wiring, root: str) -> dict[str, int]:
    """Return how far each gate is from the root, for those that wires join to it."""
    ends: dict[str, list[str]] = {piece: [] for piece in wiring.sizes}
    for name, parts in wiring.gates.items():
        for piece in sum(parts, ()):
            ends[piece].append(name)
    depths, queue = {root: 0}, [root]
    for name in queue:
        for piece in sum(wiring.gates[name], ()):
            for other in ends[piece]:
                if other not in depths:
                    depths[other] = depths[name] + 1
                    queue.append(other)
    return depths
