"""The largest flow through a network, where widths in parallel multiply.

Capacities are bond sizes, and what flows side by side multiplies instead of adding. The positive
rationals under multiplication are an ordered group, which is all that augmenting along shortest
paths needs, so the flow and its cut are exact and no logarithm is rounded.

Source: Edmonds and Karp, "Theoretical improvements in algorithmic efficiency for network flow
problems", J. ACM 19 (1972).
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from qcircuit_adapt.network import INPUT, OUTPUT, Network

Node = str | tuple[str, str]
"""A gate, `INPUT`, `OUTPUT`, or one of the two nodes of a bond, ``(name, "in" | "out")``."""

Number = int | Fraction

Arcs = dict[Node, dict[Node, Number | None]]
"""What each arc may still carry; None is no limit."""


@dataclass(frozen=True)
class Scale:
    """How capacities are written down, so that a flow can be added to another, or taken off.

    Where all are powers of one number, whole exponents do; otherwise they are fractions.

    Attributes:
        base: The number, or None.
        add: What joins two capacities side by side.
        take: Its inverse.
        nothing: The capacity that carries one value only.
    """

    base: int | None
    add: Callable[[Any, Any], Any]
    take: Callable[[Any, Any], Any]
    nothing: Number

    def write(self, capacity: int) -> Number:
        """Write a capacity down."""
        if self.base is None:
            return Fraction(capacity)
        exponent = 0
        while capacity > 1:
            capacity //= self.base
            exponent += 1
        return exponent

    def read(self, number: Number) -> Fraction:
        """Return the capacity that is written."""
        return Fraction(number) if self.base is None else Fraction(self.base**number)


@dataclass(frozen=True)
class Flow:
    """A largest flow.

    Attributes:
        value: How much flows: the least product of capacities that separates input from output.
        amounts: What flows on each arc, where it is more than 1.
        input_side: The gates on the input side of a smallest cut.
    """

    value: Fraction
    amounts: Mapping[Node, Mapping[Node, Fraction]]
    input_side: frozenset[Node]


def find_flow(network: Network, capacity: Callable[[str, int], int]) -> Flow:
    """Find a largest flow from the input to the output.

    Args:
        network: Where it flows. A bond carries its capacity once, whichever of its ends it joins.
        capacity: Gives the capacity of a bond from its name and size.
    """
    capacities = {bond.name: capacity(bond.name, bond.size) for bond in network.bonds}
    scale = choose_scale(capacities.values())
    add, take, nothing = scale.add, scale.take, scale.nothing
    arcs = _build_arcs(network, {name: scale.write(size) for name, size in capacities.items()})
    residual: Arcs = {node: dict(heads) for node, heads in arcs.items()}
    for tail, heads in arcs.items():
        for head in heads:
            residual[head].setdefault(tail, nothing)
    value = nothing
    while (path := find_path(residual, nothing)) is not None:
        steps = list(itertools.pairwise(path))
        limits = (residual[tail][head] for tail, head in steps)
        width = min(limit for limit in limits if limit is not None)
        for tail, head in steps:
            ahead, back = residual[tail][head], residual[head][tail]
            residual[tail][head] = None if ahead is None else take(ahead, width)
            residual[head][tail] = None if back is None else add(back, width)
        value = add(value, width)
    amounts = {
        tail: {
            head: scale.read(back)
            for head in heads
            if (back := residual[head][tail]) is not None and back > nothing
        }
        for tail, heads in arcs.items()
    }
    reached = reach(residual, nothing)
    side = frozenset(gate for gate in network.gates if gate in reached)
    return Flow(scale.read(value), amounts, side)


def choose_scale(capacities: Iterable[int]) -> Scale:
    """Choose how to write capacities down.

    Example:
        >>> choose_scale([4, 16, 1, 64]).base, choose_scale([4, 12]).base
        (4, None)
    """
    sizes = {size for size in capacities if size > 1}
    base = min(sizes, default=2)
    while base > 1:
        # If all are powers of one number, so is what the smallest one leaves of another.
        rest = next((rest for size in sizes if (rest := _strip(size, base)) > 1), None)
        if rest is None:
            return Scale(base, operator.add, operator.sub, 0)
        if rest % base == 0 or base % rest:
            break
        base = rest
    return Scale(None, operator.mul, operator.truediv, Fraction(1))


def _strip(size: int, base: int) -> int:
    """Divide by a number as often as that leaves no remainder."""
    while size % base == 0:
        size //= base
    return size


def find_path(
    arcs: Mapping[Node, Mapping[Node, Number | None]], nothing: Number = 1
) -> list[Node] | None:
    """Return a shortest path from the input to the output along arcs that carry something."""
    before = reach(arcs, nothing)
    if OUTPUT not in before:
        return None
    path: list[Node] = [OUTPUT]
    while path[-1] != INPUT:
        path.append(before[path[-1]])
    return path[::-1]


def reach(
    arcs: Mapping[Node, Mapping[Node, Number | None]], nothing: Number = 1
) -> dict[Node, Node]:
    """Return every node that arcs lead to from the input, with the node before it."""
    before: dict[Node, Node] = {INPUT: INPUT}
    queue: list[Node] = [INPUT]
    for tail in queue:
        for head, limit in arcs.get(tail, {}).items():
            if head not in before and (limit is None or limit > nothing):
                before[head] = tail
                queue.append(head)
    return before


def _build_arcs(network: Network, capacities: Mapping[str, Number]) -> Arcs:
    """Give each bond two nodes, so that it is crossed once however its ends are separated."""
    arcs: Arcs = {node: {} for node in (INPUT, OUTPUT, *network.gates)}
    for bond in network.bonds:
        entry, leave = (bond.name, "in"), (bond.name, "out")
        arcs[entry] = {leave: capacities[bond.name]}
        arcs[leave] = dict.fromkeys(bond.ends)
        for end in bond.ends:
            arcs[end][entry] = None
    return arcs
