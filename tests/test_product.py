"""Products: T - S has no larger rank than its factors allow, and often just that rank."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exact_rank import random_tensors, update_rank
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, families
from qcircuit_adapt.analysis import find_cut
from qcircuit_adapt.analysis.bounds.product import Factor, ProductBound, find_product
from qcircuit_adapt.errors import CertificateError

SEEDS = st.integers(0, 2**16)
SMALL = circuits(max_gates=2, max_axes=2, max_width=10)

PAIR = Circuit.parse("a=4 b=3 | a {rank=3}, b -> b=2")


def rank_of(circuit: Circuit, *, seed: int) -> int:
    start = random_tensors(circuit, np.random.default_rng(seed + 1), start=True)
    return update_rank(circuit, start, seed=seed)


@given(SMALL, SMALL, SEEDS)
def test_the_rank_is_no_larger(first: Circuit, second: Circuit, seed: int) -> None:
    circuit = first | second
    found = find_product(circuit)
    found.check(circuit)
    assert rank_of(circuit, seed=seed) <= found.bound


@given(circuits(max_gates=4, max_axes=3), SEEDS)
def test_the_rank_of_any_circuit_is_no_larger(circuit: Circuit, seed: int) -> None:
    found = find_product(circuit)
    found.check(circuit)
    assert rank_of(circuit, seed=seed) <= found.bound


@given(circuits(max_gates=4, max_axes=2))
def test_one_part_is_bounded_as_by_its_cut(circuit: Circuit) -> None:
    assume(any(map(circuit.trainable, circuit.gates)))
    found = find_product(circuit)
    assume(len(found.factors) == 1)
    assert found.bound == find_cut(circuit, subject="T - S").bound


@pytest.mark.parametrize(
    ("circuit", "cut", "bound"),
    [
        # Spaces of 3 in 4 dimensions meet in 2, and of 2 in 3 in 1.
        (Circuit.parse("a=4 b=3 | a {rank=3}, b {rank=2}"), 12, 10),
        (PAIR, 8, 8),
        (Circuit.parse("a=9 b=9 | a {rank=3}, b {rank=6}"), 36, 36),
        (Circuit.parse("a=5 b=5 c=5 | a {rank=4}, b {rank=4}, c {rank=4}"), 125, 101),
        (Circuit.parse("a=4 b=3 z=2 | a {rank=3}, b {rank=2}, z {rank=1 frozen}"), 12, 10),
        (Circuit.parse("a=4 b=3 z=2 | a {rank=3}, b {rank=2}"), 24, 20),
        (Circuit.parse("z=2 a=4 b=3 | a per z {rank=3}, b per z {rank=2}"), 24, 20),
        # The frozen gates on the left leave 4 of 9 columns in common.
        (Circuit.parse("a=9 b=3 | a -> a=4 {frozen}, a -> a=9 {rank=3}, b {rank=2}"), 12, 10),
        # A bond of size 1 joins nothing.
        (
            Circuit.parse(
                "a=2 b=5 c=2 | b -> w=4 x=1 {rank=4}, c a, a x c -> a=3 c=1, c -> c=4 per w "
                "{rank=1}"
            ),
            20,
            18,
        ),
    ],
    ids=lambda value: getattr(value, "text", value),
)
def test_known_products(circuit: Circuit, cut: int, bound: int) -> None:
    found = find_product(circuit)
    found.check(circuit)
    assert find_cut(circuit, subject="T - S").bound == cut
    assert found.bound == bound == rank_of(circuit, seed=0)


def test_nothing_trained_changes_nothing() -> None:
    found = find_product(Circuit.parse("a=4 b=3 | a {frozen}"))
    found.check(Circuit.parse("a=4 b=3 | a {frozen}"))
    assert found.bound == 0


def test_square_circuits_keep_their_rank() -> None:
    assert find_product(families.quanta((16, 8, 8, 4))).bound == 4096


def test_statement() -> None:
    found = find_product(Circuit.parse("a=4 b=3 z=2 | a {rank=3}, b {rank=2}"))
    assert found == ProductBound(
        20,
        2,
        (
            Factor(("g1_in", "g1_out"), 3, ("g1_in",), 4, ("g1_in", "g1_out")),
            Factor(("g2_in", "g2_out"), 2, ("g2_in",), 3, ("g2_in", "g2_out")),
        ),
        "columns",
    )
    assert found.statement == (
        "T and S are products of factors of rank 3 * 2, beside an identity of size 2, and the "
        "columns of the factors, which span 4, 3 dimensions, meet."
    )


SHOWN = find_product(PAIR)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"bound": 7}, "the factors give the bound 8, but 7 is claimed."),
        ({"through": 2}, "the wires that no gate changes have another size."),
        ({"factors": SHOWN.factors[:1]}, "the factors do not have each gate of the circuit once."),
        ({"space": "rows"}, "the cut of a factor does not show the span 4."),
        (
            {"factors": (replace(SHOWN.factors[0], rank=2), SHOWN.factors[1])},
            "the cut of a factor does not show the rank 2.",
        ),
        (
            {"factors": (replace(SHOWN.factors[0], span=3), SHOWN.factors[1])},
            "the cut of a factor does not show the span 3.",
        ),
        (
            {
                "factors": (
                    replace(SHOWN.factors[0], span=3, span_side=("g1_in",)),
                    SHOWN.factors[1],
                )
            },
            "the cut of a factor does not show the span 3.",
        ),
        (
            {"factors": (replace(SHOWN.factors[0], rank_side=("g2",)), SHOWN.factors[1])},
            "a cut of a factor has gates of another.",
        ),
        (
            {
                "factors": (
                    replace(SHOWN.factors[0], gates=("g1_in",)),
                    replace(SHOWN.factors[1], gates=("g1_out", "g2")),
                )
            },
            "bond g1_bond=3 from g1_in joins two factors.",
        ),
    ],
)
def test_what_is_no_product_is_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(CertificateError) as error:
        replace(SHOWN, **changes).check(PAIR)
    assert str(error.value) == problem
