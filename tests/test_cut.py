"""The cut is the smallest, bounds the rank, and is refused when it is not a cut."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from exact_rank import generic_rank, random_tensors, update_rank
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, families
from qcircuit_adapt.analysis import Cut, check_cut, find_cut, quanta_bounds
from qcircuit_adapt.analysis.bounds.cut import Subject, select_network
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.network import INPUT, Bond, Network, build_network
from qcircuit_adapt.wires import split_ranks

# Every moment in time has 200 values or more, but the second gate can be cut off by x, e and o.
UNDIRECTED = Circuit.parse("x=2 y=100 | x -> e=2 f=100, y e -> o=2")
SEEDS = st.integers(0, 2**16)


def try_all_cuts(network: Network) -> int:
    """The smallest cut, by trying every set of gates on the input side."""
    least = math.prod(bond.size for bond in network.bonds)
    for count in range(len(network.gates) + 1):
        for gates in itertools.combinations(network.gates, count):
            side = {INPUT, *gates}
            sizes = [b.size for b in network.bonds if side & {*b.ends} and {*b.ends} - side]
            least = min(least, math.prod(sizes))
    return least


def is_trained(circuit: Circuit) -> bool:
    return any(map(circuit.trainable, circuit.gates))


@given(circuits())
def test_no_cut_is_smaller(circuit: Circuit) -> None:
    assert find_cut(circuit).bound == try_all_cuts(build_network(circuit))


@given(circuits(max_gates=4))
def test_no_cut_of_a_difference_is_smaller(circuit: Circuit) -> None:
    """A bond that is cut counts once, and twice the cut where trained gates lie on both sides."""
    assume(is_trained(circuit))
    halves, network = split_ranks(circuit), build_network(circuit)
    trained = {gate.name for gate in halves.gates if halves.trainable(gate)}
    least = math.inf
    for count in range(len(network.gates) + 1):
        for gates in itertools.combinations(network.gates, count):
            side = {INPUT, *gates}
            sizes = [b.size for b in network.bonds if side & {*b.ends} and {*b.ends} - side]
            twice = 2 if trained & side and trained - side else 1
            least = min(least, twice * math.prod(sizes))
    assert find_cut(circuit, subject="T - S").bound == least


@given(circuits(max_gates=4, max_axes=3), SEEDS)
def test_the_rank_is_no_larger(circuit: Circuit, seed: int) -> None:
    cut = find_cut(circuit)
    cut.check(circuit)
    assert generic_rank(circuit, seed=seed) <= cut.bound <= quanta_bounds(circuit).upper


@given(circuits(max_gates=4, max_axes=3), SEEDS)
def test_the_rank_of_a_difference_is_no_larger(circuit: Circuit, seed: int) -> None:
    assume(is_trained(circuit))
    cut = find_cut(circuit, subject="T - S")
    cut.check(circuit)
    start = random_tensors(circuit, np.random.default_rng(seed + 1), start=True)
    assert update_rank(circuit, start, seed=seed) <= cut.bound
    assert cut.bound <= min(circuit.d_in, circuit.d_out, 2 * find_cut(circuit).bound)


def test_the_cut_need_not_be_a_moment_in_time() -> None:
    moments = [math.prod(axis.size for axis in wires) for wires in UNDIRECTED.stages]
    assert moments == [200, 20000, 200]
    cut = find_cut(UNDIRECTED)
    assert cut == Cut(
        8,
        (
            Bond("x", 2, (INPUT, "g1")),
            Bond("e", 2, ("g1", "g2")),
            Bond("o", 2, ("g2", "<out>")),
        ),
        ("g2",),
    )
    assert cut.statement == (
        "T factors through the bonds x=2 from the input, e=2 from g1, o=2 from g2."
    )


@pytest.mark.parametrize(
    ("circuit", "bound", "of_difference"),
    [
        (families.lora(4096, 4096, rank=16), 16, 32),
        (families.quanta((16, 8, 8, 4)), 4096, 4096),
        (families.kronecker((32, 112), to=(56, 64)), 2048, 3584),
        (families.butterfly((4, 3, 5)), 60, 60),
        (Circuit.parse("x=9 | x -> r=2 {frozen}, r -> y=7"), 2, 2),
        (Circuit.parse("x=9 | x -> r=2, r -> y=7 {frozen}, y"), 2, 4),
        (Circuit.parse("a=5 b=3 | "), 15, None),
        # A control wire that is cut counts once, however many gates it passes.
        (Circuit.parse("a=4 x=9 | x -> r=1 per a, r per a, r -> x=9 per a"), 4, 8),
    ],
    ids=lambda value: getattr(value, "name", "") or str(getattr(value, "text", value)),
)
def test_known_cuts(circuit: Circuit, bound: int, of_difference: int | None) -> None:
    assert find_cut(circuit).bound == bound
    if of_difference:
        assert find_cut(circuit, subject="T - S").bound == of_difference


@pytest.mark.parametrize(
    ("subject", "text", "statement"),
    [
        ("T", "a=2 b=3 | a b", "T has 6 columns."),
        ("T", "a=2 b=3 | a b -> c=5", "T has 5 rows."),
        ("T", "a=2 | a {rank=1}", "T factors through the bonds g1_bond=1 from g1_in."),
        ("T - S", "a=2 b=3 | a b -> c=5", "T - S has 5 rows."),
        (
            "T - S",
            "a=9 | a {rank=2}",
            "T - S factors through the bonds g1_bond=2 from g1_in, twice since both sides hold "
            "trained gates.",
        ),
    ],
)
def test_statements(subject: Subject, text: str, statement: str) -> None:
    assert find_cut(Circuit.parse(text), subject=subject).statement == statement


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"bound": 7}, "the cut bonds multiply to 8, but the cut claims 7."),
        ({"input_side": ()}, "the bonds said to be cut are not those that cross."),
        (
            {"input_side": ("g2", "g9")},
            "a gate on the input side of the cut is not in the circuit.",
        ),
        ({"bonds": ()}, "the bonds said to be cut are not those that cross."),
        (
            {"bonds": (Bond("x", 1, (INPUT, "g1")),)},
            "the bonds said to be cut are not those that cross.",
        ),
        ({"subject": "T - S"}, "the bonds said to be cut are not those that cross."),
    ],
)
def test_what_is_no_cut_is_refused(change: dict[str, object], problem: str) -> None:
    cut = replace(find_cut(UNDIRECTED), **change)
    with pytest.raises(CertificateError) as error:
        check_cut(select_network(UNDIRECTED, cut.subject), cut)
    assert str(error.value) == problem
