"""QuanTA's bounds: the published formula, its values, and that ranks keep to them."""

from __future__ import annotations

import pytest
from exact_rank import generic_rank
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, families
from qcircuit_adapt.analysis import QuantaBounds, quanta_bounds

HALF_RANKS = (
    "a=16 b=8 c=8 d=4 | c d {rank=16}, b d {rank=16}, a d {rank=32}, b c {rank=32}, "
    "a c {rank=64}, a b {rank=64}"
)
MIDDLE_RANKS = "a=8 b=8 c=8 d=8 | a b, c d, b c {rank=16}, a b {rank=16}, c d {rank=16}, b c"


@pytest.mark.parametrize(
    ("circuit", "lower", "upper"),
    [
        (families.lora(4096, 4096, rank=16), 16, 16),
        (families.lora(4096, 14336, rank=64), 64, 64),
        (families.quanta((16, 8, 8, 4)), 4096, 4096),
        (families.quanta((12, 8, 8)), 768, 768),
        (Circuit.parse(HALF_RANKS), -8192, 2048),
        (Circuit.parse(MIDDLE_RANKS), -5120, 1024),
        (families.tensor_train((16, 16, 16), rank=4), -8192, 4096),
        (families.tensor_train((8, 8, 8, 8), rank=4), -8192, 4096),
        (families.kronecker((32, 112), to=(56, 64)), 896, 3584),
        (Circuit.parse("a=12 b=8 c=8 | b c {rank=50}, a c {rank=77}, a b {rank=80}"), 320, 600),
        (Circuit.parse("a=3 b=5 | "), 15, 15),
        (Circuit.parse("a=3 b=5 | per a, b per a"), 15, 15),
        (Circuit.parse("a=2 b=3 | a b {rank=9}, a b"), 6, 6),
        (Circuit.parse("a=2 b=3 | a b {rank=2}, a b {share=g1}"), -2, 2),
    ],
    ids=lambda value: getattr(value, "name", "") or str(getattr(value, "text", value)),
)
def test_known_values(circuit: Circuit, lower: int, upper: int) -> None:
    assert quanta_bounds(circuit) == QuantaBounds(lower, upper)


@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=4),
    st.lists(st.tuples(st.permutations(range(4)), st.integers(1, 25)), min_size=1, max_size=5),
)
def test_square_gates_follow_the_published_formula(
    sizes: list[int], gates: list[tuple[list[int], int]]
) -> None:
    names = "abcd"[: len(sizes)]
    d, shares, circuit_gates = 1, [], []
    for size in sizes:
        d *= size
    for order, rank in gates:
        pair = [n for n in order if n < len(sizes)][:2]
        d_a = sizes[pair[0]] * sizes[pair[1]]
        shares.append(d * min(rank, d_a) // d_a)
        circuit_gates.append(f"{names[pair[0]]} {names[pair[1]]} {{rank={rank}}}")
    axes = " ".join(f"{name}={size}" for name, size in zip(names, sizes, strict=True))
    expected = QuantaBounds(sum(shares) - d * (len(gates) - 1), min(shares))
    assert quanta_bounds(Circuit(axes, circuit_gates)) == expected


@given(circuits(max_gates=4, max_axes=3), st.integers(0, 2**16))
def test_the_rank_of_random_gates_keeps_the_bounds(circuit: Circuit, seed: int) -> None:
    bounds = quanta_bounds(circuit)
    assert bounds.lower <= generic_rank(circuit, seed=seed) <= bounds.upper
