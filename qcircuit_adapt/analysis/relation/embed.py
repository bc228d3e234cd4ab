"""Embed: search how one circuit can do the work of another."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from qcircuit_adapt.analysis.relation.embedding import (
    Embedding,
    Filling,
    do,
    is_ready,
    may_hold,
    normalize,
    start,
    wide,
)
from qcircuit_adapt.analysis.relation.wiring import Pieces, trace_wires
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate

MAX_STEPS = 5_000
"""How many fillings of gates are tried, unless told."""


def find_embedding(
    circuit: Circuit, target: Circuit, *, steps: int = MAX_STEPS
) -> Embedding | None:
    """Search for an embedding, from the inputs on: each gate first does all it can, then less.

    Args:
        circuit: A circuit without gates of bounded rank.
        target: Another, whose open axes have the same sizes, those of 1 aside.
        steps: How many fillings of gates to try.

    Returns:
        The embedding, or None if none is found, which proves nothing.

    Example:
        >>> found = find_embedding(Circuit.parse("a=2 b=2 | a b"), Circuit.parse("a=2 b=2 | b, a"))
        >>> found.fillings[0].does
        ('g1', 'g2')
    """
    search = _Search(circuit, target, steps)
    return search.embedding if search.fill(0, start(circuit, target), frozenset()) else None


class _Search:
    """Fills the circuit's gates one after another, and goes back where it gets stuck."""

    def __init__(self, circuit: Circuit, target: Circuit, steps: int) -> None:
        self.circuit, self.target, self.left = circuit, target, steps
        self.wiring, here = trace_wires(target), trace_wires(circuit)
        ends = wide(self.wiring, self.wiring.outputs)
        pieces = [piece for piece in here.outputs if here.sizes[piece] > 1]
        self.ends: dict[str, Pieces] = dict.fromkeys(here.outputs, ())
        self.possible = [here.sizes[piece] for piece in pieces] == [
            self.wiring.sizes[piece] for piece in ends
        ]
        self.ends |= {piece: (end,) for piece, end in zip(pieces, ends, strict=False)}
        self.fillings: list[Filling] = []
        self.recipes: dict[str, object] = {}
        self.shares = any(gate.share for gate in circuit.gates)
        self.stuck: set[object] = set()

    @property
    def embedding(self) -> Embedding:
        return Embedding(tuple(self.fillings))

    def fill(self, index: int, carried: Mapping[str, Pieces], done: frozenset[str]) -> bool:
        """Fill the gates from one on, given what the wires carry and what is done before."""
        if index == len(self.circuit.gates):
            ends = [piece for axis in self.circuit.outputs for piece in carried[axis.name]]
            right = ends == [*wide(self.wiring, self.wiring.outputs)]
            return self.possible and right and len(done) == len(self.target.gates)
        state = (index, frozenset(carried.items()), done)
        if state in self.stuck:
            return False
        gate = self.circuit.gates[index]
        owner = self.circuit.owner(gate).name
        for filling in self._list_fillings(gate, carried, done):
            self.left -= 1
            if self.left < 0:
                return False
            recipe = normalize(self.target, self.wiring, filling) if self.shares else None
            if owner in self.recipes and self.recipes[owner] != recipe:
                continue
            first = self.shares and owner not in self.recipes
            if first:
                self.recipes[owner] = recipe
            self.fillings.append(filling)
            after = {wire: pieces for wire, pieces in carried.items() if wire not in _names(gate)}
            after |= {axis.name: held for axis, held in zip(gate.to, filling.to, strict=True)}
            if self.fill(index + 1, after, done | {*filling.does}):
                return True
            self.fillings.pop()
            if first:
                del self.recipes[owner]
        if not self.shares:
            self.stuck.add(state)
        return False

    def _list_fillings(
        self, gate: Gate, carried: Mapping[str, Pieces], done: frozenset[str]
    ) -> Iterator[Filling]:
        """List what a gate may do and where it may leave its results."""
        on = tuple(carried[axis.name] for axis in gate.on)
        per = tuple(carried[axis.name] for axis in gate.per)
        places = {
            piece: axis.name for axis, held in zip(gate.on, on, strict=True) for piece in held
        }
        for does, left in reversed(list(self._list_work(sum(on, ()), {*sum(per, ())}, done))):
            for name in does:
                _, to, taken = self.wiring.gates[name]
                old = [places.get(piece, "") for piece in wide(self.wiring, taken)]
                places |= dict(zip(wide(self.wiring, to), old, strict=False))
            for given in self._place(gate, left, places):
                filling = Filling(gate.name, does, per, given, on)
                if may_hold(self.circuit, gate, filling):
                    yield filling

    def _list_work(
        self, held: Sequence[str], seen: set[str], done: frozenset[str]
    ) -> Iterator[tuple[tuple[str, ...], list[str]]]:
        """Do one gate of the target after another; say after each what is done and left."""
        does: list[str] = []
        left = list(held)
        yield (), left
        while True:
            ready = (
                name
                for name in self.wiring.gates
                if name not in done and name not in does and is_ready(self.wiring, name, left, seen)
            )
            if (name := next(ready, None)) is None:
                return
            does.append(name)
            left = do(self.wiring, name, left)
            yield tuple(does), left

    def _place(
        self, gate: Gate, left: Sequence[str], places: Mapping[str, str]
    ) -> Iterator[tuple[Pieces, ...]]:
        """List the ways to put pieces on the wires a gate gives; an output carries only its own."""
        own = {axis.name: self.ends.get(f"{gate.name}:{axis.name}") for axis in gate.to}
        fixed = sum((pieces for pieces in own.values() if pieces), ())
        if not {*fixed} <= {*left}:
            return
        free = [axis for axis in gate.to if own[axis.name] is None]
        moving = [piece for piece in left if piece not in fixed]
        names = [axis.name for axis in free]
        choices = []
        for piece in moving:
            old = [name for name in names if name == places.get(piece)]
            choices.append(old + [name for name in names if name not in old])
        room = {axis.name: axis.size for axis in free}
        for choice in itertools.product(*choices):
            held: dict[str, list[str]] = {axis.name: list(own[axis.name] or ()) for axis in gate.to}
            for piece, name in zip(moving, choice, strict=True):
                held[name].append(piece)
            sizes = self.wiring.sizes
            if all(math.prod(sizes[p] for p in held[name]) <= room[name] for name in room):
                yield tuple(tuple(pieces) for pieces in held.values())
            else:
                self.left -= 1
                if self.left < 0:
                    return


def _names(gate: Gate) -> set[str]:
    return {axis.name for axis in gate.on}
