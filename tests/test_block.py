"""Blocks: what gates do together is one gate, whose tensor is built from theirs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits, tensors_for
from test_lower import execute, verify

from qcircuit_adapt import Circuit, reference
from qcircuit_adapt.compiler.block import (
    Block,
    Blocks,
    block_program,
    count_letters,
    cut,
    join,
)
from qcircuit_adapt.compiler.passes import join_neighbours
from qcircuit_adapt.families import quanta


def block_tensors(blocks: Blocks, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of blocks, from those of the gates that own some."""
    named = {name: tensors[owner] for name, owner in blocks.owners.items()}
    found = {}
    for block in blocks.blocks:
        if block.gates == (block.gate,):
            found[block.gate.name] = named[block.gate.name]
        else:
            built = execute(block_program(block), None, named)
            found[block.gate.name] = built.reshape(block.gate.shape)
    return found


def same_matrix(blocks: Blocks, circuit: Circuit, *, seed: int = 0) -> bool:
    """Say whether blocks compute a circuit, for whole numbers, exactly."""
    tensors = tensors_for(blocks.source, np.random.default_rng(seed), low=2)
    found = reference.matrix(blocks.circuit, block_tensors(blocks, tensors))
    expected = reference.matrix(blocks.source, tensors)
    assert expected.shape == (circuit.d_out, circuit.d_in)
    return np.array_equal(found, expected)


def join_all(blocks: Blocks) -> Blocks:
    return join_neighbours(blocks, lambda one: len(one.blocks))


@given(circuits())
def test_every_gate_is_a_block_of_its_own_at_first(circuit: Circuit) -> None:
    blocks = cut(circuit)
    assert all(block.gates == (block.gate,) and not block.build for block in blocks.blocks)
    assert [block.gate.name for block in blocks.blocks] == [g.name for g in blocks.source.gates]
    assert same_matrix(blocks, circuit)
    for block, gate in zip(blocks.blocks, blocks.source.gates, strict=True):
        assert block.gate.share is None
        assert block.gate.frozen != blocks.source.trainable(gate)
        assert blocks.owners[gate.name] == (gate.share or gate.name)


@given(circuits(max_gates=6), st.integers(0, 99))
def test_joined_blocks_compute_the_circuit(circuit: Circuit, seed: int) -> None:
    blocks = join_all(cut(circuit))
    assert same_matrix(blocks, circuit, seed=seed)
    assert blocks.circuit.macs_per_token == blocks.macs_per_token
    assert blocks.widths == tuple(
        math.prod(axis.size for axis in wires) for wires in blocks.circuit.stages[:-1]
    )
    for block in blocks.blocks:
        program = block_program(block)
        verify(program)
        assert len(block.build) == len(block.gates) - 1
        # The path that is taken is searched, and at most as long as the joins one after another.
        assert program.macs <= sum(kernel.macs for kernel in block.build)
        assert block.gate.parameters == program.steps[-1].elements
        assert block.gate.frozen == all(gate.frozen for gate in block.gates)


@given(circuits(max_gates=6))
def test_a_block_is_a_circuit_of_its_gates(circuit: Circuit) -> None:
    blocks = join_all(cut(circuit))
    tensors = tensors_for(blocks.source, np.random.default_rng(0), low=2)
    named = {name: tensors[owner] for name, owner in blocks.owners.items()}
    whole = block_tensors(blocks, tensors)
    for block in blocks.blocks:
        alone = Circuit(
            block.circuit.inputs,
            [block.gate],
            outputs=[axis.name for axis in block.circuit.outputs],
        )
        np.testing.assert_array_equal(
            reference.matrix(alone, whole), reference.matrix(block.circuit, named)
        )


def test_joined_wires() -> None:
    def joined(text: str) -> Block:
        first, second = cut(Circuit.parse(text)).blocks
        return join(first, second)

    # A wire that ends inside is gone, one that starts inside and stays is given.
    assert repr(joined("a=4 b=3 | a -> r=2 s=5, b r -> b").gate) == (
        "Gate('a=4 b=3', to='b=3 s=5', name='g1')"
    )
    # A control wire of the one that the other acts on is acted on.
    assert repr(joined("a=4 b=3 c=2 | b per a, a per c").gate) == (
        "Gate('a=4 b=3', per='c=2', name='g1')"
    )
    assert repr(joined("a=4 b=3 | per a, per b a").gate) == "Gate('', per='a=4 b=3', name='g1')"
    # A name may end and come again.
    assert repr(joined("a=4 b=3 | a -> r=2, b -> a=5").gate) == (
        "Gate('a=4 b=3', to='a=5 r=2', name='g1')"
    )


def test_the_products_that_build_a_block_are_counted() -> None:
    blocks = cut(quanta((4, 3, 2)))
    joint = join(*blocks.blocks[:2])
    (kernel,) = joint.build
    # g1 on b c and g2 on a c give 24 x 24 numbers, each a sum over c.
    assert (kernel.macs, kernel.depth) == (24 * 24 * 2, 2)
    assert kernel.elements == 6 * 6 + 8 * 8 + 24 * 24
    whole = join(joint, blocks.blocks[2])
    assert whole.build[1].macs == 24 * 24 * 4 * 3
    assert Blocks(blocks.source, (whole,)).build_macs == 24 * 24 * (2 + 4 * 3)
    assert block_program(whole).macs <= 24 * 24 * (2 + 4 * 3)
    assert count_letters(whole) == 3 + 2 + 2 + 2
    assert len(block_program(whole).steps) == 2


def test_blocks_are_written_by_their_gates() -> None:
    blocks = cut(quanta((4, 3, 2)))
    joint = Blocks(blocks.source, (join(*blocks.blocks[:2]), blocks.blocks[2]))
    assert str(joint) == "{g1 g2} {g3}"
    assert joint.circuit.text == "a=4 b=3 c=2 | b c a, a b {name=g3}"
