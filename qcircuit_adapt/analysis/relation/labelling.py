"""Labelling: an order of the nodes of a graph that depends on nothing but its shape.

Nodes are told apart by their colours and, round by round, by those of their neighbours. Where that
leaves some alike, each of them is singled out in turn, and the smallest graph that results decides.
Nodes that a symmetry exchanges give the same graph, so only one of them is tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Edges = Sequence[Sequence[tuple[int, int]]]
"""For each node its neighbours, each after the kind of the edge."""


def label_nodes(keys: Sequence[Any], edges: Edges) -> list[int]:
    """Number the nodes of a graph.

    Args:
        keys: For each node what tells it apart; these can be sorted.
        edges: For each node the edges at it.

    Returns:
        For each node its label. Labels follow the keys, and graphs of the same shape have the same
        edges between labels.

    Example:
        >>> label_nodes([0, 0, 1], [[(0, 1)], [(0, 0), (0, 2)], [(0, 1)]])
        [0, 1, 2]

    Source: McKay, "Practical graph isomorphism", Congr. Numer. 30 (1981), without its refinements.
    """
    return _Search(edges).run(keys)


class _Search:
    """Walks the tree of choices; colours are counts of the nodes that come before."""

    def __init__(self, edges: Edges) -> None:
        self.edges = edges
        self.best: list[int] = []
        self.smallest: Any = None
        self.symmetries: list[list[int]] = []

    def run(self, keys: Sequence[Any]) -> list[int]:
        colours = [0] * len(keys)
        _split(colours, range(len(keys)), list(keys))
        self._descend(colours, ())
        return self.best

    def _descend(self, colours: list[int], fixed: tuple[int, ...]) -> None:
        cells = self._refine(colours)
        if not cells:
            self._compare(colours)
            return
        cell = min(cells, key=lambda cell: (len(cell), colours[cell[0]]))
        tried: list[int] = []
        for node in cell:
            if tried and self._is_like(node, tried, fixed):
                continue
            tried.append(node)
            chosen = list(colours)
            for other in cell:
                chosen[other] += other != node
            self._descend(chosen, (*fixed, node))

    def _refine(self, colours: list[int]) -> list[list[int]]:
        """Split cells by their neighbours' colours until none splits; return those left."""
        while True:
            cells = _list_cells(colours)
            keys = [[self._list_seen(colours, node) for node in cell] for cell in cells]
            pairs = zip(cells, keys, strict=True)
            splits = [_split(colours, cell, seen) for cell, seen in pairs]
            if not any(splits):
                return cells

    def _compare(self, colours: list[int]) -> None:
        """Keep the labels if the graph is smaller; note a symmetry if it is the same."""
        nodes = sorted(range(len(colours)), key=colours.__getitem__)
        graph = [self._list_seen(colours, node) for node in nodes]
        if not self.best or graph < self.smallest:
            self.best, self.smallest = colours, graph
        elif graph == self.smallest:
            order = sorted(range(len(self.best)), key=self.best.__getitem__)
            symmetry = [0] * len(order)
            for one, other in zip(order, nodes, strict=True):
                symmetry[one] = other
            self.symmetries.append(symmetry)

    def _list_seen(self, colours: list[int], node: int) -> list[tuple[int, int]]:
        return sorted([(kind, colours[other]) for kind, other in self.edges[node]])

    def _is_like(self, node: int, tried: list[int], fixed: tuple[int, ...]) -> bool:
        """Say whether known symmetries that move no fixed node take one tried to this one."""
        moves = [move for move in self.symmetries if all(move[other] == other for other in fixed)]
        reached = list(tried)
        for one in reached:
            reached += {move[one] for move in moves}.difference(reached)
        return node in reached


def _list_cells(colours: list[int]) -> list[list[int]]:
    """List the nodes of each colour that more than one has."""
    cells: dict[int, list[int]] = {}
    for node, colour in enumerate(colours):
        cells.setdefault(colour, []).append(node)
    return [cell for cell in cells.values() if len(cell) > 1]


def _split(colours: list[int], cell: Sequence[int], keys: Sequence[Any]) -> bool:
    """Colour the nodes of one colour by their keys; say whether these differ."""
    order = sorted(range(len(cell)), key=keys.__getitem__)
    shift = 0
    for count, place in enumerate(order):
        if keys[place] != keys[order[count - 1]] and count:
            shift = count
        colours[cell[place]] += shift
    return shift > 0
