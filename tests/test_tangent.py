"""Tangent, tree and span: the theorems, against exact ranks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from exact_jacobian import count_freedom
from exact_rank import rank_mod_p
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, families
from qcircuit_adapt.analysis.freedom.gauge import count_gauge
from qcircuit_adapt.analysis.freedom.span import count_span
from qcircuit_adapt.analysis.freedom.tangent import find_tangent
from qcircuit_adapt.analysis.freedom.tree import find_tree

SIZES = {"a": 2, "b": 3, "c": 4}


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.booleans()), max_size=5))
@settings(max_examples=30)
def test_the_span_is_a_rank(choices: list[dict[str, bool]]) -> None:
    """Matrices on a name are all (True) or diagonal; a space is their product over its names."""
    spaces = [
        {name: SIZES[name] ** (2 if full else 1) for name, full in one.items()} for one in choices
    ]
    rows = []
    for one in choices:
        factors = []
        for name, size in SIZES.items():
            units = np.eye(size * size, dtype=np.int64).reshape(-1, size, size)
            if name not in one:
                units = np.eye(size, dtype=np.int64)[None]
            elif not one[name]:
                units = units[:: size + 1]
            factors.append(units)
        for a, b, c in itertools.product(*factors):
            rows.append(np.kron(np.kron(a, b), c).ravel())
    distinct = np.unique(np.array(rows), axis=0) if rows else np.zeros((1, 1), dtype=np.int64)
    assert count_span(spaces) == rank_mod_p(distinct)


@pytest.mark.parametrize(
    "text",
    [
        "a=3 b=2 c=2 d=2 | a b c, c d, a, d",
        "a=2 b=2 c=2 d=2 | a b, b c, c d, d a, a c",
        "a=3 b=2 c=2 | a b, b c -> c b, b a",
        "a=3 b=2 c=2 | b per a, c per b, per a c",
    ],
)
def test_where_gates_share_one_wire_it_is_exact(text: str) -> None:
    circuit = Circuit.parse(text)
    tangent = find_tangent(circuit)
    assert tangent
    assert tangent.bound == count_freedom(circuit, seed=0) == count_gauge(circuit).bound
    tangent.check(circuit)


def test_the_formula_for_pairs() -> None:
    sizes = (16, 8, 8, 4)
    squares = [size**2 - 1 for size in sizes]
    pairs = sum(a * b for a, b in itertools.combinations(squares, 2))
    tangent = find_tangent(families.quanta(sizes))
    assert tangent
    assert tangent.bound == 1 + sum(squares) + pairs == 42_211
    # A second pass moves T nowhere else.
    assert find_tangent(families.quanta(sizes, rounds=2)) == tangent


@pytest.mark.parametrize(
    "text",
    [
        "a=2 | a -> a=3",
        "a=2 | a {rank=1}",
        "a=2 | a {frozen init=zero}, a",
        "a=2 | a {frozen init=orthogonal}, a",
    ],
)
def test_where_gates_cannot_be_the_identity_there_is_none(text: str) -> None:
    assert find_tangent(Circuit.parse(text)) is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a=3 b=4 | a -> r=2, b r -> b=5, b -> x=2 y=2", 2 * 3 + 2 * 4 * 4 - 2 * 2),
        ("x=5 | x -> r=2, r -> y=6", 2 * (5 + 6 - 2)),
        ("x=5 z=3 | x -> r=2, r -> y=6, z", 2 * (5 + 6 - 2) + 9 - 1),
        ("x=5 z=3 | x {frozen}, z", 9),
        ("x=4 | x {rank=2}", 12),
        # For each of 2 * 3 values of the wires it is an outer product.
        ("a=2 b=3 | b per a, a per b", 2 * 3 * (2 + 3 - 1)),
        ("a=2 b=3 | per a b", 6),
        # Over a control wire that is not open T is a sum, not one tree for each value.
        ("x=1 | x -> a=2 w=1, per a, a", None),
        # No trees: a loop, frozen in between, shared.
        ("a=2 b=2 c=2 | a b, b c, c a", None),
        ("a=2 | a, a {frozen}", None),
        ("a=2 b=2 | a, b {share=g1}", None),
    ],
)
def test_trees(text: str, count: int | None) -> None:
    circuit = Circuit.parse(text)
    tree = find_tree(circuit)
    if count is None:
        assert tree is None
        return
    assert tree
    tree.check(circuit)
    assert tree.bound == count == count_freedom(circuit, seed=0) == count_gauge(circuit).bound


@given(circuits(max_gates=4, max_axes=3, max_width=12))
@settings(max_examples=60)
def test_the_theorems_hold(circuit: Circuit) -> None:
    tangent, tree = find_tangent(circuit), find_tree(circuit)
    if not tangent and not tree:
        return
    count = count_freedom(circuit, seed=0)
    assert not tangent or tangent.bound <= count
    assert not tree or tree.bound == count
