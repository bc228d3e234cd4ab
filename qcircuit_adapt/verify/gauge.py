"""Gauge: an upper bound on the degrees of freedom, by counting what leaves T as it is.

Merge tensors into blocks, dense ones on the bonds that leave them: this can only add to the set of
all T. Between two blocks any invertible matrix and its inverse may be slipped into their common
bond, and blocks may be scaled against each other. So the degrees of freedom are at most the
parameters of the blocks, less the dimension of this group, plus that of its generic stabilizer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from qcircuit_adapt.verify.graph import Graph
from qcircuit_adapt.verify.read import Field

Edge = tuple[int, int]

MAX_SPLIT = 10
"""Up to how many edges at one block are divided into two groups in every way."""


@dataclass
class Blocks:
    """A network of dense blocks.

    Attributes:
        outside: For each block, how many values its other bonds take: the open ones, and those to
            tensors outside all blocks.
        edges: For two blocks, how many values the bonds that only they have take.
        controls: For each block the bonds, with their sizes, that at least one other block and
            something third have too. They work as control wires.
        apart: The parameters of trained tensors outside all blocks, each shared one once.
    """

    outside: list[int]
    edges: dict[Edge, int]
    controls: list[dict[str, int]]
    apart: list[int] = field(default_factory=list)

    def at(self, block: int) -> dict[Edge, int]:
        """Return the edges of a block."""
        return {edge: size for edge, size in self.edges.items() if block in edge}

    def common(self, edge: Edge) -> set[str]:
        """Return the controls that both ends of an edge have; its basis may depend on them."""
        return {*self.controls[edge[0]]} & {*self.controls[edge[1]]}

    def values(self, block: int) -> int:
        """Return how many parameters a block has for each value of its controls."""
        return self.outside[block] * math.prod(self.at(block).values())

    def bases(self, edge: Edge) -> int:
        """Return the dimension of all changes of the basis of an edge, up to scale."""
        held = self.controls[edge[0]]
        return math.prod(held[name] for name in self.common(edge)) * (self.edges[edge] ** 2 - 1)

    @property
    def parameters(self) -> int:
        """How many parameters there are in all."""
        held = (math.prod(controls.values()) for controls in self.controls)
        return sum(self.apart) + sum(n * self.values(block) for block, n in enumerate(held))


def check_gauge(evidence: dict[str, Field], graph: Graph) -> str:
    """Build the blocks, and count."""
    chosen = [item.gates(graph.names, ordered=False) for item in evidence["blocks"].items()]
    named = list(itertools.chain(*chosen))
    for name in named:
        if named.count(name) > 1:
            evidence["blocks"].refuse(f"gate {name!r} is in two blocks.")
    blocks = build_blocks(graph, chosen)
    split_pencils(blocks)
    evidence["parameters"].match(blocks.parameters, "the count of the blocks' parameters")
    bases = sum(map(blocks.bases, blocks.edges))
    gauge = bases + count_scales(blocks) - bound_stabilizer(blocks)
    evidence["bound"].match(blocks.parameters - gauge, "the count of parameters less the gauge")
    return f"of {blocks.parameters:,} parameters in {len(chosen)} blocks {gauge:,} do nothing"


def build_blocks(graph: Graph, chosen: Sequence[Iterable[str]]) -> Blocks:
    """Merge tensors into blocks, and narrow the edges."""
    home = {name: number for number, names in enumerate(chosen) for name in names}
    blocks = Blocks([1 for _ in chosen], {}, [{} for _ in chosen])
    for bond in graph.bonds:
        ends = {home.get(end, end) for end in bond.ends}
        inner = sorted(end for end in ends if isinstance(end, int))
        if len(ends) > 1 and len(inner) == 1:
            blocks.outside[inner[0]] *= bond.size
        elif len(ends) == len(inner) == 2:
            edge = inner[0], inner[1]
            blocks.edges[edge] = blocks.edges.get(edge, 1) * bond.size
        elif len(ends) > 1:
            for block in inner:
                blocks.controls[block][bond.name] = bond.size
    others = {t.values: t.parameters for t in graph.tensors if t.trained and t.name not in home}
    blocks.apart = list(others.values())
    narrow(blocks)
    return blocks


def narrow(blocks: Blocks) -> None:
    """Cut every edge down to what the other indices at either end can tell apart."""
    before: dict[Edge, int] = {}
    while before != blocks.edges:
        before = dict(blocks.edges)
        for edge, block in [(one, end) for one in before for end in one]:
            common = blocks.common(edge)
            room = blocks.values(block) // blocks.edges[edge]
            for name, size in blocks.controls[block].items():
                room *= 1 if name in common else size
            blocks.edges[edge] = min(blocks.edges[edge], room)


def split_pencils(blocks: Blocks) -> None:
    """Make control wires of blocks that are pairs of n x n matrices between two joined blocks.

    Almost every such pair is diagonal in bases that the two other blocks can take over.
    """
    for block in range(len(blocks.outside)):
        for one, two in itertools.combinations(blocks.at(block), 2):
            third = sorted({*one, *two} - {block})
            size, shared = blocks.edges[one], blocks.common(one) & blocks.common(two)
            if (
                size == blocks.edges[two] > 1
                and (third[0], third[1]) in blocks.edges
                and blocks.values(block) == 2 * size**2
                and {*blocks.controls[block]} <= shared
            ):
                del blocks.edges[one], blocks.edges[two]
                for end in {*one, *two}:
                    blocks.controls[end][f"pencil {block}"] = size
                narrow(blocks)
                split_pencils(blocks)
                return


def count_scales(blocks: Blocks) -> int:
    """Count the ways to scale blocks, for each value of their controls, that cancel in T."""
    ways = sum(math.prod(held.values()) for held in blocks.controls) + len(blocks.apart)
    return ways - measure_span([*blocks.controls, {}]) if ways else 0


def bound_stabilizer(blocks: Blocks) -> int:
    """Bound the dimension of what changes bases and scales and yet leaves each block as it is.

    A block settles its edges where its generic tensor, cut into matrices between two groups of
    them, has few endomorphisms; what it settles counts as outside at the other end. Any order
    proves a bound; here the cheapest step comes first, and giving up an edge is a step too.
    """
    unsettled, lost = {edge for edge, size in blocks.edges.items() if size > 1}, 0
    while unsettled:
        steps = []
        for block in {end for edge in unsettled for end in edge}:
            mine = sorted({*blocks.at(block)} & unsettled)
            steps.append((min(_lose(blocks, block, mine), sum(map(blocks.bases, mine))), mine))
        loss, settled = min(steps)
        for edge in unsettled:
            if blocks.bases(edge) < loss:
                loss, settled = blocks.bases(edge), [edge]
        lost += loss
        unsettled -= {*settled}
    return lost


def _lose(blocks: Blocks, block: int, mine: Sequence[Edge]) -> int:
    """Return how many endomorphisms a block has beyond scalars, at most."""
    held = blocks.controls[block]
    varying = set().union(*map(blocks.common, mine))
    copies = math.prod(size for name, size in held.items() if name in varying)
    sizes = [blocks.edges[edge] for edge in mine]
    whole = math.prod(sizes)
    arrows = math.prod(held.values()) // copies * blocks.values(block) // whole
    groups = {1}
    for size in sizes if len(sizes) <= MAX_SPLIT else ():
        groups |= {group * size for group in groups}
    return copies * (min(_endomorphisms(one, whole // one, arrows) for one in groups) - 1)


def _endomorphisms(rows: int, columns: int, arrows: int) -> int:
    """Return the dimension of all (X, Y) with ``X A = A Y`` for generic matrices A.

    It is the Euler form where that is positive (Kac); else 1, but for two square matrices, which
    have a common basis of eigenvectors.
    """
    if arrows == 2 and rows == columns:
        return rows
    return max(1, rows**2 + columns**2 - arrows * rows * columns)


def measure_span(spaces: Sequence[Mapping[str, int]]) -> int:
    """Return the dimension of a sum of product spaces.

    For each name the factors are nested, their dimensions tell which holds which, and 1 stands for
    the scalars that all hold. Layer by layer, a product of layers is in the sum if one space has
    it.

    Example:
        >>> measure_span([{"a": 3, "b": 4}, {"b": 4, "c": 5}])
        28
    """
    names = sorted({name for space in spaces for name in space})

    @cache
    def measure(chosen: frozenset[int], place: int) -> int:
        if len(chosen) < 2:
            rest = names[place:]
            return sum(math.prod(spaces[n].get(name, 1) for name in rest) for n in chosen)
        if place == len(names):
            return 1
        total = below = 0
        sizes = {n: spaces[n].get(names[place], 1) for n in chosen}
        for size in sorted({*sizes.values()}):
            total += (size - below) * measure(
                frozenset(n for n in chosen if sizes[n] >= size), place + 1
            )
            below = size
        return total

    return measure(frozenset(range(len(spaces))), 0)
