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
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from qcircuit_adapt.axes import Axis, product
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


class _Trail(NamedTuple):
    """A way to lay out a circuit up to a gate.

    Attributes:
        cost: Elements copied between gates for each token, and whether any are at the start.
        wires: The order reached.
        laid: The order in which the last gate found its wires, perhaps after a copy.
        earlier: The way up to that gate; None before the first.
    """

    cost: tuple[int, int]
    wires: Wires
    laid: Wires
    earlier: _Trail | None


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
    names = _names(circuit.inputs)
    trails = [_Trail((0, 0), names, names, None)]
    if major == "feature":
        # The tokens are moved anyhow, and the wires with them; their own order is a faster copy.
        others = (order for order in _orders(names, ()) if order != names)
        trails += [_Trail((0, 1), order, order, None) for order in others]
    for gate, wires in zip(circuit.gates, circuit.stages, strict=False):
        trails = _advance(trails, gate, product(wires), major)
    outputs = _names(circuit.outputs)
    best = min(trails, key=lambda trail: (trail.cost, trail.wires != outputs, trail.wires))
    trail = _retrace(best)
    sizes = {axis.name: axis.size for axis in circuit.outputs}
    return Layout(
        major,
        inputs=tuple(axis.size for axis in circuit.inputs),
        first=tuple(names.index(wire) for wire in trail[0].wires),
        actions=tuple(_list_actions(circuit, trail)),
        sizes=tuple(sizes[wire] for wire in best.wires),
        last=tuple(best.wires.index(wire) for wire in outputs),
    )


def _advance(trails: list[_Trail], gate: Gate, width: int, major: Major) -> list[_Trail]:
    """Apply a gate to every trail that lies right for it, and to the cheapest one moved.

    Args:
        trails: The ways to the gate, the cheapest first.
        gate: The gate.
        width: Elements of each token before the gate.
        major: Where the tokens stand.

    Returns:
        The cheapest way to each order that can be reached; of many the cheapest, in order.
    """
    per, to, on = _names(gate.per), _names(gate.to), _names(gate.on)
    given = tuple(itertools.permutations(to)) if len(to) <= MAX_ORDERED else (to,)
    found: dict[Wires, _Trail] = {}

    def apply(laid: Wires, cost: tuple[int, int], earlier: _Trail) -> None:
        start = _find_place(laid, per, on, major)
        if start is None:
            return
        before, after = laid[:start], laid[start + len(on) :]
        for middle in given:
            wires = (*before, *middle, *after)
            if wires not in found or cost < found[wires].cost:
                found[wires] = _Trail(cost, wires, laid, earlier)

    for trail in trails:
        apply(trail.wires, trail.cost, trail)
    best = trails[0]
    for order in _orders(best.wires, per + on):
        apply(order, (best.cost[0] + width, best.cost[1]), best)
    return sorted(found.values(), key=lambda trail: (trail.cost, trail.wires))[:MAX_KEPT]


def _find_place(wires: Wires, per: Wires, on: Wires, major: Major) -> int | None:
    """Return where the wires a gate takes start; None if it is no single product on this order."""
    if not on:
        return 0
    if major == "token":
        start = len(wires) - len(on)
    elif per:
        start = len(per)
        if set(wires[:start]) != set(per):
            return None
    else:
        start = min(map(wires.index, on))
    return start if set(wires[start : start + len(on)]) == set(on) else None


def _orders(wires: Wires, together: Wires) -> Iterator[Wires]:
    """List orders of wires: all, or of many wires those with some side by side at each place."""
    if len(wires) <= MAX_ORDERED:
        yield from itertools.permutations(wires)
        return
    rest = tuple(wire for wire in wires if wire not in together)
    for place in range(len(rest) + 1):
        yield (*rest[:place], *together, *rest[place:])


def _retrace(trail: _Trail) -> list[_Trail]:
    """List a trail's stations: before the first gate, and after every gate."""
    stations = [trail]
    while stations[-1].earlier:
        stations.append(stations[-1].earlier)
    return stations[::-1]


def _list_actions(circuit: Circuit, trail: list[_Trail]) -> Iterator[Action]:
    """List what is done along a trail."""
    steps = zip(circuit.gates, circuit.stages, itertools.pairwise(trail), strict=False)
    for gate, stage, (before, after) in steps:
        sizes = {axis.name: axis.size for axis in stage}
        if before.wires != after.laid:
            order = tuple(before.wires.index(wire) for wire in after.laid)
            yield Move(tuple(sizes[wire] for wire in before.wires), order)
        yield _apply(gate, after, sizes)


def _apply(gate: Gate, trail: _Trail, sizes: dict[str, int]) -> Product | Scaling:
    """Return a gate as one product on wires that lie right for it."""
    laid, given = trail.laid, trail.wires
    per, to, on = _names(gate.per), _names(gate.to), _names(gate.on)
    first = tuple(per.index(wire) for wire in laid if wire in per)
    if gate.diagonal:
        shape = tuple(sizes[wire] if wire in per else 1 for wire in laid)
        return Scaling(gate.name, first, tuple(sizes[wire] for wire in laid), shape)
    start = min(map(laid.index, on))
    rows = (len(per) + to.index(wire) for wire in given[start:][: len(to)])
    columns = (len(per + to) + on.index(wire) for wire in laid[start:][: len(on)])
    return Product(
        gate.name,
        order=(*first, *rows, *columns),
        matrices=gate.blocks,
        before=math.prod(sizes[wire] for wire in laid[:start] if wire not in per),
        rows=gate.rows,
        columns=gate.columns,
        after=math.prod(sizes[wire] for wire in laid[start + len(on) :]),
    )


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
