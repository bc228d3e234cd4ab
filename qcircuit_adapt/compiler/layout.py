"""Layouts: in which order wires lie in memory, so that few gates need a copy before them.

A gate is one matrix product if the wires it takes lie side by side, and the product may give its
wires in any order: the rows of its matrix are permuted, not the activations. Which orders to pass
through is a shortest path, found once for a circuit. With tokens last ("feature" major) the wires
may stand anywhere, with tokens first ("token" major) they must stand at the end.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.wires import split_ranks

Major = Literal["feature", "token"]
Wires = tuple[str, ...]

MAX_ORDERED = 5
"""Wires up to which all orders are tried; of more, those that move the wires of one gate."""

MAX_KEPT = 200
"""Orders kept after a gate, the cheapest ones."""


@dataclass(frozen=True)
class Move:
    """A copy of the activations with their wires in another order.

    Attributes:
        sizes: The sizes of the wires before.
        order: Which of these wires comes at each place.
    """

    sizes: tuple[int, ...]
    order: tuple[int, ...]


@dataclass(frozen=True)
class Product:
    """A gate as one batched matrix product.

    Attributes:
        gate: The gate's name.
        order: Which axis of its tensor ``(per..., to..., on...)`` comes at each place, so that it
            is a stack of matrices ``(rows, columns)``.
        matrices: How many matrices it holds: 1, or one for each value of its control wires.
        before: How often each is applied, for wires that stand before those it takes.
        rows: Numbers it gives.
        columns: Numbers it takes.
        after: Numbers for each token in wires that stand behind.
    """

    gate: str
    order: tuple[int, ...]
    matrices: int
    before: int
    rows: int
    columns: int
    after: int


@dataclass(frozen=True)
class Scaling:
    """A diagonal gate as one product of numbers.

    Attributes:
        gate: The gate's name.
        order: Which axis of its tensor comes at each place.
        sizes: The sizes of the wires; 1 in `shape` for those that it does not control.
        shape: The shape that spreads the tensor over the wires.
    """

    gate: str
    order: tuple[int, ...]
    sizes: tuple[int, ...]
    shape: tuple[int, ...]


Action = Move | Product | Scaling


@dataclass(frozen=True)
class Layout:
    """A circuit as products of matrices on activations that lie in stated orders.

    Attributes:
        major: Where the tokens stand: last ("feature") or first ("token").
        inputs: The sizes of the input axes.
        first: Which input axis comes at each place at the start.
        actions: What is done, in order.
        sizes: The sizes of the wires at the end.
        last: Which of these wires each output axis is.
    """

    major: Major
    inputs: tuple[int, ...]
    first: tuple[int, ...]
    actions: tuple[Action, ...]
    sizes: tuple[int, ...]
    last: tuple[int, ...]

    @property
    def copies(self) -> int:
        """How many copies stand between the gates."""
        return sum(isinstance(action, Move) for action in self.actions)


@dataclass(frozen=True)
class _Trail:
    """A way to lay out a circuit up to a gate.

    Attributes:
        cost: Elements copied between gates, then at the start, then at the end, for each token.
        wires: The order reached.
        start: The order it began with.
        actions: What was done.
    """

    cost: tuple[int, int, int]
    wires: Wires
    start: Wires
    actions: tuple[Action, ...]


@functools.lru_cache(maxsize=256)
def plan_layout(circuit: Circuit, major: Major) -> Layout | None:
    """Find the layout of a circuit that copies least.

    Args:
        circuit: The circuit; of bounded ranks the half-gates are laid out.
        major: Where the tokens stand.

    Returns:
        The layout; None if tokens stand first and a gate has control wires and others, for which
        there is no single product then.

    Example:
        >>> from qcircuit_adapt.families import quanta
        >>> layout = plan_layout(quanta((16, 8, 8, 4)), "feature")
        >>> layout.copies, len(layout.actions)
        (0, 6)
    """
    circuit = split_ranks(circuit)
    if major == "token" and any(gate.per and gate.on for gate in circuit.gates):
        return None
    names = tuple(axis.name for axis in circuit.inputs)
    trails = [_Trail((0, 0, 0), names, names, ())]
    if major == "feature":
        # The tokens are moved anyhow, and the wires with them; their own order is a faster copy.
        others = (order for order in _orders(names, ()) if order != names)
        trails += [_Trail((0, 1, 0), order, order, ()) for order in others]
    for gate, wires in zip(circuit.gates, circuit.stages, strict=False):
        sizes = {axis.name: axis.size for axis in wires}
        trails = _keep_cheapest(_advance(trails, gate, sizes, major))
    outputs = tuple(axis.name for axis in circuit.outputs)
    trails = [
        _Trail((*t.cost[:2], int(t.wires != outputs)), t.wires, t.start, t.actions) for t in trails
    ]
    best = min(trails, key=lambda trail: (trail.cost, trail.wires))
    sizes = {axis.name: axis.size for axis in circuit.outputs}
    return Layout(
        major,
        inputs=tuple(axis.size for axis in circuit.inputs),
        first=tuple(names.index(wire) for wire in best.start),
        actions=best.actions,
        sizes=tuple(sizes[wire] for wire in best.wires),
        last=tuple(best.wires.index(wire) for wire in outputs),
    )


def _advance(
    trails: list[_Trail], gate: Gate, sizes: dict[str, int], major: Major
) -> Iterator[_Trail]:
    """Apply a gate to every trail that lies right for it, and to the cheapest one moved."""
    for trail in trails:
        if _fits(trail.wires, gate, major):
            yield from _apply(trail, gate, sizes)
    best = min(trails, key=lambda trail: (trail.cost, trail.wires))
    width = math.prod(sizes.values())
    for wires in _orders(best.wires, _names(gate.per + gate.on)):
        if wires != best.wires and _fits(wires, gate, major):
            order = tuple(best.wires.index(wire) for wire in wires)
            move = Move(tuple(sizes[wire] for wire in best.wires), order)
            cost = (best.cost[0] + width, *best.cost[1:])
            moved = _Trail(cost, wires, best.start, (*best.actions, move))
            yield from _apply(moved, gate, sizes)


def _fits(wires: Wires, gate: Gate, major: Major) -> bool:
    """Say whether a gate is one product on wires in this order."""
    if gate.diagonal:
        return True
    on = {axis.name for axis in gate.on}
    if major == "token":
        return on == set(wires[-len(on) :])
    if gate.per:
        count = len(gate.per)
        behind = wires[count : count + len(on)]
        return {axis.name for axis in gate.per} == set(wires[:count]) and on == set(behind)
    start = min(wires.index(wire) for wire in on)
    return on == set(wires[start : start + len(on)])


def _apply(trail: _Trail, gate: Gate, sizes: dict[str, int]) -> Iterator[_Trail]:
    """Extend a trail by a gate, for every order of the wires that it may give."""
    wires = trail.wires
    per, to, on = _names(gate.per), _names(gate.to), _names(gate.on)
    laid_per = [wire for wire in wires if wire in per]
    first = [per.index(wire) for wire in laid_per]
    if gate.diagonal:
        shape = tuple(sizes[wire] if wire in per else 1 for wire in wires)
        scaling = Scaling(gate.name, tuple(first), tuple(sizes[wire] for wire in wires), shape)
        yield _Trail(trail.cost, wires, trail.start, (*trail.actions, scaling))
        return
    start = min(wires.index(wire) for wire in on)
    before, taken, after = wires[:start], wires[start:][: len(on)], wires[start + len(on) :]
    columns = [len(per + to) + on.index(wire) for wire in taken]
    spread = math.prod(sizes[wire] for wire in before if wire not in per)
    behind = math.prod(sizes[wire] for wire in after)
    for given in itertools.permutations(to) if len(to) <= MAX_ORDERED else (to,):
        rows = [len(per) + to.index(wire) for wire in given]
        step = Product(
            gate.name,
            order=(*first, *rows, *columns),
            matrices=gate.blocks,
            before=spread,
            rows=gate.rows,
            columns=gate.columns,
            after=behind,
        )
        yield _Trail(trail.cost, (*before, *given, *after), trail.start, (*trail.actions, step))


def _orders(wires: Wires, together: Wires) -> Iterator[Wires]:
    """List orders of wires: all, or of many wires those with some side by side at each place."""
    if len(wires) <= MAX_ORDERED:
        yield from itertools.permutations(wires)
        return
    rest = tuple(wire for wire in wires if wire not in together)
    for place in range(len(rest) + 1):
        yield (*rest[:place], *together, *rest[place:])


def _keep_cheapest(trails: Iterable[_Trail]) -> list[_Trail]:
    """Keep the cheapest trail to every order, and of these the cheapest."""
    best: dict[Wires, _Trail] = {}
    for trail in sorted(trails, key=lambda trail: (trail.cost, trail.wires)):
        best.setdefault(trail.wires, trail)
    return list(best.values())[:MAX_KEPT]


def _names(axes: tuple[Axis, ...]) -> Wires:
    return tuple(axis.name for axis in axes)


def count_macs(layout: Layout) -> int:
    """Return the multiply-accumulates of a layout for one token."""
    macs = 0
    for action in layout.actions:
        match action:
            case Product():
                macs += (
                    action.matrices * action.before * action.rows * action.columns * action.after
                )
            case Scaling():
                macs += math.prod(action.sizes)
    return macs
