"""Tree: the degrees of freedom where gates are joined like the nodes of a tree.

No bond being wider than the rest of the gate at either end, the columns of T across a bond span a
space of the bond's size, which determines a leaf of the tree up to a basis of its bond; and what is
left is a smaller tree. So bases of bonds are all that T does not determine. A Kronecker product
determines its factors up to scale, and a control wire of all gates that is open makes one such tree
for each of its values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qcircuit_adapt.analysis.claim import compare
from qcircuit_adapt.analysis.freedom.gauge import Blocking, build_blocking, free_gates
from qcircuit_adapt.analysis.freedom.tangent import is_known
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.network import INPUT, OUTPUT, build_network


@dataclass(frozen=True)
class Tree:
    """The degrees of freedom of a tree of gates, or of a product of such trees.

    Attributes:
        bound: Their number.
    """

    bound: int

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        return "the gates form trees, which T determines up to bases of their bonds and scale."

    def check(self, circuit: Circuit) -> None:
        """Count again.

        Raises:
            CertificateError: The gates form no trees, or the count differs.
        """
        derived = find_tree(circuit)
        if derived is None:
            raise CertificateError("the gates of the circuit form no trees.")
        compare("number of degrees of freedom", self.bound, derived.bound)


def find_tree(circuit: Circuit) -> Tree | None:
    """Count the degrees of freedom of a tree.

    Returns:
        The count, or None where gates form no trees, share a tensor, or are joined to frozen ones.

    Example:
        >>> find_tree(Circuit.parse("x=64 | x -> r=4, r -> y=64")).bound
        496

    Source: Holtz, Rohwedder and Schneider, "On manifolds of tensors of fixed TT-rank", Numer. Math.
    120 (2012), for chains.
    """
    free = free_gates(circuit)
    names = set(free)
    network = build_network(circuit)
    for part in network.parts():
        if names & set(part.gates) and not names.issuperset(part.gates):
            return None
    blocking = build_blocking(circuit, tuple((name,) for name in free))
    if not free or blocking.apart or not all(is_known(circuit, gate) for gate in circuit.gates):
        return None
    # Over the values of a control wire that is not open T is a sum, which tells no values apart.
    visible = {bond.name for bond in network.bonds if not {INPUT, OUTPUT}.isdisjoint(bond.ends)}
    bound = _Counter(blocking, visible).count(set(range(len(free))), frozenset())
    return None if bound is None else Tree(bound)


@dataclass(frozen=True)
class _Counter:
    """Counts for some blocks, with some controls held at one value."""

    blocking: Blocking
    visible: set[str]

    def count(self, blocks: set[int], fixed: frozenset[str]) -> int | None:
        blocking, parts = self.blocking, self._split(blocks, fixed)
        if len(parts) > 1:
            counts = [self.count(part, fixed) for part in parts]
            found = [count for count in counts if count is not None]
            return sum(found) - (len(found) - 1) if len(found) == len(counts) else None
        free = [blocking.controls[block].keys() - fixed for block in blocks]
        if common := set.intersection(self.visible, *map(set, free)):
            held = blocking.controls[min(blocks)]
            count = self.count(blocks, fixed | common)
            return None if count is None else math.prod(held[name] for name in common) * count
        edges = {pair: size for pair, size in blocking.edges.items() if blocks.issuperset(pair)}
        if any(free) or len(edges) != len(blocks) - 1:
            return None
        each = [
            blocking.sizes[block] // math.prod(blocking.controls[block].values())
            for block in blocks
        ]
        return sum(each) - sum(size**2 for size in edges.values())

    def _split(self, blocks: set[int], fixed: frozenset[str]) -> list[set[int]]:
        """Split blocks where neither an edge nor a control that varies joins them."""
        parts: list[set[int]] = []
        for block in sorted(blocks):
            joined = {block}
            for part in [part for part in parts if self._touches(block, part, fixed)]:
                joined |= part
                parts.remove(part)
            parts.append(joined)
        return parts

    def _touches(self, block: int, part: set[int], fixed: frozenset[str]) -> bool:
        varying = self.blocking.controls[block].keys() - fixed
        return any(
            (min(block, other), max(block, other)) in self.blocking.edges
            or varying & self.blocking.controls[other].keys()
            for other in part
        )
