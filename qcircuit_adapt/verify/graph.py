"""Graph: a circuit as tensors and the bonds that join them.

A gate ``g`` of bounded rank is two tensors, ``g_in`` and ``g_out``, joined by a bond of that size.
A control wire passes through: its bond has the gate as one more end. A bond is named after the gate
that gives it and its wire, ``"g1:a"``; the ends ``"<in>"`` and ``"<out>"`` are open.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate

IN, OUT = "<in>", "<out>"

DIFFERENCE = "T - S"
"""The subject, and the wire that says whether the trained gates hold their values or the first."""


@dataclass(frozen=True)
class Bond:
    """An index; every end has the same value of it.

    Attributes:
        giver: The first of its ends.
        wire: The wire it is a piece of.
        size: How many values it takes.
        ends: Names of tensors, `IN` or `OUT`.
    """

    giver: str
    wire: str
    size: int
    ends: tuple[str, ...]

    @property
    def name(self) -> str:
        """What no other bond is called."""
        return f"{self.giver}:{self.wire}"


@dataclass(frozen=True)
class Tensor:
    """A gate, or half of one.

    Attributes:
        name: Its name.
        values: The name of the tensor whose values it has: its own unless it shares.
        per: The bonds it is block-diagonal on, by name; likewise `to` and `on`.
        shape: Numbers of blocks, rows and columns.
        trained: Whether its values are trained.
        init: How its values start.
        special: Whether they start at values that are not generic.
        bounded: Whether it is half of a gate.
        same: Whether the sizes it takes are those it gives, one by one.
    """

    name: str
    values: str
    per: tuple[str, ...]
    to: tuple[str, ...]
    on: tuple[str, ...]
    shape: tuple[int, int, int]
    trained: bool
    init: str
    special: bool
    bounded: bool
    same: bool

    @property
    def parameters(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def wirewise(self) -> bool:
        """Whether it can be, or be taken for, the identity wire by wire."""
        singular = self.init == "zero" or (self.init == "ones" and bool(self.on))
        return self.same and not self.bounded and not singular

    @property
    def known(self) -> bool:
        """Whether it is trained, generic, or stays at the identity."""
        fixed = self.wirewise and self.init != "orthogonal"
        return self.trained or not self.special or fixed


@dataclass(frozen=True)
class Graph:
    """All tensors, in the order in which they act, and all bonds.

    Attributes:
        circuit: The circuit.
        tensors: Its gates and halves of gates.
        bonds: Its bonds: those of the input first, then gate by gate.
        inputs: The bonds of the input, by name; likewise `outputs`.
    """

    circuit: Circuit
    tensors: tuple[Tensor, ...]
    bonds: tuple[Bond, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tensors."""
        return tuple(tensor.name for tensor in self.tensors)

    @property
    def trained(self) -> tuple[str, ...]:
        """The names of those that are trained."""
        return tuple(tensor.name for tensor in self.tensors if tensor.trained)

    @property
    def sizes(self) -> dict[str, int]:
        """The size of each bond."""
        return {bond.name: bond.size for bond in self.bonds}

    @property
    def uses(self) -> Counter[str]:
        """How many tensors have the values of each."""
        return Counter(tensor.values for tensor in self.tensors)

    @property
    def free(self) -> tuple[str, ...]:
        """The names of those that are trained and have values of their own."""
        uses = self.uses
        return tuple(t.name for t in self.tensors if t.trained and uses[t.values] == 1)

    @property
    def widest(self) -> int:
        """How many numbers stand between two gates at most."""
        return max(math.prod(axis.size for axis in stage) for stage in self.circuit.stages)

    def bonds_of(self, subject: str) -> tuple[Bond, ...]:
        """Return the bonds whose cuts bound the rank of T, or of T - S.

        ``T - S = sum_c (-1)^c T_c`` with c = 0, 1 choosing the values of all trained gates, so c is
        one more bond that all of them have.
        """
        trained = self.trained
        if subject != DIFFERENCE or not trained:
            return self.bonds
        return (*self.bonds, Bond(trained[0], DIFFERENCE, 2, trained))


def build_graph(circuit: Circuit) -> Graph:
    """Split the gates of bounded rank, and join all gates by bonds."""
    names = {gate.name for gate in circuit.gates}
    wires = {axis.name for stage in circuit.stages for axis in stage}
    where = {axis.name: f"{IN}:{axis.name}" for axis in circuit.inputs}
    ends = {name: [IN] for name in where.values()}
    pieces = {f"{IN}:{axis.name}": (IN, axis.name, axis.size) for axis in circuit.inputs}
    tensors = []

    def give(giver: str, wire: str, size: int) -> str:
        pieces[f"{giver}:{wire}"] = giver, wire, size
        ends[f"{giver}:{wire}"] = [giver]
        return f"{giver}:{wire}"

    for gate in circuit.gates:
        owner = circuit.owner(gate)
        halves = [_unused(f"{gate.name}_{half}", names) for half in ("in", "out")]
        first, last = halves if owner.rank else (gate.name, gate.name)
        per = tuple(where[axis.name] for axis in gate.per)
        on = tuple(where.pop(axis.name) for axis in gate.on)
        for name in per + on:
            ends[name].append(first)
        inner: tuple[str, ...] = ()
        if owner.rank:
            inner = (give(first, _unused(f"{gate.name}_bond", wires), owner.rank),)
            for name in (*per, *inner):
                ends[name].append(last)
        to = tuple(give(last, axis.name, axis.size) for axis in gate.to)
        where |= dict(zip((axis.name for axis in gate.to), to, strict=True))
        if owner.rank:
            values = [_unused(f"{owner.name}_{half}", names) for half in ("in", "out")]
            tensors.append(_tensor(gate, owner, first, values[0], per, inner, on, owner.rank, 0))
            tensors.append(_tensor(gate, owner, last, values[1], per, to, inner, 0, owner.rank))
        else:
            tensors.append(_tensor(gate, owner, first, owner.name, per, to, on, 0, 0))
    for axis in circuit.outputs:
        ends[where[axis.name]].append(OUT)
    return Graph(
        circuit,
        tuple(tensors),
        tuple(Bond(*pieces[name], tuple(ends[name])) for name in pieces),
        tuple(f"{IN}:{axis.name}" for axis in circuit.inputs),
        tuple(where[axis.name] for axis in circuit.outputs),
    )


def _tensor(
    gate: Gate,
    owner: Gate,
    name: str,
    values: str,
    per: tuple[str, ...],
    to: tuple[str, ...],
    on: tuple[str, ...],
    rows: int,
    columns: int,
) -> Tensor:
    init = owner.init or "kaiming"
    generic = ("normal",) if gate.diagonal else ("kaiming", "normal")
    return Tensor(
        name=name,
        values=values,
        per=per,
        to=to,
        on=on,
        shape=(gate.blocks, rows or gate.rows, columns or gate.columns),
        trained=not owner.frozen,
        init=init,
        special=init not in generic,
        bounded=owner.rank is not None,
        same=[axis.size for axis in gate.on] == [axis.size for axis in gate.to],
    )


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def cross(bonds: Iterable[Bond], side: Iterable[str]) -> int:
    """Multiply the sizes of the bonds between the input with these tensors, and the rest."""
    near = {IN, *side}
    return math.prod(bond.size for bond in bonds if len({end in near for end in bond.ends}) == 2)


def connect(names: Sequence[str], bonds: Iterable[Bond]) -> list[set[str]]:
    """Group tensors and bonds, by name, that hang together without the input and the output."""
    merged = Merger()
    for name in names:
        merged.find(name)
    for bond in bonds:
        merged.find(bond.name)
        for end in bond.ends:
            if end not in (IN, OUT):
                merged.join(bond.name, end)
    return merged.groups()


class Merger:
    """Sets of names that are merged step by step (union-find)."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        """Return the name that stands for a name's set."""
        self.parent.setdefault(name, name)
        while self.parent[name] != name:
            self.parent[name] = self.parent[self.parent[name]]
            name = self.parent[name]
        return name

    def join(self, one: str, other: str) -> None:
        """Merge the sets of two names; that of the first stands for both."""
        self.parent[self.find(other)] = self.find(one)

    def groups(self) -> list[set[str]]:
        """Return all sets."""
        found: dict[str, set[str]] = {}
        for name in self.parent:
            found.setdefault(self.find(name), set()).add(name)
        return list(found.values())
