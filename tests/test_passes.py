"""Passes: the same map, no more work, one order; and a check that sees a broken pass."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits, tensors_for
from test_block import same_matrix

from qcircuit_adapt import Circuit, reference
from qcircuit_adapt.axes import Axis
from qcircuit_adapt.compiler.block import Block, Blocks, cut, join
from qcircuit_adapt.compiler.layout import plan_layout
from qcircuit_adapt.compiler.passes import (
    MAX_BLOCKS,
    check_same,
    commutation,
    join_neighbours,
    merge,
    order,
    simplify,
)
from qcircuit_adapt.families import quanta
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.network import INPUT, OUTPUT, build_network
from qcircuit_adapt.wires import split_ranks

TOKENS = st.sampled_from([1, 10, 10**6])


def reorder(circuit: Circuit, places: Iterable[int]) -> Circuit:
    return Circuit(
        circuit.inputs,
        [circuit.gates[place] for place in places],
        outputs=[axis.name for axis in circuit.outputs],
        name=circuit.name,
    )


def shuffle(circuit: Circuit, rng: random.Random) -> Circuit:
    """Exchange commuting gates at random."""
    halves = split_ranks(circuit)
    needs = commutation(cut(halves))
    places: list[int] = []
    while len(places) < len(needs):
        ready = [n for n, one in enumerate(needs) if n not in places and one <= {*places}]
        places.append(rng.choice(ready))
    return reorder(halves, places)


def check_equal(one: Circuit, other: Circuit) -> None:
    tensors = tensors_for(one, np.random.default_rng(0), low=2)
    np.testing.assert_array_equal(reference.matrix(one, tensors), reference.matrix(other, tensors))


@given(circuits(max_gates=6), st.randoms(use_true_random=False))
def test_what_commutes_may_change_places(circuit: Circuit, rng: random.Random) -> None:
    check_equal(split_ranks(circuit), shuffle(circuit, rng))


@pytest.mark.parametrize(
    ("text", "earlier"),
    [
        ("a=2 b=3 c=2 | a b, c", [[], []]),
        ("a=2 b=3 c=2 | a b, b c, a", [[], [0], [0]]),
        ("a=2 b=3 c=2 | a per c, b per c, per c, per c a, c", [[], [], [], [0], [0, 1, 2, 3]]),
        # The name a starts again where the first gate has ended it.
        ("a=2 b=3 | a -> r=2, b -> a=3", [[], [0]]),
        ("a=2 b=3 | a -> r=2, r -> a=2, b", [[], [0], []]),
    ],
)
def test_what_must_stay_before_what(text: str, earlier: list[list[int]]) -> None:
    assert [sorted(one) for one in commutation(cut(Circuit.parse(text)))] == earlier


@given(circuits(max_gates=6), st.randoms(use_true_random=False), TOKENS)
def test_circuits_of_one_commutation_class_become_one(
    circuit: Circuit, rng: random.Random, tokens: int
) -> None:
    expected, found = (simplify(c, tokens=tokens) for c in (circuit, shuffle(circuit, rng)))
    assert found.circuit == expected.circuit
    assert found.blocks == expected.blocks


def test_the_order_is_that_of_the_texts() -> None:
    circuit = Circuit.parse("a=2 b=2 c=2 | c {name=x}, b {name=y}, a b {name=z}")
    assert str(order(cut(circuit))) == "{y} {z} {x}"
    reversed_ = Circuit.parse("a=2 b=2 | per a b {name=two}, per a b {name=one}")
    assert str(order(cut(reversed_))) == "{one} {two}"


def test_what_shrinks_comes_first() -> None:
    circuit = Circuit.parse("a=4 b=4 | a -> a=8, b -> b=2")
    blocks = order(cut(circuit))
    assert str(blocks) == "{g2} {g1}"
    assert (blocks.macs_per_token, blocks.source.macs_per_token) == (
        16 * 2 + 8 * 8,
        16 * 8 + 32 * 2,
    )
    # The gate on b waits for what shrinks a, though that has to grow it first.
    circuit = Circuit.parse("a=4 b=4 | a -> c=5, c -> c=1, b")
    assert str(order(cut(circuit))) == "{g1} {g2} {g3}"
    assert str(order(cut(reorder(circuit, (2, 0, 1))))) == "{g1} {g2} {g3}"


@given(circuits(max_gates=6), st.integers(0, 99), TOKENS)
def test_simpler_is_the_same_and_not_more(circuit: Circuit, seed: int, tokens: int) -> None:
    halves = split_ranks(circuit)
    ordered = order(cut(circuit))
    assert ordered.macs_per_token <= halves.macs_per_token
    merged = merge(ordered, tokens=tokens)
    assert merged.build_macs <= tokens * (ordered.macs_per_token - merged.macs_per_token)
    blocks = simplify(circuit, tokens=tokens)
    assert blocks.macs_per_token <= merged.macs_per_token
    assert same_matrix(blocks, circuit, seed=seed)
    assert (blocks.circuit.inputs, blocks.circuit.outputs) == (circuit.inputs, circuit.outputs)
    assert simplify(blocks.circuit, tokens=tokens).circuit == blocks.circuit


@pytest.mark.parametrize(
    ("text", "merged"),
    [
        ("a=4 b=3 | a b, b a", "{g1 g2}"),
        ("a=4 b=3 | a b, b", "{g1 g2}"),
        ("a=4 b=3 | b, a b", "{g1 g2}"),
        ("a=4 b=3 c=2 | a b, b c", "{g1} {g2}"),
        # Neighbours once what commutes has changed places; never across what does not.
        ("a=4 b=3 c=4 d=3 | a b, c d, a b", "{g1 g3} {g2}"),
        ("a=4 b=3 c=4 | a b, b c, a b", "{g1} {g2} {g3}"),
        # A bond narrower than what it joins stays, a wider one goes.
        ("a=4 b=3 | a {rank=1}, b", "{g1_in} {g2} {g1_out}"),
        ("a=4 b=3 | a {rank=4}, b", "{g1_in g1_out} {g2}"),
        # Diagonal gates join each other, and what acts on or controls all their wires.
        ("a=4 b=3 | per a, per a b", "{g1 g2}"),
        ("a=4 b=3 | per a, a b", "{g1 g2}"),
        ("a=4 b=3 | per b, a per b", "{g1 g2}"),
        # A gate does not become one for each value of a wire that a diagonal gate scales.
        ("a=4 b=3 | per a b, a", "{g1} {g2}"),
        ("a=4 b=3 | a per b, a", "{g1 g2}"),
        ("a=4 b=3 | a per b, a b", "{g1 g2}"),
        ("a=4 b=3 | a per b, b per a", "{g1} {g2}"),
        # Three may be joined where no two are.
        ("a=2 b=2 c=2 | a b, b c, a c", "{g1 g2 g3}"),
        # A gate on a wire of size 1 is a number.
        ("a=1 b=3 | a, b", "{g1 g2}"),
        ("a=4 b=3 | a b, a b {share=g1}", "{g1 g2}"),
    ],
)
def test_merging(text: str, merged: str) -> None:
    assert str(simplify(Circuit.parse(text), tokens=1000)) == merged


def test_building_is_weighed_against_applying() -> None:
    circuit = Circuit.parse("a=4 b=3 | a b, a b")
    # Twelve tokens save twelve products of 12 x 12 numbers; as many build the joint matrix.
    assert str(simplify(circuit, tokens=12)) == "{g1} {g2}"
    assert str(simplify(circuit, tokens=13)) == "{g1 g2}"


def test_frozen_slices_and_pads_cost_no_token_anything() -> None:
    square, narrow = quanta((16, 8, 8, 4)), quanta((16, 8, 8, 4), to=(4, 8, 8, 4))
    for end in ("a -> a=4 {frozen init=identity}", "a -> a=4 {frozen}"):
        cropped = Circuit.parse(f"{square.text}, {end}")
        assert cropped.macs_per_token > square.macs_per_token
        blocks = simplify(cropped, tokens=1000)
        assert str(blocks) == "{g1} {g2} {g3} {g4} {g5} {g6 g7}"
        assert blocks.macs_per_token == narrow.macs_per_token
    padded = Circuit.parse("a=1 b=3 | a -> a=4 {frozen init=identity}, a b")
    assert simplify(padded, tokens=1000).macs_per_token == 3 * 12


@given(circuits(max_gates=6))
def test_nothing_is_given_for_nothing(circuit: Circuit) -> None:
    """All that a gate gives reaches an output, and all that it takes comes from an input."""
    for one in (circuit, simplify(circuit, tokens=1000).circuit):
        network = build_network(one)
        diagonal = {gate.name for gate in one.gates if gate.diagonal}
        flow = networkx.DiGraph()
        flow.add_nodes_from((INPUT, OUTPUT))
        for bond in network.bonds:
            assert len(bond.ends) > 1
            flow.add_edge(bond.ends[0], bond.name)
            flow.add_edges_from((bond.name, end) for end in bond.ends[1:])
            # A diagonal gate gives nothing but the wires that pass it.
            flow.add_edges_from((end, bond.name) for end in bond.ends[1:] if end in diagonal)
        assert networkx.ancestors(flow, OUTPUT) == {*flow.nodes} - {OUTPUT}
        assert networkx.descendants(flow, INPUT) == {*flow.nodes} - {INPUT}


@pytest.mark.parametrize("sizes", [(12, 8, 8), (16, 8, 8, 4), (8, 8, 4, 4, 4)], ids=str)
def test_all_pairs_are_left_as_they_are_and_need_no_copy(sizes: tuple[int, ...]) -> None:
    circuit = quanta(sizes)
    blocks = simplify(circuit, tokens=1000)
    assert blocks.macs_per_token == circuit.macs_per_token
    assert all(len(block.gates) == 1 for block in blocks.blocks)
    layout = plan_layout(blocks.circuit, "feature")
    assert layout is not None
    assert layout.copies == 0


def test_long_circuits_are_left_as_written() -> None:
    circuit = Circuit("a=2 b=2", ["b", "a"] * (MAX_BLOCKS // 2) + ["a"])
    blocks = simplify(circuit, tokens=1000)
    assert [block.gate for block in blocks.blocks] == [*circuit.gates]
    shorter = Circuit("a=2 b=2", ["b", "a"] * (MAX_BLOCKS // 2))
    assert len(simplify(shorter, tokens=1000).blocks) == 2


def test_two_blocks_are_joined_only_up_to_a_size() -> None:
    blocks = cut(Circuit.parse("a=4 b=3 c=2 d=5 | a b, b c, d per a, d"))
    found = join_neighbours(blocks, lambda one: len(one.blocks), most=24)
    assert {block.gate.columns * block.gate.blocks for block in found.blocks} <= {24, 20, 5}
    assert len(found.blocks) == 2
    widening = cut(Circuit.parse("a=4 b=3 | a -> a=9, b"))
    assert len(join_neighbours(widening, lambda one: len(one.blocks), most=26).blocks) == 2
    assert len(join_neighbours(widening, lambda one: len(one.blocks), most=27).blocks) == 1


def test_a_block_has_letters_for_its_einsum() -> None:
    # Two indices for the wire at the ends, and one more between each two gates.
    circuit = Circuit("a=2", ["a"] * MAX_BLOCKS, name="long")
    wide = Circuit("a=1 b=1 c=1", ["a b c"] * MAX_BLOCKS)
    assert len(simplify(circuit, tokens=10**6).blocks) == 1
    assert [len(block.gates) for block in simplify(wide, tokens=10**6).blocks] == [16, 16]


SOURCE = Circuit.parse("a=4 b=3 c=2 | a b, b c, a {share=g4}, a")
BLOCKS = cut(SOURCE)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (cut(Circuit.parse("a=4 b=3 c=2 | a b")), "the pass returned blocks of another circuit."),
        (Blocks(SOURCE, BLOCKS.blocks[:-1]), "gate 'g4' is in 0 blocks instead of one."),
        (
            Blocks(SOURCE, (*BLOCKS.blocks, BLOCKS.blocks[1])),
            "gate 'g2' is in 2 blocks instead of one.",
        ),
        (
            Blocks(SOURCE, (Block(Gate("a=4"), (Gate("a=4", name="g9"),)), *BLOCKS.blocks)),
            "gate 'g9' is not as the circuit has it.",
        ),
        (
            Blocks(SOURCE, (*BLOCKS.blocks[:-1], cut(SOURCE.reverse()).blocks[0])),
            None,
        ),
        (
            Blocks(
                SOURCE,
                (*BLOCKS.blocks[:-1], Block(Gate("a=4"), (Gate("a=4", to="a=5", name="g4"),))),
            ),
            "gate 'g4' is not as the circuit has it.",
        ),
        (
            Blocks(SOURCE, tuple(BLOCKS.blocks[n] for n in (1, 0, 2, 3))),
            "gate 'g2' comes before 'g1', and must not.",
        ),
        (Blocks(SOURCE, tuple(BLOCKS.blocks[n] for n in (0, 2, 3, 1))), None),
        (
            # Joined around a gate that has to stand between them.
            Blocks(
                SOURCE,
                (
                    BLOCKS.blocks[0],
                    join(BLOCKS.blocks[1], BLOCKS.blocks[3]),
                    BLOCKS.blocks[2],
                ),
            ),
            "gate 'g4' comes before 'g3', and must not.",
        ),
        (
            Blocks(SOURCE, (*BLOCKS.blocks, Block(Gate("a=4", name="no"), ()))),
            "block 'no' has no gates.",
        ),
        (
            Blocks(SOURCE, (*BLOCKS.blocks[:-1], replace(BLOCKS.blocks[3], gate=Gate("a=5")))),
            "block '' is Gate('a=5'), but its gates do Gate('a=4', name='g4').",
        ),
    ],
)
def test_the_check_sees_what_a_pass_broke(blocks: Blocks, message: str | None) -> None:
    if message is None:
        check_same(BLOCKS, blocks)
        return
    with pytest.raises(AssertionError) as caught:
        check_same(BLOCKS, blocks)
    assert str(caught.value) == message


def test_every_pass_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = Circuit.parse("a=4 b=3 | a b, b, a", name="checked")
    for name in ("order", "merge"):
        with monkeypatch.context() as patched:
            patched.setattr(
                f"qcircuit_adapt.compiler.passes.{name}",
                lambda blocks, **_: Blocks(blocks.source, blocks.blocks[1:]),
            )
            with pytest.raises(AssertionError, match="is in 0 blocks"):
                simplify.__wrapped__(circuit, tokens=1)


def test_sizes_are_compared_too() -> None:
    joint = join(*BLOCKS.blocks[:2])
    wrong = replace(joint, gate=replace(joint.gate, per=(Axis("d", 2),)))
    with pytest.raises(AssertionError, match=r"block 'g1' is Gate\('a=4 b=3 c=2', per='d=2'"):
        check_same(BLOCKS, Blocks(SOURCE, (wrong, *BLOCKS.blocks[2:])))
