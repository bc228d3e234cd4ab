"""Freedom: lower bounds on the degrees of freedom by counting: trees, and gates at the identity."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qcircuit_adapt.verify.gauge import Blocks, build_blocks, measure_span
from qcircuit_adapt.verify.graph import IN, OUT, Graph, connect
from qcircuit_adapt.verify.read import Field


def check_tangent(evidence: dict[str, Field], graph: Graph) -> str:
    """Count the directions in which T moves at identity gates.

    There a gate moves T by all matrices on the wires it acts on, diagonal on its control wires, and
    by scalars elsewhere. Shared tensors are not counted, beside the scalars.
    """
    uses, line = graph.uses, {name: name for name in graph.inputs}
    sizes = graph.sizes
    spaces: list[dict[str, int]] = [{}] if graph.trained else []
    for tensor in graph.tensors:
        if not (tensor.wirewise and tensor.known):
            evidence["by"].refuse(f"gate {tensor.name!r} cannot be the identity.")
        if tensor.trained and uses[tensor.values] == 1:
            space = {line[name]: sizes[name] ** 2 for name in tensor.on}
            spaces.append(space | {line[name]: sizes[name] for name in tensor.per})
        line |= {new: line[old] for old, new in zip(tensor.on, tensor.to, strict=True)}
    evidence["bound"].match(measure_span(spaces), "the count at identity gates")
    return "the spaces in which identity gates move T were added layer by layer"


def check_tree(evidence: dict[str, Field], graph: Graph) -> str:
    """Count parameters less bases of bonds where the blocks form trees.

    With no bond wider than the rest at either end, T determines a leaf up to the basis of its bond,
    and what is left is a smaller tree. Separate trees are determined up to scale; a control wire
    of all that is open at an end makes a tree for each of its values.
    """
    free = {*graph.free}
    for part in connect(graph.names, graph.bonds):
        gates = {*graph.names} & part
        if free & gates and not gates <= free:
            evidence["by"].refuse(f"gate {min(gates - free)!r} is not free, but joined to one.")
    blocks = build_blocks(graph, [(name,) for name in graph.names if name in free])
    if not free or blocks.apart or not all(tensor.known for tensor in graph.tensors):
        evidence["by"].refuse("the circuit has gates that are shared or stay at special values.")
    shown = frozenset(bond.name for bond in graph.bonds if {IN, OUT} & {*bond.ends})
    count = _Forest(blocks, shown).count(frozenset(range(len(free))), frozenset())
    if count is None:
        evidence["by"].refuse("the gates form no trees.")
    evidence["bound"].match(count, "the count of the trees")
    return "trees of gates determine all but the bases of their bonds"


@dataclass(frozen=True)
class _Forest:
    """Counts what some blocks determine, with some controls held at one value."""

    blocks: Blocks
    shown: frozenset[str]

    def count(self, chosen: frozenset[int], held: frozenset[str]) -> int | None:
        blocks = self.blocks
        parts = self._split(chosen, held)
        if len(parts) > 1:
            counts = [self.count(part, held) for part in parts]
            return None if None in counts else sum(n - 1 for n in counts if n is not None) + 1
        varying = [{*blocks.controls[block]} - held for block in chosen]
        if common := self.shown.intersection(*varying):
            sizes = blocks.controls[min(chosen)]
            inner = self.count(chosen, held | common)
            return None if inner is None else inner * math.prod(sizes[name] for name in common)
        edges = [size for edge, size in blocks.edges.items() if chosen >= {*edge}]
        if any(varying) or len(edges) != len(chosen) - 1:
            return None
        return sum(map(blocks.values, chosen)) - sum(size**2 for size in edges)

    def _split(self, chosen: frozenset[int], held: frozenset[str]) -> list[frozenset[int]]:
        """Group blocks that edges or varying controls join."""
        links: dict[int, set[object]] = {
            block: {*self.blocks.at(block)} | ({*self.blocks.controls[block]} - held)
            for block in chosen
        }
        parts: list[frozenset[int]] = []
        while links:
            block, reached = links.popitem()
            part = {block}
            while near := [other for other in links if links[other] & reached]:
                part |= {*near}
                reached = reached.union(*(links.pop(other) for other in near))
            parts.append(frozenset(part))
        return parts
