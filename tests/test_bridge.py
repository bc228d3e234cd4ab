"""Bridges: decompositions are canonical, bounds are exact on two blocks and never too small."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from exact_rank import PRIME, generic_rank, random_tensors, rank_mod_p, update_rank
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, families
from qcircuit_adapt.analysis import find_cut
from qcircuit_adapt.analysis.bounds import bridge
from qcircuit_adapt.analysis.bounds.bridge import BridgeBound, canonical_decomposition, find_bridge
from qcircuit_adapt.analysis.bounds.cut import select_network
from qcircuit_adapt.errors import CertificateError

SEEDS = st.integers(0, 2**16)
SIZES = st.integers(0, 300)

LOOSE = Circuit.parse("x=5 y=9 | x -> u=9 k=2, y k -> v=5")
UNEVEN = families.kronecker((32, 112), to=(56, 64))


@given(st.integers(1, 5), SIZES, SIZES)
def test_summands_add_up_and_do_not_mix(arrows: int, rows: int, columns: int) -> None:
    pieces = canonical_decomposition(arrows, rows, columns)
    assert sum(count * r for count, r, _ in pieces) == rows
    assert sum(count * c for count, _, c in pieces) == columns
    assert all(count > 0 for count, _, _ in pieces)

    def euler(one: tuple[int, int, int], two: tuple[int, int, int]) -> int:
        """Homomorphisms less extensions, from one summand to another."""
        return one[1] * two[1] + one[2] * two[2] - arrows * one[2] * two[1]

    # Where almost all representations are a sum, no summand extends another.
    for one, two in itertools.permutations(pieces, 2):
        assert euler(one, two) >= 0
    # Without parameters a summand has form 1; with them it may only repeat where the form is 0.
    for piece in pieces:
        form = euler(piece, piece)
        assert form == 1 or (form == 0 and piece[1:] == (1, 1)) or (form < 0 and piece[0] == 1)


@pytest.mark.parametrize(
    ("arrows", "rows", "columns", "pieces"),
    [
        (1, 5, 3, ((2, 1, 0), (3, 1, 1))),
        (1, 3, 5, ((2, 0, 1), (3, 1, 1))),
        (2, 4, 4, ((4, 1, 1),)),
        (2, 9, 5, ((3, 2, 1), (1, 3, 2))),
        (2, 7, 2, ((3, 1, 0), (2, 2, 1))),
        (3, 4, 5, ((1, 4, 5),)),
        (3, 7, 2, ((1, 1, 0), (2, 3, 1))),
        (3, 11, 4, ((1, 3, 1), (1, 8, 3))),
        (4, 30, 8, ((2, 15, 4),)),
        (2, 10**30 + 1, 10**30, ((1, 10**30 + 1, 10**30),)),
    ],
)
def test_decompositions(
    arrows: int, rows: int, columns: int, pieces: tuple[tuple[int, int, int], ...]
) -> None:
    assert canonical_decomposition(arrows, rows, columns) == pieces


def bridge_of(first: tuple[int, int], second: tuple[int, int], size: int) -> Circuit:
    (a, b), (c, d) = first, second
    return Circuit.parse(f"x={a} y={c} | x -> u={b} k={size}, y k -> v={d}")


def bound_of(circuit: Circuit) -> int:
    found = find_bridge(circuit)
    if found is None:
        return find_cut(circuit).bound
    found.check(circuit)
    return found.bound


def sum_rank(first: tuple[int, int], second: tuple[int, int], size: int) -> int:
    """The rank of a sum of Kronecker products of random matrices."""
    rng = np.random.default_rng(0)
    left, right = (rng.integers(0, PRIME, (size, to, on)) for on, to in (first, second))
    total = np.zeros((first[1] * second[1], first[0] * second[0]), dtype=np.int64)
    for one, two in zip(left, right, strict=True):
        total = (total + np.kron(one, two)) % PRIME
    return rank_mod_p(total)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_two_blocks_are_exact(size: int) -> None:
    shapes = list(itertools.product(range(1, 6), repeat=2))
    # The blocks are free of each other, so their order does not matter.
    for first, second in itertools.combinations_with_replacement(shapes, 2):
        circuit = bridge_of(first, second, size)
        assert bound_of(circuit) == sum_rank(first, second, size), circuit.text


@pytest.mark.parametrize(
    ("first", "second", "size", "cut", "rank"),
    [
        ((3, 5), (5, 3), 2, 15, 14),
        ((5, 9), (9, 5), 2, 45, 42),
        ((4, 7), (7, 4), 2, 28, 26),
        ((5, 8), (8, 5), 2, 40, 38),
        ((3, 8), (8, 3), 3, 24, 24),
        ((4, 11), (11, 4), 3, 44, 43),
    ],
)
def test_where_the_cut_is_not_reached(
    first: tuple[int, int], second: tuple[int, int], size: int, cut: int, rank: int
) -> None:
    circuit = bridge_of(first, second, size)
    assert find_cut(circuit).bound == cut
    assert bound_of(circuit) == rank == sum_rank(first, second, size)


@pytest.mark.parametrize(
    ("circuit", "subject", "bound"),
    [
        (Circuit.parse("x=32 y=112 | x -> u=56 k=2, y k -> v=64"), "T", 3328),
        (Circuit.parse("x=16 y=44 | x -> u=44 k=3, y k -> v=16"), "T", 688),
        (UNEVEN, "T - S", 3328),
        (LOOSE, "T", 42),
        # Square gates after the bridge, more than are tried one by one.
        (
            Circuit.parse("x=5 y=9 | x, x -> u=9 k=2, y, y k -> v=5, u v, u, u v, v u"),
            "T",
            42,
        ),
        # A wire that only controls makes blocks of the matrix.
        (Circuit.parse("z=3 x=5 y=9 | x -> u=9 k=2 per z, y k -> v=5 per z"), "T", 126),
        (Circuit.parse("z=3 x=5 y=9 | x -> u=9 k=2, y k -> v=5, z"), "T", 126),
    ],
    ids=lambda value: getattr(value, "text", value),
)
def test_known_bridges(circuit: Circuit, subject: str, bound: int) -> None:
    found = find_bridge(circuit, subject=subject)
    assert found
    found.check(circuit)
    assert found.bound == bound


def test_there_are_not_too_many_blocks() -> None:
    circuit = Circuit.parse(
        " ".join(f"a{n}=2" for n in range(10))
        + " | "
        + ", ".join(f"a{n} -> a{n}=3" for n in range(10))
    )
    found = find_bridge(circuit, subject="T - S")
    assert found is None or len(found.blocks) <= bridge.MAX_BLOCKS
    blocks = tuple(bridge.Block((f"g{n}",), 3, 2, ((1, 3, 2),)) for n in range(1, 11))
    with pytest.raises(CertificateError, match="there are more than 8 blocks"):
        BridgeBound(1024, (), blocks, 2, 1, "T - S").check(circuit)


@pytest.mark.parametrize("subject", ["T", "T - S"])
def test_there_is_none_where_a_cut_is_as_good(subject: str) -> None:
    assert find_bridge(families.quanta((4, 3, 5)), subject=subject) is None


@given(circuits(max_gates=4, max_axes=3), SEEDS)
def test_the_rank_is_no_larger(circuit: Circuit, seed: int) -> None:
    found = find_bridge(circuit)
    if found:
        found.check(circuit)
        assert generic_rank(circuit, seed=seed) <= found.bound < find_cut(circuit).bound


SMALL = circuits(max_gates=2, max_axes=2, max_width=10)


@given(SMALL, SMALL, SEEDS)
def test_the_rank_of_a_difference_is_no_larger(first: Circuit, second: Circuit, seed: int) -> None:
    circuit = first | second
    assume(any(map(circuit.trainable, circuit.gates)))
    found = find_bridge(circuit, subject="T - S")
    if found:
        found.check(circuit)
        start = random_tensors(circuit, np.random.default_rng(seed + 1), start=True)
        rank = update_rank(circuit, start, seed=seed)
        assert rank <= found.bound < find_cut(circuit, subject="T - S").bound


@given(st.data())
def test_any_blocks_give_a_bound(data: st.DataObject) -> None:
    """What `check` accepts is true, however the blocks were chosen."""
    circuit = data.draw(circuits(max_gates=4, max_axes=3, max_width=60))
    subject = "T - S" if any(map(circuit.trainable, circuit.gates)) else "T"
    network = select_network(circuit, subject)
    count = data.draw(st.integers(0, 3))
    regions = {gate: data.draw(st.integers(bridge.IN, count - 1)) for gate in network.gates}
    found = bridge._measure(network, regions, count, subject)
    found.check(circuit)
    if subject == "T":
        assert generic_rank(circuit, seed=0) <= found.bound
    else:
        start = random_tensors(circuit, np.random.default_rng(1), start=True)
        assert update_rank(circuit, start, seed=0) <= found.bound


def test_statement() -> None:
    found = find_bridge(LOOSE)
    assert found
    assert found.statement == (
        "T factors through a sum of 2 products (9 x 5) (x) (5 x 9), which falls apart by the "
        "canonical decomposition of its factors."
    )


def tamper_block(found: BridgeBound, **changes: object) -> tuple[object, ...]:
    return (replace(found.blocks[0], **changes), *found.blocks[1:])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"bound": 41}, "the pieces of the blocks add up to 42, but 41 is claimed."),
        ({"bridge": 1}, "the bonds between the blocks or the sides have other sizes."),
        ({"direct": 2}, "the bonds between the blocks or the sides have other sizes."),
        (
            {"input_side": ("g1",)},
            "the blocks are not of gates of the circuit, each in one place.",
        ),
        (
            {"input_side": ("g9",)},
            "the blocks are not of gates of the circuit, each in one place.",
        ),
        ({"blocks": ()}, "the pieces of the blocks add up to 45, but 42 is claimed."),
        ({"subject": "T - S"}, "the pieces of the blocks add up to 45, but 42 is claimed."),
    ],
)
def test_what_is_no_bridge_is_refused(changes: dict[str, object], problem: str) -> None:
    found = find_bridge(LOOSE)
    assert found
    with pytest.raises(CertificateError) as error:
        replace(found, **changes).check(LOOSE)
    assert str(error.value) == problem


@pytest.mark.parametrize("change", [{"rows": 8}, {"columns": 4}, {"pieces": ((1, 9, 5),)}])
def test_a_wrong_block_is_refused(change: dict[str, object]) -> None:
    found = find_bridge(LOOSE)
    assert found
    with pytest.raises(CertificateError, match="a block has another shape or decomposition"):
        replace(found, blocks=tamper_block(found, **change)).check(LOOSE)
