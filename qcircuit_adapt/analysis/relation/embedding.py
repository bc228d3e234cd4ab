"""Embedding: how the gates of one circuit do the work of those of another.

Each gate of the circuit does some gates of the target, one after another, and passes on the rest of
what it takes. A wire of the circuit carries any number of the target's wires, its values beyond
theirs unused. Following this from the inputs to the outputs proves that both give the same T.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qcircuit_adapt.analysis.bounds.route import can_be_identity, is_special
from qcircuit_adapt.analysis.relation.wiring import Pieces, Wiring, trace_wires
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.gate import Gate


@dataclass(frozen=True)
class Filling:
    """What a gate of the circuit is filled with.

    Attributes:
        gate: Its name.
        does: The gates of the target that it does, in order.
        per: For each of its control wires the target's pieces of wire that it carries.
        to: Likewise for the wires it gives.
        on: Likewise for the wires it takes.
    """

    gate: str
    does: tuple[str, ...]
    per: tuple[Pieces, ...]
    to: tuple[Pieces, ...]
    on: tuple[Pieces, ...]

    @property
    def passes(self) -> bool:
        """Whether it is the identity on what it takes, wire by wire."""
        return not self.does and self.to == self.on


@dataclass(frozen=True)
class Embedding:
    """The fillings of all gates.

    Attributes:
        fillings: One for each gate of the circuit, in order.
    """

    fillings: tuple[Filling, ...]

    def check(self, circuit: Circuit, target: Circuit) -> None:
        """Follow the target's wires through the circuit.

        Args:
            circuit: A circuit without gates of bounded rank.
            target: Another, whose open axes have the same sizes, those of 1 aside.

        Raises:
            CertificateError: A gate or a wire is not where it is said to be.
        """
        wiring = trace_wires(target)
        carried = start(circuit, target)
        done: list[str] = []
        shared: dict[str, object] = {}
        if [filling.gate for filling in self.fillings] != [gate.name for gate in circuit.gates]:
            raise CertificateError("the fillings are not those of the circuit's gates.")
        for gate, filling in zip(circuit.gates, self.fillings, strict=True):
            taken = tuple(carried.pop(axis.name) for axis in gate.on)
            if (taken, tuple(carried[axis.name] for axis in gate.per)) != (filling.on, filling.per):
                raise CertificateError(f"{gate.name!r} takes other wires than it is filled for.")
            if not may_hold(circuit, gate, filling):
                raise CertificateError(f"{gate.name!r} is frozen and cannot be filled so.")
            left = run(wiring, filling)
            if left is None or sorted(left) != sorted(sum(filling.to, ())):
                raise CertificateError(f"{gate.name!r} cannot do what it is filled with.")
            for axis, pieces in zip(gate.to, filling.to, strict=True):
                if math.prod(wiring.sizes[piece] for piece in pieces) > axis.size:
                    raise CertificateError(f"{gate.name!r} gives more than {axis} carries.")
                carried[axis.name] = pieces
            recipe = normalize(target, wiring, filling)
            if shared.setdefault(circuit.owner(gate).name, recipe) != recipe:
                raise CertificateError(f"{gate.name!r} shares a tensor that is filled otherwise.")
            done += filling.does
        if sorted(done) != sorted(wiring.gates):
            raise CertificateError("not every gate of the target is done once.")
        ends = tuple(piece for axis in circuit.outputs for piece in carried[axis.name])
        if ends != wide(wiring, wiring.outputs):
            raise CertificateError("the outputs are not those of the target.")

    def tensors(
        self, circuit: Circuit, target: Circuit, tensors: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return tensors with which the circuit gives the T that the target gives with its own."""
        wiring = trace_wires(target)
        by_name = {gate.name: gate for gate in target.gates}
        owned = {name: tensors[target.owner(gate).name] for name, gate in by_name.items()}
        return {
            gate.name: _identity(gate) if gate.frozen else _fill(gate, filling, wiring, owned)
            for gate, filling in zip(circuit.gates, self.fillings, strict=True)
            if not gate.share
        }


def start(circuit: Circuit, target: Circuit) -> dict[str, Pieces]:
    """Say which of the target's pieces of wire the circuit's input wires carry.

    Raises:
        CertificateError: The input axes differ in size.
    """
    wiring = trace_wires(target)
    pieces = wide(wiring, wiring.inputs)
    axes = [axis for axis in circuit.inputs if axis.size > 1]
    if [axis.size for axis in axes] != [wiring.sizes[piece] for piece in pieces]:
        raise CertificateError("the circuits have input axes of other sizes.")
    carried: dict[str, Pieces] = {axis.name: () for axis in circuit.inputs}
    for axis, piece in zip(axes, pieces, strict=True):
        carried[axis.name] = (piece,)
    return carried


def wide(wiring: Wiring, pieces: Sequence[str]) -> Pieces:
    """Return the pieces of wire that take more than one value."""
    return tuple(piece for piece in pieces if wiring.sizes[piece] > 1)


def run(wiring: Wiring, filling: Filling) -> list[str] | None:
    """Do the target's gates; return the pieces given, or None if one lacks what it takes."""
    left, seen = list(sum(filling.on, ())), set(sum(filling.per, ()))
    for name in filling.does:
        if not is_ready(wiring, name, left, seen):
            return None
        left = do(wiring, name, left)
    return left


def is_ready(wiring: Wiring, name: str, left: Sequence[str], seen: set[str]) -> bool:
    """Say whether all that a gate of the target takes is there."""
    per, _, on = wiring.gates[name]
    return {*wide(wiring, on)} <= {*left} and {*wide(wiring, per)} <= {*left} | seen


def do(wiring: Wiring, name: str, left: Sequence[str]) -> list[str]:
    """Replace what a gate of the target takes by what it gives."""
    _, to, on = wiring.gates[name]
    places = [place for place, piece in enumerate(left) if piece in on]
    first = min(places, default=len(left))
    rest = [piece for piece in left[first:] if piece not in on]
    return [*left[:first], *wide(wiring, to), *rest]


def may_hold(circuit: Circuit, gate: Gate, filling: Filling) -> bool:
    """Say whether a gate can hold a filling: if it is frozen, only what it is."""
    owner = circuit.owner(gate)
    if not owner.frozen:
        return True
    known = is_special(circuit, gate) and can_be_identity(circuit, gate)
    return known and owner.init != "orthogonal" and filling.passes


def normalize(target: Circuit, wiring: Wiring, filling: Filling) -> object:
    """Return what is the same for fillings that make the same tensor."""
    owners = {gate.name: target.owner(gate).name for gate in target.gates}
    numbers: dict[str, int] = {}

    def number(pieces: Sequence[str]) -> list[tuple[int, int]]:
        return [(numbers.setdefault(p, len(numbers)), wiring.sizes[p]) for p in pieces]

    axes = [[number(pieces) for pieces in part] for part in (filling.per, filling.on, filling.to)]
    return axes, [
        (owners[name], [number(pieces) for pieces in wiring.gates[name]]) for name in filling.does
    ]


def _identity(gate: Gate) -> Any:
    import numpy as np

    eye = np.eye(gate.rows, gate.columns, dtype=int)
    return np.broadcast_to(eye, (gate.blocks, *eye.shape)).reshape(gate.shape)


def _fill(gate: Gate, filling: Filling, wiring: Wiring, tensors: Mapping[str, Any]) -> Any:
    """Contract the tensors of the target's gates, and identities for what is passed on."""
    import numpy as np

    labels: dict[str, int] = {}

    def label(piece: str) -> int:
        return labels.setdefault(piece, len(labels))

    operands: list[Any] = [np.ones((), dtype=int), []]
    for name in filling.does:
        pieces = wide(wiring, sum(wiring.gates[name], ()))
        shape = [wiring.sizes[piece] for piece in pieces]
        operands += [np.asarray(tensors[name]).reshape(shape), [label(p) for p in pieces]]
    taken, given = sum(filling.on, ()), sum(filling.to, ())
    for piece in sum(filling.per, ()):
        operands += [np.ones(wiring.sizes[piece], dtype=int), [label(piece)]]
    for piece in given:
        if piece in taken:
            eye = np.eye(wiring.sizes[piece], dtype=int)
            operands += [eye, [label(f"given {piece}"), label(piece)]]
    result = [label(piece) for piece in sum(filling.per, ())]
    result += [label(f"given {piece}" if piece in taken else piece) for piece in given]
    result += [label(piece) for piece in taken]
    tensor = np.einsum(*operands, result, optimize="greedy")
    filled = [
        math.prod(wiring.sizes[piece] for piece in pieces)
        for pieces in filling.per + filling.to + filling.on
    ]
    room = [(0, size - used) for size, used in zip(gate.shape, filled, strict=True)]
    return np.pad(tensor.reshape(filled), room)
