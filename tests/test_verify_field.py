"""The checker's own arithmetic and counts, against those of the proofs and against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, load_circuit
from qcircuit_adapt.analysis.bounds.bridge import canonical_decomposition
from qcircuit_adapt.analysis.bounds.flow import find_flow
from qcircuit_adapt.analysis.field import modular
from qcircuit_adapt.analysis.field.residues import draw_residues
from qcircuit_adapt.analysis.freedom.span import count_span
from qcircuit_adapt.network import build_network
from qcircuit_adapt.verify.bridge import decompose
from qcircuit_adapt.verify.field import PRIME, draw, find_rank, multiply, reduce
from qcircuit_adapt.verify.gauge import measure_span
from qcircuit_adapt.verify.graph import build_graph
from qcircuit_adapt.verify.narrow import find_least_cut
from qcircuit_adapt.verify.sparse import Equations, find_sparse_rank
from qcircuit_adapt.verify.structure import find_permutation_sign
from qcircuit_adapt.verify.witness import count_odds


def test_products_are_exact_at_their_largest() -> None:
    """Beyond 2048 products at once float64 would round."""
    left, right = np.full((1, 5000), PRIME - 1.0), np.full((5000, 1), PRIME - 1.0)
    assert multiply(left, right).item() == 5000 * (PRIME - 1) ** 2 % PRIME
    assert 2048 * (PRIME - 1) ** 2 + PRIME < 2**53


@given(st.lists(st.integers(-(2**53) + 1, 2**53 - 1), min_size=1))
def test_residues(numbers: list[int]) -> None:
    assert reduce(np.array(numbers, dtype=float)).tolist() == [n % PRIME for n in numbers]


def test_draws_are_those_of_the_proofs() -> None:
    ours, theirs = (f((7, 300), seed=4, label="gate=g1") for f in (draw, draw_residues))
    assert np.array_equal(ours, theirs % PRIME)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (3, 5), (300, 290), (290, 300), (600, 520)])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_ranks_of_products(shape: tuple[int, int], share: float) -> None:
    """A product through r values has rank r, also with equal columns and empty ones."""
    rank = round(share * min(shape))
    left = draw((shape[0], rank), seed=1, label="left")
    right = draw((rank, shape[1]), seed=2, label="right")
    right[:, shape[1] // 3] = 0
    right[:, shape[1] // 2 :][:, :9] = right[:, :1]
    matrix = multiply(left, right) if rank else np.zeros(shape)
    expected = modular.find_rank(modular.reduce(matrix.copy()))
    assert find_rank(matrix.copy()) == expected <= rank
    assert find_rank(np.ascontiguousarray(matrix.T)) == expected


@given(st.integers(1, 5), st.integers(0, 40), st.integers(0, 40))
def test_decompositions(arrows: int, rows: int, columns: int) -> None:
    pieces = decompose(arrows, rows, columns)
    assert pieces == canonical_decomposition(arrows, rows, columns)
    assert sum(count * high for count, high, _ in pieces) == rows
    assert sum(count * wide for count, _, wide in pieces) == columns


SPACES = st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from([1, 2, 4])), max_size=5)


@given(SPACES)
def test_spans(spaces: list[dict[str, int]]) -> None:
    """Spaces of functions of some arguments, by the rank of their indicators."""
    assert measure_span(spaces) == count_span(spaces)
    indicators = []
    for space in spaces:
        grid = np.indices([4] * 4).reshape(4, -1)
        steps = [4 // space.get(name, 1) for name in "abcd"]
        cells = np.array([axis // step for axis, step in zip(grid, steps, strict=True)])
        keys = np.unique(cells, axis=1, return_inverse=True)[1].ravel()
        indicators += [keys == key for key in range(keys.max() + 1)]
    rank = np.linalg.matrix_rank(np.array(indicators, dtype=float)) if indicators else 0
    assert measure_span(spaces) == rank


@given(circuits())
def test_least_cuts(circuit: Circuit) -> None:
    graph = build_graph(circuit)
    flow = find_flow(build_network(circuit), lambda _, size: size)
    assert find_least_cut(graph.names, graph.bonds) == flow.value
    assert [bond.name for bond in graph.bonds] == [b.name for b in build_network(circuit).bonds]


@given(circuits(max_width=60))
def test_signs_of_permutations(circuit: Circuit) -> None:
    """By the determinant of the matrix that identity blocks give."""
    if any(gate.rows != gate.columns for gate in circuit.gates):
        return
    from qcircuit_adapt import reference

    values = {
        gate.name: np.broadcast_to(np.eye(gate.rows), (gate.blocks, gate.rows, gate.rows)).reshape(
            gate.shape
        )
        for gate in circuit.gates
        if not gate.share
    }
    determinant = np.linalg.det(reference.matrix(circuit, values))
    assert find_permutation_sign(build_graph(circuit)) == round(determinant)


@given(st.integers(1, 30), st.integers(1, 12), st.data())
def test_sparse_ranks(rows: int, columns: int, data: st.DataObject) -> None:
    entries = st.tuples(
        st.integers(0, rows - 1), st.integers(0, columns - 1), st.integers(1, PRIME - 1)
    )
    found = data.draw(st.lists(entries, min_size=1, max_size=60))
    dense = np.zeros((rows, columns))
    for row, column, value in found:
        dense[row, column] = (dense[row, column] + value) % PRIME
    whole = np.array(found, dtype=np.int64).T
    assert find_sparse_rank(Equations(whole[0], whole[1], whole[2])) == find_rank(dense)


def test_odds() -> None:
    """The largest n with ``n * (rank + 1) * factors * 2049 / 2^32 <= 1``."""
    for rank, factors in ((0, 1), (4095, 6), (10**6, 5)):
        odds = count_odds(rank, factors)
        assert (
            odds * 2049 * (rank + 1) * factors <= 2**32 < (odds + 1) * 2049 * (rank + 1) * factors
        )


def test_bonds_of_a_shipped_circuit_multiply_to_its_dimensions() -> None:
    graph = build_graph(load_circuit("quanta-16-8-8-4"))
    assert math.prod(graph.sizes[name] for name in graph.inputs) == 4096
