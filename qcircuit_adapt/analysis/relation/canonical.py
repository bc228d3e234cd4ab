"""Canonical: one way to write all circuits that are the same up to names and commuting gates."""

from __future__ import annotations

import itertools
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qcircuit_adapt.analysis.relation.labelling import label_nodes
from qcircuit_adapt.analysis.relation.renaming import Renaming, build_renaming
from qcircuit_adapt.analysis.relation.wiring import Wiring, trace_wires
from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.network import INPUT

PER, TO, ON, HOLDS = range(4)
"""Kinds of edges: how a gate has a wire, and which axis of a shared tensor it has it by."""


def canonical_text(circuit: Circuit, *, up_to_axes: bool = False) -> str:
    """Return a text that is the same for all circuits that are the same up to names.

    Gates may be written in any order in which each follows those it takes wires from, and list
    their wires in any order. The text reads back to such a circuit; the circuit's name is not in
    it.

    Args:
        circuit: The circuit.
        up_to_axes: Whether circuits that differ in the order of input or of output axes get the
            same text too.

    Example:
        >>> canonical_text(Circuit.parse("u=4 v=4 w=2 | w, v u -> v u {name=last}"))
        'a=4 b=4 c=2 | a b, c'
        >>> canonical_text(Circuit.parse("x=2 y=4 z=4 | y z, x"), up_to_axes=True)
        'a=2 b=4 c=4 | a, b c'
    """
    return _Writer.read(circuit, up_to_axes=up_to_axes).circuit.text


def find_renaming(one: Circuit, other: Circuit, *, up_to_axes: bool = False) -> Renaming | None:
    """Find out whether two circuits are the same up to names and commuting gates.

    The order of the input and of the output axes counts, since T depends on it, as do sizes of 1.

    Args:
        one: The one circuit.
        other: The other.
        up_to_axes: Whether input axes, and output axes, may be in another order.

    Returns:
        The names in the one that belong to those in the other, or None if the circuits differ.

    Example:
        >>> one, other = Circuit.parse("a=2 b=3 | a, b"), Circuit.parse("x=2 y=3 | y, x")
        >>> print(find_renaming(one, other))
        both give the same T, once gates and wires are renamed: g1 is g2, g2 is g1.
    """
    ours, theirs = (_Writer.read(each, up_to_axes=up_to_axes) for each in (one, other))
    if ours.circuit != theirs.circuit:
        return None
    gates = dict(zip(ours.gates, theirs.gates, strict=True))
    wires = dict(zip(ours.pieces, theirs.pieces, strict=True))
    return build_renaming(one, other, gates, wires)


@dataclass(frozen=True)
class _Writer:
    """A circuit written canonically, and the original names in the order of writing."""

    circuit: Circuit
    gates: tuple[str, ...]
    pieces: tuple[str, ...]

    @classmethod
    def read(cls, circuit: Circuit, *, up_to_axes: bool) -> _Writer:
        wiring = trace_wires(circuit)
        labels, places = _label(circuit, wiring, up_to_axes=up_to_axes)
        order = tuple(sorted(wiring.gates, key=labels.__getitem__))
        by_name = {gate.name: gate for gate in circuit.gates}
        inputs, outputs = wiring.inputs, wiring.outputs
        if up_to_axes:
            inputs, outputs = (
                tuple(sorted(pieces, key=labels.__getitem__)) for pieces in (inputs, outputs)
            )
        fresh = _list_names()
        names = {piece: next(fresh) for piece in inputs}
        pieces, gates = list(inputs), []
        written: dict[str, str] = {}
        uses = Counter(circuit.owner(gate).name for gate in circuit.gates)
        for position, name in enumerate(order, 1):
            owner = circuit.owner(by_name[name])
            per, to, on = (
                _sort(wires, positions, labels)
                for wires, positions in zip(wiring.gates[name], places[name], strict=True)
            )
            _name_given(sorted(on, key=names.__getitem__), to, wiring, names, fresh)
            if uses[owner.name] == 1:  # else the order is that of the other uses
                for wires in (per, on, to):
                    wires.sort(key=names.__getitem__)
            first = written.setdefault(owner.name, f"g{position}")
            shares = first != f"g{position}"
            gates.append(
                Gate(
                    _axes(on, names, wiring),
                    to=_axes(to, names, wiring),
                    per=_axes(per, names, wiring),
                    name=f"g{position}",
                    rank=None if shares else owner.rank,
                    share=first if shares else None,
                    init=None if shares else owner.init,
                    frozen=owner.frozen and not shares,
                )
            )
            pieces += to
        written_circuit = Circuit(
            _axes(inputs, names, wiring), gates, outputs=[names[piece] for piece in outputs]
        )
        return cls(written_circuit, order, tuple(pieces))


def _label(
    circuit: Circuit, wiring: Wiring, *, up_to_axes: bool
) -> tuple[dict[str, int], dict[str, tuple[list[int], ...]]]:
    """Label gates and pieces of wire, in an order in which each gate follows what it takes.

    Returns:
        The labels, and for each gate the places by which its per, to and on are to be sorted: those
        of the axes of its tensor where it is shared, the pieces' own otherwise.
    """
    keys = _sweep(circuit, wiring, up_to_axes=up_to_axes)
    nodes = {name: number for number, name in enumerate(keys)}
    edges: list[list[tuple[int, int]]] = [[] for _ in nodes]
    all_keys: list[Any] = list(keys.values())

    def add_node(key: Any) -> int:
        all_keys.append(key)
        edges.append([])
        return len(edges) - 1

    def join(kind: int, one: int, other: int) -> None:
        edges[one].append((kind, other))
        edges[other].append((kind, one))

    uses = Counter(circuit.owner(gate).name for gate in circuit.gates)
    last = (len(circuit.gates), 0, 0, 0)
    held: dict[tuple[str, int, int], int] = {}
    for gate in circuit.gates:
        owner = circuit.owner(gate).name
        for kind, pieces in enumerate(wiring.gates[gate.name]):
            for place, piece in enumerate(pieces):
                if uses[owner] == 1:
                    join(kind, nodes[gate.name], nodes[piece])
                    continue
                if (owner, kind, place) not in held:
                    held[owner, kind, place] = add_node((*last, 0, kind))
                port = add_node((*last, 1, kind))
                join(kind, nodes[gate.name], port)
                join(kind, port, nodes[piece])
                join(HOLDS, port, held[owner, kind, place])
    labels = label_nodes(all_keys, edges)
    places = {
        gate.name: tuple(
            [
                labels[held.get((circuit.owner(gate).name, kind, place), nodes[piece])]
                for place, piece in enumerate(pieces)
            ]
            for kind, pieces in enumerate(wiring.gates[gate.name])
        )
        for gate in circuit.gates
    }
    return {name: labels[number] for name, number in nodes.items()}, places


def _sweep(circuit: Circuit, wiring: Wiring, *, up_to_axes: bool) -> dict[str, tuple[int, ...]]:
    """Tell gates and pieces apart by all that leads to them, then by all that they lead to.

    Returns:
        For each a key that starts with its depth: how many gates come before it one after another.
    """
    slots = {piece: 0 if up_to_axes else n for n, piece in enumerate(wiring.inputs)}
    ends = {piece: 1 if up_to_axes else n + 1 for n, piece in enumerate(wiring.outputs)}
    depth: dict[str, int] = {INPUT: -1}
    takers: dict[str, list[tuple[int, str]]] = {piece: [] for piece in wiring.sizes}
    for gate in circuit.gates:
        per, _, on = wiring.gates[gate.name]
        # A wire is taken after all gates that it controls.
        before = [name for piece in on for _, name in takers[piece]]
        before += [wiring.giver(piece) for piece in per + on]
        depth[gate.name] = 1 + max(depth[name] for name in before)
        for kind, pieces in ((PER, per), (ON, on)):
            for piece in pieces:
                takers[piece].append((kind, gate.name))
    levels: list[list[Gate]] = [[] for _ in range(max(depth.values()) + 1)]
    for gate in circuit.gates:
        levels[depth[gate.name]].append(gate)

    forward = {
        piece: (-1, slots.get(piece, 0), size)
        for piece, size in wiring.sizes.items()
        if piece in slots
    }
    for level, gates in enumerate(levels):
        marks = {gate.name: _mark(circuit, gate, wiring, forward) for gate in gates}
        for name, rank in _rank(marks).items():
            forward[name] = (level, rank, 0)
            for piece in wiring.gates[name][TO]:
                forward[piece] = (level, rank, wiring.sizes[piece])
    backward: dict[str, tuple[int, ...]] = {}
    given = [[piece for gate in gates for piece in wiring.gates[gate.name][TO]] for gates in levels]
    for level, made in reversed(list(enumerate([list(wiring.inputs), *given], -1))):
        leads = {
            piece: (
                forward[piece],
                ends.get(piece, 0),
                sorted((kind, backward[name]) for kind, name in takers[piece]),
            )
            for piece in made
        }
        backward |= {piece: (level, 1, rank, 0) for piece, rank in _rank(leads).items()}
        if level >= 0:
            leaves = {
                gate.name: (
                    forward[gate.name],
                    sorted(backward[piece] for piece in wiring.gates[gate.name][TO]),
                )
                for gate in levels[level]
            }
            backward |= {name: (level, 0, rank, 0) for name, rank in _rank(leaves).items()}
    return {name: (*key, 0, 0) for name, key in backward.items()}


def _mark(
    circuit: Circuit, gate: Gate, wiring: Wiring, forward: dict[str, tuple[int, int, int]]
) -> tuple[Any, ...]:
    """Return what tells a gate apart before it is known where its wires lead."""
    owner = circuit.owner(gate)
    per, to, on = wiring.gates[gate.name]
    options = (owner.rank or 0, owner.init or "", owner.frozen)
    taken = sorted(forward[piece] for piece in on), sorted(forward[piece] for piece in per)
    return (*taken, sorted(wiring.sizes[piece] for piece in to), options)


def _rank(keys: dict[str, Any]) -> dict[str, int]:
    """Number keys in their order, equal ones alike."""
    ranks: dict[str, int] = {}
    previous, rank = None, -1
    for name, key in sorted(keys.items(), key=lambda item: item[1]):
        rank += previous is None or key != previous
        ranks[name], previous = rank, key
    return ranks


def _sort(pieces: Sequence[str], places: Sequence[int], labels: dict[str, int]) -> list[str]:
    pairs = sorted(zip(places, (labels[piece] for piece in pieces), pieces, strict=True))
    return [piece for _, _, piece in pairs]


def _name_given(
    on: Sequence[str], to: list[str], wiring: Wiring, names: dict[str, str], fresh: Iterator[str]
) -> None:
    """Name the pieces a gate gives: like one it takes of the same size, where there is one."""
    left = list(on)
    for piece in to:
        twin = next((old for old in left if wiring.sizes[old] == wiring.sizes[piece]), None)
        if twin is not None:
            left.remove(twin)
        names[piece] = names[twin] if twin is not None else next(fresh)


def _axes(pieces: Sequence[str], names: dict[str, str], wiring: Wiring) -> list[Axis]:
    return [Axis(names[piece], wiring.sizes[piece]) for piece in pieces]


def _list_names() -> Iterator[str]:
    letters = string.ascii_lowercase
    return itertools.chain(letters, (f"w{n}" for n in itertools.count(len(letters))))
