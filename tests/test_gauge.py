"""Gauge: what is proved to do nothing, against exact ranks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from exact_jacobian import count_freedom
from exact_rank import PRIME, rank_mod_p
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit
from qcircuit_adapt.analysis.freedom.gauge import (
    Blocking,
    Gauge,
    build_blocking,
    count_endomorphisms,
    count_gauge,
    free_gates,
)
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.network import build_network


@pytest.mark.parametrize("arrows", range(1, 5))
@pytest.mark.parametrize("b", range(1, 5))
@pytest.mark.parametrize("a", range(1, 5))
def test_endomorphisms_are_the_solutions_of_their_equations(a: int, b: int, arrows: int) -> None:
    rng = np.random.default_rng(a + 5 * b + 25 * arrows)
    rows = []
    for _ in range(arrows):
        matrix = rng.integers(0, PRIME, (a, b))
        # X A - A Y = 0, with the entries of X and Y row by row.
        left = np.kron(np.eye(a, dtype=np.int64), matrix.T)
        right = np.kron(matrix, np.eye(b, dtype=np.int64))
        rows.append(np.hstack([left, PRIME - right]))
    solutions = a * a + b * b - rank_mod_p(np.vstack(rows))
    assert count_endomorphisms(a, b, arrows=arrows) == solutions


@given(circuits(max_gates=4, max_axes=3, max_width=10), st.data())
@settings(max_examples=40)
def test_no_blocks_give_less_than_the_degrees_of_freedom(
    circuit: Circuit, data: st.DataObject
) -> None:
    gates = build_network(circuit).gates
    free = free_gates(circuit)
    trained = any(map(circuit.trainable, circuit.gates))
    colours = data.draw(st.lists(st.integers(0, 3), min_size=len(gates), max_size=len(gates)))
    kept = [colour for gate, colour in zip(gates, colours, strict=True) if gate in free]
    blocks = tuple(
        tuple(gate for gate, other in zip(gates, colours, strict=True) if other == colour)
        for colour in sorted(set(colours) if trained else set(kept))
    )
    for gauge in (count_gauge(circuit), count_gauge(circuit, blocks)):
        gauge.check(circuit)
        assert count_freedom(circuit, seed=0) <= gauge.bound


@pytest.mark.parametrize(
    ("text", "parameters", "bound"),
    [
        # A bond wider than the rest of its gate is cut down: 9 x 9, whatever passes between.
        ("x=9 | x -> r=20, r -> x=9", 360, 81),
        # Bonds in parallel are one, of size 4: 32 - (4 * 4 - 1) - 1.
        ("a=2 b=2 | a b, a b", 32, 16),
        # A control wire has a basis for each of its values: 2 * (3 * 3) for two gates.
        ("a=2 b=3 | b per a, b per a", 36, 18),
        # Diagonal gates: 6 numbers, and 2 + 3 that only scale their product.
        ("a=2 b=3 | per a b, per a, per b", 11, 6),
        # Nothing passes a frozen gate.
        ("a=2 b=2 | a, a b {frozen}, a", 8, 7),
        # A shared tensor counts once.
        ("a=2 b=2 | a, b {share=g1}", 4, 4),
        # Two matrices between gates that share b make a control wire, three do not.
        ("a=3 b=2 c=2 | b a, c a -> x=3, x b -> y=5", 36 + 18 + 30, 57),
        ("a=3 b=2 c=3 | b a, c a -> x=3, x b -> y=5", 36 + 27 + 30, 72),
        # Products: only scales.
        ("a=2 b=3 | a, b", 13, 12),
    ],
)
def test_counts(text: str, parameters: int, bound: int) -> None:
    circuit = Circuit.parse(text)
    gauge = count_gauge(circuit)
    assert circuit.parameters == parameters
    assert gauge.bound == bound
    assert count_freedom(circuit, seed=0) == bound


PAIRS = list(itertools.combinations(range(3), 2))


@given(
    st.lists(st.integers(1, 3), min_size=3, max_size=3),
    st.dictionaries(st.sampled_from(PAIRS), st.integers(1, 4)),
)
def test_the_gauge_is_at_most_what_moves_the_blocks(
    outside: list[int], edges: dict[tuple[int, int], int]
) -> None:
    """Edges wider than their blocks have much that does nothing, even to the blocks."""
    blocking = Blocking(tuple(outside), edges, ({}, {}, {}))
    rng = np.random.default_rng(0)
    tensors = [
        rng.integers(1, PRIME, [outside[n], *blocking.edges_at(n).values()]) for n in range(3)
    ]
    moves = [[tensors[0], -tensors[1], 0 * tensors[2]], [tensors[0], 0 * tensors[1], -tensors[2]]]
    for (first, second), size in edges.items():
        for i, j in itertools.product(range(size), repeat=2):
            move = [np.zeros_like(tensor) for tensor in tensors]
            for block, row, column, sign in ((first, i, j, 1), (second, j, i, -1)):
                place = 1 + list(blocking.edges_at(block)).index((first, second))
                moved = np.moveaxis(move[block], place, 0)
                moved[row] = sign * np.moveaxis(tensors[block], place, 0)[column]
            moves.append(move)
    rows = np.array([np.concatenate([part.ravel() for part in move]) for move in moves])
    assert blocking.gauge <= rank_mod_p(rows)


def test_a_cut_in_two_blocks_is_the_determinantal_bound() -> None:
    circuit = Circuit.parse("a=2 b=2 c=2 d=2 | a b, c d, a b -> r=3, r -> x=4, x c, d x")
    blocks = (("g1", "g2", "g3"), ("g4", "g5", "g6"))
    # The cut crosses r = 3 and, between g2 and the gates after, c = 2 and d = 2: 12 in all.
    assert count_gauge(circuit, blocks).bound == 12 * (16 + 16 - 12)


def test_blocks_need_not_be_connected_and_narrow_each_other() -> None:
    circuit = Circuit.parse("a=2 b=3 | a -> a=5, a b -> a=7 b=2")
    blocking = build_blocking(circuit, (("g1",), ("g2",)))
    assert dict(blocking.edges) == {(0, 1): 2}
    assert blocking.parameters == 2 * 2 + 2 * 3 * 14


@pytest.mark.parametrize(
    ("gauge", "message"),
    [
        (Gauge(12, (("g1",), ("g2",)), 14), "the number of parameters is 13, but 14 is claimed."),
        (Gauge(11, (("g1",), ("g2",)), 13), "the bound is 12, but 11 is claimed."),
        (Gauge(12, (("g1",), ("g1", "g2")), 13), "the blocks are not disjoint sets of gates of "),
        (Gauge(12, (("g1",), ("g3",)), 13), "the blocks are not disjoint sets of gates of the "),
    ],
)
def test_tampering_is_noticed(gauge: Gauge, message: str) -> None:
    circuit = Circuit.parse("a=2 b=3 | a, b")
    count_gauge(circuit).check(circuit)
    with pytest.raises(CertificateError) as error:
        gauge.check(circuit)
    assert message in str(error.value)


def test_statements() -> None:
    circuit = Circuit.parse("a=2 b=3 | a, a b")
    assert count_gauge(circuit).statement == (
        "of 40 parameters 4 only change bases of bonds, or scale gates against each other."
    )
    assert count_gauge(circuit, (("g1", "g2"),)).statement == (
        "if g1 g2 become one gate each, they have 36 parameters."
    )
