"""Coarsen: which gates to merge into blocks, so that the gauge count bounds best.

Merging gives a larger set of matrices, and yet often a lower bound: where gates have more
parameters than the bonds around them can tell apart. The search is no part of the proof, which is
the count.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from qcircuit_adapt.analysis.bounds.flow import find_flow
from qcircuit_adapt.analysis.freedom.gauge import (
    Blocks,
    Gauge,
    copy_pencils,
    count_gauge,
    free_gates,
    merge_blocks,
)
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.network import Network, build_network
from qcircuit_adapt.wires import split_ranks

MAX_GATES = 12
"""Up to how many gates of one part of a circuit are merged step by step."""


def find_gauge(circuit: Circuit, *, target: int = 0) -> Gauge:
    """Find blocks whose gauge count gives a low bound on the degrees of freedom.

    Args:
        circuit: The circuit.
        target: A lower bound on the degrees of freedom; where it is met there is nothing to find.

    Example:
        >>> find_gauge(Circuit.parse("a=2 b=2 | a b, a, b, a b")).bound
        16
    """
    best = count_gauge(circuit)
    halves, network = split_ranks(circuit), build_network(circuit)
    trained = {gate.name for gate in halves.gates if halves.trainable(gate)}
    for part in network.parts():
        if best.bound <= target or trained.isdisjoint(part.gates):
            continue
        inside = set(part.gates)
        others = tuple(block for block in best.blocks if inside.isdisjoint(block))

        def count(blocks: Blocks, others: Blocks = others) -> int:
            blocking = copy_pencils(merge_blocks(halves, network, others + blocks))
            return blocking.parameters - blocking.gauge

        free = tuple((name,) for name in free_gates(circuit) if name in inside)
        found = min(_list_blocks(part, free, count), key=count)
        best = min(best, count_gauge(circuit, others + found), key=lambda gauge: gauge.bound)
    return best


def _list_blocks(part: Network, free: Blocks, count: Callable[[Blocks], int]) -> Iterator[Blocks]:
    """List ways to merge: everything, the sides of a smallest cut, and step by step the best."""
    yield (part.gates,)
    side = find_flow(part, lambda _, size: size).input_side
    sides = (side, set(part.gates) - side)
    yield tuple(tuple(gate for gate in part.gates if gate in one) for one in sides if one)
    if len(part.gates) > MAX_GATES:
        return
    blocks = free
    while steps := list(_merge_once(part, blocks)):
        blocks = min(steps, key=count)
        yield blocks


def _merge_once(part: Network, blocks: Blocks) -> Iterator[Blocks]:
    """List all ways to merge two blocks, or to make a block of a gate outside all blocks."""
    covered = set(itertools.chain(*blocks))
    for gate in part.gates:
        if gate not in covered:
            yield (*blocks, (gate,))
            for block in blocks:
                yield (*(other for other in blocks if other != block), (*block, gate))
    for first, second in itertools.combinations(blocks, 2):
        yield (*(block for block in blocks if block not in (first, second)), first + second)
