"""Jacobian: exact ranks at drawn gates and at permutations."""

from __future__ import annotations

import numpy as np
import pytest
from exact_jacobian import count_freedom
from exact_rank import rank_mod_p
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, families
from qcircuit_adapt.analysis.field.chance import PRIME as MODULUS
from qcircuit_adapt.analysis.freedom.gradient import list_gradients
from qcircuit_adapt.analysis.freedom.jacobian import PRIME, find_jacobian
from qcircuit_adapt.analysis.freedom.permutation import find_permuted
from qcircuit_adapt.analysis.freedom.sparse import Equations, find_sparse_rank
from qcircuit_adapt.analysis.freedom.step import list_steps, undo_outputs

SMALL = circuits(max_gates=4, max_axes=3, max_width=12)


def test_the_modulus_is_that_of_the_arithmetic() -> None:
    assert PRIME == MODULUS


@given(SMALL)
@settings(max_examples=40)
def test_the_jacobian_has_its_generic_rank(circuit: Circuit) -> None:
    jacobian = find_jacobian(circuit, rows=circuit.d_in * circuit.d_out)
    assert jacobian
    jacobian.check(circuit)
    assert jacobian.bound == count_freedom(circuit, seed=0)


@given(SMALL)
@settings(max_examples=40)
def test_permutations_give_no_more(circuit: Circuit) -> None:
    permuted = find_permuted(circuit)
    if permuted:
        permuted.check(circuit)
        assert 0 < permuted.bound <= count_freedom(circuit, seed=0)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("a=4 b=3 | a b", 144),
        ("a=4 b=3 | b per a", 36),
        ("a=4 b=3 | per a b", 12),
        ("a=4 b=3 | a b {frozen}, a", 16),
        ("a=4 b=3 | a b {frozen init=identity}, a, -> b a", 16),
        ("a=3 b=3 | a, b {share=g1}", 9),
        ("a=4 b=3 | a b -> c=12, c", 144),
        ("a=4 b=3 | a {rank=2}", None),
        ("a=4 b=3 | a -> a=2", None),
        ("a=4 b=3 | a {frozen}", None),
        ("a=4 b=3 | a b, a {frozen init=orthogonal}", None),
    ],
)
def test_permutations(text: str, bound: int | None) -> None:
    permuted = find_permuted(Circuit.parse(text))
    assert (permuted and permuted.bound) == bound


def test_permutations_reach_large_circuits() -> None:
    permuted = find_permuted(families.quanta((16, 8, 8, 4)))
    assert permuted
    assert permuted.bound == 42_211


def test_batches_do_not_change_the_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = families.quanta((3, 2, 2))
    whole = find_jacobian(circuit, rows=30)
    monkeypatch.setattr("qcircuit_adapt.analysis.freedom.gradient.MAX_NUMBERS", 12 * 4 * 7)
    tensors = {g.name: np.ones((g.blocks, g.rows, g.columns)) for g in circuit.gates}
    batches = list(list_gradients(circuit, tensors, rows=30, seed=0))
    assert [len(batch["g1"]) for batch in batches] == [7, 7, 7, 7, 2]
    assert find_jacobian(circuit, rows=30) == whole


def test_an_orthogonal_gate_has_no_jacobian() -> None:
    assert find_jacobian(Circuit.parse("a=4 | a {frozen init=orthogonal}, a"), rows=9) is None


def test_fewer_rows_bound_less() -> None:
    jacobian = find_jacobian(families.lora(9, 9, rank=2), rows=20)
    assert jacobian
    assert jacobian.bound == 20


@given(SMALL, st.integers(0, 99))
def test_steps_gather_and_scatter(circuit: Circuit, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for step in list_steps(circuit):
        widths = [
            int(np.prod([axis.size for axis in wires])) for wires in (step.before, step.after)
        ]
        before, after = (rng.integers(0, 99, (2, width)) for width in widths)
        taken, given = step.gather_taken(before), step.gather_given(after)
        assert taken.shape[:3] == (2, step.gate.blocks, step.gate.columns)
        assert given.shape[:3] == (2, step.gate.blocks, step.gate.rows)
        assert taken.shape[3] == given.shape[3]
        assert np.array_equal(step.scatter_taken(taken), before)
        assert np.array_equal(step.scatter_given(given), after)
    assert undo_outputs(circuit, rng.integers(0, 9, (3, circuit.d_out))).shape == (3, circuit.d_out)


@given(
    st.lists(
        st.dictionaries(st.integers(0, 9), st.integers(1, 5), min_size=1, max_size=4), min_size=1
    )
)
def test_sparse_ranks_are_ranks(rows: list[dict[int, int]]) -> None:
    dense = np.zeros((len(rows), 10), dtype=np.int64)
    entries = [(n, column, value) for n, row in enumerate(rows) for column, value in row.items()]
    for row, column, value in entries:
        dense[row, column] = value
    equations = Equations(*np.array(entries, dtype=np.int64).T)
    assert find_sparse_rank(equations, seed=0) == rank_mod_p(dense)
