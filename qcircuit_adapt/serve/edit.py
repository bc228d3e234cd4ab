"""Edits of a circuit by pointing: gates added, moved, placed on other wires, removed.

Gates that are called by their position keep being so; what shares their tensors follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import GateError, WireError, nearest
from qcircuit_adapt.gate import Gate


def add_gate(circuit: Circuit, wires: Iterable[str], *, position: int) -> Circuit:
    """Return the circuit with one more dense gate.

    Args:
        circuit: The circuit.
        wires: The names of the wires it acts on.
        position: How many gates stand before it.

    Raises:
        WireError: A wire is not there at that position.

    Example:
        >>> add_gate(Circuit.parse("a=2 b=3 c=4 | a b, b c"), ["a", "c"], position=1).text
        'a=2 b=3 c=4 | a b, a c, b c'
    """
    position = max(0, min(position, len(circuit.gates)))
    gate = Gate(_find_wires(circuit, wires, position))
    gates = [*circuit.gates[:position], gate, *circuit.gates[position:]]
    return _rebuild(circuit, gates)


def remove_gate(circuit: Circuit, name: str) -> Circuit:
    """Return the circuit without a gate; the first gate that shared its tensor then owns it.

    Raises:
        GateError: There is no such gate.
        CircuitError: Later gates need wires that this one gives.

    Example:
        >>> remove_gate(Circuit.parse("a=2 b=2 | a {frozen}, b, b {share=g1}"), "g1").text
        'a=2 b=2 | b, b {frozen}'
    """
    gone = circuit.gates[_find(circuit, name)]
    heir = next((gate for gate in circuit.gates if gate.share == name), None)
    gates = []
    for gate in circuit.gates:
        if gate is heir:
            gates.append(
                replace(gate, share=None, rank=gone.rank, init=gone.init, frozen=gone.frozen)
            )
        elif heir and gate.share == name:
            gates.append(replace(gate, share=heir.name))
        elif gate is not gone:
            gates.append(gate)
    return _rebuild(circuit, gates)


def move_gate(circuit: Circuit, name: str, *, earlier: bool) -> Circuit:
    """Return the circuit with a gate moved past the next gate that shares a wire with it.

    Raises:
        GateError: There is no such gate, or none to move it past.
        CircuitError: Gates need wires that are then not there.

    Example:
        >>> move_gate(Circuit.parse("a=2 b=2 c=2 | a b, c, b c"), "g3", earlier=True).text
        'a=2 b=2 c=2 | a b, b c, c'
    """
    start = _find(circuit, name)
    gates = list(circuit.gates)
    moved = gates.pop(start)
    ahead = range(start - 1, -1, -1) if earlier else range(start, len(gates))
    for index in ahead:
        if _wires(gates[index]) & _wires(moved):
            gates.insert(index if earlier else index + 1, moved)
            return _rebuild(circuit, gates)
    side = "before" if earlier else "after"
    raise GateError(f"no gate {side} {name!r} shares a wire with it, so it moves past none.")


def place_gate(circuit: Circuit, name: str, wires: Iterable[str], *, position: int) -> Circuit:
    """Return the circuit with a gate that keeps its sizes put on other wires.

    Args:
        circuit: The circuit.
        name: The gate's name.
        wires: The names of the wires it is to act on.
        position: How many gates, itself among them, stand before its new place.

    Raises:
        GateError: There is no such gate, or it is not one that keeps its wires.
        WireError: A wire is not there at that position.
        SizeError: It shares a tensor of other sizes.

    Example:
        >>> place_gate(Circuit.parse("a=2 b=2 c=2 | a b, c"), "g1", ["b", "c"], position=2).text
        'a=2 b=2 c=2 | c, b c'
    """
    start = _find(circuit, name)
    gate = circuit.gates[start]
    if gate.to != gate.on or gate.per:
        raise GateError(
            f"gate {name!r} changes sizes or has control wires.", cure="Write it anew in the text."
        )
    placed = replace(gate, on=(on := _find_wires(circuit, wires, position)), to=on)
    gates = list(circuit.gates)
    gates.insert(position, placed)
    del gates[start if position > start else start + 1]
    return _rebuild(circuit, gates)


def _wires(gate: Gate) -> set[str]:
    return {axis.name for axis in gate.on + gate.to + gate.per}


def _find(circuit: Circuit, name: str) -> int:
    names = [gate.name for gate in circuit.gates]
    if name not in names:
        raise GateError(f"there is no gate {name!r}.", cure=nearest(name, names, noun="gates"))
    return names.index(name)


def _find_wires(circuit: Circuit, wires: Iterable[str], position: int) -> tuple[Axis, ...]:
    there = {axis.name: axis for axis in circuit.stages[position]}
    found = []
    for wire in wires:
        if wire not in there:
            raise WireError(
                f"wire {wire!r} is not there after {position} gates.",
                cure=nearest(wire, there, noun="wires"),
            )
        found.append(there[wire])
    return tuple(found)


def _rebuild(circuit: Circuit, gates: Sequence[Gate]) -> Circuit:
    """Return the circuit with other gates: renumbered, and with its order of outputs if it fits."""
    numbered = {gate.name for n, gate in enumerate(circuit.gates, 1) if gate.name == f"g{n}"}
    taken = {gate.name for gate in gates} - numbered
    names: dict[str, str] = {}
    renamed = []
    for number, gate in enumerate(gates, 1):
        name = gate.name
        if not name or name in numbered:
            name = f"g{number}"
            while name in taken:
                name += "_"
        names[gate.name] = name
        renamed.append(replace(gate, name=name))
    shared = [replace(gate, share=gate.share and names[gate.share]) for gate in renamed]
    rebuilt = Circuit(circuit.inputs, shared, name=circuit.name)
    order = [axis.name for axis in circuit.outputs]
    if sorted(order) != sorted(axis.name for axis in rebuilt.outputs):
        return rebuilt
    return Circuit(circuit.inputs, shared, outputs=order, name=circuit.name)
