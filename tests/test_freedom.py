"""Degrees of freedom: the published rows, random circuits, and tampering."""

from __future__ import annotations

from dataclasses import replace

import pytest
from exact_jacobian import count_freedom
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, families
from qcircuit_adapt.analysis.freedom.claim import Freedom, NoTheorem, find_freedom
from qcircuit_adapt.analysis.freedom.jacobian import Jacobian
from qcircuit_adapt.analysis.freedom.permutation import Permuted
from qcircuit_adapt.analysis.freedom.tangent import Tangent
from qcircuit_adapt.analysis.freedom.tree import Tree
from qcircuit_adapt.errors import CertificateError

SMALL = circuits(max_gates=4, max_axes=3, max_width=12)

KRONECKER_SUM = Circuit.parse("x=5 y=9 | x -> u=9 k=2, y k -> v=5", name="two-term-kronecker-sum")
"""The sum of two Kronecker products of 5 -> 9 and 9 -> 5."""


@pytest.mark.parametrize(
    ("circuit", "count"),
    [
        (families.quanta((16, 8, 8, 4)), 42_211),
        (families.quanta((16, 16, 16)), 195_841),
        (families.quanta((8, 8, 8, 8)), 24_067),
        (families.quanta((12, 8, 8)), 22_257),
        (families.quanta((4, 3, 2)), 216),
        (families.lora(4096, 4096, rank=16), 130_816),
        (families.lora(4096, 14336, rank=64), 1_175_552),
        (families.kronecker((64, 64)), 8_191),
        (families.kronecker((56, 64), to=(32, 112)), 8_959),
        (families.tensor_train((16, 16, 16), rank=4), 6_112),
        (families.tensor_train((8, 8, 8, 8), rank=4), 2_512),
        # 64 outer products for each of 64 * 64 values of both axes.
        (families.monarch((64, 64)), 64 * 64 * (64 + 64 - 1)),
        (KRONECKER_SUM, 176),
        (families.lora(9, 9, rank=9), 81),
        (families.lora(6, 9, rank=8), 54),
    ],
    ids=lambda value: value.name if isinstance(value, Circuit) else f"{value:,}",
)
def test_theorems(circuit: Circuit, count: int) -> None:
    freedom = find_freedom(circuit)
    freedom.check(circuit)
    assert (freedom.lower, freedom.upper, freedom.status) == (count, count, "theorem")


@pytest.mark.parametrize(
    ("circuit", "count"),
    [
        (families.quanta((4, 3, 2), rounds=2), 405),
        (families.quanta((4, 3, 2), rounds=3), 576),
        # Where a pair of matrices makes a control wire of a bond, see `gauge.copy_pencils`.
        (Circuit.parse("a=3 b=2 c=2 | b a, c a -> x=5 {rank=3}, x b -> y=5"), 57),
        (families.butterfly((2, 2, 2, 2)), 80),
        (
            Circuit.parse(
                "a=8 b=4 c=4 d=2 | c d {rank=4}, b d {rank=4}, a d {rank=8}, b c {rank=8}, "
                "a c {rank=16}, a b {rank=16}"
            ),
            1_819,
        ),
        (
            Circuit.parse(
                "a=4 b=4 c=4 d=4 | a b, c d, b c {rank=4}, a b {rank=4}, c d {rank=4}, b c"
            ),
            979,
        ),
    ],
    ids=lambda value: (value.name or "ranks") if isinstance(value, Circuit) else f"{value:,}",
)
def test_witnesses(circuit: Circuit, count: int) -> None:
    freedom = find_freedom(circuit, witness=True)
    freedom.check(circuit)
    assert (freedom.lower, freedom.upper) == (count, count)


def test_a_large_circuit_by_permutations() -> None:
    circuit = families.quanta((16, 8, 8, 4), rounds=2)
    freedom = find_freedom(circuit, witness=True)
    assert isinstance(freedom.below, Permuted)
    assert (freedom.lower, freedom.upper, freedom.status) == (84_025, 84_025, "proved by witness")


def test_without_a_witness_an_interval_is_left() -> None:
    freedom = find_freedom(families.quanta((16, 8, 8, 4), rounds=2))
    assert isinstance(freedom.below, Tangent)
    assert (freedom.lower, freedom.upper, freedom.status) == (42_211, 84_025, "proved interval")
    assert freedom.to_dict() == {
        "lower": 42_211,
        "upper": 84_025,
        "exact": False,
        "status": "proved interval",
    }


def test_where_the_gauge_is_not_all_chance_is_named() -> None:
    # A x A with A = B C: the bases of B and C are gauge, of which nothing is proved.
    circuit = Circuit.parse(
        "a=2 b=2 | a -> r=2, r -> a=2, b -> s=2 {share=g1}, s -> b=2 {share=g2}"
    )
    freedom = find_freedom(circuit, witness=True)
    freedom.check(circuit)
    assert isinstance(freedom.below, Jacobian)
    assert (freedom.lower, freedom.upper) == (4, 7)
    assert count_freedom(circuit, seed=1) == 4
    # A minor of 5 rows has degree 6 in u, v and the four gates for each row.
    assert freedom.below.odds == 2**32 // (2049 * 5 * 5)
    assert freedom.status == f"Monte Carlo (1 in {freedom.below.odds:,})"


@pytest.mark.parametrize("text", ["a=2 b=3 |", "a=2 b=3 | a b {frozen}"])
def test_what_is_not_trained_has_none(text: str) -> None:
    freedom = find_freedom(Circuit.parse(text), witness=True)
    freedom.check(Circuit.parse(text))
    assert (freedom.lower, freedom.upper) == (0, 0)


@given(SMALL, st.integers(0, 2**16))
@settings(max_examples=40)
def test_the_bounds_hold(circuit: Circuit, seed: int) -> None:
    count = count_freedom(circuit, seed=seed)
    for witness in (False, True):
        freedom = find_freedom(circuit, witness=witness)
        freedom.check(circuit)
        assert freedom.lower <= count <= freedom.upper


def test_nearly_all_random_circuits_are_exact(capsys: pytest.CaptureFixture[str]) -> None:
    found: dict[Circuit, Freedom] = {}

    @seed(20240601)
    @settings(max_examples=300, database=None, suppress_health_check=list(HealthCheck))
    @given(circuits(max_width=40))
    def audit(circuit: Circuit) -> None:
        found[circuit] = find_freedom(circuit, witness=True)

    audit()
    exact = sum(freedom.exact for freedom in found.values())
    theorems = sum(freedom.status == "theorem" for freedom in found.values())
    with capsys.disabled():
        print(f"\n{exact} of {len(found)} degrees of freedom exact, {theorems} by theorems")
    assert exact >= 0.98 * len(found)


LORA = families.lora(9, 9, rank=2)
MADE = find_freedom(LORA)
QUANTA = families.quanta((4, 3, 2), rounds=2)
WITNESSED = find_freedom(QUANTA, witness=True)


@pytest.mark.parametrize(
    ("circuit", "freedom", "message"),
    [
        (LORA, replace(MADE, lower=31), "the lower bound is 32, but 31 is claimed."),
        (LORA, replace(MADE, upper=33), "the upper bound is 32, but 33 is claimed."),
        (LORA, replace(MADE, below=NoTheorem(1)), "the bound is 0, but 1 is claimed."),
        (LORA, replace(MADE, below=Tree(33)), "number of degrees of freedom is 32, but 33"),
        (LORA, replace(MADE, below=Tangent(32)), "not every gate of the circuit can be the id"),
        (LORA, replace(MADE, below=Permuted(32)), "not every gate of the circuit can be a perm"),
        (LORA, replace(MADE, below=Jacobian(33, rows=33)), "Jacobian is 32, but 33 is claimed."),
        (QUANTA, replace(WITNESSED, below=Tree(405)), "the gates of the circuit form no trees."),
        (QUANTA, replace(WITNESSED, below=Tangent(405)), "tangent space is 216, but 405 is cl"),
        (QUANTA, replace(WITNESSED, below=Permuted(405)), "Jacobian is 394, but 405 is claimed."),
        (
            QUANTA,
            replace(WITNESSED, below=replace(WITNESSED.below, odds=10**6)),
            "the odds of a lower rank is",
        ),
        (
            LORA,
            replace(MADE, above=replace(MADE.above, blocks=(("g1",),))),
            "the bound is 35, but 32 is claimed.",
        ),
        (
            LORA,
            replace(MADE, above=replace(MADE.above, blocks=(("g1",), ("g3",)))),
            "the blocks are not disjoint sets of gates of the circuit.",
        ),
        (
            LORA,
            replace(MADE, above=replace(MADE.above, blocks=(("g1",), ("g2", "g1")))),
            "the blocks are not disjoint sets of gates of the circuit.",
        ),
        (
            LORA,
            replace(MADE, above=replace(MADE.above, bound=31)),
            "the bound is 32, but 31 is claimed.",
        ),
    ],
)
def test_tampering_is_noticed(circuit: Circuit, freedom: Freedom, message: str) -> None:
    with pytest.raises(CertificateError) as error:
        freedom.check(circuit)
    assert message in str(error.value)
