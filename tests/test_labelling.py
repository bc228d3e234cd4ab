"""Labels depend on nothing but the shape of a graph, also where all its nodes look alike."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcircuit_adapt.analysis.relation.labelling import label_nodes

Edges = list[list[tuple[int, int]]]
Labelled = tuple[list[tuple[int, int]], ...]


def join(count: int, pairs: list[tuple[int, int]], kinds: list[int] | None = None) -> Edges:
    edges: Edges = [[] for _ in range(count)]
    for (one, other), kind in zip(pairs, kinds or [0] * len(pairs), strict=True):
        edges[one].append((kind, other))
        edges[other].append((kind, one))
    return edges


def relabel(keys: list[int], edges: Edges, order: list[int]) -> tuple[list[int], Edges]:
    places = {node: place for place, node in enumerate(order)}
    moved = [[(kind, places[other]) for kind, other in edges[node]] for node in order]
    return [keys[node] for node in order], moved


def draw(keys: list[int], edges: Edges) -> tuple[Labelled, list[int]]:
    """The graph and the keys by label."""
    labels = label_nodes(keys, edges)
    assert sorted(labels) == list(range(len(keys)))
    nodes = sorted(range(len(keys)), key=labels.__getitem__)
    graph = tuple(sorted((kind, labels[other]) for kind, other in edges[node]) for node in nodes)
    return graph, [keys[node] for node in nodes]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[int], Edges]:
    count = draw(st.integers(0, 8))
    every = list(itertools.combinations(range(count), 2))
    pairs = draw(st.lists(st.sampled_from(every), unique=True)) if every else []
    kinds = draw(st.lists(st.integers(0, 1), min_size=len(pairs), max_size=len(pairs)))
    keys = draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    return keys, join(count, pairs, kinds)


@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_nodes_does_not_matter(
    graph: tuple[list[int], Edges], rng: random.Random
) -> None:
    keys, edges = graph
    order = rng.sample(range(len(keys)), len(keys))
    assert draw(*relabel(keys, edges, order)) == draw(keys, edges)
    assert draw(keys, edges)[1] == sorted(keys)


def circulant(count: int, *steps: int) -> Edges:
    pairs = {tuple(sorted((n, (n + step) % count))) for n in range(count) for step in steps}
    return join(count, sorted(pairs))


def torus(differences: set[tuple[int, int]]) -> Edges:
    """A graph on pairs of numbers modulo 4, joined where they differ by one of these."""
    nodes = list(itertools.product(range(4), repeat=2))
    pairs = [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(enumerate(nodes), 2)
        if ((a[0] - b[0]) % 4, (a[1] - b[1]) % 4) in differences
    ]
    return join(16, pairs)


ROOK = torus({(0, n) for n in (1, 2, 3)} | {(n, 0) for n in (1, 2, 3)})
SHRIKHANDE = torus({(0, 1), (0, 3), (1, 0), (3, 0), (1, 1), (3, 3)})
PRISM = join(6, [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (0, 3), (1, 4), (2, 5)])
CUBE = join(8, [(n, n ^ bit) for n in range(8) for bit in (1, 2, 4) if n < n ^ bit])
ALIKE = {
    "rook": ROOK,
    "shrikhande": SHRIKHANDE,
    "prism": PRISM,
    "k33": circulant(6, 1, 3),
    "cube": CUBE,
    "moebius": circulant(8, 1, 4),
    "paley": circulant(13, 1, 3, 4),
    "ring": circulant(12, 1),
    "c12-15": circulant(12, 1, 5),
    "c12-2-3": circulant(12, 2, 3),
    "two rings": [*circulant(6, 1), *([(0, n + 6) for _, n in at] for at in circulant(6, 1))],
}


@pytest.mark.parametrize("name", ALIKE)
def test_graphs_whose_nodes_all_look_alike(name: str) -> None:
    edges = ALIKE[name]
    keys = [0] * len(edges)
    seen = {
        draw(*relabel(keys, edges, random.Random(seed).sample(range(len(keys)), len(keys))))[0]
        .__repr__()
        for seed in range(20)
    }  # fmt: skip
    assert len(seen) == 1


def test_graphs_that_differ_get_other_labels() -> None:
    drawn = {name: repr(draw([0] * len(edges), edges)) for name, edges in ALIKE.items()}
    assert len(set(drawn.values())) == len(drawn)
