"""The largest flow through a network, where widths in parallel multiply.

Capacities are bond sizes, and what flows side by side multiplies instead of adding. The positive
rationals under multiplication are an ordered group, which is all that augmenting along shortest
paths needs, so the flow and its cut are exact and no logarithm is taken.

Source: Edmonds and Karp, "Theoretical improvements in algorithmic efficiency for network flow
problems", J. ACM 19 (1972).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from qcircuit_adapt.network import INPUT, OUTPUT, Network

Node = str | tuple[str, str]
"""A gate, `INPUT`, `OUTPUT`, or one of the two nodes of a bond, ``(name, "in" | "out")``."""

Arcs = dict[Node, dict[Node, Fraction | None]]
"""What each arc may still carry; None is no limit, 1 is nothing."""


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
    arcs = _build_arcs(network, capacity)
    residual: Arcs = {node: dict(heads) for node, heads in arcs.items()}
    for tail, heads in arcs.items():
        for head in heads:
            residual[head].setdefault(tail, Fraction(1))
    value = Fraction(1)
    while (path := find_path(residual)) is not None:
        limits = (residual[tail][head] for tail, head in itertools.pairwise(path))
        width = min(limit for limit in limits if limit is not None)
        for tail, head in itertools.pairwise(path):
            residual[tail][head] = _scale(residual[tail][head], 1 / width)
            residual[head][tail] = _scale(residual[head][tail], width)
        value *= width
    amounts = {
        tail: {head: back for head in heads if (back := residual[head][tail]) is not None}
        for tail, heads in arcs.items()
    }
    reached = reach(residual)
    return Flow(value, amounts, frozenset(gate for gate in network.gates if gate in reached))


def find_path(arcs: Mapping[Node, Mapping[Node, Fraction | None]]) -> list[Node] | None:
    """Return a shortest path from the input to the output along arcs that carry something."""
    before = reach(arcs)
    if OUTPUT not in before:
        return None
    path: list[Node] = [OUTPUT]
    while path[-1] != INPUT:
        path.append(before[path[-1]])
    return path[::-1]


def reach(arcs: Mapping[Node, Mapping[Node, Fraction | None]]) -> dict[Node, Node]:
    """Return every node that arcs lead to from the input, with the node before it."""
    before: dict[Node, Node] = {INPUT: INPUT}
    queue: list[Node] = [INPUT]
    for tail in queue:
        for head, limit in arcs.get(tail, {}).items():
            if head not in before and (limit is None or limit > 1):
                before[head] = tail
                queue.append(head)
    return before


def _build_arcs(network: Network, capacity: Callable[[str, int], int]) -> Arcs:
    """Give each bond two nodes, so that it is crossed once however its ends are separated."""
    arcs: Arcs = {node: {} for node in (INPUT, OUTPUT, *network.gates)}
    for bond in network.bonds:
        entry, leave = (bond.name, "in"), (bond.name, "out")
        arcs[entry] = {leave: Fraction(capacity(bond.name, bond.size))}
        arcs[leave] = dict.fromkeys(bond.ends)
        for end in bond.ends:
            arcs[end][entry] = None
    return arcs


def _scale(limit: Fraction | None, factor: Fraction) -> Fraction | None:
    return None if limit is None else limit * factor
